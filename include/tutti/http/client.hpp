// SPDX-License-Identifier: MIT
// The HTTP client: `ClientSession`.
//
//   http::ClientSession session;
//   auto response = co_await session.get("http://example.com/");
//   std::string page = co_await response.text();
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/http/body.hpp>
#include <tutti/http/client_response.hpp>
#include <tutti/http/errors.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/parser.hpp>
#include <tutti/http/url.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

namespace detail {
class Session;
}

/// How long things may take; absent: without limit. *Source*: aiohttp.ClientTimeout.
struct ClientTimeout {
  /// All of it: waiting for a free connection, connecting, redirects, and reading the body.
  std::optional<Duration> total = std::chrono::minutes(5);
  /// Until there is a connection, free or new, for each one.
  std::optional<Duration> connect = {};
  /// To make a new connection, name resolution included.
  std::optional<Duration> sock_connect = std::chrono::seconds(30);
  /// Between two pieces that come from the server. While the request is being sent it counts from the last piece that
  /// could be sent; the time that the generator of a body takes does not count.
  std::optional<Duration> sock_read = {};
};

/// How a session keeps connections. *Source*: aiohttp.TCPConnector.
struct ConnectorOptions {
  std::optional<std::size_t> limit = 100;                 ///< connections at a time; who wants more waits in line
  std::optional<std::size_t> limit_per_host = {};         ///< the same for one scheme, host and port
  Duration keepalive_timeout = std::chrono::seconds(15);  ///< how long one waits for its next request
  bool force_close = false;                               ///< one request a connection
};

/// Makes the connection for a host and port: to go somewhere else than the URL says.
using OpenConnection = std::function<Coro<Streams>(std::string host, std::uint16_t port)>;

struct ClientSessionOptions {
  std::optional<Url> base_url = {};  ///< what relative URLs are relative to
  Headers headers = {};              ///< sent with each request that has no such fields of its own
  ClientTimeout timeout = {};
  ConnectorOptions connector = {};
  bool raise_for_status = false;  ///< a status of 400 or above is an error
  int max_redirects = 10;
  std::optional<std::uint64_t> max_body_size = {};  ///< of a response, in bytes, however it is read
  /// Of a body that `read`, `text` or `json` give whole, in bytes. A stream takes more.
  std::uint64_t max_read_size = std::uint64_t{64} * 1024 * 1024;
  ParserLimits limits = {};             ///< of what else is in a response
  OpenConnection open_connection = {};  ///< empty: `tutti::open_connection`
};

/// JSON to send: any value that `<tutti/http/json.hpp>` knows.
class JsonBody {
 public:
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, JsonBody>)
  JsonBody(const T& value)  // NOLINT(google-explicit-constructor): any value is JSON
      : text_(JsonCodec<T>::encode(value)) {}
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// What one request is to be like; what is absent is as the session says.
struct RequestOptions {
  Headers headers = {};
  QueryParameters params = {};        ///< behind the query that the URL has
  Body data = {};                     ///< the body
  std::optional<JsonBody> json = {};  ///< the body, as JSON; not beside `data`
  std::optional<ClientTimeout> timeout = {};
  std::optional<bool> allow_redirects = {};  ///< absent: yes, but not for HEAD
  std::optional<int> max_redirects = {};
  std::optional<bool> raise_for_status = {};
  std::optional<std::uint64_t> max_body_size = {};
  std::optional<std::uint64_t> max_read_size = {};
};

/// A `Url`, or a text that will be one: relative to the session's `base_url`, if there is one.
class RequestUrl {
 public:
  RequestUrl(Url url) : url_(std::move(url)) {}  // NOLINT(google-explicit-constructor): either will do
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::is_same_v<Text, Url>)
  RequestUrl(const Text& text) : text_(std::string_view(text)) {}  // NOLINT(google-explicit-constructor): as above

  /// *Errors*: `InvalidUrlError`.
  [[nodiscard]] Url resolve(const std::optional<Url>& base) const;
  /// As it was given.
  [[nodiscard]] const std::string& text() const noexcept { return url_ ? url_->str() : text_; }

 private:
  std::optional<Url> url_;
  std::string text_;
};

/// Makes requests, and keeps connections for the next ones. Moves only; leaving it closes all its connections.
///
/// Requests have the fields `Host`, `User-Agent` and `Accept` unless given otherwise; a user and
/// password in the URL become `Authorization`. *Errors* of each request: a `ClientError` (see errors.hpp), within the
/// timeout; `ValueError` for a method, field or option that cannot be; what the generator of a streamed body throws.
/// An idempotent request is tried a second time if the kept connection that it took turns out to be closed.
/// *Cancellation*: closes the connection of the request. *Concurrency*: any number of requests, on the thread of the
/// loop on which it made its first one. *Lifetime*: requests under way fail with `SessionClosedError` when it is closed
/// or left. *Source*: aiohttp.ClientSession.
class ClientSession {
 public:
  explicit ClientSession(ClientSessionOptions options = {});
  ClientSession(ClientSession&&) noexcept;
  ClientSession& operator=(ClientSession&&) noexcept;
  ~ClientSession();

  /// Sends a request, follows redirects, and gives the response once its head is there.
  [[nodiscard]] Coro<ClientResponse> request(std::string method, RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> get(RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> head(RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> post(RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> put(RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> patch(RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> delete_(RequestUrl url, RequestOptions options = {});
  [[nodiscard]] Coro<ClientResponse> options(RequestUrl url, RequestOptions options = {});

  /// Closes all connections, and returns when they have ended. Idempotent. *Cancellation*: they are closed all the same.
  [[nodiscard]] Coro<> close();
  [[nodiscard]] bool closed() const noexcept;

  /// How many connections there are now: those in use, and those that wait for their next request.
  [[nodiscard]] std::size_t connections_in_use() const noexcept;
  [[nodiscard]] std::size_t connections_idle() const noexcept;

 private:
  std::shared_ptr<detail::Session> session_;
};

}  // namespace tutti::http

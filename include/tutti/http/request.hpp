// SPDX-License-Identifier: MIT
// A request that came to a server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tutti/http/body.hpp>
#include <tutti/http/errors.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/url.hpp>
#include <tutti/io/address.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

class StreamResponse;

/// What the parts in braces of a route's pattern matched: names and values, decoded.
using MatchInfo = std::vector<std::pair<std::string, std::string>>;

namespace detail {
class ServerConnection;
}

/// A request, as a handler gets it. It lives until its response has been sent.
///
/// *Errors* of what reads the body: `HTTPException` 413 (too large), 400 (wrong form), 408 (nothing comes), which the
/// handler may let pass: they become the response. `ConnectionError` if the client is gone. *Cancellation* of these: no byte
/// is lost, the next read finds them. *Source*: aiohttp.web.Request.
class Request {
 public:
  /// *Lifetime*: `head` and `connection` must outlive it.
  Request(const RequestHead& head, detail::ServerConnection& connection);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request();

  [[nodiscard]] const std::string& method() const noexcept { return head_.method; }
  /// As it stands in the request line.
  [[nodiscard]] const std::string& target() const noexcept { return head_.target; }
  /// The path, decoded, without the query.
  [[nodiscard]] std::string path() const { return percent_decode(*raw_path_); }
  /// The path as it was sent; "*" for that target.
  [[nodiscard]] const std::string& raw_path() const noexcept { return *raw_path_; }
  /// What is behind "?", as it was sent.
  [[nodiscard]] const std::string& query_string() const noexcept { return query_string_; }
  /// The query's names and values, decoded, "+" as a space.
  [[nodiscard]] QueryParameters query() const;
  /// The first value of this name in the query.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  [[nodiscard]] Version version() const noexcept { return head_.version; }
  [[nodiscard]] const Headers& headers() const noexcept { return head_.headers; }
  /// The `Host` field; empty if there is none (HTTP/1.0).
  [[nodiscard]] std::string_view host() const noexcept { return head_.headers.get("Host", ""); }
  /// The client's address.
  [[nodiscard]] Address remote() const;

  /// What `{name}` of the route's pattern matched. *Errors*: `ValueError` if the pattern has no such name.
  [[nodiscard]] const std::string& match(std::string_view name) const;
  [[nodiscard]] const MatchInfo& match_info() const noexcept { return match_info_; }

  /// The media type without parameters, in lower case; "application/octet-stream" if none is given.
  [[nodiscard]] std::string content_type() const;
  /// The length of the body, if the head tells it; 0 if there is none.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  /// The body as a stream, of any length.
  [[nodiscard]] BodyStream& content() noexcept { return content_; }
  /// The whole body, at most `ServerOptions::client_max_size`; a second call gives it again.
  [[nodiscard]] Coro<std::string> read();
  /// The same.
  [[nodiscard]] Coro<std::string> text() { return read(); }
  /// The body as JSON: `co_await request.json<User>()`; without a type as nlohmann::json. Needs
  /// `<tutti/http/json.hpp>`.
  /// *Errors*: also `HTTPException` 400 if it is not.
  template <class T = AnyJson>
  [[nodiscard]] Coro<detail::JsonDecoded<T>> json() {
    const std::string text = co_await read();
    try {
      co_return JsonCodec<T>::decode(text);
    } catch (const JsonError& error) {
      throw HTTPException(400, std::string("invalid JSON: ") + error.what());
    }
  }

  /// The client has sent the head with "Expect: 100-continue", and has not been answered yet: the first read does that.
  [[nodiscard]] bool expects_continue() const noexcept;

 private:
  friend class detail::ServerConnection;
  friend class StreamResponse;

  const RequestHead& head_;
  const std::string* raw_path_;  // the target, or what of it is the path
  std::string path_of_target_;
  std::string query_string_;
  MatchInfo match_info_;
  detail::ServerConnection& connection_;
  BodyStream content_;
  std::optional<std::string> body_;
};

}  // namespace tutti::http

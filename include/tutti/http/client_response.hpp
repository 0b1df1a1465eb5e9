// SPDX-License-Identifier: MIT
// What a request of a client gives.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/http/body.hpp>
#include <tutti/http/errors.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/url.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

namespace detail {
struct ResponseState;
}

struct JsonOptions {
  /// What the body must be declared as, "application/…+json" being as good; absent: anything.
  std::optional<std::string> content_type = "application/json";
};

/// A response: its head is there, its body comes when it is asked for. Copies are handles of the same response.
///
/// The connection goes back to the session when the body has been read; leaving a response before that closes it.
/// *Errors* of what reads the body: `ClientPayloadError`, `ServerTimeoutError`, `ClientOSError`, `SessionClosedError`;
/// what the generator of the request's body throws.
/// *Cancellation* of these: the next read goes on where this one was. *Concurrency*: one reading coroutine at a time.
/// *Lifetime*: reading needs the session. *Source*: aiohttp.ClientResponse.
class ClientResponse {
 public:
  explicit ClientResponse(std::shared_ptr<detail::ResponseState> state) noexcept;
  ClientResponse(const ClientResponse&) noexcept;
  ClientResponse(ClientResponse&&) noexcept;
  ClientResponse& operator=(const ClientResponse&) noexcept;
  ClientResponse& operator=(ClientResponse&&) noexcept;
  ~ClientResponse();

  [[nodiscard]] int status() const noexcept;
  /// The text beside the status; may be empty.
  [[nodiscard]] const std::string& reason() const noexcept;
  /// Whether the status is below 400.
  [[nodiscard]] bool ok() const noexcept { return status() < 400; }
  [[nodiscard]] Version version() const noexcept;
  [[nodiscard]] const Headers& headers() const noexcept;
  /// The method and URL of the request that this answers: the last one, if there were redirects.
  [[nodiscard]] const std::string& method() const noexcept;
  [[nodiscard]] const Url& url() const noexcept;
  /// The responses that redirected here, oldest first. Their bodies are gone.
  [[nodiscard]] const std::vector<ClientResponse>& history() const noexcept;
  /// The media type without parameters, in lower case: "text/html"; "application/octet-stream" if none is given.
  [[nodiscard]] std::string content_type() const;
  /// The length of the body, if the head tells it.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  /// The body as a stream.
  [[nodiscard]] BodyStream& content() const noexcept;
  /// The whole body; a second call gives it again. *Errors*: also `PayloadTooLargeError` if it is larger than
  /// `max_read_size` (64 MiB unless set otherwise): read what may be larger as a stream.
  [[nodiscard]] Coro<std::string> read() const;
  /// The same; the bytes as they are: no charset is converted.
  [[nodiscard]] Coro<std::string> text() const { return read(); }
  /// The body as JSON: `co_await response.json<User>()`; without a type as nlohmann::json. Needs
  /// `<tutti/http/json.hpp>`.
  /// *Errors*: also `ContentTypeError`, and `JsonError` that names the request.
  template <class T = AnyJson>
  [[nodiscard]] Coro<detail::JsonDecoded<T>> json(JsonOptions options = {}) const {
    return json_of<T>(*this, std::move(options));
  }
  /// The fields behind a chunked body, once it has been read.
  [[nodiscard]] const Headers& trailers() const noexcept;

  /// *Errors*: `ClientResponseError` if the status is 400 or above. The connection is released then.
  void raise_for_status() const;
  /// Lets the connection go: back to the session if the body was read, or is here already; else closed. Idempotent.
  void release() const noexcept;
  /// Closes the connection, if it still has it.
  void close() const noexcept;

 private:
  template <class T>
  static Coro<detail::JsonDecoded<T>> json_of(ClientResponse self, JsonOptions options) {
    self.check_json_type(options);
    const std::string text = co_await self.read();
    try {
      co_return JsonCodec<T>::decode(text);
    } catch (const JsonError& error) {
      throw JsonError(self.json_error_text(error.what()));
    }
  }
  void check_json_type(const JsonOptions& options) const;
  [[nodiscard]] std::string json_error_text(std::string_view reason) const;

  std::shared_ptr<detail::ResponseState> state_;
};

}  // namespace tutti::http

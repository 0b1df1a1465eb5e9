// SPDX-License-Identifier: MIT
// What a handler of a server answers.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tutti/base/bytes.hpp>
#include <tutti/http/body.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

class Request;
class StreamResponse;

namespace detail {
class ServerConnection;
struct ResponseStream;
}  // namespace detail

struct ResponseOptions {
  int status = 200;
  std::string reason = {};  ///< empty: the registered one
  Headers headers = {};
  std::string content_type = {};  ///< empty: what the function that makes the response says
};

/// A response: status, fields, and a body. `Date`, `Server` and the framing are the server's to add.
///
///   co_return Response::text("hello");
///   co_return Response(204);
///   co_return Response::json(user, {.status = 201});
///   co_return Response::stream([rows]() -> AsyncGenerator<std::string> { … co_yield line; … });
class Response {
 public:
  /// No body. *Errors*: `ValueError` for a status outside 200..599.
  explicit Response(int status = 200, Headers headers = {});
  /// As `options` says; the type of the body is "application/octet-stream" unless said otherwise. *Errors*: as above.
  explicit Response(Body body, ResponseOptions options = {});
  /// The end of a response that was streamed.
  Response(const StreamResponse& response);  // NOLINT(google-explicit-constructor): a handler returns either

  /// "text/plain; charset=utf-8".
  [[nodiscard]] static Response text(std::string body);
  [[nodiscard]] static Response text(std::string body, ResponseOptions options);
  /// "text/html; charset=utf-8".
  [[nodiscard]] static Response html(std::string body);
  [[nodiscard]] static Response html(std::string body, ResponseOptions options);
  /// "application/json"; any value that `<tutti/http/json.hpp>` knows.
  template <class T>
  [[nodiscard]] static Response json(const T& value) {
    return {JsonCodec<T>::encode(value), kJson};
  }
  template <class T>
  [[nodiscard]] static Response json(const T& value, ResponseOptions options) {
    return {JsonCodec<T>::encode(value), std::move(options), kJson};
  }
  /// Pieces that an async generator gives, sent as they come. An exception from it cuts the connection off.
  [[nodiscard]] static Response stream(Body pieces, ResponseOptions options = {});
  /// 302 (or another status) to `location`.
  [[nodiscard]] static Response redirect(std::string_view location, int status = 302);

  [[nodiscard]] int status() const noexcept { return head_.status; }
  /// *Errors*: `ValueError` for a status outside 200..599.
  void set_status(int status, std::string reason = {});
  [[nodiscard]] const std::string& reason() const noexcept { return head_.reason; }
  [[nodiscard]] Headers& headers() noexcept { return head_.headers; }
  [[nodiscard]] const Headers& headers() const noexcept { return head_.headers; }
  [[nodiscard]] const Body& body() const noexcept { return body_; }

 private:
  friend class detail::ServerConnection;
  static constexpr std::string_view kJson = "application/json";
  Response(std::string&& body, std::string_view content_type);
  Response(std::string&& body, ResponseOptions&& options, std::string_view content_type);

  ResponseHead head_;
  Body body_;
  std::shared_ptr<detail::ResponseStream> streamed_;  // it was sent by a StreamResponse
};

/// A response that the handler sends piece by piece:
///
///   StreamResponse response({.content_type = "text/plain"});
///   co_await response.prepare(request);
///   co_await response.write("one\n");
///   co_return response;
///
/// Without `Content-Length` the body is sent as chunks (to HTTP/1.0: until the connection closes). *Source*:
/// aiohttp.web.StreamResponse.
class StreamResponse {
 public:
  explicit StreamResponse(ResponseOptions options = {});

  /// The fields, until it is prepared.
  [[nodiscard]] Headers& headers() noexcept;
  [[nodiscard]] int status() const noexcept;
  [[nodiscard]] bool prepared() const noexcept;

  /// Sends the head. *Errors*: `RuntimeError` if it was, or another response to this request was; `ConnectionError` if
  /// the client is gone. *Cancellation*: the head is sent all the same. *Lifetime*: from now on it is used while `request` lives.
  [[nodiscard]] Coro<> prepare(Request& request);
  /// Sends a piece, and waits while too much is buffered. Nothing is sent in answer to HEAD. *Errors*: `RuntimeError`
  /// before `prepare` and after `write_eof`, and for more bytes than `Content-Length` says; `ConnectionError`.
  /// *Cancellation*: the piece is sent all the same.
  [[nodiscard]] Coro<> write(std::string data);
  /// Ends the body; returning the response does so too. Idempotent. *Errors*: `RuntimeError` before `prepare`;
  /// `ConnectionError`. *Cancellation*: the end is sent all the same.
  [[nodiscard]] Coro<> write_eof();

 private:
  friend class Response;
  std::shared_ptr<detail::ResponseStream> stream_;
};

}  // namespace tutti::http

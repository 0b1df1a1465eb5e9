// SPDX-License-Identifier: MIT
// Bytes in, messages out: HTTP/1.1 without a socket. Strict, because whoever reads a message otherwise than its neighbour
// lets a second message be smuggled in.
//
// How a connection uses it:
//
//   RequestParser parser;
//   std::string body;
//   while (!parser.complete()) {
//     if (buffer.empty()) buffer = co_await read();               // empty at the end of the stream: parser.finish()
//     buffer.remove_prefix(parser.feed(buffer, body));            // stops after the head, so that it can be looked at
//   }
//   // `buffer` starts with the next message, if the peer sends them in a row
//   parser.reset();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <tutti/base/bytes.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>

namespace tutti::http {

/// How much of a peer's message is taken. Sizes are bytes.
struct ParserLimits {
  std::size_t start_line = 8 * 1024;    ///< the request or status line
  std::size_t field = 8 * 1024;         ///< one field line
  std::size_t fields = 100;             ///< number of fields
  std::size_t head = 32 * 1024;         ///< start line and fields together
  std::optional<std::uint64_t> body{};  ///< the body, as it is when decoded from chunks; absent: without limit
  std::size_t chunk_line = 4 * 1024;    ///< a chunk's size and extensions
  std::size_t trailer = 8 * 1024;       ///< the fields behind the last chunk together
  std::size_t trailer_fields = 16;      ///< number of these
  int informational = 8;                ///< 1xx responses before the final one
};

enum class ParserErrorKind : std::uint8_t {
  start_line,       ///< the request or status line has a wrong form
  target,           ///< the request target is not what the method and RFC 9112 3.2 allow
  version,          ///< a version that is not 1.0 or 1.1
  field,            ///< a field line has a wrong form
  host,             ///< no Host, more than one, or not a host
  framing,          ///< it cannot be told for sure where the body ends
  transfer_coding,  ///< a transfer coding other than chunked
  chunk,            ///< wrong chunk
  start_line_too_long,
  head_too_large,  ///< a field, their number or all together
  body_too_large,
  informational,  ///< too many 1xx responses
  truncated,      ///< the stream ended inside the message
};

/// A peer's message is not taken. After it no byte of that connection can be trusted: answer with `status()`, and close.
class ParserError : public std::runtime_error {
 public:
  /// `whose`: what all its messages begin with, such as "invalid HTTP request: ".
  ParserError(ParserErrorKind kind, const std::string& whose, const std::string& reason)
      : std::runtime_error(whose + reason), kind_(kind), reason_at_(whose.size()) {}
  ~ParserError() override;
  [[nodiscard]] ParserErrorKind kind() const noexcept { return kind_; }
  /// The message without what tells whose message it was.
  [[nodiscard]] std::string_view reason() const noexcept { return what() + reason_at_; }
  /// The status with which a server answers such a request: 400, 413, 414, 431, 501 or 505.
  [[nodiscard]] int status() const noexcept;

 private:
  ParserErrorKind kind_;
  std::size_t reason_at_;
};

namespace detail {
template <class Head>
class MessageParser;
}

/// Reads requests, one after the other.
///
/// After a `ParserError` only `reset` and the destructor may be called; `feed` and `finish` throw it again.
class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits = {});
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  /// Takes bytes from the front of `data`, appends what is decoded of the body to `body`, and returns how many bytes it took.
  /// It takes all but in two places: behind the head (so that the caller sees it before the body; call again with the rest)
  /// and behind the message (the rest is the next one's). Where the pieces are cut has no influence on the result.
  /// *Errors*: `ParserError`; `body` then has what came before. *Lifetime*: `data` only during the call.
  std::size_t feed(BytesView data, std::string& body);

  /// The stream has ended. *Errors*: `ParserError` (truncated) if that is inside a message; before one (`idle`) it is fine.
  void finish();

  /// Makes ready for the next message of the connection.
  void reset();

  /// Whether nothing of a message has come yet: the stream may end here.
  [[nodiscard]] bool idle() const noexcept;
  [[nodiscard]] bool head_complete() const noexcept;
  /// Whether the message is there to its end.
  [[nodiscard]] bool complete() const noexcept;

  /// What the head says; all of these only after `head_complete()`.
  [[nodiscard]] const RequestHead& head() const noexcept;
  [[nodiscard]] RequestHead take_head() noexcept;
  /// The length of the body, if the head tells it; 0 if there is none.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;
  [[nodiscard]] bool chunked() const noexcept;
  /// Whether the connection may carry another message after this one.
  [[nodiscard]] bool keep_alive() const noexcept;

  /// The fields behind a chunked body, once the message is complete; fields that would change what the message is, where it
  /// goes or who sent it (framing, `Host`, `Authorization`, `Cookie`, …) are left out. *Source*: RFC 9110 6.5.1.
  [[nodiscard]] const Headers& trailers() const noexcept;

  /// Changes the limit for this message, for example when its route is known. *Errors*: `ParserError` (413) at once if the
  /// head says that the body is larger, or more has come.
  void set_body_limit(std::optional<std::uint64_t> limit);

 private:
  std::unique_ptr<detail::MessageParser<RequestHead>> impl_;
};

/// Reads responses, one after the other. 1xx responses are counted and skipped, but for 101, which is final.
class ResponseParser {
 public:
  /// `request_method` decides whether a body follows: not after HEAD, nor after a CONNECT that succeeds.
  explicit ResponseParser(std::string_view request_method = Method::get, const ParserLimits& limits = {});
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;
  ~ResponseParser();

  /// As `RequestParser::feed`.
  std::size_t feed(BytesView data, std::string& body);

  /// The stream has ended: this is the end of a body that has neither length nor chunks.
  /// *Errors*: `ParserError` (truncated) if the message is not complete, also if nothing of it came.
  void finish();

  /// Makes ready for the response to the connection's next request.
  void reset(std::string_view request_method = Method::get);

  [[nodiscard]] bool idle() const noexcept;
  [[nodiscard]] bool head_complete() const noexcept;
  [[nodiscard]] bool complete() const noexcept;
  /// Whether the body goes on until the stream ends: then `finish` completes the message.
  [[nodiscard]] bool needs_eof() const noexcept;

  [[nodiscard]] const ResponseHead& head() const noexcept;
  [[nodiscard]] ResponseHead take_head() noexcept;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;
  [[nodiscard]] bool chunked() const noexcept;
  [[nodiscard]] bool keep_alive() const noexcept;
  [[nodiscard]] const Headers& trailers() const noexcept;
  void set_body_limit(std::optional<std::uint64_t> limit);

  /// How many 1xx responses have come before the final one.
  [[nodiscard]] int informational_count() const noexcept;
  /// The status of the last of these (100: send the body); 0 if none came.
  [[nodiscard]] int last_informational() const noexcept;

 private:
  std::unique_ptr<detail::MessageParser<ResponseHead>> impl_;
};

}  // namespace tutti::http

// SPDX-License-Identifier: MIT
// The errors of the HTTP client and server, with aiohttp's names.
//
//   ClientError                          of the client, all of them
//   ├── ClientResponseError              an answer that is not wanted: `status()`
//   │   ├── ContentTypeError             not the type of body that was asked for
//   │   ├── InvalidResponseError         not HTTP
//   │   └── TooManyRedirects
//   ├── ClientConnectionError
//   │   ├── ClientOSError                and OSError: a system call failed on the connection
//   │   │   └── ClientConnectorError     no connection could be made
//   │   │       └── ClientConnectorDNSError
//   │   ├── ServerConnectionError
//   │   │   ├── ServerDisconnectedError  the server closed the connection without an answer
//   │   │   └── ServerTimeoutError       and TimeoutError
//   │   │       ├── ConnectionTimeoutError
//   │   │       └── SocketTimeoutError
//   │   └── SessionClosedError           and RuntimeError
//   ├── ClientPayloadError               the body of the answer ended too early, or is not taken
//   │   └── PayloadTooLargeError         it is larger than the limit: `limit()`
//   └── InvalidUrlClientError            and InvalidUrlError
//       └── InvalidUrlRedirectClientError
//   HTTPException                        thrown by a server's handler: answers the request with this status
//   JsonError                            and ValueError: a text is not the JSON that was asked for
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <tutti/base/error.hpp>
#include <tutti/http/headers.hpp>
#include <tutti/http/url.hpp>

namespace tutti::http {

/// Which request an error is about. In messages: "GET http://example.com/x".
struct RequestInfo {
  std::string method;
  std::string url;  ///< without user, password and fragment
};

/// A request of a client failed. This is the handle to catch all of them by; what is thrown is always a `std::exception`
/// too. (It is not this class that derives from it: with `OSError` and its kin there would be two of them then, and
/// `catch (const std::exception&)` would catch neither.) `what()`, the same for both, begins with the request:
/// "GET http://127.0.0.1:81/: connect 127.0.0.1:81: connection refused".
class ClientError {
 public:
  virtual ~ClientError();
  [[nodiscard]] virtual const char* what() const noexcept = 0;
  [[nodiscard]] const RequestInfo& request_info() const noexcept { return request_info_; }
  [[nodiscard]] const std::string& method() const noexcept { return request_info_.method; }
  [[nodiscard]] const std::string& url() const noexcept { return request_info_.url; }

 protected:
  explicit ClientError(RequestInfo request_info) : request_info_(std::move(request_info)) {}
  ClientError(const ClientError&) = default;
  ClientError& operator=(const ClientError&) = default;

 private:
  RequestInfo request_info_;
};

/// "METHOD url: reason".
[[nodiscard]] std::string error_text(const RequestInfo& request_info, std::string_view reason);

/// An answer came, but not one to go on with. `what()` is "GET http://example.com/: 404 Not Found".
class ClientResponseError : public std::runtime_error, public ClientError {
 public:
  ClientResponseError(const RequestInfo& request_info, int status, const std::string& reason, Headers headers = {});
  ~ClientResponseError() override;
  [[nodiscard]] const char* what() const noexcept override { return std::runtime_error::what(); }
  /// The status of the answer; 0 if none could be read.
  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const Headers& headers() const noexcept { return headers_; }

 private:
  int status_;
  Headers headers_;
};

/// The body has not the type that was asked for.
class ContentTypeError : public ClientResponseError {
 public:
  using ClientResponseError::ClientResponseError;
  ~ContentTypeError() override;
};

/// What came is not an HTTP response, or one that cannot be read for sure.
class InvalidResponseError : public ClientResponseError {
 public:
  using ClientResponseError::ClientResponseError;
  ~InvalidResponseError() override;
};

/// More redirects than `max_redirects`.
class TooManyRedirects : public ClientResponseError {
 public:
  using ClientResponseError::ClientResponseError;
  ~TooManyRedirects() override;
};

/// Something went wrong between here and the server.
class ClientConnectionError : public ClientError {
 public:
  ~ClientConnectionError() override;

 protected:
  using ClientError::ClientError;
};

/// A system call failed: `code()` is its errno.
class ClientOSError : public OSError, public ClientConnectionError {
 public:
  ClientOSError(const RequestInfo& request_info, std::error_code code, std::string_view reason);
  ~ClientOSError() override;
  [[nodiscard]] const char* what() const noexcept override { return OSError::what(); }
};

/// No connection could be made: refused, unreachable, …
class ClientConnectorError : public ClientOSError {
 public:
  using ClientOSError::ClientOSError;
  ~ClientConnectorError() override;
};

/// The host's name does not resolve.
class ClientConnectorDNSError : public ClientConnectorError {
 public:
  using ClientConnectorError::ClientConnectorError;
  ~ClientConnectorDNSError() override;
};

/// The server did not do its part.
class ServerConnectionError : public ClientConnectionError {
 public:
  ~ServerConnectionError() override;

 protected:
  using ClientConnectionError::ClientConnectionError;
};

/// The server closed the connection before the head of its answer was there.
class ServerDisconnectedError : public std::runtime_error, public ServerConnectionError {
 public:
  ServerDisconnectedError(const RequestInfo& request_info, std::string_view reason);
  ~ServerDisconnectedError() override;
  [[nodiscard]] const char* what() const noexcept override { return std::runtime_error::what(); }
};

/// One of the limits of `ClientTimeout` has passed; this type itself: the total one.
class ServerTimeoutError : public TimeoutError, public ServerConnectionError {
 public:
  ServerTimeoutError(const RequestInfo& request_info, std::string_view reason);
  ~ServerTimeoutError() override;
  [[nodiscard]] const char* what() const noexcept override { return TimeoutError::what(); }
};

/// No connection within `ClientTimeout::connect` or `sock_connect`.
class ConnectionTimeoutError : public ServerTimeoutError {
 public:
  using ServerTimeoutError::ServerTimeoutError;
  ~ConnectionTimeoutError() override;
};

/// The server sent nothing for `ClientTimeout::sock_read`.
class SocketTimeoutError : public ServerTimeoutError {
 public:
  using ServerTimeoutError::ServerTimeoutError;
  ~SocketTimeoutError() override;
};

/// The session was closed, before the request or under it.
class SessionClosedError : public RuntimeError, public ClientConnectionError {
 public:
  explicit SessionClosedError(const RequestInfo& request_info);
  ~SessionClosedError() override;
  [[nodiscard]] const char* what() const noexcept override { return RuntimeError::what(); }
};

/// The body of an answer ended too early, has a wrong form, or is too large.
class ClientPayloadError : public std::runtime_error, public ClientError {
 public:
  ClientPayloadError(const RequestInfo& request_info, std::string_view reason);
  ~ClientPayloadError() override;
  [[nodiscard]] const char* what() const noexcept override { return std::runtime_error::what(); }
};

/// The body of an answer is larger than `max_body_size`, or than `max_read_size` if it was to be read whole.
/// `what()` is "GET http://example.com/: the body is larger than the limit of 1024 bytes".
class PayloadTooLargeError : public ClientPayloadError {
 public:
  PayloadTooLargeError(const RequestInfo& request_info, std::uint64_t limit);
  ~PayloadTooLargeError() override;
  /// In bytes.
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }

 private:
  std::uint64_t limit_;
};

/// A text is not a URL that this client can request. `what()` is "invalid URL 'text': reason".
class InvalidUrlClientError : public InvalidUrlError, public ClientError {
 public:
  InvalidUrlClientError(RequestInfo request_info, std::string_view text, const std::string& reason);
  ~InvalidUrlClientError() override;
  [[nodiscard]] const char* what() const noexcept override { return InvalidUrlError::what(); }
};

/// A server redirects to such a URL.
class InvalidUrlRedirectClientError : public InvalidUrlClientError {
 public:
  using InvalidUrlClientError::InvalidUrlClientError;
  ~InvalidUrlRedirectClientError() override;
};

/// A handler of a server throws it to answer with this status: `throw HTTPException(404, "no such user")`. *Source*:
/// aiohttp.web.
class HTTPException : public std::runtime_error {
 public:
  /// `text` is the body, as plain text; empty: "404: Not Found". *Errors*: `ValueError` for a status outside 200..599.
  explicit HTTPException(int status, std::string text = {}, Headers headers = {});
  ~HTTPException() override;
  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const Headers& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::string text_;
  Headers headers_;
};

/// A text is not JSON, or not of the shape that was asked for.
class JsonError : public ValueError {
 public:
  using ValueError::ValueError;
  ~JsonError() override;
};

}  // namespace tutti::http

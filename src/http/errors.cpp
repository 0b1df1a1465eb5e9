// SPDX-License-Identifier: MIT
#include <tutti/http/errors.hpp>

#include <tutti/http/message.hpp>

namespace tutti::http {

ClientError::~ClientError() = default;
ClientResponseError::~ClientResponseError() = default;
ContentTypeError::~ContentTypeError() = default;
InvalidResponseError::~InvalidResponseError() = default;
TooManyRedirects::~TooManyRedirects() = default;
ClientConnectionError::~ClientConnectionError() = default;
ClientOSError::~ClientOSError() = default;
ClientConnectorError::~ClientConnectorError() = default;
ClientConnectorDNSError::~ClientConnectorDNSError() = default;
ServerConnectionError::~ServerConnectionError() = default;
ServerDisconnectedError::~ServerDisconnectedError() = default;
ServerTimeoutError::~ServerTimeoutError() = default;
ConnectionTimeoutError::~ConnectionTimeoutError() = default;
SocketTimeoutError::~SocketTimeoutError() = default;
SessionClosedError::~SessionClosedError() = default;
ClientPayloadError::~ClientPayloadError() = default;
PayloadTooLargeError::~PayloadTooLargeError() = default;
InvalidUrlClientError::~InvalidUrlClientError() = default;
InvalidUrlRedirectClientError::~InvalidUrlRedirectClientError() = default;
HTTPException::~HTTPException() = default;
JsonError::~JsonError() = default;

std::string error_text(const RequestInfo& request_info, std::string_view reason) {
  std::string text = request_info.method + " " + request_info.url + ": ";
  return text.append(reason);
}

ClientResponseError::ClientResponseError(const RequestInfo& request_info, int status, const std::string& reason,
                                         Headers headers)
    : std::runtime_error(error_text(request_info, reason)),
      ClientError(request_info),
      status_(status),
      headers_(std::move(headers)) {}

ClientOSError::ClientOSError(const RequestInfo& request_info, std::error_code code, std::string_view reason)
    : OSError(code, error_text(request_info, reason)), ClientConnectionError(request_info) {}

ServerDisconnectedError::ServerDisconnectedError(const RequestInfo& request_info, std::string_view reason)
    : std::runtime_error(error_text(request_info, reason)), ServerConnectionError(request_info) {}

ServerTimeoutError::ServerTimeoutError(const RequestInfo& request_info, std::string_view reason)
    : TimeoutError(error_text(request_info, reason)), ServerConnectionError(request_info) {}

SessionClosedError::SessionClosedError(const RequestInfo& request_info)
    : RuntimeError(error_text(request_info, "the session is closed")), ClientConnectionError(request_info) {}

ClientPayloadError::ClientPayloadError(const RequestInfo& request_info, std::string_view reason)
    : std::runtime_error(error_text(request_info, reason)), ClientError(request_info) {}

PayloadTooLargeError::PayloadTooLargeError(const RequestInfo& request_info, std::uint64_t limit)
    : ClientPayloadError(request_info, "the body is larger than the limit of " + std::to_string(limit) + " bytes"),
      limit_(limit) {}

InvalidUrlClientError::InvalidUrlClientError(RequestInfo request_info, std::string_view text, const std::string& reason)
    : InvalidUrlError(text, reason), ClientError(std::move(request_info)) {}

HTTPException::HTTPException(int status, std::string text, Headers headers)
    : std::runtime_error(std::to_string(status) + (text.empty() ? "" : ": " + text)),
      status_(status),
      text_(std::move(text)),
      headers_(std::move(headers)) {
  if (status < 200 || status > 599) throw ValueError("HTTPException: not a status: " + std::to_string(status));
  if (text_.empty()) text_ = std::to_string(status) + ": " + std::string(reason_phrase(status));
}

}  // namespace tutti::http

// SPDX-License-Identifier: MIT
#include "ssl_errors.hpp"

#include <cctype>
#include <system_error>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace tutti {
namespace {

class SSLCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "ssl"; }
  [[nodiscard]] std::string message(int number) const override {
    const char* text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, number));
    return text != nullptr ? text : "TLS error " + std::to_string(number);
  }
};

std::error_code ssl_code(int number) {
  static const SSLCategory category;
  return {number, category};
}

std::string verify_text(int verify_code, const std::string& server_hostname) {
  std::string text = X509_verify_cert_error_string(verify_code);
  const bool abbreviation = text.starts_with("IP ") || text.starts_with("CA ") || text.starts_with("CRL ");
  if (!abbreviation) text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
  if (verify_code == X509_V_ERR_HOSTNAME_MISMATCH || verify_code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    text += ", certificate is not valid for '" + server_hostname + "'";
  }
  return text;
}

}  // namespace

SSLError::SSLError(int code, const std::string& context, std::string reason)
    : OSError(ssl_code(code), context + ": " + reason), reason_(std::move(reason)) {}
SSLError::~SSLError() = default;
SSLEOFError::~SSLEOFError() = default;

SSLCertVerificationError::SSLCertVerificationError(int code, const std::string& context, int verify_code,
                                                   std::string verify_message)
    : SSLError(code, context, "certificate verify failed: " + verify_message),
      verify_code_(verify_code),
      verify_message_(std::move(verify_message)) {}
SSLCertVerificationError::~SSLCertVerificationError() = default;

namespace detail {
namespace {

/// The first error of the queue is the cause, the others are what came of it.
unsigned long take_cause() {
  const unsigned long cause = ERR_get_error();
  ERR_clear_error();
  return cause;
}

std::exception_ptr error_of(unsigned long cause, const std::string& context) {
  if (ERR_SYSTEM_ERROR(cause)) return make_os_error(ERR_GET_REASON(cause), context);
  const char* text = cause != 0 ? ERR_reason_error_string(cause) : nullptr;
  return std::make_exception_ptr(SSLError(ERR_GET_REASON(cause), context, text != nullptr ? text : "unknown error"));
}

}  // namespace

std::exception_ptr take_ssl_error(const std::string& context) { return error_of(take_cause(), context); }

void throw_ssl_error(const std::string& context) { std::rethrow_exception(take_ssl_error(context)); }

std::exception_ptr take_connection_error(const SSL* ssl, const std::string& server_hostname,
                                         const std::string& context) {
  const unsigned long cause = take_cause();
  const bool about_certificate =
      ERR_GET_LIB(cause) == ERR_LIB_SSL && ERR_GET_REASON(cause) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (!about_certificate) return error_of(cause, context);
  const int code = static_cast<int>(SSL_get_verify_result(ssl));
  return std::make_exception_ptr(
      SSLCertVerificationError(ERR_GET_REASON(cause), context, code, verify_text(code, server_hostname)));
}

}  // namespace detail
}  // namespace tutti

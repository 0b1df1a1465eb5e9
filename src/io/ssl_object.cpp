// SPDX-License-Identifier: MIT
#include <array>
#include <memory>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <tutti/io/address.hpp>
#include <tutti/io/ssl.hpp>

#include "openssl_pointers.hpp"

namespace tutti {
namespace {

using detail::Bio;

/// What `print(bio)` prints.
template <class Print>
std::string printed(Print print) {
  const Bio memory(BIO_new(BIO_s_mem()));
  if (!memory || print(memory.get()) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string name_text(const X509_NAME* name) {
  return printed([&](BIO* out) { return X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253); });
}

std::string string_text(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string ip_text(const ASN1_STRING* bytes) {
  const std::string raw = string_text(bytes);
  std::string text;
  if (raw.size() == 4) {
    for (const char byte : raw) text += (text.empty() ? "" : ".") + std::to_string(static_cast<unsigned char>(byte));
    return text;
  }
  constexpr const char* kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (i != 0 && i % 2 == 0) text += ':';
    const auto byte = static_cast<unsigned char>(raw[i]);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  const auto address = Address::parse(text, 0);  // in its short form
  return address ? address->host() : text;
}

std::vector<std::pair<std::string, std::string>> alternative_names(const X509* certificate) {
  std::vector<std::pair<std::string, std::string>> result;
  const detail::Owned<GENERAL_NAMES, &GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    switch (name->type) {
      case GEN_DNS: result.emplace_back("DNS", string_text(name->d.dNSName)); break;
      case GEN_EMAIL: result.emplace_back("email", string_text(name->d.rfc822Name)); break;
      case GEN_URI: result.emplace_back("URI", string_text(name->d.uniformResourceIdentifier)); break;
      case GEN_IPADD: result.emplace_back("IP Address", ip_text(name->d.iPAddress)); break;
      case GEN_DIRNAME: result.emplace_back("DirName", name_text(name->d.directoryName)); break;
      default: break;
    }
  }
  return result;
}

Certificate describe_certificate(X509* certificate) {
  Certificate result;
  result.subject = name_text(X509_get_subject_name(certificate));
  result.issuer = name_text(X509_get_issuer_name(certificate));
  result.serial_number = printed([&](BIO* out) { return i2a_ASN1_INTEGER(out, X509_get0_serialNumber(certificate)); });
  result.not_before = printed([&](BIO* out) { return ASN1_TIME_print(out, X509_get0_notBefore(certificate)); });
  result.not_after = printed([&](BIO* out) { return ASN1_TIME_print(out, X509_get0_notAfter(certificate)); });
  result.subject_alt_name = alternative_names(certificate);
  result.der = printed([&](BIO* out) { return i2d_X509_bio(out, certificate); });
  return result;
}

}  // namespace

bool SSLObject::server_side() const noexcept { return SSL_is_server(ssl_) == 1; }

std::string SSLObject::server_hostname() const {
  if (!server_side()) return server_hostname_;
  const char* const asked_for = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return asked_for != nullptr ? asked_for : "";
}

std::string SSLObject::version() const { return SSL_get_version(ssl_); }

std::optional<Cipher> SSLObject::cipher() const {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
  if (cipher == nullptr) return std::nullopt;
  return Cipher{SSL_CIPHER_get_name(cipher), SSL_CIPHER_get_version(cipher), SSL_CIPHER_get_bits(cipher, nullptr)};
}

std::optional<std::string> SSLObject::selected_alpn_protocol() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  if (size == 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(name), size);
}

std::optional<Certificate> SSLObject::getpeercert() const {
  X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return std::nullopt;
  return describe_certificate(certificate);
}

bool SSLObject::session_reused() const noexcept { return SSL_session_reused(ssl_) == 1; }

bool SSLObject::close_notify_received() const noexcept { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

}  // namespace tutti

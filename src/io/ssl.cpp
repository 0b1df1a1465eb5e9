// SPDX-License-Identifier: MIT
#include <tutti/io/ssl.hpp>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <new>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "openssl_pointers.hpp"
#include "ssl_errors.hpp"
#include "ssl_settings.hpp"

namespace tutti {
namespace detail {
namespace {

void free_settings(void*, void* settings, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<SSLSettings*>(settings);
}

int settings_index() noexcept {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_settings);
  return index;
}

}  // namespace

SSLSettings& SSLSettings::attach(SSL_CTX* context) {
  auto settings = std::make_unique<SSLSettings>();
  if (SSL_CTX_set_ex_data(context, settings_index(), settings.get()) != 1) throw std::bad_alloc();
  return *settings.release();
}

SSLSettings& SSLSettings::of(const SSL_CTX* context) noexcept {
  return *static_cast<SSLSettings*>(SSL_CTX_get_ex_data(context, settings_index()));
}

}  // namespace detail

namespace {

using detail::Bio;
using detail::SSLSettings;
using detail::throw_ssl_error;
using detail::X509Pointer;

// ---- what OpenSSL calls ----

int give_password(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.size() > static_cast<std::size_t>(size)) return -1;
  text.copy(buffer, text.size());
  return static_cast<int>(text.size());
}

int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                unsigned int offered_length, void* settings) {
  const std::string& own = static_cast<const SSLSettings*>(settings)->alpn;
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, length, reinterpret_cast<const unsigned char*>(own.data()),
                                           static_cast<unsigned int>(own.size()), offered, offered_length);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

int choose_context(SSL* ssl, int* alert, void* settings) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  try {
    const auto context = static_cast<SSLSettings*>(settings)->sni_callback(name != nullptr ? name : "");
    if (context) SSL_set_SSL_CTX(ssl, context->native_handle());
  } catch (...) {
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return SSL_TLSEXT_ERR_OK;
}

void write_key(const SSL* ssl, const char* line) {
  std::FILE* const file = SSLSettings::of(SSL_get_SSL_CTX(ssl)).keylog.get();
  std::fprintf(file, "%s\n", line);  // one call: lines of other threads do not mix with it
  std::fflush(file);
}

// ---- certificates in memory ----

void trust(SSL_CTX* context, X509* certificate) {
  if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) != 1) {
    throw_ssl_error("load_verify_locations");
  }
}

void trust_pem(SSL_CTX* context, BIO* source) {
  bool any = false;
  while (const X509Pointer certificate{PEM_read_bio_X509(source, nullptr, nullptr, nullptr)}) {
    trust(context, certificate.get());
    any = true;
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!any || !at_end) throw_ssl_error("load_verify_locations");
  ERR_clear_error();
}

void trust_data(SSL_CTX* context, const std::string& data) {
  const bool pem = data.find("-----BEGIN") != std::string::npos;
  const Bio source(BIO_new_mem_buf(data.data(), static_cast<int>(std::min<std::size_t>(data.size(), INT_MAX))));
  if (!source) throw std::bad_alloc();
  ERR_clear_error();
  if (pem) return trust_pem(context, source.get());
  do {
    const X509Pointer certificate(d2i_X509_bio(source.get(), nullptr));
    if (!certificate) throw_ssl_error("load_verify_locations");
    trust(context, certificate.get());
  } while (BIO_pending(source.get()) > 0);
}

int version_number(TLSVersion version) { return version == TLSVersion::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION; }

}  // namespace

// ---- SSLContext ----

SSLContext::SSLContext(SSLProtocol protocol) {
  const bool client = protocol == SSLProtocol::tls_client;
  context_ = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
  if (context_ == nullptr) throw_ssl_error("SSLContext");
  SSLContext owner(std::move(*this));  // until nothing can throw any more
  SSL_CTX* const context = owner.context_;
  SSLSettings& settings = SSLSettings::attach(context);
  settings.protocol = protocol;
  SSL_CTX_set_options(context, SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(context), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_TRUSTED_FIRST);
  // Without one, a session of a client that has a certificate cannot be taken up again, and its handshake fails.
  static constexpr unsigned char kSessionContext[] = "tutti";
  SSL_CTX_set_session_id_context(context, kSessionContext, sizeof(kSessionContext) - 1);
  if (client) {
    owner.set_check_hostname(true);
  } else {
    owner.set_verify_mode(VerifyMode::none);
  }
  *this = std::move(owner);
}

SSLContext::SSLContext(const SSLContext& other) noexcept : context_(other.context_) {
  if (context_ != nullptr) SSL_CTX_up_ref(context_);
}

SSLContext::~SSLContext() { SSL_CTX_free(context_); }

void SSLContext::load_cert_chain(const std::string& certfile, const std::string& keyfile, const std::string& password) {
  const std::string& key = keyfile.empty() ? certfile : keyfile;
  struct Password {  // only for this call
    SSL_CTX* context;
    Password(SSL_CTX* owner, const std::string& text) : context(owner) {
      SSL_CTX_set_default_passwd_cb(owner, &give_password);
      SSL_CTX_set_default_passwd_cb_userdata(owner, const_cast<std::string*>(&text));
    }
    Password(const Password&) = delete;
    Password& operator=(const Password&) = delete;
    ~Password() {
      SSL_CTX_set_default_passwd_cb(context, nullptr);
      SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
    }
  } const given{context_, password};
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context_, certfile.c_str()) != 1) {
    throw_ssl_error("load_cert_chain " + certfile);
  }
  if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long cause = ERR_peek_error();
    if (ERR_GET_LIB(cause) == ERR_LIB_OSSL_DECODER) {  // it says no more than "unsupported"
      ERR_clear_error();
      throw SSLError(ERR_GET_REASON(cause), "load_cert_chain " + key, "no private key that can be read");
    }
    throw_ssl_error("load_cert_chain " + key);
  }
  if (SSL_CTX_check_private_key(context_) != 1) throw_ssl_error("load_cert_chain " + key);
}

void SSLContext::load_verify_locations(const VerifyLocations& locations) {
  if (locations.cafile.empty() && locations.capath.empty() && locations.cadata.empty()) {
    throw ValueError("load_verify_locations: nothing was given");
  }
  ERR_clear_error();
  if (!locations.cafile.empty() && SSL_CTX_load_verify_file(context_, locations.cafile.c_str()) != 1) {
    throw_ssl_error("load_verify_locations " + locations.cafile);
  }
  if (!locations.capath.empty() && SSL_CTX_load_verify_dir(context_, locations.capath.c_str()) != 1) {
    throw_ssl_error("load_verify_locations " + locations.capath);
  }
  if (!locations.cadata.empty()) trust_data(context_, locations.cadata);
}

void SSLContext::load_default_certs() {
  ERR_clear_error();
  if (SSL_CTX_set_default_verify_paths(context_) != 1) throw_ssl_error("load_default_certs");
}

SSLProtocol SSLContext::protocol() const noexcept { return SSLSettings::of(context_).protocol; }

VerifyMode SSLContext::verify_mode() const noexcept {
  const int mode = SSL_CTX_get_verify_mode(context_);
  if ((mode & SSL_VERIFY_PEER) == 0) return VerifyMode::none;
  return (mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0 ? VerifyMode::required : VerifyMode::optional;
}

void SSLContext::set_verify_mode(VerifyMode mode) {
  if (mode == VerifyMode::none && check_hostname()) {
    throw ValueError("set_verify_mode: a host name cannot be checked without the certificate");
  }
  int flags = SSL_VERIFY_NONE;
  if (mode != VerifyMode::none) flags = SSL_VERIFY_PEER;
  if (mode == VerifyMode::required) flags |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context_, flags, nullptr);
}

bool SSLContext::check_hostname() const noexcept { return SSLSettings::of(context_).check_hostname; }

void SSLContext::set_check_hostname(bool on) {
  SSLSettings::of(context_).check_hostname = on;
  if (on && verify_mode() == VerifyMode::none) set_verify_mode(VerifyMode::required);
}

void SSLContext::set_verify_strict(bool on) {
  constexpr unsigned long kFlags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN;
  X509_VERIFY_PARAM* const parameters = SSL_CTX_get0_param(context_);
  if (on) {
    X509_VERIFY_PARAM_set_flags(parameters, kFlags);
  } else {
    X509_VERIFY_PARAM_clear_flags(parameters, kFlags);
  }
}

void SSLContext::set_minimum_version(TLSVersion version) {
  SSL_CTX_set_min_proto_version(context_, version_number(version));
}

void SSLContext::set_maximum_version(TLSVersion version) {
  SSL_CTX_set_max_proto_version(context_, version_number(version));
}

void SSLContext::set_ciphers(const std::string& ciphers) {
  ERR_clear_error();
  if (SSL_CTX_set_cipher_list(context_, ciphers.c_str()) != 1) throw_ssl_error("set_ciphers " + ciphers);
}

void SSLContext::set_ciphersuites(const std::string& suites) {
  ERR_clear_error();
  if (SSL_CTX_set_ciphersuites(context_, suites.c_str()) != 1) throw_ssl_error("set_ciphersuites " + suites);
}

void SSLContext::set_alpn_protocols(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) throw ValueError("set_alpn_protocols: a name has 1 to 255 bytes");
    wire += static_cast<char>(name.size());
    wire += name;
  }
  SSLSettings& settings = SSLSettings::of(context_);
  settings.alpn = std::move(wire);
  if (settings.protocol == SSLProtocol::tls_server) {
    SSL_CTX_set_alpn_select_cb(context_, settings.alpn.empty() ? nullptr : &choose_alpn, &settings);
  } else if (SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(settings.alpn.data()),
                                     static_cast<unsigned int>(settings.alpn.size())) != 0) {
    throw std::bad_alloc();
  }
}

void SSLContext::set_sni_callback(MoveOnlyFunction<std::optional<SSLContext>(std::string_view name)> callback) {
  SSLSettings& settings = SSLSettings::of(context_);
  settings.sni_callback = std::move(callback);
  const auto chooser = settings.sni_callback ? &choose_context : nullptr;
  SSL_CTX_set_tlsext_servername_callback(context_, chooser);
  SSL_CTX_set_tlsext_servername_arg(context_, &settings);
}

void SSLContext::set_keylog_filename(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) throw_os_error(errno, "set_keylog_filename " + path);
  SSLSettings::of(context_).keylog.reset(file);
  SSL_CTX_set_keylog_callback(context_, &write_key);
}

void SSLContext::set_suppress_ragged_eofs(bool on) { SSLSettings::of(context_).suppress_ragged_eofs = on; }

bool SSLContext::suppress_ragged_eofs() const noexcept { return SSLSettings::of(context_).suppress_ragged_eofs; }

// ---- with good settings ----

SSLContext create_default_context(Purpose purpose, const VerifyLocations& locations) {
  const bool for_client = purpose == Purpose::server_auth;
  SSLContext context(for_client ? SSLProtocol::tls_client : SSLProtocol::tls_server);
  context.set_verify_strict(true);
  if (!locations.cafile.empty() || !locations.capath.empty() || !locations.cadata.empty()) {
    context.load_verify_locations(locations);
  } else if (for_client) {
    context.load_default_certs();
  }
  const char* const keylog = std::getenv("SSLKEYLOGFILE");
  if (keylog != nullptr && *keylog != '\0') context.set_keylog_filename(keylog);
  return context;
}

SSLOption::SSLOption(bool on) {
  if (!on) return;
  static const SSLContext context = create_default_context();
  context_ = context;
}

}  // namespace tutti

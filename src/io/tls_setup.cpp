// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include <tutti/base/error.hpp>

#include "ssl_errors.hpp"
#include "tls_transport.hpp"

namespace tutti::detail {
namespace {

/// Tells OpenSSL whom to ask for and whose certificate to accept.
void set_server_hostname(SSL* ssl, const std::string& name, bool check) {
  if (name.find('\0') != std::string::npos) throw ValueError("server_hostname: a null byte");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) >= 0x80) throw ValueError("server_hostname: must be ASCII (IDNA): " + name);
  }
  const bool numeric = Address::parse(name, 0).has_value();
  if (!numeric && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) throw_ssl_error("server_hostname " + name);
  if (!check) return;
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  const int result = numeric ? X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str())
                             : X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), name.size());
  if (result != 1) throw_ssl_error("server_hostname " + name);
}

SSL* make_ssl(const SSLContext& context, const TLSOptions& options) {
  if (options.ssl_handshake_timeout <= Duration::zero()) {
    throw ValueError("ssl_handshake_timeout must be positive");
  }
  if (options.ssl_shutdown_timeout <= Duration::zero()) throw ValueError("ssl_shutdown_timeout must be positive");
  SSL* const ssl = SSL_new(context.native_handle());
  if (ssl == nullptr) throw_ssl_error("SSLContext");
  return ssl;
}

}  // namespace

// ---- OpenSSL's view of this: a BIO ----

struct TLSTransport::BioCallbacks {
  static TLSTransport& owner(BIO* bio) { return *static_cast<TLSTransport*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    ByteBuffer& incoming = owner(bio).incoming_;
    if (incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t count = std::min(static_cast<std::size_t>(size), incoming.size());
    std::memcpy(into, incoming.view().data(), count);
    incoming.consume(count);
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    try {
      owner(bio).outgoing_.append({from, static_cast<std::size_t>(size)});
    } catch (const std::bad_alloc&) {
      return -1;
    }
    return size;
  }

  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH: return 1;
      case BIO_CTRL_PENDING: return static_cast<long>(owner(bio).incoming_.size());
      default: return 0;
    }
  }

  static BIO_METHOD* make_method() {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tutti transport");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(made, &read);
    BIO_meth_set_write(made, &write);
    BIO_meth_set_ctrl(made, &control);
    return made;
  }

  static void connect(SSL* ssl, TLSTransport& owner) {
    static const BIO_METHOD* const method = make_method();
    BIO* const bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &owner);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
  }
};

TLSTransport::TLSTransport(Ref<lowlevel::Transport> below, const SSLContext& context, TLSOptions options)
    : below_(std::move(below)),
      options_(std::move(options)),
      ssl_(make_ssl(context, options_)),
      object_(ssl_.get(), context, options_.server_hostname) {
  BioCallbacks::connect(ssl_.get(), *this);
  if (context.protocol() == SSLProtocol::tls_server) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  if (!options_.server_hostname.empty()) {
    set_server_hostname(ssl_.get(), options_.server_hostname, context.check_hostname());
  } else if (context.check_hostname()) {
    throw ValueError("check_hostname requires a server_hostname");
  }
}

}  // namespace tutti::detail

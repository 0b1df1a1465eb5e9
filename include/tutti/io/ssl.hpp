// SPDX-License-Identifier: MIT
// TLS: what a connection is to be encrypted with, whom it trusts, what came of it. Python's `ssl` module, on OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/function.hpp>

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace tutti {

// ---- errors ----

/// TLS failed. `what()` is "operation object: reason": "TLS handshake with localhost (127.0.0.1:443): wrong version
/// number".
class SSLError : public OSError {
 public:
  /// `code` is a reason of OpenSSL's (or an errno), `reason` its text.
  SSLError(int code, const std::string& context, std::string reason);
  ~SSLError() override;
  /// The last part of `what()`, in OpenSSL's words.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  std::string reason_;
};

/// The connection ended without TLS's own end: whoever cut it, what was read may not be all.
class SSLEOFError : public SSLError {
 public:
  using SSLError::SSLError;
  ~SSLEOFError() override;
};

/// The peer's certificate is not accepted: "certificate verify failed: certificate has expired".
class SSLCertVerificationError : public SSLError {
 public:
  SSLCertVerificationError(int code, const std::string& context, int verify_code, std::string verify_message);
  ~SSLCertVerificationError() override;
  /// X509_V_ERR_…
  [[nodiscard]] int verify_code() const noexcept { return verify_code_; }
  /// "self-signed certificate", "hostname mismatch, certificate is not valid for 'localhost'", …
  [[nodiscard]] const std::string& verify_message() const noexcept { return verify_message_; }

 private:
  int verify_code_;
  std::string verify_message_;
};

// ---- contexts ----

/// Which end of a connection a context is for: PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER.
enum class SSLProtocol : unsigned char { tls_client, tls_server };

/// Whom a context is to authenticate: servers (it is a client's), or clients (it is a server's).
enum class Purpose : unsigned char { server_auth, client_auth };

/// Whether the peer must have a certificate that is accepted: CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED.
enum class VerifyMode : unsigned char {
  none,      ///< whatever it has is taken
  optional,  ///< a client may have none; one that it has must be good
  required,
};

enum class TLSVersion : unsigned char { tls_1_2, tls_1_3 };

/// Certificates to trust.
struct VerifyLocations {
  std::string cafile = {};  ///< a file of certificates (PEM)
  std::string capath = {};  ///< a folder of them, with the names that `openssl rehash` makes
  std::string cadata = {};  ///< certificates themselves, PEM or DER
};

/// The settings of TLS connections: certificate and key, whom to trust, versions, protocols. Copies are handles of the
/// same settings. *Concurrency*: connections on any threads may share one; change it before the first of them.
/// *Source*: ssl.SSLContext.
class SSLContext {
 public:
  /// TLS 1.2 or newer, without renegotiation and compression. A client's verifies certificates and host names but
  /// trusts nobody yet: see `create_default_context`. *Errors*: `SSLError`.
  explicit SSLContext(SSLProtocol protocol);
  SSLContext(const SSLContext& other) noexcept;
  SSLContext(SSLContext&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  SSLContext& operator=(SSLContext other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~SSLContext();

  /// The certificate of this end, with those between it and a root behind it, and its key (PEM; the key may stand in
  /// the same file). *Errors*: `FileNotFoundError`, `PermissionError`; `SSLError` if they are no certificate and key,
  /// do not fit, or the password is wrong.
  void load_cert_chain(const std::string& certfile, const std::string& keyfile = {}, const std::string& password = {});
  /// Whom to trust, besides those that are trusted already. *Errors*: `FileNotFoundError`; `SSLError` if there is no
  /// certificate in it; `ValueError` if nothing is given.
  void load_verify_locations(const VerifyLocations& locations);
  /// Trusts whom this machine trusts; SSL_CERT_FILE and SSL_CERT_DIR say otherwise.
  void load_default_certs();

  [[nodiscard]] SSLProtocol protocol() const noexcept;
  [[nodiscard]] VerifyMode verify_mode() const noexcept;
  /// *Errors*: `ValueError` for `none` while `check_hostname` is on.
  void set_verify_mode(VerifyMode mode);
  /// Whether a server's certificate must be for the host that was asked for.
  [[nodiscard]] bool check_hostname() const noexcept;
  /// Turning it on turns `none` into `required`.
  void set_check_hostname(bool on);
  /// Adds the flags of RFC 5280 to the letter and of trust in what is no root (X509_V_FLAG_X509_STRICT and
  /// PARTIAL_CHAIN), or takes them away.
  void set_verify_strict(bool on);

  void set_minimum_version(TLSVersion version);
  void set_maximum_version(TLSVersion version);
  /// Of TLS 1.2, in OpenSSL's notation; those of TLS 1.3 are `set_ciphersuites`. *Errors*: `SSLError`.
  void set_ciphers(const std::string& ciphers);
  void set_ciphersuites(const std::string& suites);
  /// What is spoken inside, the best first: {"h2", "http/1.1"}. The server chooses, by its own order; without a common
  /// one there is none. *Errors*: `ValueError` for a name that is empty or longer than 255 bytes.
  void set_alpn_protocols(const std::vector<std::string>& protocols);
  /// For servers: which context serves the name that a client asks for; nothing: this one. What it throws ends the
  /// handshake. *Concurrency*: called on the thread of the connection.
  void set_sni_callback(MoveOnlyFunction<std::optional<SSLContext>(std::string_view name)> callback);
  /// Appends the secrets of each connection to a file, for programs that look into recordings. *Errors*: `OSError`.
  void set_keylog_filename(const std::string& path);
  /// Whether a connection that ends without TLS's own end (close_notify) counts as ended, as in Python: true, since
  /// many peers do so. False: `SSLEOFError`. Protocols that say how long their messages are need not care.
  void set_suppress_ragged_eofs(bool on);
  [[nodiscard]] bool suppress_ragged_eofs() const noexcept;

  /// OpenSSL's own object, for what is missing here.
  [[nodiscard]] ssl_ctx_st* native_handle() const noexcept { return context_; }
  friend bool operator==(const SSLContext&, const SSLContext&) = default;

 private:
  ssl_ctx_st* context_ = nullptr;
};

/// A context with good settings. For `server_auth` it verifies certificates and host names, against `locations` or else
/// against whom this machine trusts; for `client_auth` it wants a `load_cert_chain` and asks clients for nothing.
/// SSLKEYLOGFILE names a `set_keylog_filename`. *Source*: ssl.create_default_context.
[[nodiscard]] SSLContext create_default_context(Purpose purpose = Purpose::server_auth,
                                                const VerifyLocations& locations = {});

/// Whether a client uses TLS, and with which context: `{.ssl = true}` means `create_default_context()`, made once.
class SSLOption {
 public:
  SSLOption() noexcept = default;
  SSLOption(bool on);                                                       // NOLINT(google-explicit-constructor)
  SSLOption(SSLContext context) noexcept : context_(std::move(context)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const noexcept { return context_.has_value(); }
  [[nodiscard]] const SSLContext& operator*() const noexcept { return *context_; }

 private:
  std::optional<SSLContext> context_;
};

// ---- connections ----

/// How a connection gets its TLS.
struct TLSOptions {
  /// Whom the certificate must be for, and what is asked for (SNI): a name in ASCII or a numeric address. A client
  /// needs it unless `check_hostname` is off; a server ignores it.
  std::string server_hostname = {};
  Duration ssl_handshake_timeout = std::chrono::seconds(60);
  /// Of waiting for the peer's end after `close`; and for a peer that does not take the reason of a broken connection.
  Duration ssl_shutdown_timeout = std::chrono::seconds(30);
};

/// A certificate, as texts.
struct Certificate {
  std::string subject;  ///< "CN=localhost,O=Example" (RFC 2253)
  std::string issuer;
  std::string serial_number;  ///< hexadecimal
  std::string not_before;     ///< "Jan  5 09:34:43 2026 GMT"
  std::string not_after;
  std::vector<std::pair<std::string, std::string>> subject_alt_name;  ///< {"DNS", "localhost"}, {"IP Address", "::1"}
  std::string der;                                                    ///< all of it
};

/// The cipher of a connection.
struct Cipher {
  std::string name;      ///< "TLS_AES_256_GCM_SHA384"
  std::string protocol;  ///< that it came with: "TLSv1.3"
  int bits = 0;          ///< of its secret
};

/// What is known of a connection's TLS: of `StreamWriter::ssl_object`, which says how long it lives. *Source*:
/// ssl.SSLObject.
class SSLObject {
 public:
  SSLObject(ssl_st* ssl, SSLContext context, std::string server_hostname) noexcept
      : ssl_(ssl), context_(std::move(context)), server_hostname_(std::move(server_hostname)) {}

  [[nodiscard]] const SSLContext& context() const noexcept { return context_; }
  [[nodiscard]] bool server_side() const noexcept;
  /// Whom the client asked for; empty if it did not.
  [[nodiscard]] std::string server_hostname() const;
  /// "TLSv1.3"
  [[nodiscard]] std::string version() const;
  /// Nothing before the handshake.
  [[nodiscard]] std::optional<Cipher> cipher() const;
  /// What both ends agreed to speak inside; nothing if they did not.
  [[nodiscard]] std::optional<std::string> selected_alpn_protocol() const;
  /// The peer's, whether it was verified or not; nothing if it has none.
  [[nodiscard]] std::optional<Certificate> getpeercert() const;
  /// Whether an earlier connection's handshake was taken up.
  [[nodiscard]] bool session_reused() const noexcept;
  /// Whether the peer has said that it will send no more (close_notify). After an end of the stream, false means that
  /// it was cut off.
  [[nodiscard]] bool close_notify_received() const noexcept;
  /// OpenSSL's own object, for what is missing here.
  [[nodiscard]] ssl_st* native_handle() const noexcept { return ssl_; }

 private:
  ssl_st* ssl_;
  SSLContext context_;
  std::string server_hostname_;
};

}  // namespace tutti

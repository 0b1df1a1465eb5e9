// SPDX-License-Identifier: MIT
// The settings of TLS: what can be loaded and set, and what is said of the rest.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <tutti/base/error.hpp>
#include <tutti/io/ssl.hpp>

#include "support/certificates.hpp"

namespace {

using test_support::authority;
using tutti::create_default_context;
using tutti::Purpose;
using tutti::SSLContext;
using tutti::SSLError;
using tutti::SSLProtocol;
using tutti::ValueError;
using tutti::VerifyMode;

template <class Error, class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string file_with(const std::string& name, const std::string& text) {
  std::string path = authority().path(name);
  std::ofstream(path) << text;
  return path;
}

TEST(SSLContext, VerifiesByDefaultWhatAClientMeets) {
  const SSLContext client = create_default_context();
  EXPECT_EQ(client.protocol(), SSLProtocol::tls_client);
  EXPECT_EQ(client.verify_mode(), VerifyMode::required);
  EXPECT_TRUE(client.check_hostname());
  EXPECT_TRUE(client.suppress_ragged_eofs());
  const SSLContext server = create_default_context(Purpose::client_auth);
  EXPECT_EQ(server.protocol(), SSLProtocol::tls_server);
  EXPECT_EQ(server.verify_mode(), VerifyMode::none);
  EXPECT_FALSE(server.check_hostname());
  EXPECT_GE(SSL_CTX_get_min_proto_version(client.native_handle()), TLS1_2_VERSION);
  EXPECT_NE(SSL_CTX_get_options(server.native_handle()) & SSL_OP_NO_RENEGOTIATION, 0U);
}

TEST(SSLContext, IsAHandle) {
  SSLContext one = create_default_context(Purpose::client_auth);
  SSLContext same = one;
  same.set_verify_mode(VerifyMode::optional);
  EXPECT_EQ(one.verify_mode(), VerifyMode::optional);
  EXPECT_EQ(one, same);
  const SSLContext moved = std::move(one);
  EXPECT_EQ(moved, same);
  EXPECT_NE(moved, create_default_context(Purpose::client_auth));
}

TEST(SSLContext, DoesNotCheckNamesWithoutCertificates) {
  SSLContext context = create_default_context();
  EXPECT_THROW(context.set_verify_mode(VerifyMode::none), ValueError);
  context.set_check_hostname(false);
  context.set_verify_mode(VerifyMode::none);
  EXPECT_EQ(context.verify_mode(), VerifyMode::none);
  context.set_check_hostname(true);
  EXPECT_EQ(context.verify_mode(), VerifyMode::required);
}

TEST(SSLContext, SaysWhatIsWrongWithACertificate) {
  SSLContext context(SSLProtocol::tls_server);
  EXPECT_EQ(error_of<tutti::FileNotFoundError>([&] { context.load_cert_chain("/nowhere.pem"); }),
            "load_cert_chain /nowhere.pem: no such file or directory");
  const std::string good = authority().issue("localhost");
  EXPECT_THROW(context.load_cert_chain(good, "/nowhere.key"), tutti::FileNotFoundError);
  const std::string nonsense = file_with("nonsense.pem", "nonsense");
  EXPECT_EQ(error_of<SSLError>([&] { context.load_cert_chain(nonsense); }),
            "load_cert_chain " + nonsense + ": no start line");
  EXPECT_EQ(error_of<SSLError>([&] { context.load_cert_chain(authority().file()); }),
            "load_cert_chain " + authority().file() + ": no private key that can be read");
  const std::string other = authority().issue("other");
  EXPECT_EQ(error_of<SSLError>([&] { context.load_cert_chain(good, other); }),
            "load_cert_chain " + other + ": key values mismatch");
  context.load_cert_chain(good);
}

TEST(SSLContext, OpensKeysWithAPassword) {
  const std::string locked = authority().issue("locked", {.password = "secret"});
  SSLContext context(SSLProtocol::tls_server);
  context.load_cert_chain(locked, {}, "secret");
  EXPECT_THROW(context.load_cert_chain(locked, {}, "wrong"), SSLError);
  EXPECT_THROW(context.load_cert_chain(locked), SSLError);
}

TEST(SSLContext, SaysWhatIsWrongWithAnAuthority) {
  SSLContext context(SSLProtocol::tls_client);
  context.load_verify_locations({.cafile = authority().file()});
  context.load_verify_locations({.capath = "/etc/ssl/certs", .cadata = authority().pem() + authority().pem()});
  EXPECT_THROW(context.load_verify_locations({}), ValueError);
  EXPECT_THROW(context.load_verify_locations({.cafile = "/nowhere.pem"}), tutti::FileNotFoundError);
  EXPECT_THROW(context.load_verify_locations({.cadata = "nonsense"}), SSLError);
  EXPECT_THROW(context.load_verify_locations({.cadata = "-----BEGIN CERTIFICATE-----\nnonsense"}), SSLError);
  EXPECT_THROW((void)create_default_context(Purpose::server_auth, {.cafile = "/nowhere.pem"}),
               tutti::FileNotFoundError);
}

TEST(SSLContext, TakesOnlyWhatThereIs) {
  SSLContext context(SSLProtocol::tls_client);
  EXPECT_EQ(error_of<SSLError>([&] { context.set_ciphers("no-such-cipher"); }),
            "set_ciphers no-such-cipher: no cipher match");
  EXPECT_THROW(context.set_ciphersuites("no-such-suite"), SSLError);
  context.set_ciphersuites("TLS_AES_128_GCM_SHA256");
  EXPECT_THROW(context.set_alpn_protocols({"h2", ""}), ValueError);
  EXPECT_THROW(context.set_alpn_protocols({std::string(256, 'x')}), ValueError);
  context.set_alpn_protocols({std::string(255, 'x')});
  context.set_alpn_protocols({});
  EXPECT_THROW(context.set_keylog_filename("/nowhere/at/all"), tutti::FileNotFoundError);
}

TEST(SSLContext, AppendsKeysToTheFileOfTheEnvironment) {
  const std::string path = file_with("keys.log", "old\n");
  ::setenv("SSLKEYLOGFILE", path.c_str(), 1);
  const SSLContext context = create_default_context();
  ::unsetenv("SSLKEYLOGFILE");
  EXPECT_NE(SSL_CTX_get_keylog_callback(context.native_handle()), nullptr);
  EXPECT_EQ(SSL_CTX_get_keylog_callback(create_default_context().native_handle()), nullptr);
}

TEST(SSLErrors, AreInOnePlaceOfTheTree) {
  const tutti::SSLCertVerificationError error(1, "TLS handshake with x", 10, "certificate has expired");
  const tutti::OSError& base = error;
  EXPECT_STREQ(base.what(), "TLS handshake with x: certificate verify failed: certificate has expired");
  EXPECT_EQ(error.verify_code(), 10);
  EXPECT_EQ(error.verify_message(), "certificate has expired");
  EXPECT_EQ(base.code().category().name(), std::string("ssl"));
  EXPECT_EQ(tutti::describe(std::make_exception_ptr(tutti::SSLEOFError(1, "a", "b"))), "SSLEOFError: a: b");
}

}  // namespace

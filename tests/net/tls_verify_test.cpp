// SPDX-License-Identifier: MIT
// Which certificates a client takes, and what it says of the others; what the options of TLS must be.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <tutti/testing/test.hpp>

#include "tls_support.hpp"

namespace {

using namespace net_support;
using namespace tls_support;
using namespace std::chrono_literals;
using test_support::authority;
using test_support::Authority;
using tutti::SSLCertVerificationError;
using tutti::StreamReader;
using tutti::StreamWriter;

void unused(StreamReader, StreamWriter) { ADD_FAILURE() << "the handler was called"; }
void greet(StreamReader, StreamWriter writer) { writer.write("welcome"); }

SSLContext context_with(const std::string& certificate) {
  SSLContext context = tutti::create_default_context(tutti::Purpose::client_auth);
  context.load_cert_chain(certificate);
  return context;
}

/// What a client that asks for `host` says of a server with `certificate`; "no error" if it takes it.
Coro<std::string> verdict(std::string certificate, std::string host = "localhost",
                          SSLContext client = client_context()) {
  auto server = co_await tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0,
                                             {.ssl = context_with(certificate)});
  std::string text = "no error";
  try {
    auto [reader, writer] =
        co_await tutti::open_connection("127.0.0.1", server.port(), {.ssl = client, .server_hostname = host});
    EXPECT_EQ(co_await reader.read(), "");
    co_await close(writer);
  } catch (const SSLCertVerificationError& error) {
    const std::string who = host.starts_with("127.") ? "" : host + " (";
    EXPECT_TRUE(contains(error.what(), "TLS handshake with " + who + "127.0.0.1:")) << error.what();
    EXPECT_EQ(error.reason(), "certificate verify failed: " + error.verify_message());
    EXPECT_NE(error.verify_code(), 0);
    text = error.verify_message();
  }
  server.close();
  co_await server.wait_closed();
  co_return text;
}

// test_ssl: test_create_connection_ssl_failed_certificate
TUTTI_TEST(TLSVerification, SaysWhyACertificateIsNotTaken) {
  Authority stranger("Somebody else");
  EXPECT_EQ(co_await verdict(stranger.issue("localhost")), "unable to get local issuer certificate");
  EXPECT_EQ(co_await verdict(authority().self_signed("localhost")), "self-signed certificate");
  EXPECT_EQ(co_await verdict(authority().issue("localhost", {.valid_from = -48h, .valid_to = -24h})),
            "certificate has expired");
  EXPECT_EQ(co_await verdict(authority().issue("localhost", {.valid_from = 24h, .valid_to = 48h})),
            "certificate is not yet valid");
}

TUTTI_TEST(TLSVerification, ChecksTheHostName) {
  const std::string certificate =
      authority().issue("server", {.alternative_names = "DNS:one.example,DNS:*.two.example,IP:127.0.0.9"});
  for (const char* host : {"one.example", "ONE.example", "any.two.example", "127.0.0.9"}) {
    EXPECT_EQ(co_await verdict(certificate, host), "no error") << host;
  }
  for (const std::string host : {"localhost", "two.example", "a.b.two.example", "server"}) {
    EXPECT_EQ(co_await verdict(certificate, host), "hostname mismatch, certificate is not valid for '" + host + "'");
  }
  EXPECT_EQ(co_await verdict(certificate, "127.0.0.1"),
            "IP address mismatch, certificate is not valid for '127.0.0.1'");
}

TUTTI_TEST(TLSVerification, TakesWhatItIsToldToTake) {
  Authority stranger("Somebody else");
  SSLContext any = client_context();
  any.set_check_hostname(false);
  EXPECT_EQ(co_await verdict(authority().issue("x", {.alternative_names = ""}), "localhost", any), "no error");
  EXPECT_NE(co_await verdict(stranger.issue("localhost"), "localhost", any), "no error");
  any.set_verify_mode(tutti::VerifyMode::none);
  EXPECT_EQ(co_await verdict(stranger.issue("localhost"), "localhost", any), "no error");
  EXPECT_EQ(co_await verdict(stranger.issue("localhost"), "", any), "no error");
}

TUTTI_TEST(TLSVerification, TrustsNobodyElseThanItsOwn) {
  EXPECT_NE(co_await verdict(authority().issue("localhost"), "localhost", tutti::create_default_context()), "no error");
  SSLContext pem(tutti::SSLProtocol::tls_client);
  EXPECT_NE(co_await verdict(authority().issue("localhost"), "localhost", pem), "no error");
  pem.load_verify_locations({.cadata = authority().pem()});
  EXPECT_EQ(co_await verdict(authority().issue("localhost"), "localhost", pem), "no error");
}

// test_streams: test_open_connection_no_loop_ssl
TUTTI_TEST(TLSVerification, IsOnByDefault) {
  auto server = co_await tutti::start_server(unused, "127.0.0.1", 0, {.ssl = server_context()});
  EXPECT_THROW(co_await tutti::open_connection("127.0.0.1", server.port(), {.ssl = true}), SSLCertVerificationError);
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(TLSVerification, UsesTheHostThatWasAskedFor) {
  auto server = co_await tutti::start_server(greet, "127.0.0.1", 0, {.ssl = server_context()});
  auto [reader, writer] = co_await tutti::open_connection("localhost", server.port(), {.ssl = client_context()});
  EXPECT_EQ(writer.ssl_object()->server_hostname(), "localhost");
  EXPECT_EQ(co_await reader.read(), "welcome");
  co_await close(writer);
  server.close();
  co_await server.wait_closed();
}

// ---- options ----

// test_sslproto: test_handshake_timeout_zero, test_handshake_timeout_negative, test_start_tls_wrong_args
TUTTI_TEST(TLSOptions, MustFit) {
  auto server = co_await tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0);
  const auto attempt = [&](tutti::ConnectOptions options) {
    return error_of<tutti::ValueError>(tutti::open_connection("127.0.0.1", server.port(), std::move(options)));
  };
  EXPECT_EQ(co_await attempt({.ssl = server_context()}), "open_connection: ssl must be a client's context");
  EXPECT_EQ(co_await attempt({.server_hostname = "localhost"}),
            "open_connection: server_hostname is only meaningful with ssl");
  EXPECT_EQ(co_await attempt({.ssl = client_context(), .server_hostname = ""}),
            "check_hostname requires a server_hostname");
  EXPECT_EQ(co_await attempt({.ssl = client_context(), .server_hostname = "bücher.example"}),
            "server_hostname: must be ASCII (IDNA): bücher.example");
  EXPECT_EQ(co_await attempt({.ssl = client_context(), .server_hostname = std::string("a\0b", 3)}),
            "server_hostname: a null byte");
  EXPECT_EQ(co_await attempt({.ssl = client_context(), .ssl_handshake_timeout = 0s}),
            "ssl_handshake_timeout must be positive");
  EXPECT_EQ(co_await attempt({.ssl = client_context(), .ssl_shutdown_timeout = -1s}),
            "ssl_shutdown_timeout must be positive");
  EXPECT_EQ(co_await error_of<tutti::ValueError>(tutti::open_unix_connection("/nowhere", {.ssl = client_context()})),
            "open_connection: TLS needs a server_hostname");
  EXPECT_EQ(co_await error_of<tutti::ValueError>(tutti::start_server(unused, "", 0, {.ssl = client_context()})),
            "start_server: ssl must be a server's context");
  server.close();
  co_await server.wait_closed();
}

}  // namespace

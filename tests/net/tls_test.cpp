// SPDX-License-Identifier: MIT
// Connections with TLS, from the handshake to what is known of them. Tests that mirror one of CPython's name it.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/gather.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "tls_support.hpp"

namespace {

using namespace net_support;
using namespace tls_support;
using namespace std::chrono_literals;
using test_support::authority;
using tutti::StreamReader;
using tutti::StreamWriter;

const std::string kFlood(16U << 20U, 'x');

// test_ssl: test_create_server_ssl_1, test_create_connection_ssl_1
TUTTI_TEST(TLS, ServesManyClients) {
  constexpr int kClients = 25;
  const std::string a(1024 * 8, 'A');
  const std::string b(1024 * 8, 'B');
  auto server = co_await tutti::start_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        EXPECT_EQ(co_await reader.readexactly(a.size()), a);
        writer.write("OK");
        EXPECT_EQ(co_await reader.readexactly(b.size()), b);
        writer.writelines({"SP", "A", "M"});
        co_await writer.drain();
        writer.close();
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  const SSLContext context = client_context();
  const auto client = [&]() -> Coro<> {
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port(), {.ssl = context});
    writer.write(a);
    EXPECT_EQ(co_await reader.readexactly(2), "OK");
    writer.write(b);
    EXPECT_EQ(co_await reader.readexactly(4), "SPAM");
    EXPECT_EQ(co_await reader.read(), "");
    co_await close(writer);
  };
  std::vector<tutti::Task<>> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(tutti::create_task(client()));
  co_await tutti::gather(clients);
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(TLS, CarriesMessagesOfAnySize) {
  auto pair = co_await tls_pair();
  for (std::size_t size = 1; size < 300'000; size = size * 5 / 4 + 1) {
    std::string message(size, 'a');
    for (std::size_t i = 0; i < size; i += 100) message[i] = static_cast<char>('a' + (i / 100 + size) % 26);
    pair.client.writer.write(message);
    auto drain = tutti::create_task(pair.client.writer.drain());
    EXPECT_TRUE(co_await pair.peer.reader.readexactly(size) == message) << size;
    co_await drain;
  }
  co_await close(pair);
}

TUTTI_TEST(TLS, WritesManyPiecesInOrder) {
  auto pair = co_await tls_pair();
  std::vector<std::string> texts;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    texts.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 130, '.'));
    expected += texts.back();
  }
  const std::vector<tutti::BytesView> pieces(texts.begin(), texts.end());
  pair.client.writer.writelines(pieces);
  EXPECT_TRUE(co_await pair.peer.reader.readexactly(expected.size()) == expected);
  co_await close(pair);
}

// ---- flow control ----

TUTTI_TEST(TLS, LetsDrainWaitUntilTheReaderReads) {
  auto pair = co_await tls_pair();
  pair.client.writer.write(kFlood);
  EXPECT_GT(pair.client.writer.transport().write_buffer_size(), 64U * 1024);
  auto first = tutti::create_task(pair.client.writer.drain());
  auto second = tutti::create_task(pair.client.writer.drain());
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0s);
  EXPECT_FALSE(first.done());
  first.cancel();
  EXPECT_THROW(co_await first, tutti::CancelledError);
  EXPECT_EQ((co_await pair.peer.reader.readexactly(kFlood.size())).size(), kFlood.size());
  co_await second;
  co_await close(pair);
}

TUTTI_TEST(TLS, StopsReadingAheadOfASlowReader) {
  auto pair = co_await tls_pair(1024);
  pair.client.writer.write(kFlood);
  auto drain = tutti::create_task(pair.client.writer.drain());
  co_await until([&] { return pair.peer.reader.buffered().size() > 2048; });
  for (int i = 0; i < 50; ++i) co_await tutti::sleep(0s);
  EXPECT_LE(pair.peer.reader.buffered().size(), 2048U + 66 * 1024U);
  EXPECT_FALSE(pair.peer.writer.transport().is_reading());
  EXPECT_FALSE(drain.done());
  EXPECT_EQ((co_await pair.peer.reader.readexactly(kFlood.size())).size(), kFlood.size());
  co_await drain;
  co_await close(pair);
}

TUTTI_TEST(TLS, LosesNoByteWhenReadsAreCancelled) {
  auto pair = co_await tls_pair();
  std::string received;
  std::string sent;
  for (int i = 0; i < 100; ++i) {
    const std::string piece = std::to_string(i) + ",";
    sent += piece;
    auto read = tutti::create_task(pair.client.reader.read(100));
    if (i % 4 != 0) co_await tutti::sleep(0s);
    pair.peer.writer.write(piece);
    if (i % 4 == 2) co_await tutti::sleep(0s);
    read.cancel();
    try {
      received += co_await read;
    } catch (const tutti::CancelledError&) {
    }
  }
  pair.peer.writer.close();
  received += co_await pair.client.reader.read();
  EXPECT_EQ(received, sent);
  co_await close(pair);
}

// ---- what is known ----

TUTTI_TEST(TLS, TellsWhatWasAgreedOn) {
  SSLContext server = server_context();
  SSLContext client = client_context();
  server.set_alpn_protocols({"h2", "http/1.1"});
  client.set_alpn_protocols({"http/1.1", "h2"});
  auto pair = co_await tls_pair(server, client);
  for (const auto* end : {&pair.client, &pair.peer}) {
    const tutti::SSLObject* const info = end->writer.ssl_object();
    CO_ASSERT_TRUE(info != nullptr);
    EXPECT_EQ(info->version(), "TLSv1.3");
    CO_ASSERT_TRUE(info->cipher().has_value());
    EXPECT_TRUE(info->cipher()->name.starts_with("TLS_")) << info->cipher()->name;
    EXPECT_EQ(info->cipher()->protocol, "TLSv1.3");
    EXPECT_GE(info->cipher()->bits, 128);
    EXPECT_EQ(info->selected_alpn_protocol(), "h2");
    EXPECT_FALSE(info->session_reused());
    EXPECT_FALSE(info->close_notify_received());
  }
  EXPECT_FALSE(pair.client.writer.ssl_object()->server_side());
  EXPECT_EQ(pair.client.writer.ssl_object()->server_hostname(), "127.0.0.1");
  EXPECT_EQ(pair.client.writer.ssl_object()->context(), client);
  EXPECT_TRUE(pair.peer.writer.ssl_object()->server_side());
  EXPECT_FALSE(pair.client.writer.can_write_eof());
  EXPECT_THROW(pair.client.writer.write_eof(), tutti::RuntimeError);
  EXPECT_EQ(pair.client.writer.peername(), pair.peer.writer.sockname());
  co_await close(pair);
  EXPECT_EQ(pair.client.writer.ssl_object()->version(),
            "TLSv1.3");  // test_sslproto: …get_extra_info_on_closed_connection
  EXPECT_TRUE(pair.client.writer.ssl_object()->close_notify_received());
  EXPECT_EQ(pair.client.writer.fd(), -1);
}

TUTTI_TEST(TLS, AgreesOnNothingWithoutACommonProtocol) {
  SSLContext server = server_context();
  SSLContext client = client_context();
  server.set_alpn_protocols({"h2"});
  client.set_alpn_protocols({"http/1.1"});
  auto pair = co_await tls_pair(server, client);
  EXPECT_EQ(pair.client.writer.ssl_object()->selected_alpn_protocol(), std::nullopt);
  EXPECT_EQ(pair.client.writer.ssl_object()->getpeercert()->subject, "CN=localhost");
  EXPECT_EQ(pair.peer.writer.ssl_object()->getpeercert(), std::nullopt);
  co_await close(pair);
}

TUTTI_TEST(TLS, ShowsThePeersCertificate) {
  auto pair = co_await tls_pair();
  const auto certificate = pair.client.writer.ssl_object()->getpeercert();
  CO_ASSERT_TRUE(certificate.has_value());
  EXPECT_EQ(certificate->issuer, "CN=Tutti tests");
  using Name = std::pair<std::string, std::string>;
  EXPECT_EQ(certificate->subject_alt_name,
            (std::vector<Name>{{"DNS", "localhost"}, {"IP Address", "127.0.0.1"}, {"IP Address", "::1"}}));
  EXPECT_FALSE(certificate->serial_number.empty());
  EXPECT_TRUE(certificate->not_after.ends_with("GMT")) << certificate->not_after;
  EXPECT_GT(certificate->der.size(), 100U);
  co_await close(pair);
}

TUTTI_TEST(TLS, HasNothingToTellOfAPlainConnection) {
  auto pair = co_await connected_pair();
  EXPECT_EQ(pair.client.writer.ssl_object(), nullptr);
  co_await close(pair);
}

TUTTI_TEST(TLS, LogsItsKeys) {
  const std::string path = authority().path("connection.log");
  SSLContext client = client_context();
  client.set_keylog_filename(path);
  auto pair = co_await tls_pair(server_context(), client);
  co_await close(pair);
  std::ifstream log(path);
  std::string line;
  EXPECT_TRUE(std::getline(log, line));
  EXPECT_TRUE(contains(line, "_TRAFFIC_SECRET ")) << line;
  log.close();
  std::remove(path.c_str());
}

// ---- versions, names, certificates of clients ----

TUTTI_TEST(TLS, SpeaksTheOlderVersionIfItMust) {
  SSLContext client = client_context();
  client.set_maximum_version(tutti::TLSVersion::tls_1_2);
  client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256");
  auto pair = co_await tls_pair(server_context(), client);
  EXPECT_EQ(pair.client.writer.ssl_object()->version(), "TLSv1.2");
  EXPECT_EQ(pair.client.writer.ssl_object()->cipher()->name, "ECDHE-ECDSA-AES128-GCM-SHA256");
  pair.client.writer.write("ping");
  EXPECT_EQ(co_await pair.peer.reader.readexactly(4), "ping");
  co_await close(pair);
}

TUTTI_TEST(TLS, ServesEachNameWithItsOwnCertificate) {
  SSLContext first = server_context();
  SSLContext second = tutti::create_default_context(tutti::Purpose::client_auth);
  second.load_cert_chain(authority().issue("second", {.alternative_names = "DNS:second.example"}));
  first.set_sni_callback([second](std::string_view name) -> std::optional<SSLContext> {
    if (name == "second.example") return second;
    return std::nullopt;
  });
  auto server = co_await tutti::start_server(
      [](StreamReader, StreamWriter writer) { writer.write(writer.ssl_object()->server_hostname()); }, "127.0.0.1", 0,
      {.ssl = first});
  for (const std::string name : {"localhost", "second.example"}) {
    auto [reader, writer] =
        co_await tutti::open_connection("127.0.0.1", server.port(), {.ssl = client_context(), .server_hostname = name});
    EXPECT_EQ(co_await reader.read(), name);
    EXPECT_EQ(writer.ssl_object()->getpeercert()->subject, name == "localhost" ? "CN=localhost" : "CN=second");
    co_await close(writer);
  }
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(TLS, AsksClientsForCertificates) {
  SSLContext server = server_context();
  server.load_verify_locations({.cafile = authority().file()});
  server.set_verify_mode(tutti::VerifyMode::required);
  SSLContext client = client_context();
  client.load_cert_chain(authority().issue("client number one"));
  auto pair = co_await tls_pair(server, client);
  EXPECT_EQ(pair.peer.writer.ssl_object()->getpeercert()->subject, "CN=client number one");
  co_await close(pair);

  // Without one the client learns it when it reads: its own handshake has ended before.
  auto other = co_await tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0, {.ssl = server});
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", other.port(), {.ssl = client_context()});
  const std::string text = co_await error_of<tutti::SSLError>(reader.read());
  EXPECT_TRUE(contains(text, "alert certificate required")) << text;
  EXPECT_THROW(co_await writer.wait_closed(), tutti::SSLError);
  other.close();
  co_await other.wait_closed();
}

}  // namespace

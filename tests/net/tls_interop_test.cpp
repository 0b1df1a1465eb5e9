// SPDX-License-Identifier: MIT
// TLS with other people's ends: Python's ssl module and the program openssl.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <tutti/task/executor.hpp>
#include <tutti/testing/test.hpp>

#include "support/program.hpp"
#include "tls_support.hpp"

namespace {

using namespace net_support;
using namespace tls_support;
using test_support::authority;
using test_support::Program;
using tutti::StreamReader;
using tutti::StreamWriter;

using namespace std::chrono_literals;

/// Other people's programs take their time to start.
constexpr auto kPatience = 50s;

/// `call()` in another thread: the program that it waits for may wait for us.
template <class F>
auto elsewhere(F call) {
  return tutti::run_in_executor(std::move(call));
}

// test_ssl: test_create_server_ssl_1, with Python's blocking client
TUTTI_TEST(TLSInterop, ServesPython) {
  tutti::testing::set_time_limit(kPatience);
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        const std::string data = co_await reader.readexactly(300'000);
        writer.write(data);
        EXPECT_EQ(co_await reader.read(), "");
        EXPECT_TRUE(writer.ssl_object()->close_notify_received());
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  const char* const script = R"(
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
context.set_alpn_protocols(['tutti', 'other'])
with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as plain:
    with context.wrap_socket(plain, server_hostname='localhost') as sock:
        data = bytes(range(250)) * 1200
        sock.sendall(data)
        back = b''
        while len(back) < len(data):
            back += sock.recv(65536)
        assert back == data
        print(sock.version(), sock.selected_alpn_protocol(), sock.getpeercert()['subject'])
        sock.unwrap()
)";
  Program python({"python3", "-c", script, std::to_string(server.port()), authority().file()});
  EXPECT_EQ(co_await elsewhere([&] { return python.rest(); }), "TLSv1.3 None ((('commonName', 'localhost'),),)\n");
  server.close();
  co_await server.wait_closed();
}

// test_ssl: test_create_connection_ssl_1, test_shutdown_cleanly, with Python's blocking server
TUTTI_TEST(TLSInterop, TalksToPython) {
  tutti::testing::set_time_limit(kPatience);
  const std::string certificate = authority().issue("localhost");
  const char* const script = R"(
import socket, ssl, sys
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1])
with socket.create_server(('127.0.0.1', 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    for end in ('unwrap', 'close'):
        sock = context.wrap_socket(listener.accept()[0], server_side=True)
        data = b''
        while len(data) < 300000:
            data += sock.recv(65536)
        sock.sendall(data[::-1])
        if end == 'unwrap':
            sock.unwrap()
        sock.close()
)";
  Program python({"python3", "-c", script, certificate});
  const std::string port = co_await elsewhere([&] { return python.line(); });
  std::string data(300'000, 'x');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 26);
  for (const bool in_order : {true, false}) {
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)),
                                                            {.ssl = client_context()});
    writer.write(data);
    EXPECT_EQ(co_await reader.read(), std::string(data.rbegin(), data.rend()));
    EXPECT_EQ(writer.ssl_object()->close_notify_received(), in_order);
    co_await close(writer);
  }
  EXPECT_EQ(co_await elsewhere([&] { return python.rest(); }), "");
  EXPECT_EQ(co_await elsewhere([&] { return python.wait(); }), 0);
}

TUTTI_TEST(TLSInterop, GoesOnWithTLSLikeAMailServer) {
  tutti::testing::set_time_limit(kPatience);
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("220 tutti ESMTP\r\n");
        EXPECT_EQ((co_await reader.readline()).substr(0, 4), "ehlo");
        writer.write("250-tutti\r\n250 STARTTLS\r\n");
        EXPECT_EQ(co_await reader.readline(), "STARTTLS\r\n");
        writer.write("220 go ahead\r\n");
        co_await writer.start_tls(server_context());
        EXPECT_EQ((co_await reader.readline()).substr(0, 4), "ehlo");
        writer.write("250 tutti\r\n");
        EXPECT_EQ(co_await reader.readline(), "QUIT\r\n");
        writer.write("221 bye\r\n");
      },
      "127.0.0.1", 0);
  const char* const script = R"(
import smtplib, ssl, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1])) as client:
    client._host = 'localhost'
    print(client.starttls(context=ssl.create_default_context(cafile=sys.argv[2])))
    print(client.ehlo()[0])
)";
  Program python({"python3", "-c", script, std::to_string(server.port()), authority().file()});
  EXPECT_EQ(co_await elsewhere([&] { return python.rest(); }), "(220, b'go ahead')\n250\n");
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(TLSInterop, RefusesRenegotiation) {
  tutti::testing::set_time_limit(kPatience);
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        try {
          (void)co_await reader.read();
        } catch (const tutti::SSLError&) {
          writer.abort();
        }
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  // A line that begins with R asks s_client to renegotiate.
  Program client({"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(server.port()), "-tls1_2", "-CAfile",
                  authority().file()},
                 "R\n");
  const std::string output = co_await elsewhere([&] { return client.rest(); });
  EXPECT_TRUE(contains(output, "Verify return code: 0 (ok)")) << output;
  EXPECT_TRUE(contains(output, "RENEGOTIATING")) << output;
  EXPECT_TRUE(contains(output, "no renegotiation")) << output;
  server.close();
  co_await server.wait_closed();
}

}  // namespace

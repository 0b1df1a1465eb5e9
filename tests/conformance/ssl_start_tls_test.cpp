// SPDX-License-Identifier: MIT
// CPython's test_ssl and test_sslproto, what both have: connections that begin in the clear and go on with TLS. In test_ssl the peer ends
// with TLS's own end, in test_sslproto it just shuts the connection down.
#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/task/timeout.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "conformance/ssl_support.hpp"
#include "net/protocol_support.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::BufferRecorder;
using protocol_support::Events;
using protocol_support::make_recorder;
using protocol_support::Recorder;
using std::string;
using test_support::until;

const string hello(1024 * 100, '1');
const TLSOptions localhost{.server_hostname = "localhost"};

enum class Ending { clean, shutdown };

Coro<> end_connection(StreamWriter& writer, Ending ending) {
  if (ending == Ending::shutdown) {
    co_await turn();  // what was written has left
    ::shutdown(writer.fd(), SHUT_RDWR);
  }
  co_await close_quietly(writer);
}

/// Speaks in the clear, then says "O" with TLS and hears the answer.
Coro<Server> serve_start_tls(Ending ending, string last = {}) {
  return start_server(
      [ending, last](StreamReader reader, StreamWriter writer) -> Coro<> {
        EXPECT_TRUE(co_await reader.readexactly(hello.size()) == hello);
        co_await writer.start_tls(tls_support::server_context());
        writer.write("O");
        EXPECT_TRUE(co_await reader.readexactly(hello.size()) == hello);
        if (!last.empty()) {
          writer.write(last);
          EXPECT_TRUE(co_await reader.readexactly(hello.size()) == hello);
        }
        co_await end_connection(writer, ending);
      },
      "127.0.0.1", 0);
}

Coro<> start_tls_client_reg_proto(Ending ending) {
  auto server = co_await serve_start_tls(ending);
  Released released;
  {
    const auto [plain, protocol] = co_await create_connection(make_recorder(), "127.0.0.1", server.port());
    plain->write(hello);
    const auto secure = co_await start_tls(plain, protocol, released.watch(tls_support::client_context()), localhost);
    co_await until([&, recorder = protocol.get()] { return recorder->data == "O"; });
    secure->write(hello);
    co_await protocol->lost;
    EXPECT_EQ(protocol->events, (Events{"made", "data", "eof", "lost"}));
    secure->close();
    protocol->transport.reset();
  }
  co_await stop(server);
  EXPECT_TRUE(co_await becomes_released(released));
}
CONFORMANCE_IO(test_ssl, TestSSL, test_start_tls_client_reg_proto_1) {
  co_await start_tls_client_reg_proto(Ending::clean);
}
CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_start_tls_client_reg_proto_1) {
  co_await start_tls_client_reg_proto(Ending::shutdown);
}

/// One connection with TLS from its beginning, by a protocol that keeps its transport.
Coro<> use_connection(const Server& server, SSLContext context) {
  const auto [transport, protocol] =
      co_await create_connection(make_recorder(), "127.0.0.1", server.port(), {.ssl = std::move(context)});
  co_await until([recorder = protocol.get()] { return recorder->data == "O"; });
  transport->write(hello);
  co_await protocol->lost;
  EXPECT_EQ(protocol->events, (Events{"made", "data", "eof", "lost"}));
  transport->close();
}

// Nothing is left, though the protocol and the transport have had each other.
Coro<> create_connection_memory_leak(Ending ending) {
  auto server = co_await start_server(
      [ending](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("O");
        EXPECT_TRUE(co_await reader.readexactly(hello.size()) == hello);
        co_await end_connection(writer, ending);
      },
      "127.0.0.1", 0, {.ssl = tls_support::server_context()});
  Released released;
  co_await use_connection(server, released.watch(tls_support::client_context()));
  co_await stop(server);
  EXPECT_TRUE(co_await becomes_released(released));
}
CONFORMANCE_IO(test_ssl, TestSSL, test_create_connection_memory_leak) {
  co_await create_connection_memory_leak(Ending::clean);
}
CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_create_connection_memory_leak) {
  co_await create_connection_memory_leak(Ending::shutdown);
}

Coro<> start_tls_client_buf_proto(Ending ending) {
  auto server = co_await serve_start_tls(ending, "2");
  const auto first = std::make_shared<BufferRecorder>();
  first->memory.resize(1);
  const auto second = std::make_shared<Recorder>();
  second->note("waits");
  const auto [plain, protocol] = co_await create_connection([&] { return first; }, "127.0.0.1", server.port());
  plain->write(hello);
  const auto secure = co_await start_tls(plain, protocol, tls_support::client_context(), localhost);
  co_await until([&] { return first->data == "O"; });
  secure->set_protocol(second);
  secure->write(hello);
  co_await until([&] { return second->data == "2"; });
  secure->write(hello);
  co_await second->lost;
  EXPECT_EQ(first->events, (Events{"made", "data"}));  // neither start_tls nor set_protocol tells of a connection again
  EXPECT_EQ(second->events, (Events{"waits", "data", "eof", "lost"}));
  first->transport.reset();
  co_await stop(server);
}
CONFORMANCE_IO(test_ssl, TestSSL, test_start_tls_client_buf_proto_1) {
  co_await start_tls_client_buf_proto(Ending::clean);
}
CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_start_tls_client_buf_proto_1) {
  co_await start_tls_client_buf_proto(Ending::shutdown);
}

Coro<> start_tls_slow_client_cancel() {
  // The server says nothing to the handshake.
  bool ended = false;
  const Future<> waits_on_handshake;
  auto server = co_await start_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        EXPECT_TRUE(co_await reader.readexactly(hello.size()) == hello);
        waits_on_handshake.set_result();
        (void)co_await error_of(reader.read());
        ended = true;
        co_await close_quietly(writer);
      },
      "127.0.0.1", 0);
  const auto [plain, protocol] = co_await create_connection(make_recorder(), "127.0.0.1", server.port());
  plain->write(hello);
  co_await waits_on_handshake;
  EXPECT_THROW(co_await wait_for(start_tls(plain, protocol, tls_support::client_context(), localhost), 1ms),
               TimeoutError);
  co_await until([&] { return ended; });
  EXPECT_EQ(protocol->events, Events{"made"});
  protocol->transport.reset();
  co_await stop(server);
}
CONFORMANCE_IO(test_ssl, TestSSL, test_start_tls_slow_client_cancel) { co_await start_tls_slow_client_cancel(); }
CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_start_tls_slow_client_cancel) {
  co_await start_tls_slow_client_cancel();
}

Coro<> start_tls_server(Ending ending) {
  const string answer = ending == Ending::shutdown ? "answer" : "";
  const auto protocol = std::make_shared<Recorder>();
  auto server = co_await create_server([&] { return protocol; }, "127.0.0.1", 0);
  const auto client = create_task([&]() -> Coro<> {
    auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
    EXPECT_TRUE(co_await reader.readexactly(hello.size()) == hello);
    co_await writer.start_tls(tls_support::client_context(), localhost);
    writer.write(hello);
    EXPECT_EQ(co_await reader.readexactly(answer.size()), answer);
    co_await end_connection(writer, ending);
  });
  co_await protocol->made;
  const auto plain = std::exchange(protocol->transport, nullptr);
  plain->write(hello);
  EXPECT_EQ(protocol->data, "");
  const auto secure = co_await start_tls(plain, protocol, tls_support::server_context());
  co_await until([&] { return protocol->data.size() == hello.size(); });
  secure->write(answer);
  co_await protocol->lost;
  EXPECT_TRUE(protocol->data == hello);
  EXPECT_FALSE(protocol->error) << describe(protocol->error);
  EXPECT_EQ(protocol->events, (Events{"made", "data", "eof", "lost"}));
  secure->close();
  co_await client;
  co_await stop(server);
}
CONFORMANCE_IO(test_ssl, TestSSL, test_start_tls_server_1) { co_await start_tls_server(Ending::clean); }
CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_start_tls_server_1) { co_await start_tls_server(Ending::shutdown); }

Coro<> start_tls_client_corrupted_ssl() {
  auto server = co_await start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("A\n");
        EXPECT_EQ(co_await reader.readexactly(1), "B");
        const string text = "please corrupt the SSL connection";
        EXPECT_EQ(::send(writer.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
        co_await close_quietly(writer);
      },
      "127.0.0.1", 0, {.ssl = tls_support::server_context()});
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port(), {.ssl = tls_support::client_context()});
  EXPECT_EQ(co_await reader.readline(), "A\n");
  writer.write("B");
  EXPECT_THROW(co_await reader.readline(), SSLError);
  writer.close();
  EXPECT_THROW(co_await writer.wait_closed(), SSLError);
  co_await stop(server);
}
CONFORMANCE_IO(test_ssl, TestSSL, test_start_tls_client_corrupted_ssl) { co_await start_tls_client_corrupted_ssl(); }
CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_start_tls_client_corrupted_ssl) {
  co_await start_tls_client_corrupted_ssl();
}

}  // namespace
}  // namespace tutti::conformance

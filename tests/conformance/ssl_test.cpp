// SPDX-License-Identifier: MIT
// CPython's test_ssl: streams and protocols with TLS from the beginning. The rest is in ssl_start_tls_test.cpp.
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/timeout.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "conformance/ssl_support.hpp"
#include "net/protocol_support.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::Events;
using protocol_support::make_recorder;
using protocol_support::Recorder;
using std::string;
using test_support::until;
using tls_support::client_context;
using tls_support::server_context;

const int clients = 25;
const string a_data(64 * 1024, 'A');
const string b_data(64 * 1024, 'B');

Coro<> serve_spam(StreamReader reader, StreamWriter writer) {
  EXPECT_TRUE(co_await reader.readexactly(a_data.size()) == a_data);
  writer.write("OK");
  EXPECT_TRUE(co_await reader.readexactly(b_data.size()) == b_data);
  const BytesView pieces[] = {"SP", "A", "M"};
  writer.writelines(pieces);
  co_await writer.drain();
  writer.close();
}

Coro<> ask_for_spam(Streams streams) {
  auto& [reader, writer] = streams;
  writer.write(a_data);
  EXPECT_EQ(co_await reader.readexactly(2), "OK");
  writer.write(b_data);
  EXPECT_EQ(co_await reader.readexactly(4), "SPAM");
  co_await close(writer);
}

/// As many clients at once.
Coro<> run_clients(std::function<Coro<>()> client) {
  std::vector<Task<>> tasks;
  for (int i = 0; i < clients; ++i) tasks.push_back(create_task(client()));
  EXPECT_EQ((co_await gather(tasks)).size(), static_cast<std::size_t>(clients));
}

Coro<Streams> connect(const Server& server) {
  return open_connection("127.0.0.1", server.port(), {.ssl = client_context()});
}

CONFORMANCE_IO(test_ssl, TestSSL, test_create_server_ssl_1) {
  auto server = co_await start_server(&serve_spam, "127.0.0.1", 0, {.ssl = server_context()});
  co_await run_clients([&]() -> Coro<> { co_await ask_for_spam(co_await connect(server)); });
  co_await stop(server);
}

CONFORMANCE_IO(test_ssl, TestSSL, test_create_connection_ssl_1) {
  // By address, and on sockets that are connected already.
  auto server = co_await start_server(&serve_spam, "127.0.0.1", 0, {.ssl = server_context()});
  co_await run_clients([&]() -> Coro<> { co_await ask_for_spam(co_await connect(server)); });
  co_await run_clients([&]() -> Coro<> {
    Socket socket(AddressFamily::ipv4);
    co_await sock_connect(socket, server.sockets().front());
    co_await ask_for_spam(
        co_await open_connection(std::move(socket), {.ssl = client_context(), .server_hostname = "localhost"}));
  });
  co_await stop(server);
}

/// A server that hears a handshake and says nothing to it.
class SilentServer {
 public:
  Coro<Server> start() {
    return start_server(
        [this](StreamReader reader, StreamWriter writer) -> Coro<> {
          (void)co_await error_of(reader.peek());
          heard = true;
          (void)co_await error_of(reader.read());
          ended = true;
          co_await close_quietly(writer);
        },
        "127.0.0.1", 0);
  }
  bool heard = false;
  bool ended = false;
};

CONFORMANCE_IO(test_ssl, TestSSL, test_create_connection_ssl_slow_handshake) {
  SilentServer silent;
  auto server = co_await silent.start();
  const auto error = co_await error_of(
      open_connection("127.0.0.1", server.port(), {.ssl = client_context(), .ssl_handshake_timeout = 1ms}));
  EXPECT_TRUE(contains(message_in<ConnectionAbortedError>(error), "took longer than"));
  co_await stop(server);
}

CONFORMANCE_IO(test_ssl, TestSSL, test_create_connection_ssl_failed_certificate) {
  auto server = co_await start_server(&serve_spam, "127.0.0.1", 0, {.ssl = server_context()});
  EXPECT_THROW(co_await open_connection("127.0.0.1", server.port(), {.ssl = true}), SSLCertVerificationError);
  co_await stop(server);
}

CONFORMANCE_IO(test_ssl, TestSSL, test_ssl_handshake_timeout) {
  // A handshake that is given up: the connection ends, and nothing is reported.
  SilentServer silent;
  auto server = co_await silent.start();
  auto connecting =
      create_task(create_connection(make_recorder(), "127.0.0.1", server.port(), {.ssl = client_context()}));
  co_await until([&] { return silent.heard; });
  EXPECT_THROW(co_await wait_for(std::move(connecting), 0s), TimeoutError);
  co_await until([&] { return silent.ended; });
  co_await stop(server);
}

CONFORMANCE_IO(test_ssl, TestSSL, test_ssl_handshake_connection_lost) {
  // Without `connection_made` there is no `connection_lost`.
  auto server = co_await start_server(
      [](StreamReader reader, StreamWriter) -> Coro<> { EXPECT_FALSE((co_await reader.read(1024)).empty()); },
      "127.0.0.1", 0);
  const auto protocol = std::make_shared<Recorder>();
  EXPECT_THROW(
      co_await create_connection([&] { return protocol; }, "127.0.0.1", server.port(), {.ssl = client_context()}),
      ConnectionResetError);
  co_await stop(server);
  EXPECT_EQ(protocol->events, Events{});
}

/// A connection that was accepted by hand: it hears "test data" and answers "roger".
Coro<> serve_accepted(std::optional<SSLContext> server_side, SSLOption client_side) {
  Socket listener(AddressFamily::ipv4);
  listener.bind(*Address::parse("127.0.0.1", 0));
  listener.listen(1);
  const bool tls = server_side.has_value();
  const auto client = create_task([&listener, client_side]() -> Coro<string> {
    auto [reader, writer] = co_await open_connection(listener.getsockname(), {.ssl = client_side});
    writer.write("test data");
    string response = co_await reader.read(99);
    co_await close(writer);
    co_return response;
  });
  auto [accepted, address] = co_await sock_accept(listener);
  const auto protocol = std::make_shared<Recorder>();
  protocol->on_data = [own = protocol.get()](BytesView) { own->transport->write("roger"); };
  const auto connected =
      co_await connect_accepted_socket([&] { return protocol; }, std::move(accepted), {.ssl = std::move(server_side)});
  EXPECT_EQ(connected.transport->ssl_object() != nullptr, tls);
  co_await protocol->lost;
  EXPECT_EQ(co_await client, "roger");
  EXPECT_EQ(protocol->data, "test data");
  EXPECT_EQ(protocol->events, (Events{"made", "data", "eof", "lost"}));
  protocol->transport.reset();
}

CONFORMANCE_IO(test_ssl, TestSSL, test_connect_accepted_socket) { co_await serve_accepted({}, {}); }
CONFORMANCE_IO(test_ssl, TestSSL, test_ssl_connect_accepted_socket) {
  co_await serve_accepted(server_context(), client_context());
}

CONFORMANCE_IO(test_ssl, TestSSL, test_create_server_ssl_over_ssl) {
  auto server = co_await start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        co_await writer.start_tls(server_context());
        co_await serve_spam(std::move(reader), std::move(writer));
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  co_await run_clients([&]() -> Coro<> {
    Streams streams = co_await connect(server);
    co_await streams.writer.start_tls(client_context(), {.server_hostname = "localhost"});
    co_await ask_for_spam(std::move(streams));
  });
  co_await stop(server);
}

// --- the end ---

CONFORMANCE_IO(test_ssl, TestSSL, test_shutdown_cleanly) {
  auto server = co_await start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        EXPECT_TRUE(co_await reader.readexactly(a_data.size()) == a_data);
        writer.write("OK");
        co_await close(writer);
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  co_await run_clients([&]() -> Coro<> {
    auto [reader, writer] = co_await connect(server);
    writer.write(a_data);
    EXPECT_EQ(co_await reader.readexactly(2), "OK");
    EXPECT_EQ(co_await reader.read(), "");
    co_await close(writer);
  });
  co_await stop(server);
}

const string flood(std::size_t{128} * 1024 * 32, 'x');

CONFORMANCE_IO(test_ssl, TestSSL, test_flush_before_shutdown) {
  auto pair = co_await tls_support::tls_pair();
  pair.client.writer.write("ping");
  EXPECT_EQ(co_await pair.peer.reader.readexactly(4), "ping");
  pair.peer.writer.transport().pause_reading();
  pair.client.writer.write(flood);
  EXPECT_GT(pair.client.writer.transport().write_buffer_size(), 0U);
  pair.client.writer.close();
  co_await turn();
  pair.peer.writer.transport().resume_reading();
  EXPECT_EQ((co_await pair.peer.reader.readexactly(flood.size())).size(), flood.size());
  co_await pair.client.writer.wait_closed();
  EXPECT_EQ(co_await pair.client.reader.read(), "");
  co_await net_support::close(pair);
}

enum class PeersEnd { close_notify, eof };

/// The peer ends its direction while we have much to send, and gets it all. `slow`: our socket takes little at a time.
Coro<> send_after_the_peers_end(PeersEnd end, bool slow) {
  auto pair = co_await tls_support::tls_pair(1024);
  pair.peer.writer.transport().pause_reading();
  if (slow) {
    const int small = 64 * 1024;
    ::setsockopt(pair.client.writer.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  }
  const string backlog = slow ? flood + flood : flood;
  pair.client.writer.write(backlog);
  EXPECT_GT(pair.client.writer.transport().write_buffer_size(), 0U);
  if (end == PeersEnd::eof) {
    ::shutdown(pair.peer.writer.fd(), SHUT_WR);
  } else {
    ::SSL_shutdown(pair.peer.writer.ssl_object()->native_handle());  // which does not wait for ours
  }
  pair.peer.writer.transport().resume_reading();
  auto received = create_task(pair.peer.reader.readexactly(backlog.size()));
  EXPECT_EQ(co_await pair.client.reader.read(), "");
  EXPECT_TRUE(co_await received == backlog);
  EXPECT_EQ(co_await pair.peer.reader.read(), "");
  EXPECT_TRUE(pair.peer.writer.ssl_object()->close_notify_received());
  co_await net_support::close(pair);
}

CONFORMANCE_IO(test_ssl, TestSSL, test_remote_shutdown_receives_trailing_data) {
  co_await send_after_the_peers_end(PeersEnd::close_notify, false);
  co_await send_after_the_peers_end(PeersEnd::eof, false);
}
CONFORMANCE_IO(test_ssl, TestSSL, test_remote_shutdown_receives_trailing_data_on_slow_socket) {
  co_await send_after_the_peers_end(PeersEnd::close_notify, true);
  co_await send_after_the_peers_end(PeersEnd::eof, true);
}

// --- nothing is left behind ---

CONFORMANCE_IO(test_ssl, TestSSL, test_connect_timeout_warning) {
  Socket deaf(AddressFamily::ipv4);
  deaf.bind(*Address::parse("127.0.0.1", 0));
  EXPECT_THROW(co_await wait_for(create_connection(make_recorder(), deaf.getsockname(), {.ssl = true}), 1h),
               ConnectionRefusedError);
}

CONFORMANCE_IO(test_ssl, TestSSL, test_handshake_timeout_handler_leak) {
  Socket listener(AddressFamily::ipv4);
  listener.bind(*Address::parse("127.0.0.1", 0));
  listener.listen(1);
  Released released;
  EXPECT_THROW(
      co_await wait_for(
          create_connection(make_recorder(), listener.getsockname(), {.ssl = released.watch(client_context())}), 1ms),
      TimeoutError);
  co_await turn();
  EXPECT_TRUE(co_await becomes_released(released));
}

/// Connects, closes, and lets go of everything.
Coro<> connect_and_close(const Server& server, SSLContext context) {
  const auto [transport, protocol] =
      co_await create_connection(make_recorder(), "127.0.0.1", server.port(), {.ssl = std::move(context)});
  transport->close();
  co_await protocol->lost;
  protocol->transport.reset();
}

CONFORMANCE_IO(test_ssl, TestSSL, test_shutdown_timeout_handler_leak) {
  auto server =
      co_await start_server([](StreamReader reader, StreamWriter) -> Coro<> { (void)co_await reader.read(32); },
                            "127.0.0.1", 0, {.ssl = server_context()});
  Released released;
  co_await connect_and_close(server, released.watch(client_context()));
  co_await stop(server);
  EXPECT_TRUE(co_await becomes_released(released));
}

CONFORMANCE_IO(test_ssl, TestSSL, test_shutdown_timeout_handler_not_set) {
  // The end of the connection waits until what came before it was read.
  bool ended = false;
  auto server = co_await start_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("hello");
        EXPECT_EQ(co_await reader.readexactly(5), "world");
        writer.write("extra bytes");
        co_await turn();  // they leave with the end of the iteration
        ::shutdown(writer.fd(), SHUT_WR);
        ended = true;
        EXPECT_EQ(co_await reader.read(), "");
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  const auto protocol = std::make_shared<Recorder>();
  protocol->on_data = [own = protocol.get()](BytesView data) {
    if (data != "hello") return;
    own->transport->write("world");
    own->transport->pause_reading();
  };
  const auto connected =
      co_await create_connection([&] { return protocol; }, "127.0.0.1", server.port(), {.ssl = client_context()});
  co_await until([&] { return ended; });
  co_await test_support::turns(5);
  EXPECT_EQ(protocol->data, "hello");
  connected.transport->resume_reading();
  co_await protocol->lost;
  EXPECT_EQ(protocol->data, "helloextra bytes");
  EXPECT_FALSE(protocol->error) << describe(protocol->error);
  connected.transport->close();
  protocol->transport.reset();
  co_await stop(server);
}

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// CPython's test_sslproto. What it has in common with test_ssl is in ssl_start_tls_test.cpp.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/sock.hpp>
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
using tls_support::client_context;
using tls_support::server_context;

const TLSOptions localhost{.server_hostname = "localhost"};

/// Of a client whose peer has its first words and does not answer.
Coro<Task<>> begin_start_tls(net_support::Pair& pair) {
  auto handshake = create_task(pair.client.writer.start_tls(client_context(), localhost));
  co_await until([&] { return !pair.peer.reader.buffered().empty(); });
  co_return handshake;
}

Coro<> end(net_support::Pair& pair) {
  co_await close_quietly(pair.client.writer);
  co_await close_quietly(pair.peer.writer);
  co_await stop(pair.server);
}

Coro<> expect_refused(Duration handshake_timeout) {
  auto [here, there] = Socket::pair();
  const auto error = co_await error_of(create_connection(
      make_recorder(), std::move(here),
      {.ssl = client_context(), .server_hostname = "localhost", .ssl_handshake_timeout = handshake_timeout}));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "must be positive"));
}
CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_handshake_timeout_zero) { co_await expect_refused(0s); }
CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_handshake_timeout_negative) {
  co_await expect_refused(-10s);
}

// --- during the handshake ---

/// A handshake that the other end does not answer.
struct Handshake {
  Socket peer;
  Task<Connected<Recorder>> connecting;
};
Coro<Handshake> begin_handshake() {
  auto [here, there] = Socket::pair();
  auto connecting = create_task(
      create_connection(make_recorder(), std::move(here), {.ssl = client_context(), .server_hostname = "localhost"}));
  EXPECT_FALSE((co_await sock_recv(there, 4096)).empty());
  co_return Handshake{std::move(there), std::move(connecting)};
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_eof_received_waiter) {
  auto [peer, connecting] = co_await begin_handshake();
  peer.shutdown(ShutdownSide::writing);
  EXPECT_THROW(co_await connecting, ConnectionResetError);
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_connection_lost) {
  auto pair = co_await net_support::connected_pair();
  auto handshake = co_await begin_start_tls(pair);
  pair.client.writer.abort();
  EXPECT_THROW(co_await handshake, ConnectionAbortedError);
  co_await end(pair);
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_close_during_handshake) {
  auto pair = co_await net_support::connected_pair();
  auto handshake = co_await begin_start_tls(pair);
  pair.client.writer.close();
  EXPECT_THROW(co_await handshake, ConnectionAbortedError);
  EXPECT_EQ(pair.client.writer.fd(), -1);
  (void)co_await error_of(pair.peer.reader.read());  // the peer has seen the end
  co_await end(pair);
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_close_during_ssl_over_ssl) {
  // Nothing is reported.
  auto pair = co_await tls_support::tls_pair();
  auto handshake = co_await begin_start_tls(pair);
  pair.client.writer.close();
  EXPECT_THROW(co_await handshake, ConnectionAbortedError);
  co_await end(pair);
}

CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_handshake_timeout) {
  Released released;
  auto [here, there] = Socket::pair();
  auto connecting = create_task(create_connection(
      make_recorder(), std::move(here), {.ssl = released.watch(client_context()), .server_hostname = "localhost"}));
  EXPECT_FALSE((co_await sock_recv(there, 4096)).empty());
  EXPECT_THROW(co_await wait_for(std::move(connecting), 0s), TimeoutError);
  EXPECT_EQ(co_await sock_recv(there, 4096), "");    // the connection has ended
  EXPECT_TRUE(co_await becomes_released(released));  // the time limit of the handshake, too
}

CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_create_connection_ssl_slow_handshake) {
  auto [here, there] = Socket::pair();
  const auto error = co_await error_of(open_connection(
      std::move(here), {.ssl = client_context(), .server_hostname = "localhost", .ssl_handshake_timeout = 1ms}));
  EXPECT_TRUE(contains(message_in<ConnectionAbortedError>(error), "took longer than"));
}

CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_create_connection_ssl_failed_certificate) {
  auto [here, there] = Socket::pair();
  const auto accepting =
      create_task(error_of(connect_accepted_socket(make_recorder(), std::move(there), {.ssl = server_context()})));
  EXPECT_THROW(co_await open_connection(std::move(here), {.ssl = true, .server_hostname = "localhost"}),
               SSLCertVerificationError);
  EXPECT_TRUE(holds<SSLError>(co_await accepting));
}

CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_start_tls_wrong_args) {
  // That there is a context is the compiler's to check; what kind of transport, is not.
  const auto protocol = std::make_shared<Recorder>();
  EXPECT_THROW(co_await start_tls(nullptr, protocol, server_context()), ValueError);
  EXPECT_THROW(co_await start_tls(std::make_shared<Transport>(), protocol, server_context()), ValueError);
}

// --- afterwards ---

/// A protocol with TLS on a pair of sockets, and streams at the other end.
struct SecureConnection {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<Recorder> protocol;
  Streams peer;
};
template <class P = Recorder>
Coro<std::pair<std::shared_ptr<P>, Streams>> connect_secure(std::shared_ptr<P> protocol) {
  auto [here, there] = Socket::pair();
  auto accepting =
      create_task(connect_accepted_socket([protocol] { return protocol; }, std::move(here), {.ssl = server_context()}));
  Streams peer = co_await open_connection(std::move(there), {.ssl = client_context(), .server_hostname = "localhost"});
  co_await accepting;
  co_return std::pair(protocol, std::move(peer));
}
Coro<SecureConnection> secure() {
  auto [protocol, peer] = co_await connect_secure(std::make_shared<Recorder>());
  auto transport = std::exchange(protocol->transport, nullptr);
  co_return SecureConnection{std::move(transport), std::move(protocol), std::move(peer)};
}
Coro<> finish(SecureConnection& connection) {
  connection.transport->close();
  co_await close_quietly(connection.peer.writer);
  co_await connection.protocol->lost;
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_connection_lost_when_busy) {
  // Who writes to a connection that breaks is told.
  auto pair = co_await tls_support::tls_pair();
  net_support::reset(pair.peer.writer);
  const auto write = [&]() -> Coro<> {
    for (;;) {
      pair.client.writer.write("An interesting message");
      co_await pair.client.writer.drain();
      co_await turn();
    }
  };
  EXPECT_TRUE(holds<ConnectionError>(co_await error_of(write())));
  co_await close_quietly(pair.client.writer);
  co_await stop(pair.server);
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_get_extra_info_on_closed_connection) {
  auto connection = co_await secure();
  EXPECT_GE(connection.transport->get_extra_info(extra_info::socket), 0);
  EXPECT_NE(connection.transport->get_extra_info(extra_info::ssl_object), nullptr);
  co_await finish(connection);
  EXPECT_EQ(connection.transport->get_extra_info(extra_info::socket), -1);
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_set_new_app_protocol) {
  auto connection = co_await secure();
  const auto second = std::make_shared<Recorder>();
  second->note("waits");
  connection.transport->set_protocol(second);
  EXPECT_EQ(connection.transport->get_protocol(), second);
  connection.peer.writer.write("hello");
  co_await until([&] { return second->data == "hello"; });
  connection.transport->close();
  co_await close_quietly(connection.peer.writer);
  co_await second->lost;
  EXPECT_EQ(connection.protocol->events, Events{"made"});
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_data_received_after_closing) {
  auto connection = co_await secure();
  connection.peer.writer.write("too late");
  connection.transport->close();
  co_await finish(connection);
  EXPECT_EQ(connection.protocol->data, "");
  EXPECT_EQ(connection.protocol->events, (Events{"made", "lost"}));
}

CONFORMANCE_IO(test_sslproto, SslProtoHandshakeTests, test_write_after_closing) {
  auto connection = co_await secure();
  connection.transport->close();
  EXPECT_NO_THROW(connection.transport->write("data"));
  EXPECT_EQ(co_await connection.peer.reader.read(), "");
  co_await finish(connection);
}

CONFORMANCE_IO(test_sslproto, BaseStartTLS, test_buf_feed_data) {
  // Memory of any size gets all that was decrypted, a piece at a time.
  for (const std::size_t size : {1U, 2U, 4U, 5U, 100U}) {
    const auto protocol = std::make_shared<BufferRecorder>();
    protocol->memory.resize(size);
    std::size_t largest = 0;
    protocol->on_data = [&](BytesView data) { largest = std::max(largest, data.size()); };
    auto [same, peer] = co_await connect_secure(protocol);
    peer.writer.write("12345");
    co_await until([&] { return protocol->data.size() == 5; });
    EXPECT_EQ(protocol->data, "12345");
    EXPECT_EQ(largest, std::min<std::size_t>(size, 5));
    std::exchange(protocol->transport, nullptr)->close();
    co_await close_quietly(peer.writer);
    co_await protocol->lost;
  }
  const auto protocol = std::make_shared<BufferRecorder>();
  protocol->memory.clear();
  auto [same, peer] = co_await connect_secure(protocol);
  peer.writer.write("12345");
  co_await protocol->lost;
  EXPECT_TRUE(holds<RuntimeError>(protocol->error));
  testing::expect_report("get_buffer() returned an empty buffer");
  protocol->transport.reset();
  co_await close_quietly(peer.writer);
}

}  // namespace
}  // namespace tutti::conformance

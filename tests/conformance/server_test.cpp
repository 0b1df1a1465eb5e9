// SPDX-License-Identifier: MIT
// CPython's test_server, test_buffered_proto, test_protocols and test_transports.
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/net/transports.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"

namespace tutti::conformance {
namespace {

using std::string;

// --- test_server ---

Coro<> serve_until_cancelled(Server& server, Coro<Streams> connect) {
  const string hello = string(1024 * 5, '1') + "\n";
  const auto main = create_task([&]() -> Coro<> { co_await server.serve_forever(); });
  while (!server.is_serving()) co_await turn();
  auto [reader, writer] = co_await std::move(connect);
  writer.write(hello);
  EXPECT_EQ(co_await reader.readexactly(1), "1");
  main.cancel();
  co_await close(writer);
  EXPECT_THROW(co_await main, CancelledError);
  EXPECT_TRUE(server.sockets().empty());
  EXPECT_FALSE(server.is_serving());
  const auto error = co_await error_of(server.serve_forever());
  EXPECT_TRUE(contains(message_in<RuntimeError>(error), "is closed"));
}

Coro<> answer_line(StreamReader reader, StreamWriter writer) {
  co_await reader.readline();
  writer.write("1");
  co_await close(writer);
}

CONFORMANCE_IO(test_server, BaseStartServer, test_start_server_1) {
  auto server = co_await start_server(&answer_line, "127.0.0.1", 0, {.start_serving = false});
  EXPECT_FALSE(server.is_serving());
  co_await serve_until_cancelled(server, open_connection("127.0.0.1", server.port()));
}

CONFORMANCE_IO(test_server, SelectorStartServerTests, test_start_unix_server_1) {
  const UnixSocketPath socket;
  auto server = co_await start_unix_server(&answer_line, socket.path(), {.start_serving = false});
  EXPECT_FALSE(server.is_serving());
  co_await server.start_serving();
  EXPECT_TRUE(server.is_serving());
  co_await serve_until_cancelled(server, open_unix_connection(socket.path()));
}

/// Reads and answers until the client has ended.
Coro<> serve_echo(StreamReader reader, StreamWriter writer) {
  while (auto line = co_await reader.next()) {
    writer.write(*line);
    co_await writer.drain();
  }
  co_await close(writer);
}

CONFORMANCE_IO(test_server, TestServer2, test_wait_closed_basic) {
  auto server = co_await start_server(&serve_echo, "127.0.0.1", 0);
  // Active, and no connection: it does not return.
  const auto waits = create_task(server.wait_closed());
  co_await turn();
  EXPECT_FALSE(waits.done());
  // A connection, active.
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  EXPECT_FALSE(waits.done());
  // Closed, with a connection.
  server.close();
  co_await turn();
  EXPECT_FALSE(waits.done());
  const auto waits_too = create_task(server.wait_closed());
  co_await turn();
  EXPECT_FALSE(waits_too.done());
  // No connection any more.
  co_await close(writer);
  co_await waits;
  co_await waits_too;
  co_await server.wait_closed();
}

CONFORMANCE_IO(test_server, TestServer2, test_wait_closed_race) {
  // The client's end and the server's closing come at once.
  auto server = co_await start_server(&serve_echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  const auto waits = create_task(server.wait_closed());
  co_await turn();
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  get_running_loop().call_soon([&] { writer.close(); });
  get_running_loop().call_soon([&] { server.close(); });
  co_await waits;
  co_await writer.wait_closed();
}

CONFORMANCE_IO(test_server, TestServer2, test_close_clients) {
  auto server = co_await start_server(&serve_echo, "127.0.0.1", 0);
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.readline(), "hello\n");
  const auto waits = create_task(server.wait_closed());
  co_await turn();
  EXPECT_FALSE(waits.done());
  server.close();
  server.close_clients();
  co_await waits;
  EXPECT_EQ(co_await reader.read(), "");
  co_await close(writer);
}

CONFORMANCE_IO(test_server, TestServer2, test_abort_clients) {
  // The server writes more than the connection holds: only an abort ends that.
  auto server = co_await start_server(
      [](StreamReader, StreamWriter writer) -> Coro<> {
        writer.write(string(std::size_t{16} * 1024 * 1024, 'a'));
        (void)co_await error_of(writer.drain());
        writer.close();
        (void)co_await error_of(writer.wait_closed());
      },
      "127.0.0.1", 0);
  Socket client(AddressFamily::ipv4);
  co_await sock_connect(client, "127.0.0.1", server.port());
  while (server.connections() == 0) co_await turn();
  EXPECT_FALSE((co_await sock_recv(client, 1)).empty());
  const auto waits = create_task(server.wait_closed());
  co_await turn();
  server.close();
  server.close_clients();
  co_await turn();
  EXPECT_FALSE(waits.done());
  server.abort_clients();
  co_await waits;
}

bool exists(const string& path) { return ::access(path.c_str(), F_OK) == 0; }

CONFORMANCE_IO(test_server, UnixServerCleanupTests, test_unix_server_addr_cleanup) {
  const UnixSocketPath socket;
  auto server = co_await start_unix_server(&serve_echo, socket.path());
  EXPECT_TRUE(exists(socket.path()));
  server.close();
  EXPECT_FALSE(exists(socket.path()));
  co_await server.wait_closed();
}

CONFORMANCE_IO(test_server, UnixServerCleanupTests, test_unix_server_sock_cleanup) {
  // The same of a socket that was bound already.
  const UnixSocketPath path;
  Socket socket(AddressFamily::local);
  socket.bind(Address::local(path.path()));
  auto server = co_await start_server(&serve_echo, std::move(socket));
  EXPECT_TRUE(exists(path.path()));
  server.close();
  EXPECT_FALSE(exists(path.path()));
  co_await server.wait_closed();
}

CONFORMANCE_IO(test_server, UnixServerCleanupTests, test_unix_server_cleanup_gone) {
  // Somebody has removed it already.
  const UnixSocketPath path;
  auto server = co_await start_unix_server(&serve_echo, path.path());
  ::unlink(path.path().c_str());
  server.close();
  co_await server.wait_closed();
}

CONFORMANCE_IO(test_server, UnixServerCleanupTests, test_unix_server_cleanup_replaced) {
  // Another server has taken its place: that one's socket stays.
  const UnixSocketPath path;
  auto server = co_await start_unix_server(&serve_echo, path.path());
  ::unlink(path.path().c_str());
  auto other = co_await start_unix_server(&serve_echo, path.path());
  server.close();
  co_await server.wait_closed();
  EXPECT_TRUE(exists(path.path()));
  co_await stop(other);
  EXPECT_FALSE(exists(path.path()));
}

CONFORMANCE_IO(test_server, UnixServerCleanupTests, test_unix_server_cleanup_prevented) {
  const UnixSocketPath path;
  auto server = co_await start_unix_server(&serve_echo, path.path(), {.cleanup_socket = false});
  co_await stop(server);
  EXPECT_TRUE(exists(path.path()));
}

// --- test_buffered_proto ---

class ReceiveStuff final : public BufferedProtocol {
 public:
  explicit ReceiveStuff(string expected) : expected_(std::move(expected)), memory_(100, '\0') {}
  Future<> lost;

  void connection_made(std::shared_ptr<Transport> transport) override { transport_ = std::move(transport); }
  MutableBytes get_buffer(std::size_t) override {
    memory_.assign(100, '\0');
    return memory_;
  }
  void buffer_updated(std::size_t count) override {
    received_.append(memory_, 0, count);
    if (received_ == expected_) transport_->write("1");
  }
  void connection_lost(std::exception_ptr error) override {
    transport_.reset();
    if (error) {
      lost.set_exception(error);
    } else {
      lost.set_result();
    }
  }

 private:
  string expected_;
  string memory_;
  string received_;
  std::shared_ptr<Transport> transport_;
};

CONFORMANCE_IO(test_buffered_proto, BaseTestBufferedProtocol, test_buffered_proto_create_connection) {
  string noise;
  for (int i = 0; i < 1024; ++i) noise += "12345678+";
  auto server = co_await start_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write(noise);
        EXPECT_EQ(co_await reader.readexactly(1), "1");
        co_await close(writer);
      },
      "127.0.0.1", 0);
  const auto client =
      co_await create_connection([&] { return std::make_shared<ReceiveStuff>(noise); }, "127.0.0.1", server.port());
  co_await client.protocol->lost;
  co_await stop(server);
}

// --- test_protocols: what is not overridden does nothing ---

CONFORMANCE(test_protocols, ProtocolsAbsTests, test_base_protocol) {
  BaseProtocol protocol;
  EXPECT_NO_THROW(protocol.connection_made(nullptr));
  EXPECT_NO_THROW(protocol.connection_lost(nullptr));
  EXPECT_NO_THROW(protocol.pause_writing());
  EXPECT_NO_THROW(protocol.resume_writing());
  co_return;
}

CONFORMANCE(test_protocols, ProtocolsAbsTests, test_protocol) {
  Protocol protocol;
  EXPECT_NO_THROW(protocol.connection_made(nullptr));
  EXPECT_NO_THROW(protocol.connection_lost(nullptr));
  EXPECT_NO_THROW(protocol.data_received("data"));
  EXPECT_FALSE(protocol.eof_received());
  EXPECT_NO_THROW(protocol.pause_writing());
  EXPECT_NO_THROW(protocol.resume_writing());
  co_return;
}

CONFORMANCE(test_protocols, ProtocolsAbsTests, test_buffered_protocol) {
  BufferedProtocol protocol;
  EXPECT_NO_THROW(protocol.connection_made(nullptr));
  EXPECT_NO_THROW(protocol.connection_lost(nullptr));
  EXPECT_TRUE(protocol.get_buffer(100).empty());
  EXPECT_NO_THROW(protocol.buffer_updated(150));
  EXPECT_NO_THROW(protocol.pause_writing());
  EXPECT_NO_THROW(protocol.resume_writing());
  co_return;
}

CONFORMANCE(test_protocols, ProtocolsAbsTests, test_datagram_protocol) {
  DatagramProtocol protocol;
  EXPECT_NO_THROW(protocol.connection_made(nullptr));
  EXPECT_NO_THROW(protocol.connection_lost(nullptr));
  EXPECT_NO_THROW(protocol.error_received(nullptr));
  EXPECT_NO_THROW(protocol.datagram_received("data", {}));
  co_return;
}

// --- test_transports ---

CONFORMANCE(test_transports, TransportTests, test_get_extra_info) {
  // A key is a function of the transport: what it gives for one that it does not know is up to it.
  class MyTransport final : public Transport {
   public:
    string extra = "info";
  };
  const auto extra = [](const BaseTransport& transport) {
    const auto* const known = dynamic_cast<const MyTransport*>(&transport);
    return known != nullptr ? known->extra : "default";
  };
  EXPECT_EQ(MyTransport().get_extra_info(extra), "info");
  EXPECT_EQ(Transport().get_extra_info(extra), "default");
  EXPECT_EQ(Transport().get_extra_info(extra_info::socket), -1);
  co_return;
}

CONFORMANCE(test_transports, TransportTests, test_writelines) {
  class MyTransport final : public Transport {
   public:
    std::vector<string> written;
    void write(BytesView data) override { written.emplace_back(data); }
  };
  MyTransport transport;
  const string line2 = "line2";
  transport.writelines({"line1", line2, std::string_view("line3")});
  EXPECT_EQ(transport.written, std::vector<string>{"line1line2line3"});
  co_return;
}

CONFORMANCE(test_transports, TransportTests, test_not_implemented) {
  Transport transport;
  EXPECT_THROW(transport.set_write_buffer_limits(), NotImplementedError);
  EXPECT_THROW((void)transport.get_write_buffer_size(), NotImplementedError);
  EXPECT_THROW(transport.write("data"), NotImplementedError);
  EXPECT_THROW(transport.write_eof(), NotImplementedError);
  EXPECT_THROW((void)transport.can_write_eof(), NotImplementedError);
  EXPECT_THROW(transport.pause_reading(), NotImplementedError);
  EXPECT_THROW(transport.resume_reading(), NotImplementedError);
  EXPECT_THROW((void)transport.is_reading(), NotImplementedError);
  EXPECT_THROW(transport.close(), NotImplementedError);
  EXPECT_THROW(transport.abort(), NotImplementedError);
  co_return;
}

CONFORMANCE(test_transports, TransportTests, test_dgram_not_implemented) {
  DatagramTransport transport;
  EXPECT_THROW(transport.sendto("data"), NotImplementedError);
  EXPECT_THROW(transport.abort(), NotImplementedError);
  co_return;
}

class Paused final : public Protocol {
 public:
  bool paused = false;
  void pause_writing() override { paused = true; }
  void resume_writing() override { paused = false; }
};

CONFORMANCE_IO(test_transports, TransportTests, test_flowcontrol_mixin_set_write_limits) {
  // The last piece is in the buffer, or a part of it: at most 512 bytes.
  auto [here, there] = Socket::pair();
  here.set_option(SOL_SOCKET, SO_SNDBUF, 4096);
  const auto [transport, protocol] =
      co_await create_connection([] { return std::make_shared<Paused>(); }, std::move(here));
  const string piece(512, 'x');
  while (transport->get_write_buffer_size() == 0) transport->write(piece);
  const auto size = transport->get_write_buffer_size();
  EXPECT_FALSE(protocol->paused);
  EXPECT_THROW(transport->set_write_buffer_limits(0, 1), ValueError);
  transport->set_write_buffer_limits(1024, 128);
  EXPECT_FALSE(protocol->paused);
  EXPECT_EQ(transport->get_write_buffer_limits().low, 128U);
  EXPECT_EQ(transport->get_write_buffer_limits().high, 1024U);
  transport->set_write_buffer_limits(size - 1, 1);
  EXPECT_TRUE(protocol->paused);
  EXPECT_EQ(transport->get_write_buffer_limits().low, 1U);
  EXPECT_EQ(transport->get_write_buffer_limits().high, size - 1);
  transport->abort();
  while (transport->get_protocol()) co_await turn();
}

}  // namespace
}  // namespace tutti::conformance

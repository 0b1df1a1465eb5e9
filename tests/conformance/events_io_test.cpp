// SPDX-License-Identifier: MIT
// CPython's test_events, what is about I/O: connections, servers and datagrams of protocols.
#include <cerrno>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "support/turns.hpp"

namespace tutti::conformance {
namespace {

using test_support::until;

using std::string;

/// Checks the order of its calls, as CPython's does.
class MyProtocol : public Protocol {
 public:
  std::vector<string> states{"INITIAL"};
  string received;
  std::shared_ptr<Transport> transport;
  Future<> connected;
  Future<> done;
  /// For clients: what they send at once; for servers: what they answer.
  string greeting;
  string answer;

  [[nodiscard]] const string& state() const { return states.back(); }
  void connection_made(std::shared_ptr<Transport> made) override {
    EXPECT_EQ(state(), "INITIAL");
    states.emplace_back("CONNECTED");
    transport = std::move(made);
    connected.set_result();
    if (!greeting.empty()) transport->write(greeting);
  }
  void data_received(BytesView data) override {
    EXPECT_EQ(state(), "CONNECTED");
    received += data;
    if (!answer.empty()) transport->write(answer);
  }
  bool eof_received() override {
    EXPECT_EQ(state(), "CONNECTED");
    states.emplace_back("EOF");
    return false;
  }
  void connection_lost(std::exception_ptr) override {
    EXPECT_TRUE(state() == "CONNECTED" || state() == "EOF") << state();
    states.emplace_back("CLOSED");
    transport.reset();
    done.set_result();
  }
};

std::shared_ptr<MyProtocol> client_protocol() {
  auto protocol = std::make_shared<MyProtocol>();
  protocol->greeting = "GET / HTTP/1.0\r\nHost: example.com\r\n\r\n";
  return protocol;
}

Coro<> expect_connection(Coro<Connected<MyProtocol>> connect, bool tls) {
  const auto [transport, protocol] = co_await std::move(connect);
  EXPECT_EQ(protocol->transport, transport);
  EXPECT_NE(transport->sockname().family(), AddressFamily::unspecified);
  EXPECT_EQ(transport->ssl_object() != nullptr, tls);
  co_await protocol->done;
  EXPECT_GT(protocol->received.size(), 0U);
  transport->close();
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_connection) {
  auto server = co_await run_test_server();
  co_await expect_connection(create_connection(&client_protocol, "127.0.0.1", server.port()), false);
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_ssl_connection) {
  auto server = co_await run_test_server({.ssl = tls_support::server_context()});
  co_await expect_connection(
      create_connection(&client_protocol, "127.0.0.1", server.port(), {.ssl = tls_support::client_context()}), true);
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_connection_local_addr) {
  auto server = co_await run_test_server();
  Socket unused(AddressFamily::ipv4);
  unused.bind(*Address::parse("127.0.0.1", 0));
  const Address local = unused.getsockname();
  unused.close();
  const auto [transport, protocol] =
      co_await create_connection(&client_protocol, "127.0.0.1", server.port(), {.local_address = local});
  EXPECT_EQ(transport->sockname().port(), local.port());
  transport->close();
  co_await protocol->done;
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_connection_local_addr_in_use) {
  auto server = co_await run_test_server();
  const Address address = server.sockets().front();
  try {
    co_await create_connection(&client_protocol, "127.0.0.1", server.port(), {.local_address = address});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const OSError& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
    EXPECT_TRUE(contains(error.what(), address.to_string())) << error.what();
  }
  co_await stop(server);
}

Coro<> say_test_data(Address address, SSLOption tls) {
  ConnectOptions options;
  if (tls) options.server_hostname = "localhost";
  options.ssl = std::move(tls);
  auto [reader, writer] = co_await open_connection(address, std::move(options));
  writer.write("test data");
  EXPECT_EQ(co_await reader.read(99), "roger");
  co_await close(writer);
}

Coro<> connect_accepted(std::optional<SSLContext> server_side, SSLOption client_side) {
  Socket listener(AddressFamily::ipv4);
  listener.bind(*Address::parse("127.0.0.1", 0));
  listener.listen(1);
  const auto client = create_task(say_test_data(listener.getsockname(), std::move(client_side)));
  auto [connection, address] = co_await sock_accept(listener);
  const auto protocol = std::make_shared<MyProtocol>();
  protocol->answer = "roger";
  co_await connect_accepted_socket([&] { return protocol; }, std::move(connection), {.ssl = std::move(server_side)});
  co_await protocol->done;
  co_await client;
  EXPECT_EQ(protocol->state(), "CLOSED");
  EXPECT_EQ(protocol->received, "test data");
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_ssl_connect_accepted_socket) {
  co_await connect_accepted(tls_support::server_context(), tls_support::client_context());
}

/// A client that says "xxx", and the protocol on the server's side that hears it.
Coro<> expect_served(Server& server, MyProtocol& protocol, Coro<Streams> connect) {
  EXPECT_EQ(server.sockets().size(), 1U);
  auto [reader, writer] = co_await std::move(connect);
  writer.write("xxx");
  co_await protocol.connected;
  EXPECT_EQ(protocol.state(), "CONNECTED");
  co_await until([&] { return !protocol.received.empty(); });
  EXPECT_EQ(protocol.received, "xxx");
  protocol.transport->close();
  co_await protocol.done;
  EXPECT_EQ(protocol.state(), "CLOSED");
  co_await close(writer);
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server) {
  const auto protocol = std::make_shared<MyProtocol>();
  auto server = co_await create_server([&] { return protocol; }, "127.0.0.1", 0);
  EXPECT_EQ(server.sockets().front().host(), "127.0.0.1");
  co_await expect_served(server, *protocol, open_connection("127.0.0.1", server.port()));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_unix_server) {
  const UnixSocketPath socket;
  const auto protocol = std::make_shared<MyProtocol>();
  auto server = co_await create_unix_server([&] { return protocol; }, socket.path());
  co_await expect_served(server, *protocol, open_unix_connection(socket.path()));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_ssl) {
  const auto protocol = std::make_shared<MyProtocol>();
  auto server =
      co_await create_server([&] { return protocol; }, "127.0.0.1", 0, {.ssl = tls_support::server_context()});
  const auto port = server.port();
  co_await expect_served(server, *protocol, open_connection("127.0.0.1", port, {.ssl = tls_support::client_context()}));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_unix_server_ssl) {
  const UnixSocketPath socket;
  const auto protocol = std::make_shared<MyProtocol>();
  auto server =
      co_await create_unix_server([&] { return protocol; }, socket.path(), {.ssl = tls_support::server_context()});
  co_await expect_served(
      server, *protocol,
      open_unix_connection(socket.path(), {.ssl = tls_support::client_context(), .server_hostname = "localhost"}));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_sock) {
  Socket socket(AddressFamily::ipv4);
  socket.bind(*Address::parse("127.0.0.1", 0));
  const Address address = socket.getsockname();
  const auto protocol = std::make_shared<MyProtocol>();
  auto server = co_await create_server([&] { return protocol; }, std::move(socket));
  EXPECT_EQ(server.sockets().front(), address);
  co_await expect_served(server, *protocol, open_connection(address));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_addr_in_use) {
  Socket socket(AddressFamily::ipv4);
  socket.bind(*Address::parse("127.0.0.1", 0));
  auto server = co_await create_server(&client_protocol, std::move(socket));
  try {
    co_await create_server(&client_protocol, "127.0.0.1", server.port());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const OSError& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
  }
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_multiple_hosts_ipv4) {
  const std::vector<string> hosts{"127.0.0.1", "127.0.0.2", "127.0.0.1"};
  auto server = co_await create_server(&client_protocol, hosts, 0);
  CO_ASSERT_EQ(server.sockets().size(), 2U);
  EXPECT_EQ(server.sockets().front().host(), "127.0.0.1");
  EXPECT_EQ(server.sockets().back().host(), "127.0.0.2");
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_reuse_port) {
  auto alone = co_await create_server(&client_protocol, "127.0.0.1", 0);
  EXPECT_THROW(co_await create_server(&client_protocol, "127.0.0.1", alone.port(), {.reuse_port = true}), OSError);
  co_await stop(alone);
  auto one = co_await create_server(&client_protocol, "127.0.0.1", 0, {.reuse_port = true});
  auto other = co_await create_server(&client_protocol, "127.0.0.1", one.port(), {.reuse_port = true});
  EXPECT_EQ(one.port(), other.port());
  co_await stop(one);
  co_await stop(other);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_server_close) {
  auto server = co_await create_server([] { return std::make_shared<MyProtocol>(); }, "127.0.0.1", 0);
  const Address address = server.sockets().front();
  const Socket client(AddressFamily::ipv4);
  co_await sock_connect(client, address);
  co_await sock_sendall(client, "xxx");
  server.close();
  const Socket late(AddressFamily::ipv4);
  EXPECT_THROW(co_await sock_connect(late, address), ConnectionRefusedError);
  server.abort_clients();
  co_await server.wait_closed();
}

class MyDatagramProtocol final : public DatagramProtocol {
 public:
  string state = "INITIAL";
  std::size_t received = 0;
  bool answers = false;
  std::exception_ptr error;
  std::shared_ptr<DatagramTransport> transport;
  Future<> done;

  void connection_made(std::shared_ptr<DatagramTransport> made) override {
    EXPECT_EQ(std::exchange(state, "INITIALIZED"), "INITIAL");
    transport = std::move(made);
  }
  void datagram_received(BytesView data, const Address& from) override {
    EXPECT_EQ(state, "INITIALIZED");
    received += data.size();
    if (answers) transport->sendto("resp:" + string(data), from);
  }
  void error_received(std::exception_ptr received_error) override { error = received_error; }
  void connection_lost(std::exception_ptr) override {
    EXPECT_EQ(std::exchange(state, "CLOSED"), "INITIALIZED");
    transport.reset();
    done.set_result();
  }
};

Coro<> expect_datagrams(Address any_port) {
  const auto make = [] { return std::make_shared<MyDatagramProtocol>(); };
  auto server = co_await create_datagram_endpoint(make, {.local_address = any_port});
  server.protocol->answers = true;
  EXPECT_EQ(server.protocol->state, "INITIALIZED");
  EXPECT_EQ(server.protocol->transport, server.transport);
  auto client = co_await create_datagram_endpoint(make, {.remote_address = server.transport->sockname()});
  EXPECT_EQ(client.protocol->state, "INITIALIZED");
  EXPECT_EQ(client.protocol->transport, client.transport);

  client.transport->sendto("xxx");
  co_await until([&] { return client.protocol->received > 0; });
  EXPECT_EQ(server.protocol->received, 3U);
  EXPECT_EQ(client.protocol->received, 8U);
  EXPECT_NE(client.transport->sockname().port(), 0U);
  client.transport->close();
  co_await client.protocol->done;
  EXPECT_EQ(client.protocol->state, "CLOSED");
  server.transport->close();
  co_await server.protocol->done;
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_datagram_endpoint) {
  co_await expect_datagrams(*Address::parse("127.0.0.1", 0));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_datagram_endpoint_sock) {
  Socket socket(AddressFamily::ipv4, SocketType::datagram);
  socket.bind(*Address::parse("127.0.0.1", 0));
  DatagramEndpointOptions options;
  options.socket = std::move(socket);
  const auto [transport, protocol] =
      co_await create_datagram_endpoint([] { return std::make_shared<MyDatagramProtocol>(); }, std::move(options));
  EXPECT_EQ(protocol->transport, transport);
  transport->close();
  co_await protocol->done;
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_datagram_send_to_non_listening_address) {
  const auto make = [] { return std::make_shared<MyDatagramProtocol>(); };
  const Endpoint local = *Address::parse("127.0.0.1", 0);
  const auto receives = [](MyDatagramProtocol& protocol, std::size_t size) {
    return until([&protocol, size] { return protocol.received == size; });
  };
  const auto [one, first] = co_await create_datagram_endpoint(make, {.local_address = local});
  const auto [two, second] = co_await create_datagram_endpoint(make, {.local_address = local});
  const auto [gone, third] = co_await create_datagram_endpoint(make, {.local_address = local});
  const Address nobody = gone->sockname();
  gone->abort();
  co_await third->done;
  one->sendto("a", two->sockname());
  co_await receives(*second, 1);
  two->sendto("bb", one->sockname());
  co_await receives(*first, 2);
  one->sendto("c", nobody);
  co_await turn();
  two->sendto("dd", one->sockname());
  co_await receives(*first, 4);
  one->close();
  two->close();
  co_await first->done;
  co_await second->done;
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_read_pipe) {
  auto [reading, writing] = make_pipe();
  const auto [transport, protocol] =
      co_await connect_read_pipe([] { return std::make_shared<MyProtocol>(); }, std::move(reading));
  EXPECT_EQ(protocol->transport, transport);
  EXPECT_EQ(protocol->received, "");
  EXPECT_EQ(::write(writing.get(), "1", 1), 1);
  co_await until([&] { return !protocol->received.empty(); });
  EXPECT_EQ(protocol->received, "1");
  EXPECT_EQ(::write(writing.get(), "2345", 4), 4);
  co_await until([&] { return protocol->received.size() >= 5; });
  EXPECT_EQ(protocol->received, "12345");
  EXPECT_EQ(protocol->states, (std::vector<string>{"INITIAL", "CONNECTED"}));
  writing.reset();
  co_await protocol->done;
  EXPECT_EQ(protocol->states, (std::vector<string>{"INITIAL", "CONNECTED", "EOF", "CLOSED"}));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_write_pipe) {
  auto [reading, writing] = make_pipe();
  const auto [transport, protocol] =
      co_await connect_write_pipe([] { return std::make_shared<MyProtocol>(); }, std::move(writing));
  EXPECT_EQ(protocol->transport, transport);
  EXPECT_EQ(protocol->state(), "CONNECTED");
  auto reader = open_read_pipe(std::move(reading));
  transport->write("1");
  EXPECT_EQ(co_await reader.readexactly(1), "1");
  transport->write("2345");
  EXPECT_EQ(co_await reader.readexactly(4), "2345");
  EXPECT_EQ(protocol->state(), "CONNECTED");
  transport->close();
  co_await protocol->done;
  EXPECT_EQ(protocol->state(), "CLOSED");
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_write_pipe_disconnect_on_close) {
  auto [here, there] = Socket::pair();
  const auto [transport, protocol] =
      co_await connect_write_pipe([] { return std::make_shared<MyProtocol>(); }, here.release());
  EXPECT_EQ(protocol->state(), "CONNECTED");
  transport->write("1");
  EXPECT_EQ(co_await sock_recv(there, 1024), "1");
  there.close();
  co_await protocol->done;
  EXPECT_EQ(protocol->state(), "CLOSED");
}

}  // namespace

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_connect_accepted_socket) {
  co_await connect_accepted(std::nullopt, {});
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_unix_connection) {
  const UnixSocketPath socket;
  auto server = co_await start_unix_server(&serve_http, socket.path());
  const auto [transport, protocol] = co_await create_unix_connection(&client_protocol, socket.path());
  EXPECT_EQ(transport->peername().path(), socket.path());
  co_await protocol->done;
  EXPECT_GT(protocol->received.size(), 0U);
  co_await stop(server);
}

}  // namespace tutti::conformance

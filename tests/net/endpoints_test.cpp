// SPDX-License-Identifier: MIT
// Making connections and servers of protocols.
#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/net/resolve.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"
#include "protocol_support.hpp"

namespace {

using namespace std::chrono_literals;
using net_support::error_of;
using protocol_support::BufferRecorder;
using protocol_support::connected_ends;
using protocol_support::Coro;
using protocol_support::Events;
using protocol_support::make_recorder;
using protocol_support::Recorder;
using protocol_support::turns;
using protocol_support::until;
using tutti::Address;
using tutti::AddressFamily;
using tutti::Socket;
using tutti::SocketType;

Socket bound() {
  Socket socket(AddressFamily::ipv4);
  socket.bind(*Address::parse("127.0.0.1", 0));
  return socket;
}

Coro<> end(const Recorder& protocol) {
  protocol.transport->close();
  co_await protocol.lost;
}

// ---- buffers of the protocol's own ----

// test_buffered_proto.BaseTestBufferedProtocol.test_buffered_proto_create_connection
TUTTI_TEST(BufferedProtocol, TakesDataIntoItsOwnMemory) {
  std::string noise;
  for (int i = 0; i < 1024; ++i) noise += "12345678+";
  auto server = co_await tutti::start_server(
      [&noise](tutti::StreamReader reader, tutti::StreamWriter writer) -> Coro<> {
        writer.write(noise);
        EXPECT_EQ(co_await reader.readexactly(1), "1");
        writer.close();
        co_await writer.wait_closed();
      },
      "127.0.0.1", 0);
  auto [transport, protocol] =
      co_await tutti::create_connection([] { return std::make_shared<BufferRecorder>(); }, "127.0.0.1", server.port());
  protocol->on_data = [&](tutti::BytesView piece) {
    EXPECT_LE(piece.size(), 100U);
    if (protocol->data == noise) protocol->transport->write("1");
  };
  co_await protocol->lost;
  EXPECT_EQ(protocol->events, (Events{"made", "data", "eof", "lost"}));
  EXPECT_TRUE(protocol->data == noise);
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(BufferedProtocol, KeepsWhatItHasNotTakenWhenItPauses) {
  const auto peer = std::make_shared<BufferRecorder>();
  auto server = co_await tutti::create_server([peer] { return peer; }, "127.0.0.1", 0);
  auto [transport, client] = co_await tutti::create_connection(make_recorder(), "127.0.0.1", server.port());
  co_await peer->made;
  peer->memory.resize(3);
  peer->on_data = [&](tutti::BytesView) { peer->transport->pause_reading(); };
  transport->write("abcdefgh");
  co_await until([&] { return peer->data == "abc"; });
  co_await turns(5);
  EXPECT_EQ(peer->data, "abc");
  peer->transport->resume_reading();
  co_await until([&] { return peer->data == "abcdef"; });
  peer->on_data = {};
  peer->transport->resume_reading();
  co_await until([&] { return peer->data == "abcdefgh"; });
  co_await end(*client);
  co_await peer->lost;
  server.close();
  co_await server.wait_closed();
}

// test_selector_events: test_get_buffer_zerosized, test_get_buffer_error, test_buffer_updated_error
TUTTI_TEST(BufferedProtocol, MustHaveMemory) {
  const auto peer = std::make_shared<BufferRecorder>();
  peer->memory.clear();
  auto server = co_await tutti::create_server([peer] { return peer; }, "127.0.0.1", 0);
  auto [transport, client] = co_await tutti::create_connection(make_recorder(), "127.0.0.1", server.port());
  transport->write("x");
  co_await peer->lost;
  EXPECT_TRUE(tutti::holds<tutti::RuntimeError>(peer->error));
  tutti::testing::expect_report("get_buffer() returned an empty buffer");
  co_await client->lost;
  server.close();
  co_await server.wait_closed();
}

// ---- clients ----

TUTTI_TEST(CreateConnection, KnowsBothEnds) {
  auto ends = co_await connected_ends();
  const auto& transport = ends.client->transport;
  EXPECT_EQ(transport->get_extra_info(tutti::extra_info::peername).port(), ends.server.port());
  EXPECT_EQ(transport->get_extra_info(tutti::extra_info::sockname), ends.peer->transport->peername());
  EXPECT_EQ(transport->get_extra_info(tutti::extra_info::socket), transport->fd());
  EXPECT_EQ(transport->get_extra_info(tutti::extra_info::ssl_object), nullptr);
  EXPECT_THROW(tutti::get_running_loop().add_writer(transport->fd(), [] {}), tutti::RuntimeError);
  co_await ends.close();
}

// test_events: test_create_connection_local_addr, test_create_connection_local_addr_in_use
TUTTI_TEST(CreateConnection, IsBoundBeforeItConnectsIfAsked) {
  auto server = co_await tutti::create_server(make_recorder(), "127.0.0.1", 0);
  const Address there = server.sockets().front();
  Socket taken = bound();
  const Address own = taken.getsockname();
  EXPECT_TRUE(net_support::contains(
      co_await error_of<tutti::OSError>(tutti::create_connection(make_recorder(), there, {.local_address = own})),
      "address already in use"));
  taken.close();
  auto [transport, protocol] = co_await tutti::create_connection(make_recorder(), there, {.local_address = own});
  EXPECT_EQ(transport->sockname(), own);
  co_await end(*protocol);
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(CreateConnection, MakesNoProtocolIfItCannotConnect) {
  const Socket closed = bound();
  int made = 0;
  const auto count = [&] {
    ++made;
    return std::make_shared<Recorder>();
  };
  EXPECT_THROW((void)co_await tutti::create_connection(count, closed.getsockname()), tutti::ConnectionRefusedError);
  EXPECT_THROW((void)co_await tutti::create_connection(count, "name.invalid", 80), tutti::AddressLookupError);
  EXPECT_EQ(made, 0);
}

TUTTI_TEST(CreateConnection, ClosesTheConnectionIfTheProtocolCannotBeMade) {
  auto [a, b] = Socket::pair();
  EXPECT_THROW((void)co_await tutti::create_connection(
                   []() -> std::shared_ptr<Recorder> { throw std::runtime_error("no"); }, std::move(a)),
               std::runtime_error);
  EXPECT_EQ(co_await tutti::sock_recv(b, 1), "");
  auto [c, d] = Socket::pair();
  EXPECT_THROW((void)co_await tutti::create_connection([] { return std::shared_ptr<Recorder>(); }, std::move(c)),
               tutti::ValueError);
  EXPECT_EQ(co_await tutti::sock_recv(d, 1), "");
  auto [e, f] = Socket::pair(SocketType::datagram);
  EXPECT_THROW((void)co_await tutti::create_connection(make_recorder(), std::move(e)), tutti::ValueError);
}

TUTTI_TEST(CreateConnection, CanBeCancelledAtAnyMoment) {
  auto server = co_await tutti::create_server(make_recorder(), "127.0.0.1", 0);
  for (int i = 0; i < 8; ++i) {
    auto task = tutti::create_task(tutti::create_connection(make_recorder(), "127.0.0.1", server.port()));
    co_await turns(i);
    if (task.cancel()) {
      EXPECT_THROW((void)co_await task, tutti::CancelledError);
    } else {
      const auto protocol = (co_await std::move(task)).protocol;
      co_await end(*protocol);
    }
  }
  server.close();
  co_await server.wait_closed();
}

TUTTI_TEST(CreateServer, CanBeCancelledAtAnyMoment) {
  for (int i = 0; i < 8; ++i) {
    auto task = tutti::create_task(tutti::create_server(make_recorder(), "localhost", 0));
    co_await turns(i);
    if (task.cancel()) {
      EXPECT_THROW((void)co_await task, tutti::CancelledError);
    } else {
      (co_await std::move(task)).close();
    }
  }
}

TUTTI_TEST(CreateConnection, TakesAConnectedSocketFromEitherSide) {
  auto [a, b] = Socket::pair();
  auto client = (co_await tutti::create_connection(make_recorder(), std::move(a))).protocol;
  auto server = (co_await tutti::connect_accepted_socket(make_recorder(), std::move(b))).protocol;
  client->transport->write("x");
  co_await until([&] { return server->data == "x"; });
  co_await end(*server);
  co_await client->lost;
}

// test_events: test_connect_accepted_socket
TUTTI_TEST(ConnectAcceptedSocket, ServesAConnectionThatWasAcceptedElsewhere) {
  Socket listener = bound();
  listener.listen();
  Socket client(AddressFamily::ipv4);
  auto connecting = tutti::create_task(tutti::sock_connect(client, listener.getsockname()));
  Socket accepted = (co_await tutti::sock_accept(listener)).first;
  co_await connecting;
  auto [transport, protocol] = co_await tutti::connect_accepted_socket(make_recorder(), std::move(accepted));
  co_await tutti::sock_sendall(client, "test data");
  co_await until([&] { return protocol->data == "test data"; });
  transport->write("roger");
  EXPECT_EQ(co_await tutti::sock_recv(client, 99), "roger");
  client.close();
  co_await protocol->lost;
}

// ---- servers ----

// test_events: test_create_unix_connection, test_create_unix_server
TUTTI_TEST(CreateServer, WorksOnUnixSockets) {
  const std::string path = ::testing::TempDir() + "tutti-protocol-" + std::to_string(::getpid());
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await tutti::create_unix_server([peer] { return peer; }, path);
  auto [transport, client] = co_await tutti::create_unix_connection(make_recorder(), path);
  transport->write("xxx");
  co_await until([&] { return peer->data == "xxx"; });
  EXPECT_EQ(transport->peername().path(), path);
  co_await end(*client);
  co_await peer->lost;
  server.close();
  co_await server.wait_closed();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

// test_events: test_create_server_sock, test_create_server_addr_in_use
TUTTI_TEST(CreateServer, TakesABoundSocket) {
  Socket socket = bound();
  const Address where = socket.getsockname();
  auto server = co_await tutti::create_server(make_recorder(), std::move(socket));
  EXPECT_EQ(server.sockets().front(), where);
  auto [transport, client] = co_await tutti::create_connection(make_recorder(), where);
  co_await until([&] { return server.connections() == 1; });
  EXPECT_THROW(co_await tutti::create_server(make_recorder(), "127.0.0.1", where.port()), tutti::OSError);
  EXPECT_THROW(co_await tutti::create_server(make_recorder(), Socket(AddressFamily::ipv4, SocketType::datagram)),
               tutti::ValueError);
  server.abort_clients();
  co_await client->lost;
  server.close();
  co_await server.wait_closed();
}

// test_events: test_server_close
TUTTI_TEST(CreateServer, StopsListeningAndLetsItsConnectionsGoOn) {
  auto ends = co_await connected_ends();
  const std::uint16_t port = ends.server.port();
  ends.server.close();
  EXPECT_THROW((void)co_await tutti::create_connection(make_recorder(), "127.0.0.1", port),
               tutti::ConnectionRefusedError);
  ends.client->transport->write("still here");
  co_await until([&] { return ends.peer->data == "still here"; });
  co_await ends.close();
}

TUTTI_TEST(CreateServer, ReportsAProtocolThatCannotBeMade) {
  auto server = co_await tutti::create_server(
      []() -> std::shared_ptr<Recorder> { throw std::runtime_error("no protocol"); }, "127.0.0.1", 0);
  auto [transport, client] = co_await tutti::create_connection(make_recorder(), "127.0.0.1", server.port());
  co_await client->lost;
  tutti::testing::expect_report("a protocol could not be made for a connection");
  server.close();
  co_await server.wait_closed();
}

// test_server.TestServer2: test_close_clients
TUTTI_TEST(CreateServer, ClosesItsClientsInGoodOrder) {
  auto ends = co_await connected_ends();
  ends.peer->transport->write("goodbye");
  ends.server.close();
  ends.server.close_clients();
  co_await ends.client->lost;
  EXPECT_EQ(ends.client->data, "goodbye");
  EXPECT_FALSE(ends.client->error);
  co_await ends.server.wait_closed();
  co_await ends.close();
}

// A client that nobody here has written.
TUTTI_TEST(CreateServer, TalksToStreams) {
  auto server = co_await tutti::create_server(
      [] {
        const auto protocol = std::make_shared<Recorder>();
        protocol->on_data = [raw = protocol.get()](tutti::BytesView data) { raw->transport->write(data); };
        return protocol;
      },
      "127.0.0.1", 0);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  writer.write("echo\n");
  EXPECT_EQ(co_await reader.readline(), "echo\n");
  writer.close();
  co_await writer.wait_closed();
  server.close();
  co_await server.wait_closed();
}

}  // namespace

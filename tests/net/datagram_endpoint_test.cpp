// SPDX-License-Identifier: MIT
// Protocols on datagrams: create_datagram_endpoint.
#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"
#include "support/turns.hpp"

namespace {

using namespace net_support;
using namespace std::chrono_literals;
using test_support::turns;
using tutti::Address;
using tutti::AddressFamily;
using tutti::Socket;
using tutti::SocketType;

using Events = std::vector<std::string>;

/// Writes down what it is told.
class Recorder : public tutti::DatagramProtocol {
 public:
  Events events;
  std::vector<std::string> received;
  Address from;
  std::exception_ptr error;
  std::shared_ptr<tutti::DatagramTransport> transport;
  tutti::Future<> lost;
  std::function<void(tutti::BytesView)> on_data;

  void connection_made(std::shared_ptr<tutti::DatagramTransport> made) override {
    events.emplace_back("made");
    transport = std::move(made);
  }
  void connection_lost(std::exception_ptr why) override {
    events.emplace_back("lost");
    error = why;
    lost.set_result();
  }
  void datagram_received(tutti::BytesView data, const Address& address) override {
    received.emplace_back(data);
    from = address;
    if (on_data) on_data(data);
  }
  void error_received(std::exception_ptr why) override {
    events.emplace_back("error");
    error = why;
  }
  void pause_writing() override { events.emplace_back("pause"); }
  void resume_writing() override { events.emplace_back("resume"); }
};

const auto make_recorder = [] { return std::make_shared<Recorder>(); };

Coro<std::shared_ptr<Recorder>> endpoint(tutti::DatagramEndpointOptions options) {
  co_return (co_await tutti::create_datagram_endpoint(make_recorder, std::move(options))).protocol;
}

Coro<> close(const std::shared_ptr<Recorder>& protocol) {
  protocol->transport->close();
  co_await protocol->lost;
}

// ---- data ----

// test_events.EventLoopTestsMixin.test_create_datagram_endpoint, test_create_datagram_endpoint_ipv6
TUTTI_TEST(DatagramEndpoint, SendsAndReceives) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    std::shared_ptr<Recorder> server;
    try {
      server = co_await endpoint({.local_address = {{host, 0}}});
    } catch (const tutti::OSError&) {
      continue;  // no IPv6 here
    }
    server->on_data = [raw = server.get()](tutti::BytesView data) {
      raw->transport->sendto("resp:" + std::string(data), raw->from);
    };
    const std::uint16_t port = server->transport->sockname().port();
    auto client = co_await endpoint({.remote_address = {{host, port}}});
    EXPECT_EQ(server->events, Events{"made"});
    client->transport->sendto("xxx");
    co_await until([&] { return !client->received.empty(); });
    EXPECT_EQ(server->received, std::vector<std::string>{"xxx"});
    EXPECT_EQ(client->received, std::vector<std::string>{"resp:xxx"});
    EXPECT_EQ(client->transport->get_extra_info(tutti::extra_info::peername), server->transport->sockname());
    EXPECT_EQ(client->from, server->transport->sockname());
    co_await close(client);
    EXPECT_EQ(client->events, (Events{"made", "lost"}));
    EXPECT_FALSE(client->error);
    EXPECT_EQ(client->transport->fd(), -1);
    EXPECT_EQ(client->transport->get_protocol(), nullptr);
    co_await close(server);
  }
}

TUTTI_TEST(DatagramEndpoint, KeepsDatagramsApartAndSendsEmptyOnes) {
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  auto client = co_await endpoint({.remote_address = {server->transport->sockname()}});
  for (const char* text : {"a", "", "ccc"}) client->transport->sendto(text);
  co_await until([&] { return server->received.size() == 3; });
  EXPECT_EQ(server->received, (std::vector<std::string>{"a", "", "ccc"}));
  co_await close(client);
  co_await close(server);
}

// test_events: test_create_datagram_endpoint_sock
TUTTI_TEST(DatagramEndpoint, TakesASocket) {
  Socket ready(AddressFamily::ipv4, SocketType::datagram);
  ready.bind(*Address::parse("127.0.0.1", 0));
  const Address where = ready.getsockname();
  auto server = co_await endpoint({.socket = std::move(ready)});
  EXPECT_EQ(server->transport->sockname(), where);
  const Socket client(AddressFamily::ipv4, SocketType::datagram);
  co_await tutti::sock_sendto(client, "raw", where);
  co_await until([&] { return !server->received.empty(); });
  server->transport->sendto("answer", server->from);
  EXPECT_EQ((co_await tutti::sock_recvfrom(client, 100)).first, "answer");
  EXPECT_THROW(tutti::get_running_loop().add_reader(server->transport->fd(), [] {}), tutti::RuntimeError);
  co_await close(server);
}

TUTTI_TEST(DatagramEndpoint, WorksOnUnixSockets) {
  const std::string path = ::testing::TempDir() + "tutti-endpoint-" + std::to_string(::getpid());
  auto server = co_await endpoint({.local_address = {Address::local(path)}});
  auto client = co_await endpoint(
      {.local_address = {Address::local(path + "-client")}, .remote_address = {Address::local(path)}});
  client->transport->sendto("question");
  co_await until([&] { return !server->received.empty(); });
  server->transport->sendto("answer", server->from);
  co_await until([&] { return !client->received.empty(); });
  EXPECT_EQ(client->received.front(), "answer");
  co_await close(client);
  co_await close(server);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  EXPECT_NE(::access((path + "-client").c_str(), F_OK), 0);
}

TUTTI_TEST(DatagramEndpoint, CanSendWithoutBeingBoundOrConnected) {
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  auto client = co_await endpoint({.family = AddressFamily::ipv4});
  client->transport->sendto("hello", server->transport->sockname());
  co_await until([&] { return !server->received.empty(); });
  co_await close(client);
  co_await close(server);
}

// ---- what is refused ----

// test_base_events: test_create_datagram_endpoint_wrong_sock, _sock_sockopts, _no_addrinfo, _allow_broadcast
TUTTI_TEST(DatagramEndpoint, RefusesWhatMakesNoSense) {
  EXPECT_THROW((void)co_await endpoint({}), tutti::ValueError);
  EXPECT_THROW((void)co_await endpoint({.socket = Socket(AddressFamily::ipv4)}), tutti::ValueError);
  EXPECT_THROW((void)co_await endpoint(
                   {.local_address = {{"127.0.0.1", 0}}, .socket = Socket(AddressFamily::ipv4, SocketType::datagram)}),
               tutti::ValueError);
  EXPECT_THROW(
      (void)co_await endpoint({.reuse_port = true, .socket = Socket(AddressFamily::ipv4, SocketType::datagram)}),
      tutti::ValueError);
  EXPECT_THROW((void)co_await endpoint({.local_address = {{"127.0.0.1", 0}}, .remote_address = {{"::1", 1}}}),
               tutti::ValueError);
  EXPECT_THROW((void)co_await endpoint({.remote_address = {{"name.invalid", 1}}}), tutti::AddressLookupError);
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  const Address taken = server->transport->sockname();
  EXPECT_EQ(co_await error_of<tutti::OSError>(endpoint({.local_address = {taken}})),
            "bind " + taken.to_string() + ": address already in use");
  co_await close(server);
}

// test_selector_events: test_sendto_connected_addr
TUTTI_TEST(DatagramEndpoint, SendsToNobodyElseThanItsPeer) {
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  const Address there = server->transport->sockname();
  auto client = co_await endpoint({.remote_address = {there}});
  EXPECT_THROW(client->transport->sendto("x", *Address::parse("127.0.0.1", 1)), tutti::ValueError);
  client->transport->sendto("x", there);
  auto shouting = co_await endpoint({.remote_address = {there}, .allow_broadcast = true});  // which is not connected
  EXPECT_EQ(shouting->transport->peername(), Address());
  shouting->transport->sendto("y");
  EXPECT_THROW(shouting->transport->sendto("y", *Address::parse("127.0.0.1", 1)), tutti::ValueError);
  co_await until([&] { return server->received.size() == 2; });
  for (const auto& each : {server, client, shouting}) co_await close(each);
}

// ---- errors ----

// test_selector_events: test_read_ready_oserr, test_sendto_error_received_connected
TUTTI_TEST(DatagramEndpoint, HearsThatNobodyListens) {
  Socket closed(AddressFamily::ipv4, SocketType::datagram);
  closed.bind(*Address::parse("127.0.0.1", 0));
  const Address nobody = closed.getsockname();
  closed.close();
  auto client = co_await endpoint({.remote_address = {nobody}});
  client->transport->sendto("anybody?");
  co_await until([&] { return client->error != nullptr; });
  EXPECT_TRUE(tutti::holds<tutti::ConnectionRefusedError>(client->error));
  EXPECT_EQ(client->events, (Events{"made", "error"}));
  EXPECT_FALSE(client->transport->is_closing());
  client->transport->sendto(std::string(100'000, 'x'));
  EXPECT_EQ(client->events, (Events{"made", "error", "error"}));
  EXPECT_EQ(tutti::describe(client->error), "OSError: send to " + nobody.to_string() + ": message too long");
  co_await close(client);
}

TUTTI_TEST(DatagramEndpoint, GoesOnWhenItsProtocolThrows) {
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  server->on_data = [](tutti::BytesView data) {
    if (data == "bad") throw std::runtime_error("cannot parse");
  };
  auto client = co_await endpoint({.remote_address = {server->transport->sockname()}});
  client->transport->sendto("bad");
  client->transport->sendto("good");
  co_await until([&] { return server->received.size() == 2; });
  tutti::testing::expect_report("exception in callback");
  co_await close(client);
  co_await close(server);
}

// ---- flow control ----

TUTTI_TEST(DatagramEndpoint, KeepsWhatTheKernelDoesNotTake) {
  auto [a, b] = Socket::pair(SocketType::datagram);
  auto writer = co_await endpoint({.socket = std::move(a)});
  auto& transport = *writer->transport;
  EXPECT_THROW(transport.set_write_buffer_limits(0, 1), tutti::ValueError);
  transport.set_write_buffer_limits(100, 50);
  EXPECT_EQ(transport.get_write_buffer_limits().high, 100U);
  int sent = 0;
  while (writer->events.back() != "pause") transport.sendto(std::to_string(sent++));
  EXPECT_GT(transport.get_write_buffer_size(), 100U);
  const std::size_t before = transport.get_write_buffer_size();
  transport.sendto("");  // it counts too
  EXPECT_EQ(transport.get_write_buffer_size(), before + 8);
  for (int i = 0; i < sent; ++i) EXPECT_EQ(co_await tutti::sock_recv(b, 100), std::to_string(i));
  EXPECT_EQ((co_await tutti::sock_recvfrom(b, 100)).first, "");
  EXPECT_EQ(writer->events, (Events{"made", "pause", "resume"}));
  EXPECT_EQ(transport.get_write_buffer_size(), 0U);
  co_await close(writer);
}

// test_selector_events: test_sendto_ready_closing, test_close and test_abort of the transport
TUTTI_TEST(DatagramEndpoint, SendsWhatIsBufferedBeforeItCloses) {
  for (const bool in_good_order : {true, false}) {
    auto [a, b] = Socket::pair(SocketType::datagram);
    auto writer = co_await endpoint({.socket = std::move(a)});
    auto& transport = *writer->transport;
    int sent = 0;
    while (transport.get_write_buffer_size() < 100) transport.sendto(std::to_string(sent++));
    if (in_good_order) {
      transport.close();
    } else {
      transport.abort();
    }
    EXPECT_TRUE(transport.is_closing());
    EXPECT_FALSE(writer->lost.done());
    int received = 0;
    while (!writer->lost.done() || received < (in_good_order ? sent : 1)) {
      auto receiving = tutti::create_task(tutti::sock_recv(b, 100));
      co_await turns(3);
      if (receiving.done()) {
        EXPECT_EQ(co_await receiving, std::to_string(received++));
      } else {
        receiving.cancel();
        EXPECT_THROW((void)co_await receiving, tutti::CancelledError);
      }
    }
    EXPECT_EQ(received == sent, in_good_order);
    co_await writer->lost;
    EXPECT_FALSE(writer->error);
  }
}

TUTTI_TEST(DatagramEndpoint, IsSilentAfterItHasClosed) {
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  auto client = co_await endpoint({.remote_address = {server->transport->sockname()}});
  server->on_data = [&](tutti::BytesView) { server->transport->close(); };
  for (int i = 0; i < 5; ++i) client->transport->sendto("x");
  co_await server->lost;
  EXPECT_EQ(server->received.size(), 1U);
  client->transport->abort();
  client->transport->abort();
  client->transport->close();
  for (int i = 0; i < 4; ++i) client->transport->sendto("into the void");
  EXPECT_TRUE(tutti::testing::take_log().empty());
  client->transport->sendto("into the void");
  EXPECT_EQ(tutti::testing::take_log().size(), 1U);
  co_await client->lost;
  co_await turns(3);
  EXPECT_EQ(client->events, (Events{"made", "lost"}));
}

TUTTI_TEST(DatagramEndpoint, CanGetAnotherProtocol) {
  auto server = co_await endpoint({.local_address = {{"127.0.0.1", 0}}});
  auto client = co_await endpoint({.remote_address = {server->transport->sockname()}});
  const auto second = std::make_shared<Recorder>();
  server->transport->set_protocol(second);
  EXPECT_EQ(server->transport->get_protocol(), second);
  EXPECT_THROW(server->transport->set_protocol(nullptr), tutti::ValueError);
  client->transport->sendto("x");
  co_await until([&] { return !second->received.empty(); });
  EXPECT_TRUE(server->received.empty());
  server->transport->close();
  co_await second->lost;
  server->lost.set_result();
  co_await close(client);
}

// ---- cancellation, and a loop that closes first ----

TUTTI_TEST(DatagramEndpoint, CanBeCancelledAtAnyMoment) {
  for (int i = 0; i < 5; ++i) {
    auto task = tutti::create_task(endpoint({.local_address = {{"127.0.0.1", 0}}}));
    co_await turns(i);
    if (task.cancel()) {
      EXPECT_THROW((void)co_await task, tutti::CancelledError);
      co_await turns(3);
    } else {
      co_await close(co_await task);
    }
  }
}

TEST(DatagramEndpointOfAClosedLoop, IsLetGo) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    std::weak_ptr<Recorder> protocol;
    std::shared_ptr<tutti::DatagramTransport> transport;
    {
      tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
      auto made = loop.run_until_complete(endpoint({.local_address = {{"127.0.0.1", 0}}}));
      auto forgotten = loop.run_until_complete(endpoint({.local_address = {{"127.0.0.1", 0}}}));
      forgotten = nullptr;  // it and its transport hold each other
      loop.run_until_complete(turns(2));
      protocol = made;
      transport = made->transport;
      made = nullptr;
      EXPECT_FALSE(protocol.expired());
      loop.close();
    }
    EXPECT_TRUE(protocol.expired());
    EXPECT_TRUE(transport->is_closing());
    EXPECT_EQ(transport->fd(), -1);
    transport->sendto("nobody");
    transport->close();
  }
}

}  // namespace

// SPDX-License-Identifier: MIT
// Datagrams by UDP and by Unix sockets.
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/net/datagram.hpp>
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
using tutti::Datagram;
using tutti::DatagramSocket;

struct Two {
  DatagramSocket a, b;
};

/// `a` is connected with `b`, which is not with `a`.
Coro<Two> udp_pair(tutti::DatagramOptions options = {}) {
  DatagramSocket b = co_await tutti::bind_udp("127.0.0.1", 0, options);
  DatagramSocket a = co_await tutti::connect_udp("127.0.0.1", b.port());
  co_return Two{std::move(a), std::move(b)};
}

std::string socket_path(const std::string& name) {
  return ::testing::TempDir() + "tutti-" + std::to_string(::getpid()) + "-" + name;
}

// ---- data ----

TUTTI_TEST(DatagramSocket, SendsToAPeerAndIsAnswered) {
  auto [client, server] = co_await udp_pair();
  co_await client.send("question");
  const Datagram question = co_await server.receive();
  EXPECT_EQ(question.data, "question");
  EXPECT_EQ(question.address, client.sockname());
  EXPECT_FALSE(question.truncated);
  co_await server.send_to("answer", question.address);
  const Datagram answer = co_await client.receive();
  EXPECT_EQ(answer.data, "answer");
  EXPECT_EQ(answer.address, server.sockname());
  EXPECT_EQ(client.peername(), server.sockname());
  EXPECT_EQ(server.peername(), Address());
}

TUTTI_TEST(DatagramSocket, KeepsDatagramsApart) {
  auto [client, server] = co_await udp_pair();
  for (const char* text : {"a", "", "ccc"}) co_await client.send(text);
  for (const char* text : {"a", "", "ccc"}) EXPECT_EQ((co_await server.receive()).data, text);
}

TUTTI_TEST(DatagramSocket, WaitsForADatagram) {
  auto [client, server] = co_await udp_pair();
  auto waiting = tutti::create_task(server.receive());
  co_await turns(3);
  EXPECT_FALSE(waiting.done());
  co_await client.send("here");
  EXPECT_EQ((co_await waiting).data, "here");
}

TUTTI_TEST(DatagramSocket, CarriesTheLargestThatUdpHas) {
  auto [client, server] = co_await udp_pair();
  const std::string largest(65'507, 'x');
  co_await client.send(largest);
  EXPECT_TRUE((co_await server.receive()).data == largest);
  const std::string where = server.sockname().to_string();
  EXPECT_EQ(co_await error_of<tutti::OSError>(client.send(largest + "x")), "send to " + where + ": message too long");
}

TUTTI_TEST(DatagramSocket, SaysThatItIsNotConnected) {
  DatagramSocket socket = co_await tutti::bind_udp("127.0.0.1", 0);
  EXPECT_EQ(co_await error_of<tutti::OSError>(socket.send("x")),
            "send: not connected; send_to takes an address: destination address required");
}

TUTTI_TEST(DatagramSocket, SaysWhatWasCutOff) {
  auto [client, server] = co_await udp_pair({.max_size = 4});
  co_await client.send("1234");
  co_await client.send("12345");
  const Datagram whole = co_await server.receive();
  EXPECT_EQ(whole.data, "1234");
  EXPECT_FALSE(whole.truncated);
  const Datagram cut = co_await server.receive();
  EXPECT_EQ(cut.data, "1234");
  EXPECT_TRUE(cut.truncated);
}

TUTTI_TEST(DatagramSocket, DropsTheNewestWhenItsQueueIsFull) {
  auto [client, server] = co_await udp_pair({.receive_buffer = 4096});
  constexpr int kSent = 100;
  for (int i = 0; i < kSent; ++i) co_await client.send(std::to_string(i) + std::string(1000, '.'));
  int received = 0;
  for (; received < kSent; ++received) {
    auto next = tutti::create_task(server.next());
    co_await turns(3);
    if (!next.done()) {
      server.close();
      EXPECT_FALSE(co_await next);
      break;
    }
    EXPECT_TRUE((co_await next)->data.starts_with(std::to_string(received) + "."));
  }
  EXPECT_GT(received, 0);
  EXPECT_LT(received, kSent);
}

TUTTI_TEST(DatagramSocket, LetsOthersRunDuringAFlood) {
  auto [client, server] = co_await udp_pair();
  for (int i = 0; i < 100; ++i) co_await client.send("x");
  const auto begin = tutti::get_running_loop().iterations();
  for (int i = 0; i < 100; ++i) (void)co_await server.receive();
  const auto passed = tutti::get_running_loop().iterations() - begin;
  EXPECT_GE(passed, 3U);
  EXPECT_LT(passed, 20U);
}

TUTTI_TEST(DatagramSocket, GivesEachDatagramToOneOfSeveral) {
  auto [client, server] = co_await udp_pair();
  std::vector<tutti::Task<Datagram>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(tutti::create_task(server.receive()));
  co_await turns(2);
  std::string all;
  for (const char* text : {"a", "b", "c"}) co_await client.send(text);
  for (auto& task : waiting) all += (co_await task).data;
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, "abc");
}

TUTTI_TEST(DatagramSocket, WorksOverIpv6) {
  std::optional<DatagramSocket> server;
  try {
    server.emplace(co_await tutti::bind_udp("::1", 0));
  } catch (const tutti::OSError&) {
  }
  if (!server) CO_SKIP() << "this machine has no IPv6";
  auto client = co_await tutti::connect_udp("::1", server->port());
  co_await client.send("six");
  const Datagram datagram = co_await server->receive();
  EXPECT_EQ(datagram.data, "six");
  EXPECT_EQ(datagram.address, client.sockname());
}

TUTTI_TEST(DatagramSocket, FindsItsPeerByName) {
  auto server = co_await tutti::bind_udp("localhost", 0, {.family = AddressFamily::ipv4});
  auto client = co_await tutti::connect_udp("localhost", server.port(), {.family = AddressFamily::ipv4});
  co_await client.send("four");
  EXPECT_EQ((co_await server.receive()).data, "four");
}

TUTTI_TEST(DatagramSocket, IsBoundBeforeItConnectsIfAsked) {
  auto first = co_await tutti::bind_udp("127.0.0.1", 0);
  const Address own = first.sockname();
  first.close();
  auto server = co_await tutti::bind_udp("127.0.0.1", 0);
  auto client = co_await tutti::connect_udp("127.0.0.1", server.port(), {.local_address = own});
  EXPECT_EQ(client.sockname(), own);
}

TUTTI_TEST(DatagramSocket, TakesOverASocket) {
  tutti::Socket own(AddressFamily::ipv4, tutti::SocketType::datagram);
  own.bind(*Address::parse("127.0.0.1", 0));
  DatagramSocket server(std::move(own));
  auto client = co_await tutti::connect_udp("127.0.0.1", server.port());
  co_await client.send("x");
  EXPECT_EQ((co_await server.receive()).data, "x");
  EXPECT_THROW(DatagramSocket(tutti::Socket(AddressFamily::ipv4)), tutti::ValueError);
  EXPECT_THROW(tutti::get_running_loop().add_reader(server.fd(), [] {}), tutti::RuntimeError);
}

// ---- errors ----

TUTTI_TEST(DatagramSocket, HearsThatNobodyListens) {
  auto [client, server] = co_await udp_pair();
  const std::string where = server.sockname().to_string();
  server.close();
  co_await client.send("into the void");
  EXPECT_EQ(co_await error_of<tutti::ConnectionRefusedError>(client.receive()),
            "receive from " + where + ": connection refused");
  co_await client.send("again");
  EXPECT_THROW(co_await client.send("and again"), tutti::ConnectionRefusedError);
  co_await client.send("an error comes once");
}

TUTTI_TEST(DatagramSocket, SaysWhatCannotBeOpened) {
  const auto server = co_await tutti::bind_udp("127.0.0.1", 0);
  EXPECT_EQ(co_await error_of<tutti::OSError>(tutti::bind_udp("127.0.0.1", server.port())),
            "bind " + server.sockname().to_string() + ": address already in use");
  EXPECT_THROW(co_await tutti::bind_udp("name.invalid", 0), tutti::AddressLookupError);
  EXPECT_THROW(co_await tutti::bind_udp("127.0.0.1", 0, {.max_size = 0}), tutti::ValueError);
  EXPECT_THROW(co_await tutti::bind_udp("127.0.0.1", 0, {.max_size = 1U << 30U}), tutti::ValueError);
  EXPECT_THROW(co_await tutti::connect_unix_datagram("/nowhere/at/all"), tutti::FileNotFoundError);
}

TUTTI_TEST(DatagramSocket, SharesAPortIfAsked) {
  const auto one = co_await tutti::bind_udp("127.0.0.1", 0, {.reuse_port = true});
  const auto two = co_await tutti::bind_udp("127.0.0.1", one.port(), {.reuse_port = true});
  EXPECT_EQ(one.sockname(), two.sockname());
}

TUTTI_TEST(DatagramSocket, NeedsLeaveToBroadcast) {
  auto timid = co_await tutti::bind_udp("127.0.0.1", 0);
  EXPECT_THROW(co_await timid.send_to("x", *Address::parse("255.255.255.255", 9)), tutti::PermissionError);
  const auto bold = co_await tutti::bind_udp("127.0.0.1", 0, {.allow_broadcast = true});
  int on = 0;
  socklen_t size = sizeof(on);
  CO_ASSERT_EQ(::getsockopt(bold.fd(), SOL_SOCKET, SO_BROADCAST, &on, &size), 0);
  EXPECT_NE(on, 0);
}

// ---- groups ----

TUTTI_TEST(DatagramSocket, ReceivesWhatIsSentToItsGroup) {
  const unsigned loopback = ::if_nametoindex("lo");
  auto member = co_await tutti::bind_udp("0.0.0.0", 0, {.reuse_address = true});
  auto sender = co_await tutti::bind_udp("127.0.0.1", 0);
  const Address group = *Address::parse("239.255.0.1", member.port());
  member.join_group(group, loopback);
  sender.set_multicast_interface(loopback);
  sender.set_multicast_hops(1);
  sender.set_multicast_loop(true);
  co_await sender.send_to("to all", group);
  EXPECT_EQ((co_await member.receive()).data, "to all");
  member.leave_group(group, loopback);
  EXPECT_THROW(member.leave_group(group, loopback), tutti::OSError);
  EXPECT_THROW(member.join_group(*Address::parse("127.0.0.1", 0)), tutti::OSError);
}

// ---- Unix sockets ----

TUTTI_TEST(DatagramSocket, WorksOnUnixSockets) {
  const std::string path = socket_path("datagram");
  {
    auto server = co_await tutti::bind_unix_datagram(path);
    auto client = co_await tutti::connect_unix_datagram(path, {.local_address = Address::local(path + "-client")});
    co_await client.send("question");
    const Datagram question = co_await server.receive();
    EXPECT_EQ(question.address.path(), path + "-client");
    co_await server.send_to("answer", question.address);
    EXPECT_EQ((co_await client.receive()).data, "answer");
    auto nameless = co_await tutti::connect_unix_datagram(path);
    co_await nameless.send("");
    const Datagram empty = co_await server.receive();
    EXPECT_EQ(empty.data, "");
    EXPECT_EQ(empty.address, Address());
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  EXPECT_NE(::access((path + "-client").c_str(), F_OK), 0);
}

TUTTI_TEST(DatagramSocket, ReplacesAUnixSocketThatWasLeft) {
  const std::string path = socket_path("left");
  {
    tutti::Socket left(AddressFamily::local, tutti::SocketType::datagram);
    left.bind(Address::local(path));
  }
  auto server = co_await tutti::bind_unix_datagram(path);
  auto other = co_await tutti::bind_unix_datagram(path);
  server.close();  // the file is another's now
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  auto client = co_await tutti::connect_unix_datagram(path);
  co_await client.send("x");
  EXPECT_EQ((co_await other.receive()).data, "x");
}

TUTTI_TEST(DatagramSocket, WaitsWhileAUnixSocketIsFull) {
  const std::string path = std::string("\0tutti-full-", 12) + std::to_string(::getpid());
  auto server = co_await tutti::bind_unix_datagram(path);
  auto client = co_await tutti::connect_unix_datagram(path);
  constexpr int kCount = 1000;
  auto sending = tutti::create_task([&]() -> Coro<> {
    for (int i = 0; i < kCount; ++i) co_await client.send(std::to_string(i));
  });
  co_await turns(5);
  EXPECT_FALSE(sending.done());
  for (int i = 0; i < kCount; ++i) EXPECT_EQ((co_await server.receive()).data, std::to_string(i));
  co_await sending;
}

TUTTI_TEST(DatagramSocket, WaitsWhileAnUnconnectedUnixSocketIsFull) {
  const std::string path = std::string("\0tutti-full2-", 13) + std::to_string(::getpid());
  auto server = co_await tutti::bind_unix_datagram(path);
  auto client = co_await tutti::bind_unix_datagram(path + "-client");
  auto sending = tutti::create_task([&]() -> Coro<> {
    for (int i = 0; i < 100; ++i) co_await client.send_to(std::to_string(i), Address::local(path));
  });
  co_await turns(5);
  EXPECT_FALSE(sending.done());
  for (int i = 0; i < 100; ++i) EXPECT_EQ((co_await server.receive()).data, std::to_string(i));
  co_await sending;
}

// ---- the end ----

TUTTI_TEST(DatagramSocket, EndsWhatWaitsWhenItIsClosed) {
  auto [client, server] = co_await udp_pair();
  auto receiving = tutti::create_task(server.receive());
  auto next = tutti::create_task(server.next());
  co_await turns(2);
  const std::string where = server.sockname().to_string();
  server.close();
  server.close();
  EXPECT_TRUE(server.is_closed());
  EXPECT_EQ(server.fd(), -1);
  EXPECT_EQ(co_await error_of<tutti::ConnectionAbortedError>(receiving),
            "receive on " + where + ": the socket is closed");
  EXPECT_FALSE(co_await next);
  EXPECT_FALSE(co_await server.next());
  EXPECT_THROW((void)co_await server.receive(), tutti::ConnectionAbortedError);
  EXPECT_THROW(co_await server.send_to("x", client.sockname()), tutti::ConnectionAbortedError);
  EXPECT_EQ(server.sockname().to_string(), where);
}

TUTTI_TEST(DatagramSocket, FreesItsPortWhenItGoes) {
  std::optional<DatagramSocket> one(co_await tutti::bind_udp("127.0.0.1", 0));
  const std::uint16_t port = one->port();
  auto receiving = tutti::create_task(one->receive());
  co_await turns(2);
  one.reset();
  EXPECT_THROW((void)co_await receiving, tutti::ConnectionAbortedError);
  const auto two = co_await tutti::bind_udp("127.0.0.1", port);
  EXPECT_EQ(two.port(), port);
}

TEST(DatagramSocketOfAClosedLoop, LetsGoOfItsDescriptor) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
    int reports = 0;
    loop.set_exception_handler([&](tutti::EventLoop&, const tutti::ExceptionContext&) { ++reports; });
    std::optional<Two> kept(loop.run_until_complete(udp_pair()));
    (void)loop.create_task(kept->b.receive());
    loop.run_until_complete(turns(2));
    loop.close();
    EXPECT_TRUE(kept->a.is_closed());
    EXPECT_EQ(kept->b.fd(), -1);
    EXPECT_EQ(reports, 1);  // the task
    kept.reset();
  }
}

// ---- cancellation ----

TUTTI_TEST(DatagramSocket, LosesNoDatagramWhenAReceiveIsCancelled) {
  auto [client, server] = co_await udp_pair();
  int received = 0;
  for (int i = 0; i < 60; ++i) {
    auto receiving = tutti::create_task(server.receive());
    co_await turns(i % 3);
    co_await client.send(std::to_string(i));
    if (i % 4 == 3) co_await tutti::sleep(0s);  // it is ready, and its task has not run yet
    receiving.cancel();
    try {
      EXPECT_EQ((co_await receiving).data, std::to_string(received));
      ++received;
    } catch (const tutti::CancelledError&) {
    }
  }
  for (; received < 60; ++received) EXPECT_EQ((co_await server.receive()).data, std::to_string(received));
}

TUTTI_TEST(DatagramSocket, SendsNothingThatWasCancelled) {
  const std::string path = std::string("\0tutti-cancel-", 14) + std::to_string(::getpid());
  auto server = co_await tutti::bind_unix_datagram(path);
  auto client = co_await tutti::connect_unix_datagram(path);
  int sent = 0;
  for (;;) {
    auto sending = tutti::create_task(client.send(std::to_string(sent)));
    co_await turns(2);
    if (sending.cancel()) {
      EXPECT_THROW(co_await sending, tutti::CancelledError);
      break;
    }
    ++sent;
  }
  for (int i = 0; i < sent; ++i) EXPECT_EQ((co_await server.receive()).data, std::to_string(i));
  co_await client.send("the last one");
  EXPECT_EQ((co_await server.receive()).data, "the last one");
}

}  // namespace

// SPDX-License-Identifier: MIT
// Finding and reaching the other end, and what is said when that fails.
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <tutti/base/fd.hpp>
#include <tutti/net/resolve.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"

namespace {

using namespace net_support;
using namespace std::chrono_literals;
using tutti::Address;
using tutti::AddressFamily;

/// A socket that is bound and, with a backlog, listens; nobody accepts.
struct SilentPort {
  tutti::Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;

  explicit SilentPort(std::optional<int> backlog = {}) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), size), 0) << std::strerror(errno);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    port = ntohs(name.sin_port);
    if (backlog) ::listen(socket.get(), *backlog);
  }
};

Coro<> drop(tutti::Streams streams) { co_await close(streams.writer); }

// ---- errors ----

TUTTI_TEST(OpenConnection, SaysWhoRefused) {
  const SilentPort closed;
  const std::string where = "127.0.0.1:" + std::to_string(closed.port);
  const std::string text =
      co_await error_of<tutti::ConnectionRefusedError>(tutti::open_connection("127.0.0.1", closed.port));
  EXPECT_EQ(text, "connect " + where + ": connection refused");
}

TUTTI_TEST(OpenConnection, SaysWhichAddressesOfANameRefused) {
  const SilentPort closed;
  const std::string port = std::to_string(closed.port);
  const std::string text = co_await error_of<tutti::ConnectionRefusedError>(
      tutti::open_connection("localhost", closed.port, {.family = AddressFamily::ipv4}));
  EXPECT_EQ(text, "connect localhost:" + port + " (127.0.0.1:" + port + "): connection refused");
}

TUTTI_TEST(OpenConnection, SaysWhatDoesNotResolve) {
  const std::string text = co_await error_of<tutti::AddressLookupError>(tutti::open_connection("name.invalid", 80));
  EXPECT_TRUE(contains(text, "resolve name.invalid: ")) << text;
  EXPECT_THROW(co_await tutti::open_connection(std::string("a\0b", 3), 80), tutti::ValueError);
}

TUTTI_TEST(OpenConnection, SaysWhichSocketIsNotThere) {
  EXPECT_EQ(co_await error_of<tutti::FileNotFoundError>(tutti::open_unix_connection("/nowhere/at/all")),
            "connect /nowhere/at/all: no such file or directory");
  EXPECT_THROW(co_await tutti::open_unix_connection(std::string(200, 'x')), tutti::ValueError);
}

TUTTI_TEST(OpenConnection, RefusesALimitOfZero) {
  const SilentPort silent(8);
  EXPECT_THROW(co_await tutti::open_connection("127.0.0.1", silent.port, {.limit = 0}), tutti::ValueError);
}

// ---- addresses ----

TUTTI_TEST(OpenConnection, TriesTheNextAddress) {
  // "localhost" may be ::1 first, where nobody listens; 127.0.0.1 answers.
  const SilentPort silent(8);
  auto streams = co_await tutti::open_connection("localhost", silent.port);
  EXPECT_EQ(streams.writer.peername().to_string(), "127.0.0.1:" + std::to_string(silent.port));
  co_await drop(std::move(streams));
  auto anywhere = co_await tutti::open_connection("", silent.port);
  EXPECT_EQ(anywhere.writer.peername().port(), silent.port);
  co_await drop(std::move(anywhere));
}

TUTTI_TEST(OpenConnection, BindsToALocalAddress) {
  const SilentPort silent(8);
  const tutti::ConnectOptions options{.local_address = Address::parse("127.0.0.2", 0)};
  auto streams = co_await tutti::open_connection("127.0.0.1", silent.port, options);
  EXPECT_EQ(streams.writer.sockname().host(), "127.0.0.2");
  co_await drop(std::move(streams));
  const tutti::ConnectOptions foreign{.local_address = Address::parse("192.0.2.1", 0)};
  EXPECT_THROW(co_await tutti::open_connection("127.0.0.1", silent.port, foreign), tutti::OSError);
}

TUTTI_TEST(OpenConnection, WorksOverIpv6) {
  const tutti::Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  if (!probe || ::bind(probe.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) {
    CO_SKIP() << "this machine has no IPv6";
  }
  auto server = co_await tutti::start_server(
      [](tutti::StreamReader, tutti::StreamWriter writer) { writer.write("six"); }, "::1", 0);
  auto [reader, writer] = co_await tutti::open_connection("::1", server.port());
  EXPECT_EQ(co_await reader.read(), "six");
  EXPECT_EQ(writer.peername().to_string(), "[::1]:" + std::to_string(server.port()));
  co_await close(writer);
  server.close();
  co_await server.wait_closed();
}

// ---- cancellation ----

TUTTI_TEST(OpenConnection, CanBeCancelledAtAnyMoment) {
  const SilentPort silent(64);
  auto before = tutti::create_task(tutti::open_connection("127.0.0.1", silent.port));
  before.cancel();
  EXPECT_THROW(co_await before, tutti::CancelledError);
  for (int ticks = 1; ticks < 6; ++ticks) {
    auto task = tutti::create_task(tutti::open_connection("127.0.0.1", silent.port));
    for (int i = 0; i < ticks; ++i) co_await tutti::sleep(0s);
    if (task.cancel()) {
      EXPECT_THROW(co_await task, tutti::CancelledError);
    } else {
      co_await drop(co_await std::move(task));
    }
  }
}

TUTTI_TEST(OpenConnection, CanBeCancelledWhileThePeerDoesNotAnswer) {
  // A backlog of 0 holds one connection; the next ones wait for the peer.
  const SilentPort full(0);
  std::vector<tutti::Task<tutti::Streams>> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(tutti::create_task(tutti::open_connection("127.0.0.1", full.port)));
  co_await drop(co_await std::move(tasks.front()));
  for (int i = 0; i < 10; ++i) co_await tutti::sleep(0s);
  EXPECT_FALSE(tasks.back().done());
  for (std::size_t i = 1; i < tasks.size(); ++i) {
    if (tasks[i].cancel()) {
      EXPECT_THROW(co_await tasks[i], tutti::CancelledError);
    } else {
      co_await drop(co_await std::move(tasks[i]));
    }
  }
}

// ---- names ----

TUTTI_TEST(GetAddrInfo, AnswersForNumericHostsAtOnce) {
  const auto one = co_await tutti::getaddrinfo("127.0.0.1", 80);
  CO_ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].to_string(), "127.0.0.1:80");
  EXPECT_EQ((co_await tutti::getaddrinfo("::1", 80))[0].to_string(), "[::1]:80");
  EXPECT_THROW((void)co_await tutti::getaddrinfo("::1", 80, {.family = AddressFamily::ipv4}),
               tutti::AddressLookupError);
  EXPECT_THROW((void)co_await tutti::getaddrinfo("x", 80, {.family = AddressFamily::local}), tutti::ValueError);
}

TUTTI_TEST(GetAddrInfo, KnowsThisMachine) {
  const auto loopback = co_await tutti::getaddrinfo("", 1);
  CO_ASSERT_EQ(loopback.size(), 2U);
  EXPECT_EQ(loopback[0].to_string(), "[::1]:1");
  EXPECT_EQ(loopback[1].to_string(), "127.0.0.1:1");
  const auto all = co_await tutti::getaddrinfo("", 1, {.family = AddressFamily::ipv4, .passive = true});
  CO_ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].to_string(), "0.0.0.0:1");
  const auto named = co_await tutti::getaddrinfo("localhost", 7, {.family = AddressFamily::ipv4});
  CO_ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].to_string(), "127.0.0.1:7");
}

TUTTI_TEST(GetAddrInfo, CanBeCancelled) {
  auto task = tutti::create_task(tutti::getaddrinfo("localhost", 80));
  co_await tutti::sleep(0s);
  task.cancel();
  EXPECT_THROW((void)co_await task, tutti::CancelledError);
}

}  // namespace

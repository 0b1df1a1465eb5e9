// SPDX-License-Identifier: MIT
// Several addresses: in turn, staggered, in which order, and what is said when none can be reached.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <tutti/base/exception_group.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net/connect_first.hpp"
#include "net_support.hpp"

namespace {

using namespace net_support;
using namespace std::chrono_literals;
using tutti::Address;
using tutti::StreamReader;
using tutti::StreamWriter;

void greet(StreamReader, StreamWriter writer) { writer.write(writer.sockname().host()); }

Address at(const std::string& host, std::uint16_t port) { return *Address::parse(host, port); }

Coro<> end(tutti::Server& server) {
  server.close();
  co_await server.wait_closed();
}

/// A port of `host` whose queue is full: connecting hangs.
class DeafPort {
 public:
  explicit DeafPort(const std::string& host, std::uint16_t port) : address_(at(host, port)) {
    listener_.bind(address_);
    listener_.listen(0);
    address_ = listener_.getsockname();
    for (tutti::Socket& filler : fillers_) {
      filler = tutti::Socket(tutti::AddressFamily::ipv4);
      (void)::connect(filler.fd(), static_cast<const sockaddr*>(address_.data()),
                      static_cast<socklen_t>(address_.size()));
    }
  }
  [[nodiscard]] Address address() const { return address_; }

 private:
  Address address_;
  tutti::Socket listener_{tutti::AddressFamily::ipv4};
  tutti::Socket fillers_[3];
};

// test_base_events: test_create_connection_happy_eyeballs…
TUTTI_VIRTUAL_TEST(HappyEyeballs, GoOnAfterTheDelay) {
  auto server = co_await tutti::start_server(greet, "127.0.0.2", 0);
  const DeafPort deaf("127.0.0.1", 0);
  const auto begin = tutti::get_running_loop().time();
  std::vector<Address> addresses{deaf.address(), at("127.0.0.2", server.port())};
  auto [reader, writer] = co_await tutti::open_connection(addresses, {.happy_eyeballs_delay = 250ms});
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 250ms);
  EXPECT_EQ(co_await reader.read(), "127.0.0.2");
  co_await close(writer);
  co_await end(server);
}

TUTTI_TEST(HappyEyeballs, DoNotWaitForTheDelayAfterAnError) {
  auto server = co_await tutti::start_server(greet, "127.0.0.2", 0);
  std::vector<Address> addresses{at("127.0.0.1", server.port()), at("127.0.0.2", server.port())};
  for (const auto delay : {std::optional<tutti::Duration>(1h), std::optional<tutti::Duration>()}) {
    auto [reader, writer] = co_await tutti::open_connection(addresses, {.happy_eyeballs_delay = delay});
    EXPECT_EQ(co_await reader.read(), "127.0.0.2");
    co_await close(writer);
  }
  co_await end(server);
}

TUTTI_VIRTUAL_TEST(HappyEyeballs, MayBeCancelled) {
  const DeafPort one("127.0.0.1", 0);
  const DeafPort two("127.0.0.2", 0);
  std::vector<Address> addresses{one.address(), two.address()};
  auto task = tutti::create_task(tutti::open_connection(addresses, {.happy_eyeballs_delay = 250ms}));
  co_await tutti::sleep(1s);
  EXPECT_FALSE(task.done());
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
}

// test_base_events: test_create_connection_multiple_errors, test_create_connection_all_errors…
/// Cancels each task but the running one and `spared`.
void cancel_others(const tutti::AnyTask& spared) {
  for (const tutti::AnyTask& task : tutti::all_tasks()) {
    if (task != *tutti::current_task() && task != spared) task.cancel();
  }
}

// test_base_events: test_create_connection_happy_eyeballs_empty_exceptions
TUTTI_VIRTUAL_TEST(HappyEyeballs, WhoseAttemptsSomebodyCancelsTimeOut) {
  const DeafPort deaf("127.0.0.1", 0);
  const DeafPort deaf_too("127.0.0.2", 0);
  for (const bool all_errors : {false, true}) {
    const std::vector<Address> addresses{deaf.address(), deaf_too.address()};
    auto connecting = tutti::create_task(
        tutti::open_connection(addresses, {.happy_eyeballs_delay = 250ms, .all_errors = all_errors}));
    co_await tutti::sleep(300ms);
    cancel_others(connecting);
    EXPECT_EQ(co_await error_of<tutti::TimeoutError>(connecting), "connect " + deaf.address().to_string() + ", " +
                                                                      deaf_too.address().to_string() +
                                                                      ": every attempt was cancelled");
    EXPECT_FALSE(connecting.cancelled());
  }
}

TUTTI_VIRTUAL_TEST(HappyEyeballs, TellTheErrorsOfThoseThatNobodyCancelled) {
  const DeafPort deaf("127.0.0.1", 0);
  const std::vector<Address> addresses{deaf.address(), Address::local("/nowhere/socket")};
  auto connecting = tutti::create_task(tutti::open_connection(addresses, {.happy_eyeballs_delay = 250ms}));
  co_await tutti::sleep(300ms);
  cancel_others(connecting);
  EXPECT_EQ(co_await error_of<tutti::FileNotFoundError>(connecting),
            "connect /nowhere/socket: no such file or directory");
}

TUTTI_TEST(HappyEyeballs, TellAllErrors) {
  auto server = co_await tutti::start_server(greet, "127.0.0.3", 0);
  std::vector<Address> addresses{at("127.0.0.1", server.port()), at("127.0.0.2", server.port())};
  const std::string both = addresses[0].to_string() + ", " + addresses[1].to_string();
  for (const auto delay : {std::optional<tutti::Duration>(1h), std::optional<tutti::Duration>()}) {
    EXPECT_EQ(co_await error_of<tutti::ConnectionRefusedError>(
                  tutti::open_connection(addresses, {.happy_eyeballs_delay = delay})),
              "connect " + both + ": connection refused");
    try {
      (void)co_await tutti::open_connection(addresses, {.happy_eyeballs_delay = delay, .all_errors = true});
      ADD_FAILURE() << "connected";
    } catch (const tutti::ExceptionGroup& group) {
      EXPECT_EQ(group.message(), "connect " + both);
      CO_ASSERT_EQ(group.exceptions().size(), 2U);
      EXPECT_EQ(tutti::describe(group.exceptions()[1]),
                "ConnectionRefusedError: connect " + addresses[1].to_string() + ": connection refused");
    }
  }
  EXPECT_THROW(co_await tutti::open_connection(std::vector<Address>{}), tutti::ValueError);
  EXPECT_THROW(co_await tutti::open_connection(addresses, {.ssl = true}), tutti::ValueError);
  co_await end(server);
}

TUTTI_TEST(HappyEyeballs, TellWhatDiffers) {
  auto server = co_await tutti::start_server(greet, "127.0.0.1", 0);
  std::vector<Address> addresses{at("127.0.0.2", server.port()), at("255.255.255.255", server.port())};
  const std::string text = co_await error_of<tutti::OSError>(tutti::open_connection(addresses));
  EXPECT_TRUE(text.starts_with("connect " + addresses[0].to_string() + ", " + addresses[1].to_string() + ": connect " +
                               addresses[0].to_string() + ": connection refused; connect "))
      << text;
  const tutti::ConnectOptions foreign{.local_address = Address::parse("192.0.2.1", 0)};
  EXPECT_EQ(co_await error_of<tutti::OSError>(tutti::open_connection("127.0.0.1", server.port(), foreign)),
            "bind 192.0.2.1:0: cannot assign requested address");
  co_await end(server);
}

TEST(HappyEyeballs, TakeTurnsBetweenTheFamilies) {
  const auto order = [](std::vector<std::string> hosts, std::size_t first) {
    std::vector<Address> addresses;
    for (const std::string& host : hosts) addresses.push_back(at(host, 1));
    std::string text;
    for (const Address& address : tutti::detail::interleave_families(addresses, first)) text += address.host() + " ";
    return text;
  };
  EXPECT_EQ(order({"::1", "::2", "::3", "0.0.0.4", "0.0.0.5"}, 1), "::1 0.0.0.4 ::2 0.0.0.5 ::3 ");
  EXPECT_EQ(order({"::1", "::2", "::3", "0.0.0.4", "0.0.0.5"}, 2), "::1 ::2 0.0.0.4 ::3 0.0.0.5 ");
  EXPECT_EQ(order({"0.0.0.1", "::2", "::3"}, 1), "0.0.0.1 ::2 ::3 ");
  EXPECT_EQ(order({"0.0.0.1", "::2", "::3"}, 9), "0.0.0.1 ::2 ::3 ");
  EXPECT_EQ(order({"0.0.0.1"}, 3), "0.0.0.1 ");
  EXPECT_EQ(order({}, 1), "");
}

TUTTI_TEST(OpenConnectionOnASocket, TakesItOver) {
  auto server = co_await tutti::start_server(greet, "127.0.0.1", 0);
  tutti::Socket socket(tutti::AddressFamily::ipv4);
  const Address address = at("127.0.0.1", server.port());
  (void)::connect(socket.fd(), static_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size()));
  auto [reader, writer] = co_await tutti::open_connection(std::move(socket));
  EXPECT_EQ(co_await reader.read(), "127.0.0.1");
  co_await close(writer);
  auto [one, other] = tutti::Socket::pair();
  EXPECT_THROW(co_await tutti::open_connection(std::move(other), {.ssl = true}), tutti::ValueError);
  co_await end(server);
}

}  // namespace

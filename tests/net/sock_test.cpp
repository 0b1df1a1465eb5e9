// SPDX-License-Identifier: MIT
// System calls on sockets as awaitables: sock_recv, sock_sendall, sock_connect, sock_accept and their kin.
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

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

Address loopback(std::uint16_t port = 0) { return *Address::parse("127.0.0.1", port); }

Socket listening(int backlog = 16) {
  Socket socket(AddressFamily::ipv4);
  socket.bind(loopback());
  socket.listen(backlog);
  return socket;
}

Socket udp() {
  Socket socket(AddressFamily::ipv4, SocketType::datagram);
  socket.bind(loopback());
  return socket;
}

/// Two ends of a TCP connection.
Coro<std::pair<Socket, Socket>> tcp_pair() {
  const Socket listener = listening();
  Socket client(AddressFamily::ipv4);
  co_await tutti::sock_connect(client, listener.getsockname());
  auto [server, peer] = co_await tutti::sock_accept(listener);
  EXPECT_EQ(peer, client.getsockname());
  co_return std::pair(std::move(client), std::move(server));
}

/// Fills the socket's buffer, so that sending to it has to wait.
void fill(const Socket& socket) {
  const std::string spaces(8192, ' ');
  for (std::size_t size = spaces.size(); size > 0; size /= 2) {
    while (::send(socket.fd(), spaces.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }
}

// ---- data ----

// test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_ops
TUTTI_TEST(Sock, ConnectsAcceptsSendsAndReceives) {
  auto [client, server] = co_await tcp_pair();
  co_await tutti::sock_sendall(client, "question");
  EXPECT_EQ(co_await tutti::sock_recv(server, 100), "question");
  co_await tutti::sock_sendall(server, "an answer");
  std::array<char, 16> memory{};
  EXPECT_EQ(co_await tutti::sock_recv_into(client, memory), 9U);
  EXPECT_EQ(std::string(memory.data(), 9), "an answer");
  client.shutdown(tutti::ShutdownSide::writing);
  EXPECT_EQ(co_await tutti::sock_recv(server, 100), "");
}

TUTTI_TEST(Sock, TakesOnlyAsManyBytesAsWanted) {
  auto [a, b] = Socket::pair();
  co_await tutti::sock_sendall(a, "abcdef");
  EXPECT_EQ(co_await tutti::sock_recv(b, 4), "abcd");
  EXPECT_EQ(co_await tutti::sock_recv(b, 4), "ef");
  EXPECT_EQ(co_await tutti::sock_recv(b, 0), "");
}

TUTTI_TEST(Sock, CostsNoIterationWhenItNeedNotWait) {
  auto [a, b] = Socket::pair();
  const auto begin = tutti::get_running_loop().iterations();
  co_await tutti::sock_sendall(a, "abc");
  EXPECT_EQ(co_await tutti::sock_recv(b, 4), "abc");
  EXPECT_EQ(tutti::get_running_loop().iterations(), begin);
}

// test_sock_lowlevel.BaseSockTestsMixin.test_huge_content
TUTTI_TEST(Sock, SendsMoreThanTheSocketTakesAtOnce) {
  auto [client, server] = co_await tcp_pair();
  std::string sent;
  for (int i = 0; sent.size() < (8U << 20U); ++i) sent += std::to_string(i) + std::string(100, ',');
  auto sending = tutti::create_task(tutti::sock_sendall(client, sent));
  std::string received;
  while (received.size() < sent.size()) received += co_await tutti::sock_recv(server, 1U << 20U);
  co_await sending;
  EXPECT_TRUE(received == sent);
}

TUTTI_TEST(Sock, CarriesDatagramsWithTheirAddresses) {
  const Socket a = udp();
  const Socket b = udp();
  EXPECT_EQ(co_await tutti::sock_sendto(a, "to b", b.getsockname()), 4U);
  auto [data, from] = co_await tutti::sock_recvfrom(b, 100);
  EXPECT_EQ(data, "to b");
  EXPECT_EQ(from, a.getsockname());
  EXPECT_EQ(co_await tutti::sock_sendto(b, "", from), 0U);  // an empty one is one
  std::array<char, 4> memory{};
  const auto [size, sender] = co_await tutti::sock_recvfrom_into(a, memory);
  EXPECT_EQ(size, 0U);
  EXPECT_EQ(sender, b.getsockname());
  auto waiting = tutti::create_task(tutti::sock_recvfrom(a, 2));
  co_await turns(2);
  co_await tutti::sock_sendto(b, "cut off", from);
  EXPECT_EQ((co_await waiting).first, "cu");
}

TUTTI_TEST(Sock, LetsSeveralWaitForOneSocket) {
  auto [a, b] = Socket::pair(SocketType::datagram);
  auto first = tutti::create_task(tutti::sock_recv(b, 10));
  auto second = tutti::create_task(tutti::sock_recv(b, 10));
  co_await turns(3);
  co_await tutti::sock_sendall(a, "one");
  co_await tutti::sock_sendall(a, "two");
  const std::string one = co_await first;
  const std::string two = co_await second;
  EXPECT_TRUE((one == "one" && two == "two") || (one == "two" && two == "one")) << one << ", " << two;
}

TUTTI_TEST(Sock, WaitsForBothDirectionsOfOneSocketAtATime) {
  auto [a, b] = co_await tcp_pair();
  fill(a);
  auto receiving = tutti::create_task(tutti::sock_recv(a, 10));
  auto sending = tutti::create_task(tutti::sock_sendall(a, std::string(100'000, 'x')));
  co_await turns(3);
  co_await tutti::sock_sendall(b, "in");
  EXPECT_EQ(co_await receiving, "in");
  EXPECT_FALSE(sending.done());
  while (!sending.done()) (void)co_await tutti::sock_recv(b, 1U << 20U);
  co_await sending;
}

TUTTI_TEST(Sock, AcceptsOnUnixSockets) {
  Socket listener(AddressFamily::local);
  const Address name = Address::local(std::string("\0tutti-sock-test-", 17) + std::to_string(::getpid()));
  listener.bind(name);
  listener.listen();
  Socket client(AddressFamily::local);
  co_await tutti::sock_connect(client, name);
  EXPECT_EQ(client.getpeername(), name);
  const auto [server, peer] = co_await tutti::sock_accept(listener);
  EXPECT_EQ(peer, Address());
  EXPECT_EQ(server.family(), AddressFamily::local);
}

TUTTI_TEST(Sock, LooksUpTheNameForTheFamilyOfTheSocket) {
  const Socket listener = listening();
  Socket client(AddressFamily::ipv4);
  co_await tutti::sock_connect(client, "localhost", listener.getsockname().port());
  EXPECT_EQ(client.getpeername(), listener.getsockname());
  Socket other(AddressFamily::ipv4);
  EXPECT_THROW(co_await tutti::sock_connect(other, "::1", 80), tutti::AddressLookupError);
}

// ---- errors ----

TUTTI_TEST(Sock, SaysWhatFailedAndWhere) {
  Socket bound(AddressFamily::ipv4);
  bound.bind(loopback());
  Socket client(AddressFamily::ipv4);
  const std::string where = bound.getsockname().to_string();
  EXPECT_EQ(co_await error_of<tutti::ConnectionRefusedError>(tutti::sock_connect(client, bound.getsockname())),
            "connect " + where + ": connection refused");
  EXPECT_EQ(co_await error_of<tutti::OSError>(tutti::sock_accept(bound)),
            "sock_accept on " + where + ": invalid argument");

  auto [a, b] = co_await tcp_pair();
  co_await tutti::sock_sendall(a, "unread");
  b.close();  // over unread data: a reset
  EXPECT_EQ(co_await error_of<tutti::ConnectionResetError>(tutti::sock_recv(a, 1)),
            "sock_recv from " + a.getsockname().to_string() + ": connection reset by peer");
  EXPECT_THROW(co_await tutti::sock_sendall(a, "x"), tutti::BrokenPipeError);
  EXPECT_THROW((void)co_await tutti::sock_recv(-1, 1), tutti::OSError);
}

// test_sock_lowlevel.BaseSockTestsMixin._basetest_sock_client_ops, its first half
TUTTI_TEST(Sock, RefusesABlockingSocketInDebugMode) {
  int ends[2];
  CO_ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const tutti::Fd a(ends[0]);
  tutti::Fd b(ends[1]);
  std::array<char, 4> memory{};
  EXPECT_THROW(co_await tutti::sock_connect(a, loopback(1)), tutti::ValueError);
  EXPECT_THROW(co_await tutti::sock_sendall(a, "x"), tutti::ValueError);
  EXPECT_THROW((void)co_await tutti::sock_recv(a, 1), tutti::ValueError);
  EXPECT_THROW(co_await tutti::sock_recv_into(a, memory), tutti::ValueError);
  EXPECT_THROW((void)co_await tutti::sock_accept(a), tutti::ValueError);
  tutti::get_running_loop().set_debug(false);
  EXPECT_THROW((void)co_await tutti::sock_accept(a), tutti::ValueError);
  auto waiting = tutti::create_task(tutti::sock_recv(a, 4));  // which does not block the loop all the same
  co_await turns(2);
  const Socket owned(std::move(b));
  co_await tutti::sock_sendall(owned, "x");
  EXPECT_EQ(co_await waiting, "x");
}

TUTTI_TEST(Sock, RefusesASocketThatATransportHas) {
  auto pair = co_await connected_pair();
  const int fd = pair.client.writer.fd();
  EXPECT_THROW((void)co_await tutti::sock_recv(fd, 1), tutti::RuntimeError);
  EXPECT_THROW(co_await tutti::sock_sendall(fd, "x"), tutti::RuntimeError);
  EXPECT_THROW(tutti::get_running_loop().add_reader(fd, [] {}), tutti::RuntimeError);
  co_await close(pair);
}

TUTTI_TEST(Sock, OwnsOnlyWhatIsASocket) {
  tutti::Fd file(::dup(0));
  EXPECT_THROW((void)Socket(tutti::Fd(-1)), tutti::OSError);
  int ends[2];
  CO_ASSERT_EQ(::pipe(ends), 0);
  EXPECT_THROW((void)Socket(tutti::Fd(ends[0])), tutti::OSError);
  ::close(ends[1]);
  EXPECT_THROW((void)Socket(AddressFamily::other), tutti::ValueError);
  const Socket udp_socket = udp();
  EXPECT_EQ(udp_socket.type(), SocketType::datagram);
  EXPECT_EQ(udp_socket.family(), AddressFamily::ipv4);
  EXPECT_EQ(udp_socket.getpeername(), Address());
  co_return;
}

// ---- cancellation ----

// test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_racing; test_events test_prompt_cancellation
TUTTI_TEST(Sock, LosesNoByteWhenAReceiveIsCancelled) {
  auto [a, b] = co_await tcp_pair();
  std::string received;
  std::string sent;
  for (int i = 0; i < 100; ++i) {
    const std::string piece = std::to_string(i) + ",";
    sent += piece;
    auto receiving = tutti::create_task(tutti::sock_recv(b, 100));
    co_await turns(i % 3);
    co_await tutti::sock_sendall(a, piece);
    if (i % 4 == 3) co_await tutti::sleep(0s);  // it is ready, and its task has not run yet
    receiving.cancel();
    try {
      received += co_await receiving;
    } catch (const tutti::CancelledError&) {
    }
  }
  a.shutdown(tutti::ShutdownSide::writing);
  for (std::string piece = co_await tutti::sock_recv(b, 1000); !piece.empty();) {
    received += piece;
    piece = co_await tutti::sock_recv(b, 1000);
  }
  EXPECT_EQ(received, sent);
}

TUTTI_TEST(Sock, GivesTheMemoryBackAtOnceWhenAReceiveIsCancelled) {
  auto [a, b] = Socket::pair();
  std::string memory(8, '.');
  auto receiving = tutti::create_task(tutti::sock_recv_into(b, memory));
  co_await turns(2);
  receiving.cancel();
  EXPECT_THROW(co_await receiving, tutti::CancelledError);
  co_await tutti::sock_sendall(a, "data");
  co_await turns(3);
  EXPECT_EQ(memory, "........");
  EXPECT_EQ(co_await tutti::sock_recv_into(b, memory), 4U);
  EXPECT_EQ(memory, "data....");
}

// _basetest_sock_send_racing
TUTTI_TEST(Sock, MakesNoRoomForASendThatIsCancelled) {
  auto [client, server] = co_await tcp_pair();
  client.set_option(SOL_SOCKET, SO_SNDBUF, 1024);
  fill(client);
  auto blocked = tutti::create_task(tutti::sock_sendall(client, "hello"));
  co_await turns(2);
  blocked.cancel();
  EXPECT_THROW(co_await blocked, tutti::CancelledError);
  auto world = tutti::create_task(tutti::sock_sendall(client, "world"));
  std::string received;
  while (!received.ends_with("world")) {
    received = co_await tutti::sock_recv(server, 8192);
    CO_ASSERT_FALSE(received.empty());
    EXPECT_EQ(received.find("hello"), std::string::npos);
  }
  co_await world;
}

// test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_connect_racing
TUTTI_TEST(Sock, ConnectsAgainAfterACancelledConnect) {
  const Socket full = listening(0);
  std::vector<Socket> others;  // they take all the room that the listener has
  for (int i = 0; i < 2; ++i) {
    others.emplace_back(AddressFamily::ipv4);
    auto filling = tutti::create_task(tutti::sock_connect(others.back(), full.getsockname()));
    co_await turns(3);
    if (!filling.done()) filling.cancel();
    try {
      co_await filling;
    } catch (const tutti::CancelledError&) {
    }
  }
  Socket client(AddressFamily::ipv4);
  auto waiting = tutti::create_task(tutti::sock_connect(client, full.getsockname()));
  co_await turns(3);
  EXPECT_TRUE(waiting.cancel());
  EXPECT_THROW(co_await waiting, tutti::CancelledError);
  auto again = tutti::create_task(tutti::sock_connect(client, full.getsockname()));  // which waits for the first one
  co_await turns(3);
  EXPECT_TRUE(again.cancel());
  EXPECT_THROW(co_await again, tutti::CancelledError);

  const Socket free = listening();
  Socket other(AddressFamily::ipv4);
  auto cancelled = tutti::create_task(tutti::sock_connect(other, free.getsockname()));
  co_await turns(1);
  if (cancelled.cancel()) {
    EXPECT_THROW(co_await cancelled, tutti::CancelledError);
    co_await tutti::sock_connect(other, free.getsockname());
  }
  EXPECT_EQ(other.getpeername(), free.getsockname());
}

TUTTI_TEST(Sock, LeavesAConnectionForTheNextWhenAnAcceptIsCancelled) {
  const Socket listener = listening();
  auto accepting = tutti::create_task(tutti::sock_accept(listener));
  co_await turns(2);
  Socket client(AddressFamily::ipv4);
  const Address address = listener.getsockname();
  (void)::connect(client.fd(), static_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size()));
  accepting.cancel();
  EXPECT_THROW((void)co_await accepting, tutti::CancelledError);
  const auto [server, peer] = co_await tutti::sock_accept(listener);
  EXPECT_EQ(peer, client.getsockname());
}

TUTTI_TEST(Sock, DoesNothingWhenItIsCancelledBeforeItBegins) {
  auto [a, b] = Socket::pair();
  auto sending = tutti::create_task(tutti::sock_sendall(a, "x"));
  sending.cancel();
  EXPECT_THROW(co_await sending, tutti::CancelledError);
  auto receiving = tutti::create_task(tutti::sock_recv(b, 1));
  co_await turns(2);
  EXPECT_FALSE(receiving.done());
  receiving.cancel();
  EXPECT_THROW((void)co_await receiving, tutti::CancelledError);
}

TUTTI_TEST(Sock, SendsNoDatagramThatWasCancelled) {
  const Socket a = udp();
  const Socket b = udp();
  auto cancelled = tutti::create_task(tutti::sock_sendto(a, "never", b.getsockname()));
  cancelled.cancel();
  EXPECT_THROW((void)co_await cancelled, tutti::CancelledError);
  co_await tutti::sock_sendto(a, "first", b.getsockname());
  EXPECT_EQ(co_await tutti::sock_recv(b, 100), "first");
}

TEST(SockOfAClosedLoop, IsLetGo) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    auto [a, b] = Socket::pair();
    tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
    int reports = 0;
    loop.set_exception_handler([&](tutti::EventLoop&, const tutti::ExceptionContext&) { ++reports; });
    (void)loop.create_task(tutti::sock_recv(a, 1));
    loop.run_until_complete(turns(2));
    loop.close();
    EXPECT_EQ(reports, 1);  // the task
  }
}

// ---- readiness ----

TUTTI_TEST(WaitReadable, WaitsAndTakesNothing) {
  auto [a, b] = Socket::pair();
  co_await tutti::lowlevel::wait_writable(a.fd());
  auto waiting = tutti::create_task(tutti::lowlevel::wait_readable(b.fd()));
  co_await turns(3);
  EXPECT_FALSE(waiting.done());
  co_await tutti::sock_sendall(a, "x");
  co_await waiting;
  EXPECT_EQ(co_await tutti::sock_recv(b, 1), "x");
  EXPECT_THROW(co_await tutti::lowlevel::wait_readable(-1), tutti::OSError);
}

TUTTI_TEST(WaitReadable, IsLeftWhenItIsCancelled) {
  auto [a, b] = Socket::pair();
  auto waiting = tutti::create_task(tutti::lowlevel::wait_readable(b.fd()));
  co_await turns(2);
  waiting.cancel();
  EXPECT_THROW(co_await waiting, tutti::CancelledError);
  auto again = tutti::create_task(tutti::lowlevel::wait_readable(b.fd()));
  co_await tutti::sock_sendall(a, "x");
  co_await again;
  EXPECT_EQ(co_await tutti::sock_recv(b, 1), "x");
}

}  // namespace

// SPDX-License-Identifier: MIT
// Waiting for sockets, datagrams, names and ends of connections, when the task is cancelled: what the more common functions' tests leave out.
#include <chrono>
#include <string>
#include <utility>

#include <tutti/net/datagram.hpp>
#include <tutti/net/resolve.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "net_support.hpp"

namespace {

using namespace net_support;
using test_support::turn;
using test_support::turns;
using tutti::AddressFamily;
using tutti::Socket;
using tutti::SocketType;

Socket udp_socket() {
  Socket socket(AddressFamily::ipv4, SocketType::datagram);
  socket.bind(*tutti::Address::parse("127.0.0.1", 0));
  return socket;
}

TUTTI_TEST(Sock, LeavesADatagramForTheNextWhenAReceiveIsCancelled) {
  const Socket from = udp_socket();
  const Socket to = udp_socket();
  std::string memory(8, '.');
  for (const bool late : {false, true}) {
    auto receiving = tutti::create_task(tutti::sock_recvfrom(to, 100));
    auto into = tutti::create_task(tutti::sock_recvfrom_into(to, memory));
    co_await turns(2);
    if (late) co_await tutti::sock_sendto(from, "one", to.getsockname());
    receiving.cancel();
    into.cancel();
    CO_ASSERT_THROW((void)co_await receiving, tutti::CancelledError);
    CO_ASSERT_THROW((void)co_await into, tutti::CancelledError);
    EXPECT_EQ(memory, "........");
    if (!late) co_await tutti::sock_sendto(from, "one", to.getsockname());
    EXPECT_EQ((co_await tutti::sock_recvfrom(to, 100)).first, "one");
  }
}

TUTTI_TEST(WaitWritable, IsLeftWhenItIsCancelled) {
  auto [a, b] = Socket::pair();
  const std::string piece(4096, 'x');
  while (::send(a.fd(), piece.data(), piece.size(), MSG_DONTWAIT) > 0) {
  }
  auto waiting = tutti::create_task(tutti::lowlevel::wait_writable(a.fd()));
  co_await turns(2);
  EXPECT_TRUE(waiting.cancel());
  CO_ASSERT_THROW(co_await waiting, tutti::CancelledError);
  auto again = tutti::create_task(tutti::lowlevel::wait_writable(a.fd()));
  while (!again.done()) {
    char taken[4096];
    (void)!::recv(b.fd(), taken, sizeof taken, MSG_DONTWAIT);
    co_await turn();
  }
  co_await again;
}

TUTTI_TEST(DatagramSocket, LosesNoDatagramWhenTheNextOfALoopIsCancelled) {
  auto server = co_await tutti::bind_udp("127.0.0.1", 0);
  auto client = co_await tutti::bind_udp("127.0.0.1", 0);
  for (const bool late : {false, true}) {
    auto next = tutti::create_task(server.next());
    co_await turns(2);
    if (late) co_await client.send_to("one", server.sockname());
    next.cancel();
    CO_ASSERT_THROW((void)co_await next, tutti::CancelledError);
    if (!late) co_await client.send_to("one", server.sockname());
    EXPECT_EQ((co_await server.next())->data, "one");
  }
}

TUTTI_TEST(DatagramSocket, SendsNothingToAnAddressIfThatWasCancelled) {
  const std::string path = std::string("\0tutti-cancel-to-", 17) + std::to_string(::getpid());
  auto server = co_await tutti::bind_unix_datagram(path);
  auto client = co_await tutti::connect_unix_datagram(path);
  const auto address = tutti::Address::local(path);
  int sent = 0;
  for (;; ++sent) {
    auto sending = tutti::create_task(client.send_to(std::to_string(sent), address));
    co_await turns(2);
    if (sending.cancel()) {
      CO_ASSERT_THROW(co_await sending, tutti::CancelledError);
      break;
    }
  }
  for (int i = 0; i < sent; ++i) EXPECT_EQ((co_await server.receive()).data, std::to_string(i));
  co_await client.send_to("the last one", address);
  EXPECT_EQ((co_await server.receive()).data, "the last one");
}

TUTTI_TEST(Connection, SendsAllAndEndsWhenWaitingForItsEndIsCancelled) {
  auto pair = co_await connected_pair();
  const std::string much(4'000'000, 'x');
  pair.client.writer.write(much);
  pair.client.writer.close();
  auto waiting = tutti::create_task(pair.client.writer.wait_closed());
  auto other = tutti::create_task(pair.client.writer.wait_closed());
  co_await turn();
  EXPECT_TRUE(waiting.cancel());
  CO_ASSERT_THROW(co_await waiting, tutti::CancelledError);
  EXPECT_EQ((co_await pair.peer.reader.read()).size(), much.size());
  co_await other;
  co_await close(pair);
}

TUTTI_TEST(GetNameInfo, CanBeCancelled) {
  auto task = tutti::create_task(tutti::getnameinfo(*tutti::Address::parse("127.0.0.1", 80)));
  co_await turn();
  task.cancel();
  CO_ASSERT_THROW((void)co_await task, tutti::CancelledError);
}

}  // namespace

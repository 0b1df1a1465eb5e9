// SPDX-License-Identifier: MIT
// What each operation does, on every back end: results, ends, errors, order.
#include "backend_fixture.hpp"

#include <array>
#include <cerrno>

#include <poll.h>

namespace tutti::tests {
namespace {

INSTANTIATE_TEST_SUITE_P(Each, BackendTest, all_backends, backend_name);

TEST_P(BackendTest, TellsItsName) { EXPECT_EQ(backend().name(), GetParam()); }

TEST_P(BackendTest, CompletesANop) {
  CountedOperation nop;
  backend().submit(nop);
  EXPECT_TRUE(nop.in_flight());
  EXPECT_EQ(backend().pending(), 1U);
  EXPECT_EQ(finish(nop), 0);
  EXPECT_FALSE(nop.in_flight());
  EXPECT_EQ(backend().pending(), 0U);
}

TEST_P(BackendTest, NeverCompletesInsideSubmit) {
  const Pair pair = socket_pair();
  write_all(pair.right, "now");
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  EXPECT_FALSE(recv.done());
  EXPECT_TRUE(recv.in_flight());
  EXPECT_EQ(finish(recv), 3);
}

TEST_P(BackendTest, SendsAndReceives) {
  const Pair pair = socket_pair();
  std::array<char, 16> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  CountedOperation send;
  send.prepare_send(pair.right.get(), "hello");
  backend().submit(send);
  backend().submit(recv);
  finish_all();
  EXPECT_EQ(send.result, 5);
  EXPECT_EQ(recv.result, 5);
  EXPECT_STREQ(buffer.data(), "hello");
}

TEST_P(BackendTest, WaitsForBytesAndDeliversThem) {
  const Pair pair = socket_pair();
  std::array<char, 16> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  settle();
  EXPECT_FALSE(recv.done());
  write_all(pair.right, "later");
  EXPECT_EQ(finish(recv), 5);
  EXPECT_STREQ(buffer.data(), "later");
}

TEST_P(BackendTest, GivesZeroAtTheEndOfAStream) {
  Pair pair = socket_pair();
  std::array<char, 16> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  settle();
  pair.right.reset();
  EXPECT_EQ(finish(recv), 0);
}

TEST_P(BackendTest, ReceivesOnABlockingSocketWithoutBlockingTheLoop) {
  const Pair pair = socket_pair(SOCK_STREAM);
  std::array<char, 16> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  settle();
  EXPECT_FALSE(recv.done());
  write_all(pair.right, "x");
  EXPECT_EQ(finish(recv), 1);
}

TEST_P(BackendTest, SendsWhatFitsAndTheRestOnceThePeerReads) {
  const Pair pair = socket_pair();
  const std::string data(4 << 20, 'd');
  std::size_t sent = 0;
  CountedOperation send;
  send.prepare_send(pair.left.get(), data);
  ASSERT_GT(submit_and_finish(send), 0);
  sent += static_cast<std::size_t>(send.result);
  ASSERT_LT(sent, data.size());

  std::size_t read = 0;
  std::string buffer(1 << 16, '\0');
  while (sent < data.size()) {
    CountedOperation rest;
    rest.prepare_send(pair.left.get(), BytesView(data).substr(sent));
    backend().submit(rest);
    settle();
    while (!rest.done()) {
      const auto count = ::recv(pair.right.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) read += static_cast<std::size_t>(count);
      poll();
    }
    ASSERT_GT(rest.result, 0);
    sent += static_cast<std::size_t>(rest.result);
  }
  while (read < data.size()) {
    const auto count = ::recv(pair.right.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    ASSERT_GT(count, 0);
    read += static_cast<std::size_t>(count);
  }
  EXPECT_EQ(read, data.size());
}

TEST_P(BackendTest, GivesBrokenPipeAndNoSignalForASendToAClosedPeer) {
  Pair pair = socket_pair();
  pair.right.reset();
  CountedOperation send;
  send.prepare_send(pair.left.get(), "to nobody");
  EXPECT_EQ(submit_and_finish(send), -EPIPE);  // SIGPIPE would have ended the program
}

TEST_P(BackendTest, GivesAgainAtOnceIfAskedNotToWait) {
  const Pair pair = socket_pair();
  std::array<char, 4> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  recv.flags = MSG_DONTWAIT;
  EXPECT_EQ(submit_and_finish(recv), -EAGAIN);
}

TEST_P(BackendTest, ConnectsAndAcceptsWithThePeersAddress) {
  const Bound server = listening_socket();
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage peer{};
  std::uint32_t room = sizeof peer;
  CountedOperation accept;
  accept.prepare_accept(server.fd.get(), &peer, &room);
  backend().submit(accept);
  settle();
  CountedOperation connect;
  connect.prepare_connect(client.get(), &server.address, sizeof server.address);
  backend().submit(connect);
  finish_all();
  EXPECT_EQ(connect.result, 0);
  ASSERT_GE(accept.result, 0);
  const Fd accepted(accept.result);

  sockaddr_in own{};
  socklen_t size = sizeof own;
  ASSERT_EQ(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size), 0);
  EXPECT_EQ(room, sizeof own);
  EXPECT_EQ(std::memcmp(&peer, &own, sizeof own), 0);
  EXPECT_NE(::fcntl(accepted.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(accepted.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_P(BackendTest, AcceptsAndConnectsOnBlockingSockets) {
  const Bound server = listening_socket(SOCK_STREAM);
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CountedOperation accept;
  accept.prepare_accept(server.fd.get());
  backend().submit(accept);
  settle();
  EXPECT_FALSE(accept.done());
  CountedOperation connect;
  connect.prepare_connect(client.get(), &server.address, sizeof server.address);
  backend().submit(connect);
  finish_all();
  EXPECT_EQ(connect.result, 0);
  ASSERT_GE(accept.result, 0);
  ::close(accept.result);
}

TEST_P(BackendTest, GivesConnectionRefused) {
  const Bound nobody = bound_socket();  // bound, but does not listen
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  CountedOperation connect;
  connect.prepare_connect(client.get(), &nobody.address, sizeof nobody.address);
  EXPECT_EQ(submit_and_finish(connect), -ECONNREFUSED);
}

TEST_P(BackendTest, GivesBadDescriptor) {
  Pair pair = socket_pair();
  const int closed = pair.left.get();
  pair.left.reset();
  std::array<char, 8> buffer{};
  sockaddr_in address{};
  for (const int fd : {-1, closed, 1 << 29}) {
    const auto expect_bad = [&](auto prepare) {
      CountedOperation operation;
      prepare(operation);
      EXPECT_EQ(submit_and_finish(operation), -EBADF) << "descriptor " << fd;
    };
    expect_bad([&](Operation& operation) { operation.prepare_recv(fd, buffer); });
    expect_bad([&](Operation& operation) { operation.prepare_send(fd, "x"); });
    expect_bad([&](Operation& operation) { operation.prepare_read(fd, buffer); });
    expect_bad([&](Operation& operation) { operation.prepare_write(fd, "x", 0); });
    expect_bad([&](Operation& operation) { operation.prepare_accept(fd); });
    expect_bad([&](Operation& operation) { operation.prepare_connect(fd, &address, sizeof address); });
    expect_bad([&](Operation& operation) { operation.prepare_poll(fd, POLLIN); });
  }
}

TEST_P(BackendTest, PollsForReadiness) {
  const Pair pair = socket_pair();
  CountedOperation writable;
  writable.prepare_poll(pair.left.get(), POLLOUT);
  EXPECT_EQ(submit_and_finish(writable), POLLOUT);

  CountedOperation readable;
  readable.prepare_poll(pair.left.get(), POLLIN);
  CountedOperation readable_too;
  readable_too.prepare_poll(pair.left.get(), POLLIN);
  backend().submit(readable);
  backend().submit(readable_too);
  settle();
  EXPECT_FALSE(readable.done());
  write_all(pair.right, "x");
  EXPECT_EQ(finish(readable), POLLIN);
  EXPECT_EQ(finish(readable_too), POLLIN);
}

TEST_P(BackendTest, PollReportsAHangUpThatNobodyAskedFor) {
  Pair pair = socket_pair();
  CountedOperation poll;
  poll.prepare_poll(pair.left.get(), POLLIN);
  backend().submit(poll);
  settle();
  pair.right.reset();
  EXPECT_NE(finish(poll) & POLLHUP, 0);
}

TEST_P(BackendTest, ServesReadersOfOneDescriptorInTheirOrder) {
  const Pair pair = socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
  std::array<char, 8> first_buffer{}, second_buffer{};
  CountedOperation first, second;
  first.prepare_recv(pair.left.get(), first_buffer);
  second.prepare_recv(pair.left.get(), second_buffer);
  backend().submit(first);
  backend().submit(second);
  settle();
  write_all(pair.right, "one");
  EXPECT_EQ(finish(first), 3);
  EXPECT_FALSE(second.done());
  write_all(pair.right, "two");
  EXPECT_EQ(finish(second), 3);
  EXPECT_STREQ(first_buffer.data(), "one");
  EXPECT_STREQ(second_buffer.data(), "two");
}

TEST_P(BackendTest, WaitsToReadAndToWriteAtTheSameTime) {
  const Pair pair = socket_pair();
  const std::string chunk(1 << 16, 'c');
  while (::send(pair.left.get(), chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
  }
  std::array<char, 8> buffer{};
  CountedOperation recv, send;
  recv.prepare_recv(pair.left.get(), buffer);
  send.prepare_send(pair.left.get(), "y");
  backend().submit(recv);
  backend().submit(send);
  settle();
  EXPECT_FALSE(recv.done() || send.done());
  write_all(pair.right, "x");
  EXPECT_EQ(finish(recv), 1);
  EXPECT_FALSE(send.done());
  std::string sink(1 << 20, '\0');
  while (::recv(pair.right.get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
  }
  EXPECT_EQ(finish(send), 1);
}

TEST_P(BackendTest, DeliversInTheOrderOfCompletion) {
  const Pair a = socket_pair(), b = socket_pair();
  std::array<char, 8> buffer{};
  std::vector<CountedOperation*> order;
  CountedOperation on_a(&order), on_b(&order), nop(&order), nop_too(&order);
  on_a.prepare_recv(a.left.get(), buffer);
  on_b.prepare_recv(b.left.get(), buffer);
  backend().submit(on_a);
  backend().submit(on_b);
  settle();
  write_all(b.right, "b");
  finish(on_b);
  write_all(a.right, "a");
  finish(on_a);
  backend().submit(nop);
  backend().submit(nop_too);
  finish_all();
  EXPECT_EQ(order, (std::vector<CountedOperation*>{&on_b, &on_a, &nop, &nop_too}));
}

TEST_P(BackendTest, SendsAndReceivesDatagramsWithTheirAddress) {
  const Bound server = bound_socket(SOCK_DGRAM | SOCK_NONBLOCK);
  const Bound client = bound_socket(SOCK_DGRAM);
  std::array<char, 16> buffer{};
  sockaddr_in from{};
  iovec into{buffer.data(), buffer.size()};
  msghdr incoming{};
  incoming.msg_name = &from;
  incoming.msg_namelen = sizeof from;
  incoming.msg_iov = &into;
  incoming.msg_iovlen = 1;
  CountedOperation recv;
  recv.opcode = Opcode::recvmsg;
  recv.fd = server.fd.get();
  recv.buffer = &incoming;
  backend().submit(recv);
  settle();
  EXPECT_FALSE(recv.done());

  char text[] = "datagram";
  sockaddr_in to = server.address;
  iovec out{text, 8};
  msghdr outgoing{};
  outgoing.msg_name = &to;
  outgoing.msg_namelen = sizeof to;
  outgoing.msg_iov = &out;
  outgoing.msg_iovlen = 1;
  CountedOperation send;
  send.opcode = Opcode::sendmsg;
  send.fd = client.fd.get();
  send.buffer = &outgoing;
  EXPECT_EQ(submit_and_finish(send), 8);
  EXPECT_EQ(finish(recv), 8);
  EXPECT_STREQ(buffer.data(), "datagram");
  EXPECT_EQ(from.sin_port, client.address.sin_port);
}

TEST_P(BackendTest, ServesAReusedNumberAfterForget) {
  Pair old = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation first;
  first.prepare_recv(old.left.get(), buffer);
  backend().submit(first);
  settle();
  write_all(old.right, "a");
  EXPECT_EQ(finish(first), 1);

  const int number = old.left.get();
  const Fd copy(::fcntl(number, F_DUPFD_CLOEXEC, 0));  // keeps the open file alive behind the number's back
  backend().forget(number);
  Pair fresh = socket_pair();
  ASSERT_EQ(::dup3(fresh.left.get(), number, O_CLOEXEC), number);
  CountedOperation second;
  second.prepare_recv(number, buffer);
  backend().submit(second);
  settle();
  write_all(old.right, "old");
  settle();
  EXPECT_FALSE(second.done());
  write_all(fresh.right, "fresh");
  EXPECT_EQ(finish(second), 5);
  backend().forget(number);
  backend().forget(-1);
  backend().forget(1 << 29);
}

TEST_P(BackendTest, GoesOnAfterForgettingADescriptorThatStaysOpen) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  for (int round = 0; round < 2; ++round) {
    CountedOperation recv;
    recv.prepare_recv(pair.left.get(), buffer);
    backend().submit(recv);
    settle();
    write_all(pair.right, "x");
    EXPECT_EQ(finish(recv), 1);
    backend().forget(pair.left.get());
  }
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Early ends, on every back end: each operation is delivered exactly once, and leaves its buffer alone afterwards.
#include "backend_fixture.hpp"

#include <array>
#include <cerrno>
#include <deque>

#include <poll.h>

namespace tutti::tests {
namespace {

using BackendCancelTest = BackendTest;
INSTANTIATE_TEST_SUITE_P(Each, BackendCancelTest, all_backends, backend_name);

// More than any queue holds.
constexpr int many = 5000;

TEST_P(BackendCancelTest, DeliversACancelledReceiveOnceAndLeavesItsBufferAlone) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  settle();
  EXPECT_TRUE(recv.cancel("enough"));
  EXPECT_TRUE(recv.in_flight());
  EXPECT_FALSE(recv.done());
  EXPECT_EQ(finish(recv), -ECANCELED);
  write_all(pair.right, "late");
  settle();
  EXPECT_EQ(recv.deliveries, 1);
  EXPECT_EQ(buffer[0], '\0');
  EXPECT_EQ(::recv(pair.left.get(), buffer.data(), buffer.size(), MSG_DONTWAIT), 4);
}

TEST_P(BackendCancelTest, IgnoresACancelOfWhatHasEnded) {
  const Pair pair = socket_pair();
  write_all(pair.right, "x");
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  EXPECT_EQ(submit_and_finish(recv), 1);
  EXPECT_FALSE(recv.cancel("too late"));
  backend().cancel(recv);
  settle();
  EXPECT_EQ(recv.result, 1);
  EXPECT_EQ(recv.deliveries, 1);
}

TEST_P(BackendCancelTest, CancelsTwiceAsOnce) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  backend().cancel(recv);
  backend().cancel(recv);
  EXPECT_EQ(finish(recv), -ECANCELED);
  settle();
  EXPECT_EQ(recv.deliveries, 1);
}

TEST_P(BackendCancelTest, CancelsInTheTurnOfTheSubmission) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  backend().cancel(recv);
  EXPECT_EQ(finish(recv), -ECANCELED);
  EXPECT_EQ(recv.deliveries, 1);
}

TEST_P(BackendCancelTest, LosesNothingWhenTheBytesAreFasterThanTheCancel) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  settle();
  write_all(pair.right, "race");
  backend().cancel(recv);
  const int result = finish(recv);
  const auto left = ::recv(pair.left.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (result == -ECANCELED) {
    EXPECT_EQ(left, 4);
  } else {
    EXPECT_EQ(result, 4);
    EXPECT_EQ(left, -1);
  }
}

TEST_P(BackendCancelTest, CancelsAnAccept) {
  const Bound server = listening_socket();
  CountedOperation accept;
  accept.prepare_accept(server.fd.get());
  backend().submit(accept);
  settle();
  backend().cancel(accept);
  EXPECT_EQ(finish(accept), -ECANCELED);
}

TEST_P(BackendCancelTest, CancelsAPollAndAReadOfAPipe) {
  const Pair pipe = pipe_pair();
  std::array<char, 8> buffer{};
  CountedOperation poll, read;
  poll.prepare_poll(pipe.left.get(), POLLIN);
  read.prepare_read(pipe.left.get(), buffer);
  backend().submit(poll);
  backend().submit(read);
  settle();
  backend().cancel(poll);
  EXPECT_EQ(finish(poll), -ECANCELED);
  EXPECT_FALSE(read.done());
  backend().cancel(read);
  EXPECT_EQ(finish(read), -ECANCELED);
}

TEST_P(BackendCancelTest, LetsTheNextReaderHaveWhatACancelledOneWaitedFor) {
  const Pair pair = socket_pair();
  std::array<char, 8> first_buffer{}, second_buffer{};
  CountedOperation first, second;
  first.prepare_recv(pair.left.get(), first_buffer);
  second.prepare_recv(pair.left.get(), second_buffer);
  backend().submit(first);
  backend().submit(second);
  settle();
  backend().cancel(first);
  EXPECT_EQ(finish(first), -ECANCELED);
  write_all(pair.right, "mine");
  EXPECT_EQ(finish(second), 4);
  EXPECT_STREQ(second_buffer.data(), "mine");
}

TEST_P(BackendCancelTest, CarriesAndCancelsThousandsAtOnce) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  std::deque<CountedOperation> operations(many);
  for (CountedOperation& operation : operations) {
    operation.prepare_recv(pair.left.get(), buffer);
    backend().submit(operation);
  }
  EXPECT_EQ(backend().pending(), operations.size());
  settle();
  for (CountedOperation& operation : operations) backend().cancel(operation);
  finish_all();
  for (const CountedOperation& operation : operations) {
    ASSERT_EQ(operation.deliveries, 1);
    ASSERT_EQ(operation.result, -ECANCELED);
  }
}

TEST_P(BackendCancelTest, CancelsThousandsInTheTurnOfTheirSubmission) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  std::deque<CountedOperation> operations(many);
  for (CountedOperation& operation : operations) {
    operation.prepare_recv(pair.left.get(), buffer);
    backend().submit(operation);
    backend().cancel(operation);
  }
  finish_all();
  for (const CountedOperation& operation : operations) {
    ASSERT_EQ(operation.deliveries, 1);
    ASSERT_EQ(operation.result, -ECANCELED);
  }
}

TEST_P(BackendCancelTest, DeliversThousandsThatCompleteAtOnceInOrder) {
  std::vector<CountedOperation*> order;
  std::deque<CountedOperation> operations;
  for (int i = 0; i < many; ++i) backend().submit(operations.emplace_back(&order));
  finish_all();
  ASSERT_EQ(order.size(), operations.size());
  for (std::size_t i = 0; i < operations.size(); ++i) ASSERT_EQ(order[i], &operations[i]);
}

TEST_P(BackendCancelTest, ReusesTheMemoryOfADeliveredOperation) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  for (int round = 0; round < 300; ++round) {
    write_all(pair.right, "x");
    CountedOperation recv;  // at the same address in each round
    recv.prepare_recv(pair.left.get(), buffer);
    backend().submit(recv);
    poll();
    recv.cancel("often too late");
    const int result = recv.done() ? recv.result : finish(recv);
    ASSERT_EQ(result, 1) << "round " << round;
  }
}

TEST_P(BackendCancelTest, ShutdownDeliversEverything) {
  const Pair pair = socket_pair();
  const Bound server = listening_socket();
  std::array<char, 8> buffer{};
  CountedOperation recv, accept, poll, nop;
  recv.prepare_recv(pair.left.get(), buffer);
  accept.prepare_accept(server.fd.get());
  poll.prepare_poll(pair.left.get(), POLLIN);
  backend().submit(recv);
  backend().submit(accept);
  settle();
  backend().submit(poll);
  backend().submit(nop);
  ReadyQueue completed;
  backend().shutdown(completed);
  EXPECT_EQ(backend().pending(), 0U);
  run_all(completed);
  for (const CountedOperation* operation : {&recv, &accept, &poll}) {
    EXPECT_EQ(operation->deliveries, 1);
    EXPECT_EQ(operation->result, -ECANCELED);
  }
  EXPECT_EQ(nop.deliveries, 1);
}

}  // namespace
}  // namespace tutti::tests

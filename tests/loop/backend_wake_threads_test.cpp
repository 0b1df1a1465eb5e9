// SPDX-License-Identifier: MIT
// Waits and how they end, on every back end: a timeout, a wake from anywhere, a signal; and loops that change threads.
#include "backend_fixture.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <deque>
#include <csignal>
#include <thread>

#include <pthread.h>

namespace tutti::tests {
namespace {

using namespace std::chrono_literals;

using BackendWakeTest = BackendTest;
INSTANTIATE_TEST_SUITE_P(Each, BackendWakeTest, all_backends, backend_name);

TEST_P(BackendWakeTest, ReturnsAtOnceFromAPollThatMayNotWait) {
  EXPECT_EQ(poll(0s), 0);
  EXPECT_EQ(poll(-1h), 0);
}

TEST_P(BackendWakeTest, EndsTheWaitAtTheTimeoutWithNothing) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  settle();
  for (const Duration timeout : {Duration(1ms), Duration(1500us), Duration(1ns)}) EXPECT_EQ(poll(timeout), 0);
  EXPECT_FALSE(recv.done());
  backend().cancel(recv);
  EXPECT_EQ(finish(recv), -ECANCELED);
}

TEST_P(BackendWakeTest, TakesTheLongestTimeoutThereIs) {
  backend().wake();
  EXPECT_EQ(poll(Duration::max()), 0);
  CountedOperation nop;
  backend().submit(nop);
  while (!nop.done()) poll(Duration::max());
}

TEST_P(BackendWakeTest, AWakeBeforeTheWaitMakesItReturnAtOnce) {
  poll();
  backend().wake();
  backend().wake();
  poll(0s);  // does not wait, so it takes nothing away
  EXPECT_EQ(poll(std::nullopt), 0);
}

TEST_P(BackendWakeTest, AWakeFromAnotherThreadEndsTheWait) {
  int messages = 0;  // not atomic: the wake makes it visible, or the thread sanitizer complains
  std::thread waker([&] {
    messages = 1;
    backend().wake();
  });
  EXPECT_EQ(poll(std::nullopt), 0);
  EXPECT_EQ(messages, 1);
  waker.join();
}

TEST_P(BackendWakeTest, LosesNoWakeInALongGame) {
  constexpr int rounds = 2000;
  std::atomic<int> asked{0};
  std::atomic<int> seen{0};
  std::thread waker([&] {
    for (int round = 1; round <= rounds; ++round) {
      asked.store(round);
      backend().wake();
      while (seen.load() < round) std::this_thread::yield();
    }
  });
  while (seen.load() < rounds) {
    poll(std::nullopt);
    seen.store(asked.load());
  }
  waker.join();
}

TEST_P(BackendWakeTest, WakesFromManyThreads) {
  std::atomic<int> finished{0};
  std::vector<std::thread> wakers;
  wakers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    wakers.emplace_back([&] {
      for (int k = 0; k < 200; ++k) backend().wake();
      finished.fetch_add(1);
      backend().wake();
    });
  }
  while (finished.load() < 4) poll(std::nullopt);
  for (std::thread& waker : wakers) waker.join();
}

std::atomic<IoBackend*> signalled{nullptr};

TEST_P(BackendWakeTest, WakesFromASignalHandler) {
  signalled = &backend();
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) { signalled.load()->wake(); };
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  const pthread_t self = ::pthread_self();
  std::thread sender([&] { ::pthread_kill(self, SIGUSR1); });
  EXPECT_EQ(poll(std::nullopt), 0);
  sender.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(BackendWakeTest, BytesFromAnotherThreadEndTheWait) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  CountedOperation recv;
  recv.prepare_recv(pair.left.get(), buffer);
  backend().submit(recv);
  std::thread sender([&] { write_all(pair.right, "sent"); });
  EXPECT_EQ(finish(recv), 4);
  sender.join();
}

TEST_P(BackendWakeTest, RunsOnAnotherThreadThanTheOneThatMadeIt) {
  std::thread runner([&] {
    CountedOperation nop;
    EXPECT_EQ(submit_and_finish(nop), 0);
    ReadyQueue completed;
    backend().shutdown(completed);
  });
  runner.join();
}

TEST_P(BackendWakeTest, GoesOnOnAnotherThreadWithWhatIsInFlight) {
  const Pair pair = socket_pair();
  const Bound server = listening_socket();
  std::array<char, 8> buffer{};
  CountedOperation recv, accept, nop;
  std::thread former([&] {
    recv.prepare_recv(pair.left.get(), buffer);
    accept.prepare_accept(server.fd.get());
    backend().submit(recv);
    backend().submit(accept);
    settle();
    backend().submit(nop);
  });
  former.join();
  write_all(pair.right, "moved");
  EXPECT_EQ(finish(recv), 5);
  EXPECT_STREQ(buffer.data(), "moved");
  EXPECT_EQ(finish(nop), 0);
  EXPECT_FALSE(accept.done());
  backend().wake();
  poll(std::nullopt);
  backend().cancel(accept);
  EXPECT_EQ(finish(accept), -ECANCELED);
}

// On io_uring the kernel may have written a part already, and nobody can know which.
TEST_P(BackendWakeTest, NeverWritesTwiceWhenItChangesThreads) {
  const Pair pipe = pipe_pair(O_NONBLOCK);
  const std::string page(4096, 'p');
  ASSERT_GE(::fcntl(pipe.right.get(), F_SETPIPE_SZ, 4096), 4096);
  while (::write(pipe.right.get(), page.data(), page.size()) > 0) {
  }
  CountedOperation write;
  write.prepare_write(pipe.right.get(), "once");
  std::thread former([&] {
    backend().submit(write);
    settle();
  });
  former.join();
  if (backend().name() == "uring") {
    EXPECT_THROW(poll(), RuntimeError);
    backend().cancel(write);
    EXPECT_EQ(finish(write), -ECANCELED);
  } else {
    std::string sink(4096, '\0');
    while (::read(pipe.left.get(), sink.data(), sink.size()) > 0) {
    }
    EXPECT_EQ(finish(write), 4);
  }
}

TEST_P(BackendWakeTest, IsShutDownByAnotherThread) {
  const Pair pair = socket_pair();
  std::array<char, 8> buffer{};
  std::deque<CountedOperation> operations(600);
  std::thread former([&] {
    for (CountedOperation& operation : operations) {
      operation.prepare_recv(pair.left.get(), buffer);
      backend().submit(operation);
    }
    settle();
  });
  former.join();
  ReadyQueue completed;
  backend().shutdown(completed);
  run_all(completed);
  write_all(pair.right, "late");
  for (const CountedOperation& operation : operations) {
    ASSERT_EQ(operation.deliveries, 1);
    ASSERT_EQ(operation.result, -ECANCELED);
  }
  EXPECT_EQ(buffer[0], '\0');
}

}  // namespace
}  // namespace tutti::tests

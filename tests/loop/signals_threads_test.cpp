// SPDX-License-Identifier: MIT
// Signals and loops on several threads.
#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include <tutti/loop/event_loop.hpp>

namespace tutti::tests {
namespace {

TEST(SignalThreads, ASignalWakesTheLoopsOfAllThreads) {
  constexpr int kLoops = 3;
  std::atomic<int> ready{0};
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kLoops; ++i) {
    threads.emplace_back([&] {
      EventLoop loop;
      loop.add_signal_handler(SIGUSR1, [&] {
        ++told;
        loop.stop();
      });
      loop.call_soon([&] { ++ready; });
      loop.run_forever();
    });
  }
  while (ready != kLoops) std::this_thread::yield();
  ::kill(::getpid(), SIGUSR1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told, kLoops);
}

TEST(SignalThreads, LoopsComeAndGoWhileSignalsArrive) {
  EventLoop keeps_the_signal;
  keeps_the_signal.add_signal_handler(SIGUSR2, [] {});
  std::atomic<bool> done{false};
  std::thread sender([&] {
    while (!done) ::raise(SIGUSR2);
  });
  int told = 0;
  for (int i = 0; i < 50; ++i) {
    EventLoop loop(LoopOptions{.backend = lowlevel::make_epoll_backend()});
    loop.add_signal_handler(SIGUSR2, [&] {
      ++told;
      loop.stop();
    });
    loop.run_forever();
  }
  done = true;
  sender.join();
  EXPECT_GE(told, 50);
}

}  // namespace
}  // namespace tutti::tests

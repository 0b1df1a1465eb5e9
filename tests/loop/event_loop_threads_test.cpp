// SPDX-License-Identifier: MIT
// What may be done to a loop from other threads: call_soon_threadsafe, cancel, wake_up, interrupt; and what debug mode refuses.
#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

class LoopThreads : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Each, LoopThreads, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// test_events::EventLoopTestsMixin.test_call_soon_threadsafe
TEST_P(LoopThreads, CallSoonThreadsafeWakesALoopThatWaits) {
  std::thread::id called_on;
  std::thread other([&] {
    loop().call_soon_threadsafe([&] {
      called_on = std::this_thread::get_id();
      loop().stop();
    });
  });
  loop().run_forever();
  other.join();
  EXPECT_EQ(called_on, std::this_thread::get_id());
}

// test_events::EventLoopTestsMixin.test_call_soon_threadsafe_same_thread
TEST_P(LoopThreads, CallSoonThreadsafeServesTheLoopsOwnThreadToo) {
  std::string out;
  loop().call_soon_threadsafe([&] { out += "a"; });
  loop().call_soon_threadsafe([&] { out += "b"; });
  loop().call_soon_threadsafe([&] {
    out += "c";
    loop().stop();
  });
  EXPECT_EQ(out, "");
  loop().run_forever();
  EXPECT_EQ(out, "abc");
}

TEST_P(LoopThreads, CallSoonThreadsafeKeepsTheOrderOfEachThread) {
  constexpr int threads = 4, calls = 500;
  std::vector<int> last(threads, -1);
  int received = 0;
  std::vector<std::thread> others;
  for (int thread = 0; thread < threads; ++thread) {
    others.emplace_back([&, thread] {
      for (int i = 0; i < calls; ++i) {
        loop().call_soon_threadsafe([&, thread, i] {
          EXPECT_EQ(last[static_cast<std::size_t>(thread)], i - 1);
          last[static_cast<std::size_t>(thread)] = i;
          if (++received == threads * calls) loop().stop();
        });
      }
    });
  }
  loop().run_forever();
  for (std::thread& other : others) other.join();
  EXPECT_EQ(received, threads * calls);
}

// One call after the other, each answered before the next: a lost wake-up would hang.
TEST_P(LoopThreads, CallSoonThreadsafeLosesNoWakeUp) {
  std::atomic<int> answered{0};
  std::thread other([&] {
    for (int i = 1; i <= 2000; ++i) {
      loop().call_soon_threadsafe([&] {
        ++answered;
        answered.notify_one();
      });
      answered.wait(i - 1);
    }
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  other.join();
  EXPECT_EQ(answered, 2000);
}

TEST_P(LoopThreads, CallSoonThreadsafeReportsExceptionsOnTheLoop) {
  std::thread other([&] {
    loop().call_soon_threadsafe([] { throw ValueError("from afar"); });
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  other.join();
  reports.expect("ValueError: from afar");
}

// test_events::EventLoopTestsMixin.test_call_soon_threadsafe_handle_cancel_other_thread
TEST_P(LoopThreads, AHandleThatAnotherThreadCancelledIsNotCalled) {
  bool called = false;
  std::thread other([&] {
    // The first callback keeps the loop busy until the second one is cancelled.
    std::latch cancelled(1);
    loop().call_soon_threadsafe([&] { cancelled.wait(); });
    const Handle handle = loop().call_soon_threadsafe([&] { called = true; });
    handle.cancel();
    EXPECT_TRUE(handle.cancelled());
    std::latch over(1);
    loop().call_soon_threadsafe([&] {
      over.count_down();
      loop().stop();
    });
    cancelled.count_down();
    over.wait();
  });
  loop().run_forever();
  other.join();
  EXPECT_FALSE(called);
}

// test_events::EventLoopTestsMixin.test_call_soon_threadsafe_handle_block_cancellation (3.14)
TEST_P(LoopThreads, CancellingAHandleWaitsForACallbackThatHasBegun) {
  std::latch begun(1);
  std::atomic<bool> finished{false};
  std::thread other([&] {
    const Handle handle = loop().call_soon_threadsafe([&] {
      begun.count_down();
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
      finished = true;
    });
    begun.wait();
    handle.cancel();
    EXPECT_TRUE(finished);
    EXPECT_TRUE(handle.cancelled());
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  other.join();
}

// test_events::EventLoopTestsMixin.test_call_soon_threadsafe_handle_cancel_same_thread
TEST_P(LoopThreads, AHandleMayBeCancelledByItsOwnCallback) {
  Handle handle;
  bool called = false;
  handle = loop().call_soon_threadsafe([&] {
    called = true;
    handle.cancel();
    loop().stop();
  });
  loop().run_forever();
  EXPECT_TRUE(called);
}

TEST_P(LoopThreads, AWakeUpAloneCallsNothing) {
  std::thread other([&] {
    for (int i = 0; i < 10; ++i) loop().wake_up();
    loop().call_soon_threadsafe([&] { loop().stop(); });
  });
  loop().run_forever();
  other.join();
}

TEST_P(LoopThreads, AnInterruptCallsItsHandlerOnTheLoop) {
  std::thread::id called_on;
  loop().set_interrupt_handler([&] {
    called_on = std::this_thread::get_id();
    throw KeyboardInterrupt();
  });
  std::thread other([&] { loop().interrupt(); });
  EXPECT_THROW(loop().run_forever(), KeyboardInterrupt);
  other.join();
  EXPECT_EQ(called_on, std::this_thread::get_id());
}

TEST_P(LoopThreads, ADoorMayBeUsedWhileTheLoopEnds) {
  const std::shared_ptr<lowlevel::Door> door = loop().door();
  std::atomic<int> posted{0};
  std::thread other([&] {
    while (door->post([] {})) ++posted;
  });
  while (posted.load() < 10) run_briefly();
  loop_.reset();
  other.join();
  EXPECT_GE(posted.load(), 10);
}

// test_base_events::BaseEventLoopTests.test_check_thread
TEST_P(LoopThreads, CallSoonThreadsafeMayRaceTheLoopsEnd) {
  const auto kept = std::make_shared<int>();
  std::latch begun(1);
  std::thread other([&, held = kept]() mutable {
    int calls = 0;
    try {
      for (;; ++calls) {
        loop().call_soon_threadsafe([held] {});
        if (calls == 100) begun.count_down();
      }
    } catch (const RuntimeError& error) {
      EXPECT_STREQ(error.what(), "call_soon_threadsafe: the event loop is closed");
    }
    held.reset();
  });
  begun.wait();
  loop().close();
  other.join();
  EXPECT_EQ(kept.use_count(), 1);  // no call was lost on the way
}

TEST_P(LoopThreads, DebugModeRefusesCallsFromForeignThreads) {
  loop().set_debug(true);
  std::string refusal;
  loop().call_soon([&] {
    std::thread other([&] {
      EXPECT_THROW(loop().call_later(1s, [] {}), RuntimeError);
      EXPECT_THROW(loop().call_at(loop().time(), [] {}), RuntimeError);
      try {
        loop().call_soon([] {});
      } catch (const RuntimeError& error) {
        refusal = error.what();
      }
      EXPECT_TRUE(loop().is_running());
      loop().call_soon_threadsafe([&] { loop().stop(); });
    });
    other.join();
  });
  loop().run_forever();
  EXPECT_EQ(refusal, "call_soon: called from another thread than the event loop's; call_soon_threadsafe is the way in");
}

TEST_P(LoopThreads, EachThreadMayHaveItsLoop) {
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto own = make_loop();
      own->call_later(1ms, [&] {
        EXPECT_EQ(&get_running_loop(), own.get());
        ++ran;
        own->stop();
      });
      own->run_forever();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, 3);
}

}  // namespace
}  // namespace tutti::tests

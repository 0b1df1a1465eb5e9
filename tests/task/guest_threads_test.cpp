// SPDX-License-Identifier: MIT
// Guest mode: a loop inside of another one.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>

#include <tutti/loop/io_backend.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/guest.hpp>
#include <tutti/testing/reports.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

using Log = std::vector<std::string>;

/// The back ends that can be guests.
class Guest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("uring") && !lowlevel::uring_available()) GTEST_SKIP() << "no io_uring here";
  }
  [[nodiscard]] static RunOptions options() {
    return {.debug = true, .loop_factory = [] {
              return std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_backend(GetParam())});
            }};
  }
};
INSTANTIATE_TEST_SUITE_P(BackEnds, Guest, ::testing::Values("uring", "epoll"),
                         [](const auto& tested) { return std::string(tested.param); });

/// A host that waits for the descriptor; gives how many steps it made.
template <class T>
int drive(GuestRun<T>& run) {
  int steps = 0;
  while (!run.done()) {
    const auto limit = run.step();
    ++steps;
    if (run.done() || (limit && *limit <= 0s)) continue;
    pollfd entry{.fd = run.descriptor(), .events = POLLIN, .revents = 0};
    const auto milliseconds = limit ? std::chrono::ceil<std::chrono::milliseconds>(*limit).count() : -1;
    ::poll(&entry, 1, static_cast<int>(milliseconds));
  }
  return steps;
}

/// A host of which only `run_soon` is known.
class Host {
 public:
  [[nodiscard]] RunSoonThreadsafe run_soon() {
    return [this](MoveOnlyFunction<void()> function) {
      const std::lock_guard lock(mutex_);
      functions_.push_back(std::move(function));
      changed_.notify_one();
    };
  }
  void run_until(const bool& over) {
    while (!over) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !functions_.empty(); });
      auto function = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      function();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<MoveOnlyFunction<void()>> functions_;
};

TEST_P(Guest, RunsToItsEndInStepsThatDoNotWait) {
  GuestRun run(
      []() -> Coro<std::string> {
        co_await turns(3);
        co_await sleep(2ms);
        EXPECT_EQ(co_await to_thread([] { return 5; }), 5);
        co_return "result";
      },
      options());
  EXPECT_GE(run.descriptor(), 0);
  EXPECT_FALSE(run.done());
  EXPECT_THROW((void)run.result(), InvalidStateError);
  drive(run);
  EXPECT_EQ(run.result(), "result");
  EXPECT_EQ(run.descriptor(), -1);
  EXPECT_EQ(run.step(), std::nullopt);
}

TEST_P(Guest, LeavesNoLoopRunningBetweenTwoSteps) {
  GuestRun run([]() -> Coro<> { co_await turn(); }, options());
  (void)run.step();
  EXPECT_EQ(find_running_loop(), nullptr);
  EXPECT_EQ(tutti::run(noop(3)), 3);  // another loop may run
  drive(run);
}

TEST_P(Guest, TellsHowLongTheHostMayWait) {
  const Future<>* waits_for = nullptr;
  GuestRun run(
      [&]() -> Coro<> {
        const Future<> future;
        waits_for = &future;
        co_await future;
        co_await sleep(1h);
      },
      options());
  while (run.step() == Duration::zero()) {
  }
  EXPECT_EQ(run.step(), std::nullopt);  // nothing but the descriptor
  waits_for->set_result();
  const auto limit = run.step();  // what the host does by itself takes effect at the next step
  ASSERT_TRUE(limit);
  // Far timers are looked at in between, at moments that depend on the clock.
  EXPECT_GT(*limit, Duration::zero());
  EXPECT_LE(*limit, 1h);
  run.cancel();
  drive(run);
  EXPECT_THROW(run.result(), CancelledError);
}

TEST_P(Guest, DoesNotTurnRoundWhileItWaits) {
  GuestRun run([]() -> Coro<> { co_await to_thread([] { std::this_thread::sleep_for(20ms); }); }, options());
  EXPECT_LT(drive(run), 30);
}

TEST_P(Guest, IsWokenByThreadsAndByItsHost) {
  GuestRun run(forever, options());
  while (run.step() == Duration::zero()) {
  }
  pollfd entry{.fd = run.descriptor(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  run.loop().call_soon_threadsafe([] {});
  EXPECT_EQ(::poll(&entry, 1, 1000), 1);
  while (run.step() == Duration::zero()) {
  }
  EXPECT_EQ(::poll(&entry, 1, 0), 0);  // it was taken
  std::thread([&] { run.loop().call_soon_threadsafe([&] { run.cancel(); }); }).join();
  EXPECT_EQ(::poll(&entry, 1, 1000), 1);
  drive(run);
  EXPECT_THROW(run.result(), CancelledError);
}

TEST_P(Guest, CleansUpAsRunDoes) {
  Log log;
  AsyncGenerator<int>* left = nullptr;
  auto numbers = [&]() -> AsyncGenerator<int> {
    struct Closed {
      Log& log;
      ~Closed() { log.emplace_back("generator closed"); }
    } const closed{log};
    for (int i = 0;; ++i) co_yield i;
  };
  {
    GuestRun run(
        [&]() -> Coro<> {
          create_task([&]() -> Coro<> {
            try {
              co_await forever();
            } catch (const CancelledError&) {
              log.emplace_back("task cancelled");
            }
            co_await turn();
          });
          left = new AsyncGenerator<int>(numbers());
          (void)co_await left->next();
          co_await turn();
        },
        options());
    drive(run);
  }
  EXPECT_EQ(log, (Log{"task cancelled", "generator closed"}));
  delete left;
}

TEST_P(Guest, CarriesAnExceptionAndCanBeLeftHalfway) {
  GuestRun failing(raise_later<ValueError>("of the guest"), options());
  drive(failing);
  EXPECT_THROW(failing.result(), ValueError);
  GuestRun left([]() -> Coro<> { co_await sleep(1h); }, options());
  (void)left.step();
}

TEST_P(Guest, LetsWhatLeavesTheLoopLeaveTheStep) {
  GuestRun run(
      []() -> Coro<> {
        throw SystemExit(3);
        co_return;
      },
      options());
  EXPECT_THROW((void)run.step(), SystemExit);
  drive(run);
  EXPECT_THROW(run.result(), SystemExit);
}

TEST_P(Guest, GoesInsideOfAHostThatOnlyCallsFunctions) {
  Host host;
  Log log;
  bool over = false;
  const auto here = std::this_thread::get_id();
  start_guest_run(
      [&]() -> Coro<int> {
        EXPECT_EQ(std::this_thread::get_id(), here);
        log.emplace_back("begins");
        host.run_soon()([&] { log.emplace_back("the host goes on"); });
        co_await sleep(2ms);
        log.emplace_back("ends");
        co_return 5;
      },
      host.run_soon(),
      [&](Outcome<int> outcome) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        EXPECT_EQ(outcome.value(), 5);
        over = true;
      },
      options());
  EXPECT_EQ(log, Log{});
  host.run_until(over);
  EXPECT_EQ(log, (Log{"begins", "the host goes on", "ends"}));
}

TEST_P(Guest, CanBeCancelledByItsHost) {
  Host host;
  bool over = false;
  const auto run = start_guest_run(
      forever, host.run_soon(),
      [&](const Outcome<void>& outcome) {
        EXPECT_TRUE(is_cancelled(outcome.error()));
        over = true;
      },
      options());
  std::thread other([&] { run->loop().call_soon_threadsafe([&] { run->cancel(); }); });
  host.run_until(over);
  other.join();
}

TEST_P(Guest, TellsTheHostWhatLeftTheLoop) {
  Host host;
  bool over = false;
  start_guest_run(
      []() -> Coro<> {
        co_await turn();
        throw KeyboardInterrupt();
      },
      host.run_soon(),
      [&](const Outcome<void>& outcome) {
        EXPECT_TRUE(holds<KeyboardInterrupt>(outcome.error()));
        over = true;
      },
      options());
  host.run_until(over);
}

TEST_P(Guest, EndsWithAHostThatForgetsIt) {
  testing::ReportCollector reports;
  auto host = std::make_unique<Host>();
  start_guest_run([]() -> Coro<> { co_await sleep(1h); }, host->run_soon(), [](const Outcome<void>&) {}, options());
  host.reset();  // it never ran
}

TEST(Guest, NeedsABackEndWithADescriptor) {
  const RunOptions poll{.loop_factory = [] {
    return std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_poll_backend()});
  }};
  auto main = forever();
  EXPECT_THROW(GuestRun<void>(std::move(main), poll), RuntimeError);
  main.close();
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Futures between threads and a loop. Mirrors test_tasks.RunCoroutineThreadsafeTests, the wrap_future tests of
// test_futures.CFutureTests, and test_concurrent_futures.test_future.FutureTests.
#include <tutti/task/concurrent.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/loop/policy.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/testing/test.hpp>

#include "support/turns.hpp"

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
namespace concurrent = tutti::concurrent;

/// Calls `function` on a thread of its own.
template <class F>
auto in_thread(F function) -> Coro<std::invoke_result_t<F&>> {
  using R = std::invoke_result_t<F&>;
  const concurrent::Future<R> future;
  const std::jthread thread([&] {
    if (!future.set_running_or_notify_cancel()) return;
    try {
      if constexpr (std::is_void_v<R>) {
        function();
        future.set_result();
      } else {
        future.set_result(function());
      }
    } catch (...) {
      future.set_exception(std::current_exception());
    }
  });
  co_return co_await tutti::wrap_future(future);
}

enum class Ending { result, failure, cancellation };

Coro<int> add(int a, int b, Ending ending = Ending::result) {
  co_await tutti::sleep(0s);
  if (ending == Ending::failure) throw tutti::RuntimeError("Fail!");
  if (ending == Ending::cancellation) {
    tutti::current_task()->cancel();
    co_await tutti::sleep(0s);
  }
  co_return a + b;
}

// ---- run_coroutine_threadsafe ----

// test_run_coroutine_threadsafe
TUTTI_TEST(RunCoroutineThreadsafe, GivesTheResultToAnotherThread) {
  auto& loop = tutti::get_running_loop();
  EXPECT_EQ(co_await in_thread([&] { return tutti::run_coroutine_threadsafe(add(1, 2), loop).result(); }), 3);
}

// test_run_coroutine_threadsafe_with_exception
TUTTI_TEST(RunCoroutineThreadsafe, GivesTheExceptionToAnotherThread) {
  auto& loop = tutti::get_running_loop();
  std::string seen;
  try {
    co_await in_thread([&] { return tutti::run_coroutine_threadsafe(add(1, 2, Ending::failure), loop).result(); });
  } catch (const tutti::RuntimeError& error) {
    seen = error.what();
  }
  EXPECT_EQ(seen, "Fail!");
}

// test_run_coroutine_threadsafe_with_timeout
TUTTI_TEST(RunCoroutineThreadsafe, CanBeCancelledAfterATimeout) {
  auto& loop = tutti::get_running_loop();
  bool cancelled = false;
  bool timed_out = false;
  co_await in_thread([&] {
    const auto future = tutti::run_coroutine_threadsafe(
        [&]() -> Coro<> {
          try {
            co_await tutti::sleep(1h);
          } catch (const tutti::CancelledError&) {
            cancelled = true;
            throw;
          }
        },
        loop);
    while (tutti::run_coroutine_threadsafe([]() -> Coro<std::size_t> { co_return tutti::all_tasks().size(); }, loop)
               .result() < 3) {
    }
    try {
      future.result(0s);
    } catch (const tutti::TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(future.cancel());
    EXPECT_THROW(future.result(), tutti::CancelledError);
  });
  EXPECT_TRUE(timed_out);
  co_await test_support::until([&] { return cancelled; });
}

// test_run_coroutine_threadsafe_task_cancelled
TUTTI_TEST(RunCoroutineThreadsafe, IsCancelledWithItsTask) {
  auto& loop = tutti::get_running_loop();
  bool cancelled = false;
  co_await in_thread([&] {
    const auto future = tutti::run_coroutine_threadsafe(add(1, 2, Ending::cancellation), loop);
    EXPECT_THROW((void)future.result(), tutti::CancelledError);
    cancelled = future.cancelled();
  });
  EXPECT_TRUE(cancelled);
}

// test_run_coroutine_threadsafe_task_factory_exception
TUTTI_TEST(RunCoroutineThreadsafe, TellsTheCallerAndTheHandlerWhatTheTaskFactoryThrows) {
  auto& loop = tutti::get_running_loop();
  std::string seen;
  // The factory goes before any task is made on the way back.
  co_await in_thread([&] {
    loop.call_soon_threadsafe([&loop] {
      loop.set_task_factory([](tutti::EventLoop&, tutti::TaskOptions&) { throw std::domain_error("no more tasks"); });
    });
    const auto future = tutti::run_coroutine_threadsafe(add(1, 2), loop);
    try {
      (void)future.result();
    } catch (const std::domain_error& error) {
      seen = error.what();
    }
    loop.call_soon_threadsafe([&loop] { loop.set_task_factory({}); });
  });
  EXPECT_EQ(seen, "no more tasks");
  tutti::testing::expect_report("no more tasks");
}

TUTTI_TEST(RunCoroutineThreadsafe, KeepsTheCallableAliveAndMovesResults) {
  auto& loop = tutti::get_running_loop();
  const std::string text = co_await in_thread([&] {
    auto owner =
        tutti::run_coroutine_threadsafe(
            [captured = std::string("a text that is too long for the object")]() -> Coro<std::unique_ptr<std::string>> {
              co_await tutti::sleep(0s);
              co_return std::make_unique<std::string>(captured);
            },
            loop)
            .result();
    return *owner;
  });
  EXPECT_EQ(text, "a text that is too long for the object");
}

TUTTI_TEST(RunCoroutineThreadsafe, IsCancelledFromManyThreadsAtOnce) {
  auto& loop = tutti::get_running_loop();
  std::vector<concurrent::Future<>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(tutti::run_coroutine_threadsafe(tutti::sleep(1h), loop));
  const auto cancel_all = [&] {
    for (const auto& future : futures) future.cancel();
  };
  auto first = tutti::create_task(in_thread(cancel_all));
  co_await in_thread(cancel_all);
  co_await first;
  for (const auto& future : futures) EXPECT_TRUE(future.cancelled());
  while (tutti::all_tasks().size() > 1) co_await tutti::sleep(0s);
}

TUTTI_TEST(RunCoroutineThreadsafe, TakesCoroutinesFromManyThreads) {
  auto& loop = tutti::get_running_loop();
  const auto submit = [&] {
    int sum = 0;
    std::vector<concurrent::Future<int>> futures;
    for (int i = 0; i < 100; ++i) futures.push_back(tutti::run_coroutine_threadsafe(add(i, 1), loop));
    for (const auto& future : futures) sum += future.result();
    return sum;
  };
  auto first = tutti::create_task(in_thread(submit));
  auto second = tutti::create_task(in_thread(submit));
  EXPECT_EQ(co_await first + co_await second, 2 * 5050);
}

TEST(RunCoroutineThreadsafe, RefusesAClosedLoop) {
  const auto loop = tutti::new_event_loop();
  loop->close();
  try {
    tutti::run_coroutine_threadsafe(add(1, 2), *loop);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::RuntimeError& error) {
    EXPECT_STREQ(error.what(), "run_coroutine_threadsafe: the event loop is closed");
  }
}

TEST(RunCoroutineThreadsafe, IsCancelledIfTheLoopClosesBeforeTheCoroutineStarts) {
  const auto loop = tutti::new_event_loop();
  const auto future = tutti::run_coroutine_threadsafe(add(1, 2), *loop);
  std::jthread waiter([&] { EXPECT_THROW((void)future.result(), tutti::CancelledError); });
  loop->close();
  waiter.join();
  EXPECT_TRUE(future.cancelled());
}

TEST(RunCoroutineThreadsafe, IsCancelledIfTheLoopClosesOverItsTask) {
  tutti::testing::ReportCollector collector;
  collector.expect("task was destroyed but it is pending");
  const auto loop = tutti::new_event_loop();
  tutti::testing::ReportCollector::watch(*loop);
  const auto future = tutti::run_coroutine_threadsafe(tutti::sleep(1h), *loop);
  loop->run_until_complete(tutti::sleep(0s));
  EXPECT_FALSE(future.done());
  std::jthread waiter([&] { EXPECT_THROW(future.result(), tutti::CancelledError); });
  loop->close();
  waiter.join();
  EXPECT_EQ(collector.problems(), std::vector<std::string>{});
}

// ---- wrap_future ----

// test_wrap_future, test_wrap_future_use_running_loop
TUTTI_TEST(WrapFuture, GivesWhatAnotherThreadSets) {
  const auto own = std::this_thread::get_id();
  const auto other = co_await in_thread([] { return std::this_thread::get_id(); });
  EXPECT_NE(other, own);
  EXPECT_EQ(&tutti::wrap_future(concurrent::Future<>()).get_loop(), &tutti::get_running_loop());
}

// test_wrap_future_future
TUTTI_TEST(WrapFuture, GivesAFutureOfALoopAsItIs) {
  const tutti::Future<int> future;
  EXPECT_EQ(tutti::wrap_future(future), future);
  co_return;
}

// test_wrap_future_without_loop
TEST(WrapFuture, NeedsALoop) { EXPECT_THROW((void)tutti::wrap_future(concurrent::Future<>()), tutti::RuntimeError); }

TUTTI_TEST(WrapFuture, ThrowsWhatTheCopyOfTheResultThrows) {
  struct Unwilling {
    explicit Unwilling(int) {}
    Unwilling(const Unwilling&) { throw std::runtime_error("no copies"); }
    Unwilling& operator=(const Unwilling&) = delete;
  };
  const concurrent::Future<Unwilling> source;
  source.set_result(1);
  EXPECT_THROW((void)co_await tutti::wrap_future(source), std::runtime_error);
}

// test_wrap_future_cancel
TUTTI_TEST(WrapFuture, PassesItsCancellationOn) {
  const concurrent::Future<int> source;
  const auto future = tutti::wrap_future(source);
  future.cancel();
  co_await tutti::sleep(0s);
  EXPECT_TRUE(source.cancelled());
  EXPECT_TRUE(future.cancelled());
}

// test_wrap_future_cancel2
TUTTI_TEST(WrapFuture, LeavesAResultAloneThatWasThereBeforeItsCancellation) {
  const concurrent::Future<int> source;
  const auto future = tutti::wrap_future(source);
  source.set_result(42);
  future.cancel();
  co_await tutti::sleep(0s);
  EXPECT_FALSE(source.cancelled());
  EXPECT_EQ(source.result(), 42);
  EXPECT_TRUE(future.cancelled());
}

TUTTI_TEST(WrapFuture, IsCancelledAndFailsWithItsSource) {
  const concurrent::Future<int> cancelled;
  const concurrent::Future<int> failing;
  const auto first = tutti::wrap_future(cancelled);
  const auto second = tutti::wrap_future(failing);
  co_await in_thread([&] {
    cancelled.cancel();
    failing.set_exception(std::domain_error("from a thread"));
  });
  try {
    co_await first;
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::CancelledError&) {
  }
  try {
    co_await second;
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::domain_error& error) {
    EXPECT_STREQ(error.what(), "from a thread");
  }
}

TUTTI_TEST(WrapFuture, CallsItsDoneCallbacksAlthoughNobodyHoldsIt) {
  const concurrent::Future<int> source;
  int seen = 0;
  tutti::wrap_future(source).add_done_callback([&](const tutti::Future<int>& future) { seen = future.result(); });
  co_await in_thread([&] { source.set_result(7); });
  while (seen == 0) co_await tutti::sleep(0s);
  EXPECT_EQ(seen, 7);
}

TEST(WrapFuture, IsForgottenWithItsLoop) {
  const concurrent::Future<std::shared_ptr<int>> source;
  const auto value = std::make_shared<int>(1);
  {
    const auto loop = tutti::new_event_loop();
    loop->run_until_complete([&]() -> Coro<> {
      (void)tutti::wrap_future(source);
      co_return;
    });
    loop->close();
  }
  std::jthread([&] { source.set_result(value); }).join();
  EXPECT_EQ(source.result(), value);
}

// ---- concurrent::Future ----

TEST(ConcurrentFuture, GoesThroughItsStates) {
  const concurrent::Future<std::string> future;
  EXPECT_FALSE(future.done() || future.running() || future.cancelled());
  EXPECT_TRUE(future.set_running_or_notify_cancel());
  EXPECT_TRUE(future.running());
  EXPECT_FALSE(future.cancel());
  EXPECT_THROW((void)future.set_running_or_notify_cancel(), tutti::InvalidStateError);
  future.set_result("done");
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.running());
  EXPECT_EQ(future.result() + future.result(), "donedone");
  EXPECT_FALSE(future.exception());
  EXPECT_THROW(future.set_result("again"), tutti::InvalidStateError);
  EXPECT_THROW(future.set_exception(std::domain_error("again")), tutti::InvalidStateError);
}

// test_cancel
TEST(ConcurrentFuture, IsCancelledBeforeItsWorkBegins) {
  const concurrent::Future<> future;
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.done() && future.cancelled());
  EXPECT_FALSE(future.set_running_or_notify_cancel());
  EXPECT_THROW(future.result(), tutti::CancelledError);
  EXPECT_THROW((void)future.exception(0s), tutti::CancelledError);
}

// test_result_with_timeout, test_result_with_success
TEST(ConcurrentFuture, BlocksUntilItIsDoneOrTheTimeIsUp) {
  const concurrent::Future<int> future;
  try {
    (void)future.result(0s);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::TimeoutError& error) {
    EXPECT_STREQ(error.what(), "result of a concurrent future: timed out");
  }
  EXPECT_THROW((void)future.exception(0s), tutti::TimeoutError);
  const std::jthread setter([&] { future.set_result(42); });
  EXPECT_EQ(future.result(1h), 42);
}

// test_result_with_cancel
TEST(ConcurrentFuture, StopsBlockingWhenItIsCancelled) {
  const concurrent::Future<> future;
  const std::jthread canceller([&] { future.cancel(); });
  EXPECT_THROW(future.result(), tutti::CancelledError);
}

TEST(ConcurrentFuture, ThrowsTheSameExceptionToEachWhoAsks) {
  const concurrent::Future<> future;
  future.set_exception(std::domain_error("wrong"));
  EXPECT_THROW(future.result(), std::domain_error);
  EXPECT_THROW(future.result(), std::domain_error);
  EXPECT_TRUE(tutti::holds<std::domain_error>(future.exception()));
}

// test_done_callback_with_result, _with_cancel, _already_successful
TEST(ConcurrentFuture, CallsItsCallbacksInOrderOnceItIsDone) {
  const concurrent::Future<int> future;
  std::vector<std::string> log;
  future.add_done_callback([&](const concurrent::Future<int>& done) { log.push_back(std::to_string(done.result())); });
  future.add_done_callback([&] { log.emplace_back("second"); });
  EXPECT_TRUE(log.empty());
  std::jthread([&] { future.set_result(5); }).join();
  future.add_done_callback([&] { log.emplace_back("late"); });
  EXPECT_EQ(log, (std::vector<std::string>{"5", "second", "late"}));
  bool cancelled = false;
  const concurrent::Future<> other;
  other.add_done_callback([&](const concurrent::Future<>& done) { cancelled = done.cancelled(); });
  other.cancel();
  EXPECT_TRUE(cancelled);
}

// test_done_callback_raises
TEST(ConcurrentFuture, LogsWhatACallbackThrows) {
  tutti::testing::ReportCollector collector;
  const concurrent::Future<> future;
  bool called = false;
  future.add_done_callback([] { throw std::domain_error("in the callback"); });
  future.add_done_callback([&] { called = true; });
  future.set_result();
  EXPECT_TRUE(called);
  collector.expect("exception in a callback of a concurrent future");
  EXPECT_EQ(collector.problems(), std::vector<std::string>{});
}

TEST(ConcurrentFuture, HoldsReferencesAndWhatCanOnlyBeMoved) {
  int variable = 1;
  const concurrent::Future<int&> reference;
  reference.set_result(variable);
  EXPECT_EQ(&reference.result(), &variable);
  const concurrent::Future<std::unique_ptr<int>> owner;
  owner.set_result(std::make_unique<int>(2));
  EXPECT_EQ(*owner.result(), 2);
}

}  // namespace

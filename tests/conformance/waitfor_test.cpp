// SPDX-License-Identifier: MIT
// CPython's test_waitfor and test_staggered.
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/sync/event.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/staggered.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

// Takes its time, whatever it is asked to do.
constexpr Duration kSlow = 200ms;
Coro<> run_slowly(bool& exited) {
  const TimePoint end = get_running_loop().time() + kSlow;
  while (get_running_loop().time() < end) {
    try {
      co_await sleep(end - get_running_loop().time());
    } catch (const CancelledError&) {  // ignored
    }
  }
  exited = true;
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_asyncio_wait_for_cancelled) {
  bool exited = false;
  const auto task = create_task(wait_for(run_slowly(exited), kSlow * 2));
  co_await turn();
  task.cancel();
  co_await wait({task});
  EXPECT_TRUE(exited);
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_asyncio_wait_for_timeout) {
  bool exited = false;
  (void)co_await error_of(wait_for(run_slowly(exited), kSlow / 2));
  EXPECT_TRUE(exited);
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_timeout_less_then_0_or_0_future_done) {
  const Future<string> future;
  future.set_result("done");
  EXPECT_EQ(co_await wait_for(future, 0s), "done");
  EXPECT_TRUE(future.done());
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started) {
  bool started = false;
  const auto foo = [&]() -> Coro<> {
    started = true;
    co_return;
  };
  EXPECT_THROW(co_await wait_for(foo(), 0s), TimeoutError);
  EXPECT_FALSE(started);
}

// Says whether it runs.
Coro<string> run_for_long(std::optional<bool>& running, Future<> started) {
  running = true;
  started.set_result();
  try {
    co_await sleep(10s);
  } catch (...) {
    running = false;
    throw;
  }
  running = false;
  co_return "done";
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_timeout_less_then_0_or_0) {
  for (const Duration limit : {Duration(0s), Duration(-1s)}) {
    std::optional<bool> running;
    const Future<> started;
    const auto task = create_task(run_for_long(running, started));
    co_await started;
    EXPECT_THROW(co_await wait_for(task, limit), TimeoutError);
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(running, false);
  }
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for) {
  std::optional<bool> running;
  const auto task = create_task(run_for_long(running, Future<>()));
  EXPECT_THROW(co_await wait_for(task, 100ms), TimeoutError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(running, false);
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_blocking) {
  EXPECT_EQ(co_await wait_for(give<string>("done"), std::nullopt), "done");
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_race_condition) {
  const Future<string> future;
  auto waiting = wait_for(future, 200ms);
  get_running_loop().call_soon([=] { future.set_result("ok"); });
  EXPECT_EQ(co_await waiting, "ok");
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_cancellation_race_condition) {
  const auto inner = []() -> Coro<int> {
    EXPECT_THROW(co_await sleep(1s), CancelledError);
    co_return 1;
  };
  EXPECT_EQ(co_await wait_for(inner(), 10ms), 1);
}

// Needs some time to be cancelled.
Coro<> slow_to_cancel(bool& done) {
  std::exception_ptr error = co_await error_of(sleeper(10s));
  co_await sleep(1ms);
  done = true;
  std::rethrow_exception(error);
}

bool is_caused_by_cancellation(const std::exception_ptr& error) {
  const auto cause = error_of_call([&] {
    try {
      std::rethrow_exception(error);
    } catch (const TimeoutError& timeout) {
      std::rethrow_if_nested(timeout);
    }
  });
  return is_cancelled(cause);
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_waits_for_task_cancellation) {
  bool done = false;
  const auto inner = create_task(slow_to_cancel(done));
  const auto error = co_await error_of(wait_for(inner, 1ms));
  EXPECT_TRUE(holds<TimeoutError>(error));
  EXPECT_TRUE(done);
  EXPECT_TRUE(is_caused_by_cancellation(error));
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_waits_for_task_cancellation_w_timeout_0) {
  bool done = false;
  const auto inner = create_task(slow_to_cancel(done));
  co_await sleep(1ms);
  const auto error = co_await error_of(wait_for(inner, 0s));
  EXPECT_TRUE(holds<TimeoutError>(error));
  EXPECT_TRUE(done);
  EXPECT_TRUE(is_caused_by_cancellation(error));
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_reraises_exception_during_cancellation) {
  const auto inner = create_task([]() -> Coro<> {
    (void)co_await error_of(sleeper(200ms));
    throw ZeroDivisionError();
  });
  EXPECT_THROW(co_await wait_for(inner, 1ms), ZeroDivisionError);
}

Coro<> cancel_wait_for(std::optional<Duration> limit) {
  const auto task = create_task(forever());
  const auto waiting = create_task(wait_for(task, limit));
  get_running_loop().call_soon([=] { waiting.cancel(); });
  EXPECT_THROW(co_await waiting, CancelledError);
  EXPECT_TRUE(task.cancelled());
}

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_cancel_blocking_wait_for) { co_await cancel_wait_for({}); }

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_cancel_wait_for) { co_await cancel_wait_for(60s); }

CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_cancel_suppressed) {
  const auto return_42 = []() -> Coro<int> {
    try {
      co_await sleep(10s);
    } catch (const CancelledError&) {
      co_return 42;
    }
    co_return 0;
  };
  EXPECT_EQ(co_await wait_for(return_42(), 100ms), 42);
}

// A cancellation in the very iteration in which the inner task ends is not lost.
CONFORMANCE(test_waitfor, AsyncioWaitForTest, test_wait_for_issue86296) {
  const auto inner = create_task(give<string>("done"));
  bool reached_end = false;
  const auto task = create_task([&]() -> Coro<> {
    co_await wait_for(inner, 100s);
    co_await sleep(1s);
    reached_end = true;
  });
  EXPECT_FALSE(task.done());
  co_await turn();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(inner.done());
  EXPECT_EQ(co_await inner, "done");
  EXPECT_FALSE(reached_end);
}

CONFORMANCE(test_waitfor, WaitForShieldTests, test_zero_timeout) {
  const auto task = create_task(give_after<string>(10ms, "done"));
  const auto shielded = shield(task);
  EXPECT_THROW(co_await wait_for(shielded, 0s), TimeoutError);
  EXPECT_FALSE(task.done());
  EXPECT_FALSE(task.cancelled());
  EXPECT_TRUE(shielded.cancelled());
  co_await sleep(100ms);
  EXPECT_TRUE(task.done());
}

CONFORMANCE(test_waitfor, WaitForShieldTests, test_none_timeout) {
  const auto task = create_task(give_after<string>(100ms, "done"));
  co_await wait_for(shield(task), std::nullopt);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(co_await task, "done");
}

CONFORMANCE(test_waitfor, WaitForShieldTests, test_shielded_timeout) {
  const auto task = create_task(give_after<string>(100ms, "done"));
  EXPECT_THROW(co_await wait_for(shield(task), 10ms), TimeoutError);
  EXPECT_FALSE(task.done());
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(co_await task, "done");
}

// ---- test_staggered ----

using Functions = std::vector<std::function<Coro<string>()>>;

Coro<string> succeed(int index) { co_return "Res: " + std::to_string(index); }
Coro<string> fail() {
  throw ValueError("no good");
  co_return "";
}

CONFORMANCE(test_staggered, StaggeredTests, test_empty) {
  const auto [winner, index, exceptions] = co_await staggered_race(Functions(), std::nullopt);
  EXPECT_EQ(winner, std::nullopt);
  EXPECT_EQ(index, std::nullopt);
  EXPECT_TRUE(exceptions.empty());
}

CONFORMANCE(test_staggered, StaggeredTests, test_one_successful) {
  const Functions functions{[] { return succeed(0); }, [] { return succeed(1); }};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, std::nullopt);
  EXPECT_EQ(winner, "Res: 0");
  EXPECT_EQ(index, 0U);
  EXPECT_EQ(exceptions, std::vector<std::exception_ptr>{nullptr});
}

CONFORMANCE(test_staggered, StaggeredTests, test_first_error_second_successful) {
  const Functions functions{[] { return fail(); }, [] { return succeed(1); }};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, std::nullopt);
  EXPECT_EQ(winner, "Res: 1");
  EXPECT_EQ(index, 1U);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_TRUE(holds<ValueError>(exceptions[0]));
  EXPECT_EQ(exceptions[1], nullptr);
}

CONFORMANCE(test_staggered, StaggeredTests, test_first_timeout_second_successful) {
  const Functions functions{[] { return give_after<string>(10s, "Res: 0"); }, [] { return succeed(1); }};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, 100ms);
  EXPECT_EQ(winner, "Res: 1");
  EXPECT_EQ(index, 1U);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_TRUE(is_cancelled(exceptions[0]));
  EXPECT_EQ(exceptions[1], nullptr);
}

CONFORMANCE(test_staggered, StaggeredTests, test_none_successful) {
  const Functions functions{[] { return fail(); }, [] { return fail(); }};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, std::nullopt);
  EXPECT_EQ(winner, std::nullopt);
  EXPECT_EQ(index, std::nullopt);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_TRUE(holds<ValueError>(exceptions[0]));
  EXPECT_TRUE(holds<ValueError>(exceptions[1]));
}

CONFORMANCE(test_staggered, StaggeredTests, test_multiple_winners) {
  Event event;
  const auto wait_for_it = [&](int number) -> Coro<string> {
    co_await event.wait();
    co_return std::to_string(number);
  };
  const auto set_it = [&]() -> Coro<string> {
    event.set();
    co_await forever();
    co_return "";
  };
  const Functions functions{[&] { return wait_for_it(0); }, [&] { return wait_for_it(1); }, set_it};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, 100ms);
  EXPECT_EQ(winner, "0");
  EXPECT_EQ(index, 0U);
  CO_ASSERT_EQ(exceptions.size(), 3U);
  EXPECT_EQ(exceptions[0], nullptr);
  EXPECT_TRUE(is_cancelled(exceptions[1]));
  EXPECT_TRUE(is_cancelled(exceptions[2]));
}

// A contender that is cancelled, goes on, and is cancelled once more.
CONFORMANCE(test_staggered, StaggeredTests, test_cancelled) {
  std::vector<string> log;
  const auto outer_body = [&](Timeout& outer) -> Coro<> {
    const auto inner_body = [&](Timeout& inner) -> Coro<> {
      const TimePoint past = get_running_loop().time() - 1s;
      const auto contender = [&]() -> Coro<string> {
        inner.reschedule(past);
        co_await turn();
        if (is_cancelled(co_await error_of(turn()))) log.emplace_back("cancelled 1");
        outer.reschedule(past);
        co_await turn();
        if (is_cancelled(co_await error_of(turn()))) log.emplace_back("cancelled 2");
        co_return "";
      };
      const auto error = co_await error_of(staggered_race(Functions{contender}, std::nullopt));
      if (is_cancelled(error)) log.emplace_back("cancelled 3");
      if (error) std::rethrow_exception(error);
    };
    co_await timeout(std::nullopt, inner_body);
  };
  EXPECT_THROW(co_await timeout(std::nullopt, outer_body), TimeoutError);
  EXPECT_EQ(log, (std::vector<string>{"cancelled 1", "cancelled 2", "cancelled 3"}));
}

}  // namespace
}  // namespace tutti::conformance

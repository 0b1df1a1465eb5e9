// SPDX-License-Identifier: MIT
// wait_for: CPython's test_waitfor.
#include <memory>
#include <string>

#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/timeout.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_future_done
TUTTI_TEST(WaitFor, OfADoneFutureGivesItsResultHoweverShortTheTime) {
  const Future<std::string> future;
  future.set_result("done");
  EXPECT_EQ(co_await wait_for(future, 0s), "done");
  EXPECT_EQ(co_await wait_for(future, -1s), "done");
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started
TUTTI_TEST(WaitFor, WithoutTimeNeverStartsACoroutine) {
  bool started = false;
  const auto body = [&]() -> Coro<> {
    started = true;
    co_return;
  };
  EXPECT_THROW(co_await wait_for(body, 0s), TimeoutError);
  EXPECT_THROW(co_await wait_for(body(), -1s), TimeoutError);
  EXPECT_FALSE(started);
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0
TUTTI_VIRTUAL_TEST(WaitFor, WithoutTimeCancelsARunningTaskAndWaitsForItsEnd) {
  bool cleaned_up = false;
  auto task = create_task([&]() -> Coro<> {
    std::exception_ptr error;
    try {
      co_await sleep(1h);
    } catch (...) {
      error = std::current_exception();
    }
    co_await sleep(1ms);
    cleaned_up = true;
    std::rethrow_exception(error);
  });
  co_await turn();
  EXPECT_THROW(co_await wait_for(task, 0s), TimeoutError);
  EXPECT_TRUE(cleaned_up);
  EXPECT_TRUE(task.cancelled());
}

// test_waitfor.AsyncioWaitForTest.test_wait_for
TUTTI_VIRTUAL_TEST(WaitFor, CancelsATaskWhoseTimeIsUp) {
  auto task = create_task([]() -> Coro<std::string> {
    co_await sleep(200ms);
    co_return "done";
  });
  EXPECT_THROW(co_await wait_for(task, 100ms), TimeoutError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_with_default / None
TUTTI_VIRTUAL_TEST(WaitFor, WithoutALimitWaitsAsLongAsItTakes) {
  EXPECT_EQ(co_await wait_for(
                []() -> Coro<std::string> {
                  co_await sleep(10h);
                  co_return "done";
                },
                std::nullopt),
            "done");
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_blocking
TUTTI_TEST(WaitFor, GivesTheResultOfACoroutine) {
  EXPECT_EQ(co_await wait_for(noop(5), 1h), 5);
  auto owner = co_await wait_for([]() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(3); }, 1h);
  EXPECT_EQ(*owner, 3);
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_race_condition
TUTTI_TEST(WaitFor, TakesAResultThatComesInTheNextTick) {
  const Future<std::string> future;
  auto waiter = create_task([future]() -> Coro<std::string> { co_return co_await wait_for(future, 1h); });
  get_running_loop().call_soon([future] { future.set_result("ok"); });
  EXPECT_EQ(co_await waiter, "ok");
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation
TUTTI_VIRTUAL_TEST(WaitFor, WaitsUntilTheCancelledTaskHasEnded) {
  bool done = false;
  auto inner = create_task([&]() -> Coro<> {
    std::exception_ptr error;
    try {
      co_await sleep(1s);
    } catch (...) {
      error = std::current_exception();
    }
    co_await sleep(500ms);
    done = true;
    std::rethrow_exception(error);
  });
  std::exception_ptr cause;
  try {
    co_await wait_for(inner, 100ms);
  } catch (const TimeoutError& error) {
    try {
      std::rethrow_if_nested(error);
    } catch (...) {
      cause = std::current_exception();
    }
  }
  EXPECT_TRUE(done);
  EXPECT_TRUE(is_cancelled(cause));
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_reraises_exception_during_cancellation
TUTTI_VIRTUAL_TEST(WaitFor, ThrowsWhatTheCancelledTaskThrowsInstead) {
  auto inner = create_task([]() -> Coro<> {
    try {
      co_await sleep(1s);
    } catch (const CancelledError&) {
      throw ValueError("during cancellation");
    }
  });
  EXPECT_THROW(co_await wait_for(inner, 1ms), ValueError);
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_cancel_suppressed
TUTTI_VIRTUAL_TEST(WaitFor, GivesTheResultOfATaskThatRefusesToBeCancelled) {
  const auto stubborn = []() -> Coro<int> {
    try {
      co_await sleep(1s);
    } catch (const CancelledError&) {
    }
    co_return 5;
  };
  EXPECT_EQ(co_await wait_for(create_task(stubborn), 1ms), 5);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_self_cancellation
TUTTI_VIRTUAL_TEST(WaitFor, CancelledFromOutsideAndRefusedByTheInnerTaskGivesItsResult) {
  auto inner = create_task([]() -> Coro<std::string> {
    try {
      co_await sleep(300ms);
    } catch (const CancelledError&) {
      // The second await is not cancelled.
    }
    co_await sleep(300ms);
    co_return "done";
  });
  auto outer = create_task([inner]() -> Coro<std::string> { co_return co_await wait_for(inner, 100h); });
  co_await sleep(100ms);
  outer.cancel();
  EXPECT_EQ(co_await outer, "done");
  EXPECT_EQ(outer.cancelling(), 1U);
}

// test_waitfor.AsyncioWaitForTest.test_cancel_wait_for, test_cancel_blocking_wait_for
TUTTI_TEST(WaitFor, PassesACancellationToWhatItWaitsFor) {
  for (const auto limit : {std::optional<Duration>(), std::optional<Duration>(1h)}) {
    auto inner = create_task(forever());
    auto outer = create_task([inner, limit]() -> Coro<> { co_await wait_for(inner, limit); });
    co_await turns(2);
    outer.cancel();
    EXPECT_THROW(co_await outer, CancelledError);
    EXPECT_TRUE(inner.cancelled());
  }
}

// test_waitfor.AsyncioWaitForTest.test_wait_for_issue86296, GH-86296
TUTTI_TEST(WaitFor, NeverSwallowsACancellationThatComesTogetherWithTheResult) {
  const Future<int> future;
  auto waiter = create_task([future]() -> Coro<int> { co_return co_await wait_for(future, 1h); });
  co_await turn();
  future.set_result(1);
  waiter.cancel();
  EXPECT_THROW(co_await waiter, CancelledError);
}

// test_waitfor.WaitForShieldTests.test_zero_timeout, test_none_timeout
TUTTI_VIRTUAL_TEST(WaitFor, OfAShieldLeavesTheInnerTaskAlone) {
  auto inner = create_task([]() -> Coro<std::string> {
    co_await sleep(10ms);
    co_return "done";
  });
  EXPECT_THROW(co_await wait_for(shield(inner), 1ms), TimeoutError);
  EXPECT_FALSE(inner.done());
  EXPECT_EQ(co_await inner, "done");
}

// test_waitfor.WaitForShieldTests.test_shielded_timeout
TUTTI_VIRTUAL_TEST(WaitFor, InsideAShieldTimesOutAsUsual) {
  auto inner = create_task([]() -> Coro<> { co_await wait_for(sleep(1h), 1ms); });
  EXPECT_THROW(co_await shield(inner), TimeoutError);
}

TUTTI_TEST(WaitFor, OfACallableKeepsItAlive) {
  const auto make = [] {
    auto text = std::make_unique<std::string>("kept");
    return wait_for(
        [text = std::move(text)]() -> Coro<std::string> {
          co_await turn();
          co_return *text;
        },
        1h);
  };
  EXPECT_EQ(co_await make(), "kept");
}

TUTTI_TEST(WaitFor, OfANaNIsAnError) {
  EXPECT_THROW(co_await wait_for(noop(), std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())),
               ValueError);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// timeout, timeout_at: CPython's test_timeouts.
#include <string>
#include <vector>

#include <tutti/base/exception_group.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// test_timeouts.TimeoutTests.test_timeout_basic
TUTTI_VIRTUAL_TEST(Timeout, ThrowsTimeoutErrorWhenTheDeadlinePasses) {
  const TimePoint begin = get_running_loop().time();
  bool expired = false;
  EXPECT_THROW(co_await timeout(10ms,
                                [&](Timeout& limit) -> Coro<> {
                                  EXPECT_EQ(limit.when(), begin + 10ms);
                                  EXPECT_FALSE(limit.expired());
                                  std::exception_ptr error;
                                  try {
                                    co_await sleep(10s);
                                  } catch (...) {
                                    error = std::current_exception();
                                    expired = limit.expired();
                                  }
                                  std::rethrow_exception(error);
                                }),
               TimeoutError);
  EXPECT_TRUE(expired);
  EXPECT_EQ(get_running_loop().time(), begin + 10ms);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_timeouts.TimeoutTests.test_timeout_at_basic
TUTTI_VIRTUAL_TEST(Timeout, TakesAMomentOnTheLoopsClock) {
  const TimePoint deadline = get_running_loop().time() + 10ms;
  EXPECT_THROW(co_await timeout_at(deadline, []() -> Coro<> { co_await sleep(10s); }), TimeoutError);
  EXPECT_EQ(get_running_loop().time(), deadline);
}

TUTTI_VIRTUAL_TEST(Timeout, SaysWhatTookTooLongAndHowLongItWasGiven) {
  const auto slow = []() -> Coro<> { co_await sleep(10s); };
  EXPECT_EQ(co_await message_of<TimeoutError>(timeout(1500ms, slow)), "timeout: timed out after 1.5 s");
  EXPECT_EQ(co_await message_of<TimeoutError>(timeout_at(get_running_loop().time() + 1s, slow)),
            "timeout_at: timed out");
  EXPECT_EQ(co_await message_of<TimeoutError>(timeout(5s,
                                                      [](Timeout& limit) -> Coro<> {
                                                        limit.reschedule(get_running_loop().time() + 1s);
                                                        co_await sleep(10s);
                                                      })),
            "timeout: timed out")
      << "5 s are not what it was given";
  EXPECT_EQ(co_await message_of<TimeoutError>(wait_for(sleep(10s), 2s)), "wait_for: timed out after 2 s");
  EXPECT_EQ(co_await message_of<TimeoutError>(wait_for(slow, 0s)), "wait_for: timed out after 0 s");
}

// test_timeouts.TimeoutTests.test_timeout_not_called
TUTTI_VIRTUAL_TEST(Timeout, GivesTheResultOfABodyThatIsInTime) {
  const TimePoint begin = get_running_loop().time();
  EXPECT_EQ(co_await timeout(10s,
                             []() -> Coro<std::string> {
                               co_await sleep(10ms);
                               co_return "done";
                             }),
            "done");
  EXPECT_LT(get_running_loop().time(), begin + 10s);
}

// test_timeouts.TimeoutTests.test_timeout_disabled, test_timeout_at_disabled
TUTTI_VIRTUAL_TEST(Timeout, WithoutALimitNeverExpires) {
  co_await timeout(std::nullopt, [](Timeout& limit) -> Coro<> {
    EXPECT_EQ(limit.when(), std::nullopt);
    co_await sleep(10h);
  });
  co_await timeout_at(std::nullopt, []() -> Coro<> { co_await sleep(10h); });
}

// test_timeouts.TimeoutTests.test_timeout_zero, test_timeout_in_the_past_sleep_zero
TUTTI_TEST(Timeout, OfZeroFiresAtTheFirstSuspension) {
  EXPECT_THROW(co_await timeout(0s, []() -> Coro<> { co_await sleep(10s); }), TimeoutError);
  EXPECT_THROW(co_await timeout_at(get_running_loop().time() - 1s, []() -> Coro<> { co_await turn(); }), TimeoutError);
}

// test_timeouts.TimeoutTests.test_timeout_zero_sleep_zero, and the row of the tick table
TUTTI_TEST(Timeout, OfZeroLetsABodyPassThatDoesNotSuspend) {
  EXPECT_EQ(co_await timeout(0s, [] { return noop(7); }), 7);
}

// test_timeouts.TimeoutTests.test_foreign_exception_passed
TUTTI_TEST(Timeout, PassesOtherExceptions) {
  bool expired = true;
  EXPECT_THROW(co_await timeout(10ms,
                                [&](Timeout& limit) -> Coro<> {
                                  expired = limit.expired();
                                  co_await raise<ValueError>();
                                }),
               ValueError);
  EXPECT_FALSE(expired);
}

// test_timeouts.TimeoutTests.test_foreign_exception_on_timeout
TUTTI_VIRTUAL_TEST(Timeout, KeepsAnotherExceptionThatLeavesAnExpiredBody) {
  EXPECT_THROW(co_await timeout(10ms,
                                []() -> Coro<> {
                                  try {
                                    co_await sleep(1s);
                                  } catch (const CancelledError&) {
                                    throw ValueError("cleanup failed");
                                  }
                                }),
               ValueError);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_timeouts.TimeoutTests.test_foreign_cancel_doesnt_timeout_if_not_expired
TUTTI_VIRTUAL_TEST(Timeout, DoesNotTakeACancellationForItsOwn) {
  bool expired = true;
  EXPECT_THROW(co_await timeout(10s,
                                [&](Timeout& limit) -> Coro<> {
                                  expired = limit.expired();
                                  throw CancelledError();
                                  co_return;
                                }),
               CancelledError);
  EXPECT_FALSE(expired);
}

TUTTI_VIRTUAL_TEST(Timeout, PassesACancellationFromOutsideThrough) {
  const auto later = get_running_loop().time() + 1h;
  const std::vector<Task<>> tasks = {create_task([]() -> Coro<> { co_await timeout(1h, forever); }),
                                     create_task([later]() -> Coro<> { co_await timeout_at(later, forever); })};
  co_await turn();
  for (const auto& task : tasks) task.cancel();
  for (const auto& task : tasks) CO_ASSERT_THROW(co_await task, CancelledError);
}

// test_timeouts.TimeoutTests.test_outer_task_is_not_cancelled
TUTTI_VIRTUAL_TEST(Timeout, LeavesTheTaskUncancelledBehindIt) {
  auto task = create_task([]() -> Coro<> {
    EXPECT_THROW(co_await timeout(1ms, []() -> Coro<> { co_await sleep(1s); }), TimeoutError);
    co_await sleep(1ms);
  });
  co_await task;
  EXPECT_FALSE(task.cancelled());
}

// test_timeouts.TimeoutTests.test_nested_timeouts, test_nested_timeouts_concurrent
TUTTI_VIRTUAL_TEST(Timeout, OfTwoWithOneDeadlineOnlyTheOuterOneThrows) {
  bool inner_cancelled = false;
  EXPECT_THROW(co_await timeout(2ms,
                                [&]() -> Coro<> {
                                  std::exception_ptr error;
                                  try {
                                    co_await timeout(2ms, []() -> Coro<> { co_await sleep(1s); });
                                  } catch (...) {
                                    error = std::current_exception();
                                  }
                                  inner_cancelled = is_cancelled(error);
                                  std::rethrow_exception(error);
                                }),
               TimeoutError);
  EXPECT_TRUE(inner_cancelled);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_timeouts.TimeoutTests.test_nested_timeouts_loop_busy
TUTTI_VIRTUAL_TEST(Timeout, OfTwoThatExpireTheInnerOneThrowsAndThenTheOuterOne) {
  bool inner_timed_out = false;
  EXPECT_THROW(co_await timeout(10ms,
                                [&]() -> Coro<> {
                                  std::exception_ptr error;
                                  try {
                                    co_await timeout(5ms, []() -> Coro<> { co_await sleep(1s); });
                                  } catch (const TimeoutError&) {
                                    inner_timed_out = true;
                                  }
                                  co_await sleep(1s);
                                }),
               TimeoutError);
  EXPECT_TRUE(inner_timed_out);
}

// test_timeouts.TimeoutTests.test_reschedule
TUTTI_VIRTUAL_TEST(Timeout, CanBeMoved) {
  const TimePoint begin = get_running_loop().time();
  EXPECT_THROW(co_await timeout(10s,
                                [&](Timeout& limit) -> Coro<> {
                                  limit.reschedule(begin + 20ms);
                                  EXPECT_EQ(limit.when(), begin + 20ms);
                                  limit.reschedule(std::nullopt);
                                  co_await sleep(30ms);
                                  limit.reschedule(begin + 50ms);
                                  co_await sleep(1s);
                                }),
               TimeoutError);
  EXPECT_EQ(get_running_loop().time(), begin + 50ms);
}

// test_timeouts.TimeoutTests.test_reschedule, to a moment that has passed
TUTTI_TEST(Timeout, MovedIntoThePastFiresAtTheNextSuspension) {
  EXPECT_THROW(co_await timeout(10s,
                                [](Timeout& limit) -> Coro<> {
                                  limit.reschedule(get_running_loop().time());
                                  co_await sleep(1h);
                                }),
               TimeoutError);
}

// test_timeouts.TimeoutTests.test_timeout_already_entered, test_timeout_double_enter
TUTTI_TEST(Timeout, IsEnteredOnlyOnce) {
  Timeout limit(get_running_loop().time() + 10s);
  limit.enter();
  EXPECT_THROW(limit.enter(), RuntimeError);
  EXPECT_EQ(limit.exit(nullptr), nullptr);
  EXPECT_THROW(limit.enter(), RuntimeError);
  co_return;
}

// test_timeouts.TimeoutTests.test_timeout_finished, test_timeout_not_entered
TUTTI_TEST(Timeout, IsMovedOnlyWhileItIsActive) {
  Timeout limit(std::nullopt);
  EXPECT_THROW(limit.reschedule(get_running_loop().time()), RuntimeError);
  limit.enter();
  EXPECT_EQ(limit.exit(nullptr), nullptr);
  EXPECT_FALSE(limit.expired());
  EXPECT_THROW(limit.reschedule(get_running_loop().time()), RuntimeError);
  co_return;
}

// test_timeouts.TimeoutTests.test_timeout_expired, test_timeout_expiring
TUTTI_VIRTUAL_TEST(Timeout, IsNotMovedWhileItExpiresOrAfter) {
  Timeout limit(get_running_loop().time() + 1ms);
  limit.enter();
  std::exception_ptr error;
  try {
    co_await sleep(1s);
  } catch (...) {
    error = std::current_exception();
    EXPECT_THROW(limit.reschedule(std::nullopt), RuntimeError);
  }
  error = limit.exit(error);
  EXPECT_TRUE(holds<TimeoutError>(error));
  EXPECT_THROW(limit.reschedule(std::nullopt), RuntimeError);
  EXPECT_TRUE(limit.expired());
}

// test_timeouts.TimeoutTests.test_timeout_without_task
TUTTI_TEST(Timeout, NeedsATask) {
  const Future<> called;
  get_running_loop().call_soon([called] {
    Timeout limit(std::nullopt);
    EXPECT_THROW(limit.enter(), RuntimeError);
    called.set_result();
  });
  co_await called;
}

// test_timeouts.TimeoutTests.test_timeout_after_cancellation
TUTTI_VIRTUAL_TEST(Timeout, WorksAfterACancellationThatWasSwallowed) {
  current_task()->cancel();
  try {
    co_await sleep(1s);
  } catch (const CancelledError&) {
  }
  EXPECT_EQ(current_task()->cancelling(), 1U);
  EXPECT_THROW(co_await timeout(1ms, []() -> Coro<> { co_await sleep(1s); }), TimeoutError);
  EXPECT_EQ(current_task()->cancelling(), 1U);
  current_task()->uncancel();
}

// test_timeouts.TimeoutTests.test_cancel_in_timeout_after_cancellation
TUTTI_VIRTUAL_TEST(Timeout, PassesASecondCancellationInsideOfIt) {
  current_task()->cancel();
  try {
    co_await sleep(1s);
  } catch (const CancelledError&) {
  }
  EXPECT_EQ(current_task()->cancelling(), 1U);
  EXPECT_THROW(co_await timeout(1s,
                                []() -> Coro<> {
                                  current_task()->cancel();
                                  co_await sleep(2s);
                                }),
               CancelledError);
  EXPECT_EQ(current_task()->cancelling(), 2U);
  current_task()->uncancel();
  current_task()->uncancel();
}

// test_timeouts.TimeoutTests.test_foreign_cancel_doesnt_timeout_if_not_expired, from another task in the very tick of the deadline
TUTTI_VIRTUAL_TEST(Timeout, DoesNotHideACancellationThatComesTogetherWithTheDeadline) {
  auto task = create_task([]() -> Coro<> { co_await timeout(10ms, []() -> Coro<> { co_await sleep(1h); }); });
  co_await turn();
  get_running_loop().call_later(10ms, [task] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
}

// test_timeouts.TimeoutTests.test_timeout_taskgroup
TUTTI_VIRTUAL_TEST(Timeout, AroundATaskGroupLetsItsErrorsPass) {
  std::exception_ptr error;
  try {
    co_await timeout(10ms, []() -> Coro<> {
      co_await task_group([](TaskGroup& group) -> Coro<> {
        group.create_task([]() -> Coro<> {
          try {
            co_await sleep(1s);
          } catch (const CancelledError&) {
            throw ValueError("cleanup failed");
          }
        });
        co_return;
      });
    });
  } catch (...) {
    error = std::current_exception();
  }
  const auto* group = group_contents(error);
  CO_ASSERT_NE(group, nullptr);
  CO_ASSERT_EQ(group->exceptions().size(), 1U);
  EXPECT_TRUE(holds<ValueError>(group->exceptions()[0]));
}

TUTTI_VIRTUAL_TEST(Timeout, LeavesNoTimerBehind) {
  for (int i = 0; i < 100; ++i) co_await timeout(1h, [] { return noop(); });
  const TimePoint begin = get_running_loop().time();
  co_await sleep(1ms);
  EXPECT_EQ(get_running_loop().time(), begin + 1ms);
}

TUTTI_VIRTUAL_TEST(Timeout, GivesReferencesThrough) {
  int value = 1;
  int& same = co_await timeout(1s, [&]() -> Coro<int&> { co_return value; });
  EXPECT_EQ(&same, &value);
}

}  // namespace
}  // namespace tutti::tests

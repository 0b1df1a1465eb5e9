// SPDX-License-Identifier: MIT
// Cancellation of tasks: a request, delivered once, at the innermost await, that the task may refuse.
#include <optional>
#include <string>
#include <vector>

#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/wait.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// test_tasks::BaseTaskTests.test_cancel
TUTTI_VIRTUAL_TEST(Cancel, EndsASleepingTask) {
  auto task = create_task([]() -> Coro<int> {
    co_await sleep(10s);
    co_return 12;
  });
  get_running_loop().call_soon([task] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

// test_tasks::BaseTaskTests.test_cancel_yield
TUTTI_TEST(Cancel, EndsATaskThatIsReady) {
  auto task = create_task(turns(2));
  co_await turn();
  EXPECT_TRUE(task.cancel());
  EXPECT_FALSE(task.cancelled());  // a request only
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

// test_tasks::BaseTaskTests.test_cancel_inner_future
TUTTI_TEST(Cancel, OfTheAwaitedFutureEndsTheTask) {
  const Future<> future;
  auto task = create_task([&]() -> Coro<> { co_await future; });
  co_await turn();
  future.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
}

// test_tasks::BaseTaskTests.test_cancel_both_task_and_inner_future
TUTTI_TEST(Cancel, OfTaskAndFutureIsOneCancellation) {
  const Future<> future;
  auto task = create_task([&]() -> Coro<> { co_await future; });
  co_await turn();
  future.cancel();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(task.cancelled());
}

// test_tasks::BaseTaskTests.test_cancel_task_catching
TUTTI_TEST(Cancel, MayBeCaught) {
  const Future<> first, second;
  auto task = create_task([&]() -> Coro<int> {
    co_await first;
    try {
      co_await second;
    } catch (const CancelledError&) {
      co_return 42;
    }
    co_return 0;
  });
  co_await turn();
  first.set_result();
  co_await turn();
  task.cancel();
  EXPECT_TRUE(second.cancelled());
  EXPECT_EQ(co_await task, 42);
  EXPECT_FALSE(task.cancelled());
}

// test_tasks::BaseTaskTests.test_cancel_task_ignoring
TUTTI_TEST(Cancel, MayBeIgnoredAndIsNotRepeated) {
  const Future<> first, second;
  const Future<int> third;
  auto task = create_task([&]() -> Coro<int> {
    co_await first;
    try {
      co_await second;
    } catch (const CancelledError&) {
    }
    co_return co_await third;
  });
  co_await turn();
  first.set_result();
  co_await turn();
  task.cancel();
  EXPECT_TRUE(second.cancelled());
  co_await turn();
  third.set_result(42);
  EXPECT_EQ(co_await task, 42);
  EXPECT_FALSE(third.cancelled());
  EXPECT_FALSE(task.cancelled());
}

// test_tasks::BaseTaskTests.test_cancel_current_task
TUTTI_TEST(Cancel, OfOneselfTakesEffectAtTheNextSuspension) {
  bool went_on = false;
  auto task = create_task([&]() -> Coro<> {
    current_task()->cancel();
    went_on = true;
    co_await sleep(100s);
    ADD_FAILURE() << "the sleep was not cancelled";
  });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(went_on);
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

// test_tasks::BaseTaskTests.test_cancel_at_end
TUTTI_TEST(Cancel, InTheLastStepLosesTheResult) {
  auto task = create_task([]() -> Coro<int> {
    current_task()->cancel();
    co_return 12;
  });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

// tasks.py, Task.__step: a request that was not delivered does not hide an exception
TUTTI_TEST(Cancel, InTheLastStepDoesNotHideAnException) {
  auto task = create_task([]() -> Coro<> {
    current_task()->cancel("too late");
    throw ValueError("lost");
    co_return;
  });
  EXPECT_THROW(co_await task, ValueError);
  EXPECT_FALSE(task.cancelled());
}

// test_tasks::BaseTaskTests.test_cancel_awaited_task (bpo-34872)
TUTTI_TEST(Cancel, OfATaskThatIsNotBlockedReachesWhatItAwaitsNext) {
  const Future<> future;
  std::optional<Task<>> task;
  auto nested = create_task([&]() -> Coro<> { co_await future; });
  co_await turn();
  task = create_task([&]() -> Coro<> {
    task->cancel();
    co_await nested;
  });
  EXPECT_THROW(co_await *task, CancelledError);
  EXPECT_TRUE(nested.cancelled());
  EXPECT_TRUE(future.cancelled());
}

// test_tasks::BaseTaskTests.test_yield_future_passes_cancel; oracle/semantics.py, "propagation"
TUTTI_TEST(Cancel, FlowsDownToTheInnermostFuture) {
  std::string out;
  auto inner = create_task([&]() -> Coro<> {
    try {
      co_await sleep(9s);
    } catch (const CancelledError&) {
      out += "inner cancelled";
      throw;
    }
  });
  auto outer = create_task([&]() -> Coro<> { co_await inner; });
  co_await turns(2);
  outer.cancel();
  EXPECT_THROW(co_await outer, CancelledError);
  EXPECT_EQ(out, "inner cancelled");
  EXPECT_TRUE(outer.cancelled());
  EXPECT_TRUE(inner.cancelled());
}

// oracle/semantics.py, "swallow"
TUTTI_TEST(Cancel, ThatTheInnerTaskSwallowsGivesTheOuterItsResult) {
  auto inner = create_task([]() -> Coro<int> {
    try {
      co_await sleep(9s);
    } catch (const CancelledError&) {
      co_return 5;
    }
    co_return 0;
  });
  auto outer = create_task([&]() -> Coro<int> { co_return co_await inner; });
  co_await turns(2);
  outer.cancel();
  EXPECT_EQ(co_await outer, 5);
  EXPECT_FALSE(outer.cancelled());
  EXPECT_EQ(outer.cancelling(), 1U);
}

// test_tasks::BaseTaskTests.test_yield_wait_does_not_shield_cancel
TUTTI_TEST(Cancel, IsNotKeptFromChildrenByGather) {
  const Future<> future;
  auto task = create_task([&]() -> Coro<> { co_await gather(future); });
  co_await turn();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(future.cancelled());
}

// oracle/semantics.py, "result lost"
TUTTI_TEST(Cancel, OfATaskThatIsAboutToGetAResultLosesTheResult) {
  const Future<int> future;
  std::string out;
  auto task = create_task([&]() -> Coro<> {
    try {
      out = "got " + std::to_string(co_await future);
    } catch (const CancelledError&) {
      out = "cancelled";
      throw;
    }
  });
  co_await turn();
  future.set_result(1);
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_EQ(out, "cancelled");
}

// ---- before the first step ----

// test_tasks::BaseTaskTests.test_cancel_with_message_before_starting_task; oracle/semantics.py, "cancel before start"
TUTTI_TEST(Cancel, BeforeTheFirstStepKeepsTheBodyFromRunning) {
  bool ran = false;
  auto witness = std::make_shared<int>(0);
  const auto body = [](bool& flag, std::shared_ptr<int>) -> Coro<> {
    flag = true;
    co_return;
  };
  auto task = create_task(body(ran, witness));
  EXPECT_EQ(witness.use_count(), 2);
  task.cancel("my message");
  EXPECT_FALSE(task.done());
  EXPECT_EQ(co_await message_of<CancelledError>(task), "my message");
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(ran);
  EXPECT_EQ(witness.use_count(), 1);  // arguments are released
}

// ---- messages ----

// test_tasks::BaseTaskTests.test_cancel_with_message_then_future_result
TUTTI_TEST(CancelMessage, ComesOutOfTheResult) {
  for (const std::string message : {"", "my message"}) {
    auto task = create_task(sleep(10s));
    co_await turn();
    task.cancel(message);
    co_await wait({task});
    std::string seen = "nothing was thrown";
    try {
      task.result();
    } catch (const CancelledError& error) {
      seen = error.message();
    }
    EXPECT_EQ(seen, message);
  }
}

// test_tasks::BaseTaskTests.test_cancel_with_message_then_future_exception
TUTTI_TEST(CancelMessage, ComesOutOfTheException) {
  auto task = create_task(sleep(10s));
  co_await turn();
  task.cancel("my message");
  co_await wait({task});
  std::string seen;
  try {
    (void)task.exception();
  } catch (const CancelledError& error) {
    seen = error.message();
  }
  EXPECT_EQ(seen, "my message");
}

// test_tasks::BaseTaskTests.test_cancellation_exception_context
TUTTI_TEST(CancelMessage, IsSeenInsideTheTaskAndByWhoAwaitsIt) {
  std::string inside;
  auto task = create_task([&]() -> Coro<> {
    try {
      co_await sleep(10s);
    } catch (const CancelledError& error) {
      inside = error.message();
      throw;
    }
  });
  co_await turn();
  get_running_loop().call_soon([task] { task.cancel("msg"); });
  EXPECT_EQ(co_await message_of<CancelledError>(task), "msg");
  EXPECT_EQ(inside, "msg");
}

TUTTI_TEST(CancelMessage, OfTheLastRequestCounts) {
  auto task = create_task(turns(2));
  co_await turn();
  task.cancel("first");
  task.cancel("second");
  EXPECT_EQ(co_await message_of<CancelledError>(task), "second");
}

// test_futures::_make_cancelled_error: the exception that ended the task comes out once, later ones are like it
TUTTI_TEST(CancelMessage, StaysForLaterAwaits) {
  auto task = create_task(sleep(10s));
  co_await turn();
  task.cancel("m");
  for (int i = 0; i < 3; ++i) {
    std::string seen = "nothing was thrown";
    try {
      co_await task;
    } catch (const CancelledError& error) {
      seen = error.message();
    }
    EXPECT_EQ(seen, "m") << "await " << i;
  }
}

// ---- cancelling() and uncancel() ----

// test_tasks::BaseTaskTests.test_cancelling
TUTTI_TEST(Uncancel, CountsTheRequests) {
  auto task = create_task(sleep(10s));
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 2U);
  EXPECT_THROW(co_await task, CancelledError);
}

// test_tasks::BaseTaskTests.test_uncancel_basic
TUTTI_VIRTUAL_TEST(Uncancel, TakesARequestBack) {
  auto task = create_task([]() -> Coro<> {
    try {
      co_await sleep(10s);
    } catch (const CancelledError&) {
      current_task()->uncancel();
    }
    co_await sleep(10s);
  });
  co_await turn();
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_FALSE(task.cancelled());
  co_await turns(2);
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_FALSE(task.done());
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  // No effect once the task is complete.
  task.uncancel();
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(task.done());
}

TUTTI_TEST(Uncancel, DoesNotGoBelowZero) {
  EXPECT_EQ(current_task()->uncancel(), 0U);
  EXPECT_EQ(current_task()->cancelling(), 0U);
  co_return;
}

// test_tasks::BaseTaskTests.test_uncancel_resets_must_cancel (3.13)
TUTTI_TEST(Uncancel, ToZeroRescuesATaskThatWasNotToldYet) {
  const Future<int> future;
  auto task = create_task([&]() -> Coro<int> { co_return co_await future; });
  co_await turn();
  future.set_result(42);
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_EQ(task.uncancel(), 0U);
  EXPECT_EQ(co_await task, 42);
  EXPECT_FALSE(task.cancelled());
}

TUTTI_TEST(Uncancel, ToMoreThanZeroLeavesTheCancellationPending) {
  const Future<int> future;
  auto task = create_task([&]() -> Coro<int> { co_return co_await future; });
  co_await turn();
  future.set_result(42);
  task.cancel();
  task.cancel();
  EXPECT_EQ(task.uncancel(), 1U);
  EXPECT_THROW(co_await task, CancelledError);
}

struct RequestOutcome {
  bool timed_out = false;
  bool block_finished = false;
  bool outer_reached = false;
};

// The five rules of uncancellation that CPython's test spells out, in C++: in whatever way the block ends; only if our own
// event fired; after our own cancel(); only if the count comes down to zero; only for CancelledError.
Coro<RequestOutcome> request_with_timeout(Duration delay, Duration limit) {
  RequestOutcome outcome;
  AnyTask task = *current_task();
  TimerHandle timer = task.get_loop().call_later(limit, [&] {
    outcome.timed_out = true;
    task.cancel();
  });
  bool cancelled = false;
  try {
    co_await sleep(delay);
    outcome.block_finished = true;
  } catch (const CancelledError&) {
    cancelled = true;
  }
  timer.cancel();
  if (cancelled && !(outcome.timed_out && task.uncancel() == 0)) throw CancelledError();
  outcome.outer_reached = true;
  co_await turn();
  co_return outcome;
}

// test_tasks::BaseTaskTests.test_uncancel_structured_blocks
TUTTI_VIRTUAL_TEST(Uncancel, LetsABlockTimeOutWithoutEndingTheTask) {
  auto slow = create_task(request_with_timeout(10s, 100ms));
  const RequestOutcome late = co_await slow;
  EXPECT_TRUE(late.timed_out);
  EXPECT_FALSE(late.block_finished);
  EXPECT_TRUE(late.outer_reached);
  EXPECT_EQ(slow.cancelling(), 0U);

  auto fast = create_task(request_with_timeout(0s, 10s));
  const RequestOutcome early = co_await fast;
  EXPECT_FALSE(early.timed_out);
  EXPECT_TRUE(early.block_finished);
  EXPECT_TRUE(early.outer_reached);
  EXPECT_EQ(fast.cancelling(), 0U);
}

// ---- sleep ----

// test_tasks::BaseTaskTests.test_sleep_cancel
TUTTI_VIRTUAL_TEST(Sleep, ThatIsCancelledLeavesNoTimer) {
  const auto begin = get_running_loop().time();
  auto task = create_task(sleep(10h, std::string("yeah")));
  co_await turn();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  co_await sleep(1s);
  EXPECT_EQ(get_running_loop().time() - begin, 1s);
}

// test_tasks::BaseTaskTests.test_sleep
TUTTI_VIRTUAL_TEST(Sleep, GivesItsResult) {
  const auto begin = get_running_loop().time();
  EXPECT_EQ(co_await sleep(100ms, std::string("yeah")), "yeah");
  EXPECT_EQ(get_running_loop().time() - begin, 100ms);
}

// test_tasks::SleepTests.test_sleep_zero
TUTTI_TEST(Sleep, OfZeroOrLessYieldsExactlyOnce) {
  int turns_of_others = 0;
  get_running_loop().call_soon([&] {
    ++turns_of_others;
    get_running_loop().call_soon([&] { ++turns_of_others; });
  });
  co_await sleep(0s);
  EXPECT_EQ(turns_of_others, 1);
  co_await sleep(-5s);
  EXPECT_EQ(turns_of_others, 2);
}

// test_tasks::BaseTaskTests.test_sleep_when_delay_is_nan
TUTTI_TEST(Sleep, RefusesWhatIsNotANumber) {
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(co_await sleep(nan), ValueError);
  EXPECT_THROW(co_await sleep(nan, 1), ValueError);
}

// test_tasks::BaseTaskTests.test_task_cancel_sleeping_task
TUTTI_VIRTUAL_TEST(Sleep, IsEndedThroughAnAwaitingTask) {
  auto sleeper = create_task(sleep(5000s));
  get_running_loop().call_later(100ms, [sleeper] { sleeper.cancel(); });
  bool cancelled = false;
  try {
    co_await sleeper;
  } catch (const CancelledError&) {
    cancelled = true;
  }
  EXPECT_TRUE(cancelled);
}

// CPython: RecursionError, after a thousand calls.
TEST(CancelTask, ThatWaitsForItselfThroughOthersIsRefused) {
  const auto loop = new_event_loop();
  loop->set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  std::optional<Task<>> first;
  std::optional<Task<>> second;
  first = loop->create_task([&]() -> Coro<> { co_await *second; }, {.name = "first"});
  second = loop->create_task([&]() -> Coro<> { co_await *first; }, {.name = "second"});
  loop->run_until_complete(turns(2));
  try {
    first->cancel();
    ADD_FAILURE() << "it waits for itself";
  } catch (const RuntimeError& error) {
    EXPECT_STREQ(error.what(), "cancel: task 'first' waits for itself");
  }
  EXPECT_FALSE(first->done());
  loop->close();
}

// A timer and a cancellation in one iteration: whichever came first, the task learns of the cancellation.
TUTTI_VIRTUAL_TEST(Sleep, ThatIsDueMayStillBeCancelled) {
  auto sleeper = create_task(sleep(1s));
  co_await turn();
  get_running_loop().call_later(1s, [sleeper] { sleeper.cancel("in time"); });
  EXPECT_EQ(co_await message_of<CancelledError>(sleeper), "in time");
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Condition, when tasks that wait for it are cancelled.
#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/timeout.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using namespace std::chrono_literals;
using tutti::CancelledError;
using tutti::Condition;
using tutti::Coro;

// test_locks.ConditionTests.test_wait_cancel
TUTTI_VIRTUAL_TEST(Condition, HoldsTheLockAgainWhenAWaitIsCancelled) {
  Condition condition;
  co_await condition.acquire();
  auto wait = tutti::create_task(condition.wait());
  tutti::get_running_loop().call_soon([wait] { wait.cancel(); });
  CO_ASSERT_THROW(co_await wait, CancelledError);
  EXPECT_EQ(condition.to_string(), "<Condition [locked]>");
}

// test_locks.ConditionTests.test_wait_cancel_contested
TUTTI_VIRTUAL_TEST(Condition, HoldsTheLockAgainWhenAWaitIsCancelledWhileTheLockIsTaken) {
  Condition condition;
  co_await condition.acquire();
  EXPECT_TRUE(condition.locked());
  auto task = tutti::create_task(condition.wait());
  co_await one_tick();
  EXPECT_FALSE(condition.locked());

  co_await condition.acquire();
  EXPECT_TRUE(condition.locked());
  condition.notify();
  auto& loop = tutti::get_running_loop();
  loop.call_soon([task] { task.cancel(); });
  loop.call_soon([&condition] { condition.release(); });
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(condition.locked());
}

// test_locks.ConditionTests.test_wait_cancel_after_notify (bpo-32841)
TUTTI_VIRTUAL_TEST(Condition, DoesNotLoseACancellationThatComesWhileItAcquiresTheLock) {
  Condition condition;
  bool waited = false;
  auto waiter = tutti::create_task([&]() -> Coro<> {
    const auto guard = co_await condition.scoped();
    waited = true;
    co_await condition.wait();
  });
  co_await one_tick();  // starts waiting

  co_await condition.acquire();
  condition.notify();
  co_await one_tick();  // gets to acquire()
  waiter.cancel();
  co_await one_tick();
  condition.release();
  co_await one_tick();
  EXPECT_TRUE(waiter.cancelled());
  EXPECT_TRUE(waited);
}

// Group 38: however often it is cancelled, it leaves with the lock held.
TUTTI_VIRTUAL_TEST(Condition, WaitsForTheLockHoweverOftenItIsCancelled) {
  Condition condition;
  bool held = false;
  std::string message;
  auto waiter = tutti::create_task([&]() -> Coro<> {
    const auto guard = co_await condition.scoped();
    try {
      co_await condition.wait();
    } catch (const CancelledError& error) {
      held = condition.locked();
      message = error.message();
      throw;
    }
  });
  co_await one_tick();
  co_await condition.acquire();
  for (const char* text : {"first", "second", "third"}) {
    waiter.cancel(text);
    co_await one_tick();
    EXPECT_FALSE(waiter.done());
  }
  condition.release();
  CO_ASSERT_THROW(co_await waiter, CancelledError);
  EXPECT_TRUE(held);
  EXPECT_EQ(message, "third");
  EXPECT_FALSE(condition.locked());
}

// A cancelled scope would cancel each attempt to acquire the lock at once (anyio #884: a loop that turns round).
TUTTI_VIRTUAL_TEST(Condition, WaitsForTheLockInACancelledScopeWithoutTurningRound) {
  Condition condition;
  tutti::CancelScope scope;
  auto waiter = tutti::create_task([&]() -> Coro<bool> {
    co_return co_await scope.run([&]() -> Coro<> {
      const auto guard = co_await condition.scoped();
      co_await condition.wait();
    });
  });
  co_await one_tick();
  co_await condition.acquire();
  scope.cancel();
  const auto iterations = tutti::get_running_loop().iterations();
  co_await tutti::sleep(1h);
  EXPECT_LT(tutti::get_running_loop().iterations() - iterations, 10U);
  EXPECT_FALSE(waiter.done());
  condition.release();
  EXPECT_FALSE(co_await waiter);
  EXPECT_FALSE(condition.locked());
}

// test_locks.ConditionTests.test_timeout_in_block
TUTTI_VIRTUAL_TEST(Condition, IsLeftByATimeoutWithTheLockHeld) {
  Condition condition;
  const auto guard = co_await condition.scoped();
  CO_ASSERT_THROW(co_await tutti::wait_for(condition.wait(), 500ms), tutti::TimeoutError);
  EXPECT_TRUE(condition.locked());
}

// Waits for a condition that never holds, and keeps the cancellation that ended this.
Coro<> wait_in_vain(Condition& condition, std::function<bool()> predicate, std::exception_ptr& raised) {
  const auto guard = co_await condition.scoped();
  try {
    co_await condition.wait_for(std::move(predicate));
  } catch (const CancelledError&) {
    raised = std::current_exception();
    throw;
  }
}

// test_locks.ConditionTests.test_cancelled_error_wakeup
TUTTI_VIRTUAL_TEST(Condition, ThrowsTheCancellationItGotWhileItWaited) {
  Condition condition;
  std::exception_ptr raised;
  std::exception_ptr received;
  auto task = tutti::create_task(wait_in_vain(condition, [] { return false; }, raised));
  co_await one_tick();
  task.cancel("foo");
  try {
    co_await task;
  } catch (const CancelledError& error) {
    EXPECT_EQ(error.message(), "foo");
    received = std::current_exception();
  }
  CO_ASSERT_TRUE(received != nullptr);
  EXPECT_TRUE(received == raised);
}

// test_locks.ConditionTests.test_cancelled_error_re_aquire
TUTTI_VIRTUAL_TEST(Condition, ThrowsTheCancellationItGotWhileItAcquiredTheLock) {
  Condition condition;
  bool wake = false;
  std::exception_ptr raised;
  std::exception_ptr received;
  auto task = tutti::create_task(wait_in_vain(condition, [&] { return wake; }, raised));
  co_await one_tick();
  co_await condition.acquire();
  wake = true;
  condition.notify();
  co_await one_tick();
  task.cancel("foo");
  condition.release();
  try {
    co_await task;
  } catch (const CancelledError& error) {
    EXPECT_EQ(error.message(), "foo");
    received = std::current_exception();
  }
  CO_ASSERT_TRUE(received != nullptr);
  EXPECT_TRUE(received == raised);
}

// Two consumers of which the first is cancelled when it was notified: the item must be consumed all the same.
Coro<> lose_no_notification(bool let_it_get_to_the_lock) {
  Condition condition;
  int state = 0;
  const auto consumer = [&]() -> Coro<> {
    const auto guard = co_await condition.scoped();
    for (;;) {
      co_await condition.wait_for([&] { return state != 0; });
      if (state < 0) co_return;
      --state;
    }
  };
  auto first = tutti::create_task(consumer);
  auto second = tutti::create_task(consumer);
  co_await one_tick();
  {
    const auto guard = co_await condition.scoped();
    ++state;
    condition.notify(1);
    if (let_it_get_to_the_lock) co_await one_tick();
    first.cancel();
    // Nobody notifies this task: it gives the consumers time.
    CO_ASSERT_THROW(co_await tutti::wait_for(condition.wait_for([&] { return state == 0; }), 10ms),
                    tutti::TimeoutError);
    EXPECT_EQ(state, 0);
    state = -1;
    condition.notify_all();
  }
  co_await second;
  CO_ASSERT_THROW(co_await first, CancelledError);
}

// test_locks.ConditionTests.test_cancelled_wakeup
TUTTI_VIRTUAL_TEST(Condition, NotifiesAnotherTaskWhenTheNotifiedOneIsCancelled) {
  co_await lose_no_notification(false);
}

// test_locks.ConditionTests.test_cancelled_wakeup_relock
TUTTI_VIRTUAL_TEST(Condition, NotifiesAnotherTaskWhenTheNotifiedOneIsCancelledAtTheLock) {
  co_await lose_no_notification(true);
}

}  // namespace

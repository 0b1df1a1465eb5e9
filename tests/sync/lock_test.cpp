// SPDX-License-Identifier: MIT
#include <tutti/sync/lock.hpp>

#include <memory>
#include <optional>

#include <tutti/base/error.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::CancelledError;
using tutti::Coro;
using tutti::Lock;
using tutti::RuntimeError;

// test_locks.LockTests.test_repr
TUTTI_VIRTUAL_TEST(Lock, TellsItsStateAsText) {
  Lock lock;
  EXPECT_EQ(lock.to_string(), "<Lock [unlocked]>");
  co_await lock.acquire();
  EXPECT_EQ(lock.to_string(), "<Lock [locked]>");
  auto waiter = tutti::create_task(lock.acquire());
  co_await one_tick();
  EXPECT_EQ(lock.to_string(), "<Lock [locked, waiters:1]>");
  lock.release();
  co_await waiter;
}

// test_locks.LockTests.test_acquire
TUTTI_VIRTUAL_TEST(Lock, ServesThoseWhoWaitInTheOrderInWhichTheyCame) {
  Lock lock;
  Log result;
  co_await lock.acquire();
  const auto taker = [&](int number) {
    return [&lock, &result, number]() -> Coro<bool> {
      co_await lock.acquire();
      result.push_back(number);
      co_return true;
    };
  };
  auto t1 = tutti::create_task(taker(1));
  auto t2 = tutti::create_task(taker(2));

  co_await one_tick();
  EXPECT_EQ(result, Log{});
  lock.release();
  co_await one_tick();
  EXPECT_EQ(result, Log{1});
  co_await one_tick();
  EXPECT_EQ(result, Log{1});

  auto t3 = tutti::create_task(taker(3));
  lock.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2}));
  lock.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  CO_ASSERT_TRUE(t1.done() && t2.done() && t3.done());
  EXPECT_TRUE(t1.result() && t2.result() && t3.result());
}

// test_locks.LockTests.test_acquire_cancel
TUTTI_VIRTUAL_TEST(Lock, ForgetsAWaiterThatIsCancelled) {
  Lock lock;
  co_await lock.acquire();
  auto task = tutti::create_task(lock.acquire());
  tutti::get_running_loop().call_soon([task] { task.cancel(); });
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_EQ(lock.to_string(), "<Lock [locked]>");
}

// test_locks.LockTests.test_cancel_race
TUTTI_VIRTUAL_TEST(Lock, PassesACancelledWaiterOver) {
  Lock lock;
  const tutti::Future<> blocker;
  const auto hold = [&lock](std::optional<tutti::Future<>> until) {
    return [&lock, until]() -> Coro<> {
      const auto guard = co_await lock.scoped();
      if (until) co_await *until;
    };
  };
  auto ta = tutti::create_task(hold(blocker));
  co_await one_tick();
  EXPECT_TRUE(lock.locked());
  auto tb = tutti::create_task(hold({}));
  co_await one_tick();
  EXPECT_TRUE(has(lock.to_string(), "waiters:1"));
  auto tc = tutti::create_task(hold({}));
  co_await one_tick();
  EXPECT_TRUE(has(lock.to_string(), "waiters:2"));

  blocker.set_result();
  tb.cancel();
  co_await one_tick();
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(ta.done());
  EXPECT_TRUE(tb.cancelled());
  co_await tc;
}

// test_locks.LockTests.test_cancel_release_race (bpo-32734)
TUTTI_VIRTUAL_TEST(Lock, IsTakenOnceWhenAWaiterIsCancelledAndTheLockReleasedTogether) {
  Lock lock;
  int locks = 0;
  int calls = 0;
  const auto lock_it = [&]() -> Coro<> {
    ++calls;
    co_await lock.acquire();
    ++locks;
  };
  co_await lock.acquire();
  auto t1 = tutti::create_task(lock_it);
  auto t2 = tutti::create_task(lock_it);
  auto t3 = tutti::create_task(lock_it);
  co_await one_tick();

  tutti::get_running_loop().call_soon([&] {
    t1.cancel();
    lock.release();
  });
  CO_ASSERT_THROW(co_await t1, CancelledError);
  EXPECT_EQ(locks, 1);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(t1.cancelled() && t2.done());

  t3.cancel();
  co_await one_tick();
  EXPECT_TRUE(t3.cancelled());
}

// test_locks.LockTests.test_finished_waiter_cancelled
TUTTI_VIRTUAL_TEST(Lock, WakesTheNextOneWhenTheFirstIsCancelledBeforeARelease) {
  Lock lock;
  co_await lock.acquire();
  auto tb = tutti::create_task(lock.acquire());
  co_await one_tick();
  EXPECT_TRUE(has(lock.to_string(), "waiters:1"));

  auto tc = tutti::create_task(lock.acquire());
  tb.cancel();
  lock.release();
  co_await one_tick();
  EXPECT_TRUE(lock.locked());
  EXPECT_TRUE(tb.cancelled());
  co_await tc;
}

// Group 36: a waiter that is cancelled when it was woken already hands the lock on.
TUTTI_VIRTUAL_TEST(Lock, GoesToTheNextOneWhenTheWokenOneIsCancelled) {
  Lock lock;
  co_await lock.acquire();
  auto first = tutti::create_task(lock.acquire());
  auto second = tutti::create_task(lock.acquire());
  co_await one_tick();
  lock.release();
  first.cancel();
  co_await one_tick();
  EXPECT_TRUE(first.cancelled());
  EXPECT_FALSE(second.done());
  EXPECT_FALSE(lock.locked());
  co_await one_tick();
  EXPECT_TRUE(second.done());
  EXPECT_TRUE(lock.locked());
}

// test_locks.LockTests.test_release_not_acquired
TEST(Lock, RefusesToBeReleasedWhenItIsNotLocked) {
  Lock lock;
  EXPECT_THROW(lock.release(), RuntimeError);
}

// test_locks.LockTests.test_release_no_waiters
TUTTI_VIRTUAL_TEST(Lock, IsUnlockedByAReleaseWithoutWaiters) {
  Lock lock;
  co_await lock.acquire();
  EXPECT_TRUE(lock.locked());
  lock.release();
  EXPECT_FALSE(lock.locked());
}

// test_locks.LockTests.test_context_manager
TUTTI_VIRTUAL_TEST(Lock, IsReleasedByItsGuard) {
  Lock lock;
  {
    const auto guard = co_await lock.scoped();
    EXPECT_TRUE(lock.locked());
  }
  EXPECT_FALSE(lock.locked());
  try {
    const auto guard = co_await lock.scoped();
    throw RuntimeError("inside");
  } catch (const RuntimeError&) {
    EXPECT_FALSE(lock.locked());
  }
}

TUTTI_VIRTUAL_TEST(Lock, IsReleasedOnceByAGuardThatWasMovedOrReleased) {
  Lock lock;
  auto guard = co_await lock.scoped();
  auto other = std::move(guard);
  EXPECT_TRUE(other);
  other.release();
  EXPECT_FALSE(other);
  EXPECT_FALSE(lock.locked());
  other.release();
  guard = co_await lock.scoped();
  EXPECT_TRUE(lock.locked());
}

TUTTI_VIRTUAL_TEST(Lock, TellsTheExceptionHandlerOfAReleaseBehindTheGuardsBack) {
  Lock lock;
  std::string message;
  auto& loop = tutti::get_running_loop();
  const auto before = loop.get_exception_handler();
  loop.set_exception_handler(
      [&](tutti::EventLoop&, const tutti::ExceptionContext& context) { message = context.message; });
  {
    const auto guard = co_await lock.scoped();
    lock.release();
  }
  loop.set_exception_handler(before);
  EXPECT_TRUE(has(message, "guard"));
}

// oracle/semantics.py "lock no barging"
TUTTI_VIRTUAL_TEST(Lock, PutsATaskThatReleasesAndAsksAgainBehindTheOthers) {
  Lock lock;
  std::vector<std::string> order;
  co_await lock.acquire();
  auto waiter = tutti::create_task([&]() -> Coro<> {
    const auto guard = co_await lock.scoped();
    order.emplace_back("waiter");
  });
  co_await one_tick();
  lock.release();
  co_await lock.acquire();
  order.emplace_back("main");
  lock.release();
  co_await waiter;
  EXPECT_EQ(order, (std::vector<std::string>{"waiter", "main"}));
}

TUTTI_VIRTUAL_TEST(Lock, PassesTheCancelMessageOn) {
  Lock lock;
  co_await lock.acquire();
  auto task = tutti::create_task(lock.acquire());
  co_await one_tick();
  task.cancel("enough");
  std::string message;
  try {
    co_await task;
  } catch (const CancelledError& error) {
    message = error.message();
  }
  EXPECT_EQ(message, "enough");
}

// test_locks.ConditionTests.test_ambiguous_loops
TEST(Lock, RefusesToWaitOnASecondLoop) {
  Lock lock;
  const auto block = [&lock]() -> Coro<> {
    if (!lock.locked()) co_await lock.acquire();
    auto waiter = tutti::create_task(lock.acquire());
    co_await one_tick();
    waiter.cancel();
  };
  run_on_two_loops(block, [&lock]() -> Coro<> {
    std::string message;
    try {
      co_await lock.acquire();
    } catch (const RuntimeError& error) {
      message = error.what();
    }
    EXPECT_EQ(message, "Lock is bound to a different event loop");
    lock.release();
    co_await lock.acquire();  // without waiting it serves any loop
  });
}

// The second loop may stand where the first one stood.
TEST(Lock, RefusesToWaitInASecondRun) {
  for (int i = 0; i < 3; ++i) {
    Lock lock;
    tutti::run([&lock]() -> Coro<> {
      co_await lock.acquire();
      auto waiter = tutti::create_task(lock.acquire());
      co_await one_tick();
      waiter.cancel();
    });
    tutti::run([&lock]() -> Coro<> { EXPECT_THROW(co_await lock.acquire(), RuntimeError); });
  }
}

TUTTI_VIRTUAL_TEST(Lock, LeavesThoseWhoWaitPendingWhenItIsDestroyed) {
  auto lock = std::make_unique<Lock>();
  co_await lock->acquire();
  auto waiter = tutti::create_task(lock->acquire());
  co_await one_tick();
  lock.reset();
  co_await one_tick();
  EXPECT_FALSE(waiter.done());
  waiter.cancel();
  CO_ASSERT_THROW(co_await waiter, CancelledError);
}

TEST(Lock, MayOutliveALoopThatIsClosedOverAWaitingTask) {
  Lock lock;
  auto loop = tutti::new_event_loop();
  loop->set_exception_handler([](tutti::EventLoop&, const tutti::ExceptionContext&) {});
  loop->run_until_complete([&lock]() -> Coro<> {
    co_await lock.acquire();
    tutti::create_task(lock.acquire());
    tutti::create_task(lock.acquire());
    co_await one_tick();
    lock.release();
  });
  EXPECT_EQ(lock.to_string(), "<Lock [locked, waiters:1]>");
  loop->close();
  EXPECT_EQ(lock.to_string(), "<Lock [locked]>");
}

}  // namespace

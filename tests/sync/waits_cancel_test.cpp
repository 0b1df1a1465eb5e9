// SPDX-License-Identifier: MIT
// The ways to a lock beside `acquire`, and the rarer waits, when their tasks are cancelled.
#include <optional>

#include <tutti/base/error.hpp>
#include <tutti/sync/barrier.hpp>
#include <tutti/sync/capacity_limiter.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/memory_channel.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/sync/semaphore.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::CancelledError;
using tutti::Coro;

template <class Lockable>
Coro<> hold(Lockable& lockable) {
  const auto guard = co_await lockable.scoped();
}

template <class Lockable>
Coro<> check_scoped(Lockable& lockable) {
  auto guard = co_await lockable.scoped();
  const auto waiting = tutti::create_task(hold(lockable));
  co_await one_tick();
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  const auto woken = tutti::create_task(hold(lockable));
  const auto next = tutti::create_task(hold(lockable));
  co_await one_tick();
  guard.release();
  woken.cancel();  // in the tick in which it was woken
  CO_ASSERT_THROW(co_await woken, CancelledError);
  co_await next;
  guard = co_await lockable.scoped();
}

TUTTI_VIRTUAL_TEST(ScopedCancel, OfALockLeavesTheLineAndPassesItOn) {
  tutti::Lock lock;
  co_await check_scoped(lock);
}

TUTTI_VIRTUAL_TEST(ScopedCancel, OfASemaphoreLeavesTheLineAndPassesThePermitOn) {
  tutti::Semaphore semaphore(1);
  co_await check_scoped(semaphore);
}

TUTTI_VIRTUAL_TEST(ScopedCancel, OfAConditionLeavesTheLineAndPassesItsLockOn) {
  tutti::Condition condition;
  co_await check_scoped(condition);
}

TUTTI_VIRTUAL_TEST(ScopedCancel, OfALimiterLeavesTheLineAndPassesTheTokenOn) {
  tutti::CapacityLimiter limiter(1);
  co_await check_scoped(limiter);
}

TUTTI_VIRTUAL_TEST(CapacityLimiterCancel, OfACallOnBehalfOfAnotherLeavesTheLineAndPassesTheTokenOn) {
  tutti::CapacityLimiter limiter(1);
  const int borrowers[3] = {};
  const auto borrow = [&](const int& borrower, bool scoped) -> Coro<> {
    if (scoped) {
      const auto token = co_await limiter.scoped_on_behalf_of(&borrower);
    } else {
      co_await limiter.acquire_on_behalf_of(&borrower);
      limiter.release_on_behalf_of(&borrower);
    }
  };
  for (const bool scoped : {false, true}) {
    co_await limiter.acquire();
    const auto waiting = tutti::create_task(borrow(borrowers[0], scoped));
    const auto woken = tutti::create_task(borrow(borrowers[1], scoped));
    const auto next = tutti::create_task(borrow(borrowers[2], scoped));
    co_await one_tick();
    waiting.cancel();
    CO_ASSERT_THROW(co_await waiting, CancelledError);
    limiter.release();
    woken.cancel();  // in the tick in which it was woken
    CO_ASSERT_THROW(co_await woken, CancelledError);
    co_await next;
    EXPECT_EQ(limiter.borrowed_tokens(), 0U);
  }
}

TUTTI_VIRTUAL_TEST(MemoryChannelCancel, OfTheNextOfALoopIsAsOfAReceive) {
  auto [sender, receiver] = tutti::open_memory_channel<int>();
  for (const bool handed_over : {false, true}) {
    std::optional<int> got;
    const auto next = tutti::create_task([&receiver, &got]() -> Coro<> {
      got = co_await receiver.next();
      co_await one_tick();
    });
    co_await one_tick();
    if (handed_over) sender.send_nowait(1);
    next.cancel();
    CO_ASSERT_THROW(co_await next, CancelledError);
    EXPECT_EQ(got.has_value(), handed_over);
    CO_ASSERT_THROW(sender.send_nowait(2), tutti::WouldBlock);
  }
}

TUTTI_VIRTUAL_TEST(Condition, HoldsTheLockAgainWhenAWaitForAPredicateIsCancelled) {
  tutti::Condition condition;
  bool held = false;
  const auto task = tutti::create_task([&]() -> Coro<> {
    const auto guard = co_await condition.scoped();
    try {
      co_await condition.wait_for([] { return false; });
    } catch (const CancelledError&) {
      held = condition.locked();
      throw;
    }
  });
  co_await one_tick();
  EXPECT_FALSE(condition.locked());
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(held);
  EXPECT_FALSE(condition.locked());
}

TUTTI_VIRTUAL_TEST(Queue, LosesNoItemWhenTheNextOfALoopIsCancelled) {
  tutti::Queue<int> queue;
  const auto take = [&]() -> Coro<std::optional<int>> { co_return co_await queue.next(); };
  const auto waiting = tutti::create_task(take);
  co_await one_tick();
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  const auto woken = tutti::create_task(take);
  co_await one_tick();
  queue.put_nowait(1);
  woken.cancel();
  CO_ASSERT_THROW(co_await woken, CancelledError);
  EXPECT_EQ(co_await queue.next(), 1);
}

TUTTI_VIRTUAL_TEST(Barrier, IsAsItWasWhenAResetOrAnAbortIsCancelled) {
  tutti::Barrier barrier(2);
  const auto waiting = tutti::create_task(barrier.wait());
  co_await one_tick();
  const tutti::Task<> breakers[] = {tutti::create_task(barrier.reset()), tutti::create_task(barrier.abort())};
  for (const tutti::Task<>& task : breakers) task.cancel();
  for (const tutti::Task<>& task : breakers) {
    CO_ASSERT_THROW(co_await task, CancelledError);
  }
  EXPECT_EQ(barrier.n_waiting(), 1U);
  EXPECT_FALSE(barrier.broken());
  co_await barrier.wait();
  co_await waiting;
}

}  // namespace

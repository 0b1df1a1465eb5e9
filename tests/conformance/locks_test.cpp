// SPDX-License-Identifier: MIT
// CPython's test_locks: Lock and Event.
#include <string>
#include <type_traits>
#include <vector>

#include <tutti/sync/barrier.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/semaphore.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using Log = std::vector<int>;

CONFORMANCE(test_locks, LockTests, test_repr) {
  Lock lock;
  EXPECT_TRUE(lock.to_string().ends_with("[unlocked]>")) << lock.to_string();
  co_await lock.acquire();
  EXPECT_TRUE(lock.to_string().ends_with("[locked]>")) << lock.to_string();
}

CONFORMANCE(test_locks, LockTests, test_lock) {
  Lock lock;
  EXPECT_FALSE(Awaitable<Lock&>);
  EXPECT_FALSE(lock.locked());
  co_return;
}

CONFORMANCE(test_locks, LockTests, test_lock_doesnt_accept_loop_parameter) {
  EXPECT_FALSE((std::is_constructible_v<Lock, EventLoop&>));
  EXPECT_FALSE((std::is_constructible_v<Condition, EventLoop&>));
  EXPECT_FALSE((std::is_constructible_v<Event, EventLoop&>));
  EXPECT_FALSE((std::is_constructible_v<Semaphore, EventLoop&>));
  EXPECT_FALSE((std::is_constructible_v<BoundedSemaphore, EventLoop&>));
  co_return;
}

CONFORMANCE(test_locks, LockTests, test_lock_by_with_statement) {
  EXPECT_FALSE(Awaitable<Lock&>);
  EXPECT_FALSE(Awaitable<Condition&>);
  EXPECT_FALSE(Awaitable<Semaphore&>);
  EXPECT_FALSE(Awaitable<BoundedSemaphore&>);
  co_return;
}

Coro<> acquire_and_log(Lock& lock, Log& log, int number) {
  co_await lock.acquire();
  log.push_back(number);
}

CONFORMANCE(test_locks, LockTests, test_acquire) {
  Lock lock;
  Log result;
  co_await lock.acquire();
  const auto t1 = create_task(acquire_and_log(lock, result, 1));
  const auto t2 = create_task(acquire_and_log(lock, result, 2));
  co_await turn();
  EXPECT_EQ(result, Log{});
  lock.release();
  co_await turn();
  EXPECT_EQ(result, Log{1});
  co_await turn();
  EXPECT_EQ(result, Log{1});
  const auto t3 = create_task(acquire_and_log(lock, result, 3));
  lock.release();
  co_await turn();
  EXPECT_EQ(result, (Log{1, 2}));
  lock.release();
  co_await turn();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_TRUE(t1.done());
  EXPECT_TRUE(t2.done());
  EXPECT_TRUE(t3.done());
}

CONFORMANCE(test_locks, LockTests, test_acquire_cancel) {
  Lock lock;
  co_await lock.acquire();
  const auto task = create_task(lock.acquire());
  get_running_loop().call_soon([=] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(lock.to_string().ends_with("[locked]>")) << lock.to_string();  // nobody waits
}

CONFORMANCE(test_locks, LockTests, test_cancel_race) {
  Lock lock;
  const auto lock_it = [&](Future<> blocker) -> Coro<> {
    const auto guard = co_await lock.scoped();
    co_await blocker;
  };
  Future<> done;
  done.set_result();
  const Future<> blocks_a;
  const auto a = create_task(lock_it(blocks_a));
  co_await turn();
  EXPECT_TRUE(lock.locked());
  const auto b = create_task(lock_it(done));
  co_await turn();
  EXPECT_TRUE(contains(lock.to_string(), "waiters:1")) << lock.to_string();
  const auto c = create_task(lock_it(done));
  co_await turn();
  EXPECT_TRUE(contains(lock.to_string(), "waiters:2")) << lock.to_string();

  blocks_a.set_result();
  b.cancel();
  co_await turn();
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.cancelled());
  co_await c;
}

CONFORMANCE(test_locks, LockTests, test_cancel_release_race) {
  Lock lock;
  int locked = 0;
  int called = 0;
  const auto lock_it = [&]() -> Coro<> {
    ++called;
    co_await lock.acquire();
    ++locked;
  };
  co_await lock.acquire();
  const auto t1 = create_task(lock_it);
  const auto t2 = create_task(lock_it);
  const auto t3 = create_task(lock_it);
  co_await turn();
  get_running_loop().call_soon([&] {
    t1.cancel();
    lock.release();
  });
  EXPECT_THROW(co_await t1, CancelledError);
  EXPECT_EQ(locked, 1);
  EXPECT_EQ(called, 3);
  EXPECT_TRUE(t1.cancelled());
  EXPECT_TRUE(t2.done());
  t3.cancel();
  co_await turn();
  EXPECT_TRUE(t3.cancelled());
}

CONFORMANCE(test_locks, LockTests, test_finished_waiter_cancelled) {
  Lock lock;
  co_await lock.acquire();
  EXPECT_TRUE(lock.locked());
  const auto b = create_task(lock.acquire());
  co_await turn();
  // A second waiter comes, the first one is woken and cancelled.
  const auto c = create_task(lock.acquire());
  b.cancel();
  lock.release();
  co_await turn();
  EXPECT_TRUE(lock.locked());
  EXPECT_TRUE(b.cancelled());
  co_await c;
}

CONFORMANCE(test_locks, LockTests, test_release_not_acquired) {
  Lock lock;
  EXPECT_THROW(lock.release(), RuntimeError);
  co_return;
}

CONFORMANCE(test_locks, LockTests, test_release_no_waiters) {
  Lock lock;
  co_await lock.acquire();
  EXPECT_TRUE(lock.locked());
  lock.release();
  EXPECT_FALSE(lock.locked());
}

CONFORMANCE(test_locks, LockTests, test_context_manager) {
  Lock lock;
  EXPECT_FALSE(lock.locked());
  {
    const auto guard = co_await lock.scoped();
    EXPECT_TRUE(lock.locked());
  }
  EXPECT_FALSE(lock.locked());
}

CONFORMANCE(test_locks, EventTests, test_repr) {
  Event event;
  EXPECT_TRUE(event.to_string().ends_with("[unset]>")) << event.to_string();
  const auto task = create_task(event.wait());
  co_await turn();
  EXPECT_TRUE(contains(event.to_string(), "waiters:1")) << event.to_string();
  event.set();
  co_await task;
  EXPECT_TRUE(event.to_string().ends_with("[set]>")) << event.to_string();
}

CONFORMANCE(test_locks, EventTests, test_wait) {
  Event event;
  Log result;
  EXPECT_FALSE(event.is_set());
  const auto wait_and_log = [&](int number) -> Coro<> {
    co_await event.wait();
    result.push_back(number);
  };
  const auto t1 = create_task(wait_and_log(1));
  const auto t2 = create_task(wait_and_log(2));
  co_await turn();
  EXPECT_EQ(result, Log{});
  const auto t3 = create_task(wait_and_log(3));
  event.set();
  co_await turn();
  EXPECT_EQ(result, (Log{3, 1, 2}));
  EXPECT_TRUE(t1.done());
  EXPECT_TRUE(t2.done());
  EXPECT_TRUE(t3.done());
}

CONFORMANCE(test_locks, EventTests, test_wait_on_set) {
  Event event;
  event.set();
  const std::uint64_t before = get_running_loop().iterations();
  co_await event.wait();
  EXPECT_EQ(get_running_loop().iterations(), before);
}

CONFORMANCE(test_locks, EventTests, test_wait_cancel) {
  Event event;
  const auto task = create_task(event.wait());
  get_running_loop().call_soon([=] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(event.to_string().ends_with("[unset]>")) << event.to_string();  // nobody waits
}

CONFORMANCE(test_locks, EventTests, test_clear) {
  Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
  co_return;
}

CONFORMANCE(test_locks, EventTests, test_clear_with_waiters) {
  Event event;
  Log result;
  const auto task = create_task([&]() -> Coro<> {
    co_await event.wait();
    result.push_back(1);
  });
  co_await turn();
  EXPECT_EQ(result, Log{});
  event.set();
  event.clear();
  EXPECT_FALSE(event.is_set());
  event.set();
  event.set();
  EXPECT_TRUE(contains(event.to_string(), "waiters:1")) << event.to_string();
  co_await turn();
  EXPECT_EQ(result, Log{1});
  EXPECT_FALSE(contains(event.to_string(), "waiters")) << event.to_string();
  EXPECT_TRUE(task.done());
}

CONFORMANCE(test_locks, SemaphoreTests, test_initial_value_zero) {
  const Semaphore semaphore(0);
  EXPECT_TRUE(semaphore.locked());
  co_return;
}

CONFORMANCE(test_locks, SemaphoreTests, test_repr) {
  Semaphore semaphore;
  EXPECT_TRUE(semaphore.to_string().ends_with("[unlocked, value:1]>")) << semaphore.to_string();
  co_await semaphore.acquire();
  EXPECT_TRUE(semaphore.to_string().ends_with("[locked]>")) << semaphore.to_string();
  const auto t1 = create_task(semaphore.acquire());
  co_await turn();
  EXPECT_TRUE(contains(semaphore.to_string(), "waiters:1")) << semaphore.to_string();
  const auto t2 = create_task(semaphore.acquire());
  co_await turn();
  EXPECT_TRUE(contains(semaphore.to_string(), "waiters:2")) << semaphore.to_string();
  t1.cancel();
  t2.cancel();
  co_await wait({t1, t2});
}

CONFORMANCE(test_locks, SemaphoreTests, test_semaphore) {
  const Semaphore semaphore;
  EXPECT_FALSE(Awaitable<Semaphore&>);
  EXPECT_FALSE(semaphore.locked());
  EXPECT_TRUE(semaphore.to_string().ends_with("[unlocked, value:1]>")) << semaphore.to_string();
  co_return;
}

CONFORMANCE(test_locks, SemaphoreTests, test_semaphore_value) {
  EXPECT_THROW(Semaphore(-1), ValueError);
  co_return;
}

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// Condition: tasks wait for a change of what a lock protects.
#pragma once

#include <coroutine>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <tutti/sync/lock.hpp>
#include <tutti/sync/waiter.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

/// A look at a condition; what `statistics` gives.
struct ConditionStatistics {
  std::size_t tasks_waiting = 0;  ///< to be notified
  LockStatistics lock = {};
};

/// A condition variable. Its lock must be held by whoever waits or notifies: `auto guard = co_await condition.scoped();`.
/// It belongs to the first loop on which a task waited for it.
///
/// *Concurrency*: not for threads. *Lifetime*: must outlive the tasks that wait for it; a lock that was given must outlive it. *Source*: asyncio.Condition.
class Condition {
 public:
  /// With a lock of its own.
  Condition() noexcept : lock_(&own_) {}
  /// With `lock`, which other conditions may share.
  explicit Condition(Lock& lock) noexcept : lock_(&lock) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  /// As of its `Lock`.
  detail::LockAcquire acquire() noexcept { return lock_->acquire(); }
  detail::LockScoped scoped() noexcept { return lock_->scoped(); }
  [[nodiscard]] bool locked() const noexcept { return lock_->locked(); }
  void release() { lock_->release(); }

  /// Releases the lock, waits for a notification, and acquires the lock again. It may return without one that was meant for
  /// this task, so check the state again, or use `wait_for`. *Errors*: `RuntimeError` if the lock is not held, or the condition
  /// belongs to another loop.
  /// *Cancellation*: leaves only when the lock is held again, however long that takes and however often it is cancelled
  /// meanwhile; throws the last `CancelledError`. A notification that came at the same time goes to another task.
  Coro<> wait();

  /// Waits until `predicate()` holds; gives what it returned. It is called with the lock held. *Errors*, *Cancellation*: as of `wait`;
  /// what the predicate throws.
  template <class Predicate>
  Coro<std::decay_t<std::invoke_result_t<Predicate&>>> wait_for(Predicate predicate) {
    for (;;) {
      if (auto result = predicate()) co_return result;
      co_await wait();
    }
  }

  /// Wakes `count` of the tasks that wait, in the order in which they came, or all if there are fewer. They go on when the
  /// caller has released the lock. *Errors*: `RuntimeError` if the lock is not held.
  void notify(std::size_t count = 1);
  /// Wakes all.
  void notify_all() { notify(static_cast<std::size_t>(-1)); }

  /// "<Condition [locked, waiters:2]>".
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] ConditionStatistics statistics() const noexcept {
    return {waiters_.count_waiting(), lock_->statistics()};
  }

 private:
  class Notification;

  Lock own_;
  Lock* lock_;
  detail::LoopBound bound_;
  detail::WaiterList waiters_;
};

}  // namespace tutti

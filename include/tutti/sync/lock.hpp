// SPDX-License-Identifier: MIT
// Lock: one task at a time.
#pragma once

#include <coroutine>
#include <cstddef>
#include <string>

#include <tutti/sync/guard.hpp>
#include <tutti/sync/waiter.hpp>

namespace tutti {

class Lock;

namespace detail {

class LockWaiter : public Waiter {
 public:
  explicit LockWaiter(Lock& lock) noexcept : lock_(&lock) {}

  [[nodiscard]] bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> handle);

 protected:
  LockWaiter(LockWaiter&&) noexcept = default;
  ~LockWaiter() = default;
  void take();

  Lock* lock_;

 private:
  void take_in_turn();
};

class [[nodiscard]] LockAcquire final : public LockWaiter {
 public:
  using LockWaiter::LockWaiter;
  void await_resume() { take(); }
};

class [[nodiscard]] LockScoped final : public LockWaiter {
 public:
  using LockWaiter::LockWaiter;
  Guard<Lock> await_resume() {
    take();
    return Guard<Lock>(*lock_);
  }
};

}  // namespace detail

/// A look at a lock; what `statistics` gives.
struct LockStatistics {
  bool locked = false;
  std::size_t tasks_waiting = 0;
};

/// Mutual exclusion between tasks. First come, first served: a task that releases it and asks again queues behind those who wait.
/// Any task may release it. It belongs to the first loop on which a task had to wait for it.
///
/// *Concurrency*: not for threads. *Lifetime*: must outlive those who hold it; tasks that wait when it is destroyed stay pending until
/// they are cancelled. *Source*: asyncio.Lock.
class Lock {
 public:
  constexpr Lock() noexcept = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  [[nodiscard]] bool locked() const noexcept { return locked_; }
  /// `co_await lock.acquire()` waits until it is this task's turn, and locks. Without an iteration if it is free and nobody waits.
  /// *Errors*: `RuntimeError` if it must wait and the lock belongs to another loop.
  /// *Cancellation*: the lock is not taken; the next in line gets its turn.
  detail::LockAcquire acquire() noexcept { return detail::LockAcquire(*this); }
  /// The same, and gives a `Guard<Lock>` that releases it: `auto guard = co_await lock.scoped();`.
  detail::LockScoped scoped() noexcept { return detail::LockScoped(*this); }
  /// Unlocks; the first in line will run in the next iteration. *Errors*: `RuntimeError` if it is not locked.
  void release() {
    if (!locked_) [[unlikely]]
      refuse_release();
    locked_ = false;
    if (!waiters_.empty()) wake_up_first();
  }

  /// "<Lock [locked, waiters:2]>".
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] LockStatistics statistics() const noexcept { return {locked_, waiters_.count_waiting()}; }

 private:
  friend detail::LockWaiter;
  [[noreturn]] static void refuse_release();
  // A first one that was woken or cancelled will run and see to the rest.
  void wake_up_first() noexcept {
    if (!waiters_.empty() && waiters_.front().is_waiting()) waiters_.front().wake();
  }

  bool locked_ = false;
  detail::LoopBound bound_;
  detail::WaiterList waiters_;
};

namespace detail {

inline bool LockWaiter::await_ready() const noexcept {
  return !lock_->locked_ && (lock_->waiters_.empty() || lock_->waiters_.all_cancelled());
}

inline void LockWaiter::await_suspend(std::coroutine_handle<> handle) {
  wait_in(lock_->waiters_, lock_->bound_, "Lock", handle);
}

inline void LockWaiter::take() {
  if (has_waited()) [[unlikely]]
    take_in_turn();
  lock_->locked_ = true;
}

}  // namespace detail
}  // namespace tutti

// SPDX-License-Identifier: MIT
// Semaphore: at most so many tasks at a time.
#pragma once

#include <coroutine>
#include <cstddef>
#include <limits>
#include <string>

#include <tutti/sync/guard.hpp>
#include <tutti/sync/waiter.hpp>

namespace tutti {

class Semaphore;

namespace detail {

class SemaphoreWaiter : public Waiter {
 public:
  explicit SemaphoreWaiter(Semaphore& semaphore) noexcept : semaphore_(&semaphore) {}

  [[nodiscard]] bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> handle);

 protected:
  SemaphoreWaiter(SemaphoreWaiter&&) noexcept = default;
  ~SemaphoreWaiter() = default;
  void take();

  Semaphore* semaphore_;

 private:
  void take_in_turn();
};

class [[nodiscard]] SemaphoreAcquire final : public SemaphoreWaiter {
 public:
  using SemaphoreWaiter::SemaphoreWaiter;
  void await_resume() { take(); }
};

class [[nodiscard]] SemaphoreScoped final : public SemaphoreWaiter {
 public:
  using SemaphoreWaiter::SemaphoreWaiter;
  Guard<Semaphore> await_resume() {
    take();
    return Guard<Semaphore>(*semaphore_);
  }
};

}  // namespace detail

/// A look at a semaphore; what `statistics` gives.
struct SemaphoreStatistics {
  std::size_t value = 0;  ///< permits that are left
  std::size_t tasks_waiting = 0;
};

/// A number of permits. First come, first served: a task that asks while others wait queues behind them, even if there is a
/// permit. It belongs to the first loop on which a task had to wait for it.
///
/// *Concurrency*: not for threads. *Lifetime*: must outlive its guards; tasks that wait when it is destroyed stay pending until they
/// are cancelled. *Source*: asyncio.Semaphore.
class Semaphore {
 public:
  /// With `value` permits. *Errors*: `ValueError` if it is negative.
  explicit Semaphore(std::ptrdiff_t value = 1) : Semaphore(value, std::numeric_limits<std::ptrdiff_t>::max()) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Whether `acquire` would wait.
  [[nodiscard]] bool locked() const noexcept { return value_ == 0 || (!waiters_.empty() && !waiters_.all_cancelled()); }
  /// `co_await semaphore.acquire()` takes a permit; without an iteration if there is one and nobody waits. *Errors*: `RuntimeError` if it
  /// must wait and the semaphore belongs to another loop. *Cancellation*: no permit is taken; one that was on its way goes to the
  /// next in line.
  detail::SemaphoreAcquire acquire() noexcept { return detail::SemaphoreAcquire(*this); }
  /// The same, and gives a guard that gives it back: `auto guard = co_await semaphore.scoped();`.
  detail::SemaphoreScoped scoped() noexcept { return detail::SemaphoreScoped(*this); }
  /// Gives a permit back, or one more than there were; the first in line will run in the next iteration.
  /// *Errors*: of a `BoundedSemaphore`, `ValueError` if it has all its permits.
  void release() {
    if (value_ >= bound_value_) [[unlikely]]
      refuse_release();
    ++value_;
    if (!waiters_.empty()) wake_up_next();
  }

  /// "<Semaphore [unlocked, value:1]>".
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] SemaphoreStatistics statistics() const noexcept {
    return {static_cast<std::size_t>(value_), waiters_.count_waiting()};
  }

 protected:
  Semaphore(std::ptrdiff_t value, std::ptrdiff_t bound);

 private:
  friend detail::SemaphoreWaiter;
  [[noreturn]] static void refuse_release();
  bool wake_up_next() noexcept;

  std::ptrdiff_t value_;
  std::ptrdiff_t bound_value_;
  detail::LoopBound bound_;
  detail::WaiterList waiters_;
};

/// A semaphore that cannot have more permits than it began with. *Source*: asyncio.BoundedSemaphore.
class BoundedSemaphore : public Semaphore {
 public:
  /// With `value` permits. *Errors*: `ValueError` if it is negative.
  explicit BoundedSemaphore(std::ptrdiff_t value = 1) : Semaphore(value, value) {}
};

namespace detail {

inline bool SemaphoreWaiter::await_ready() const noexcept { return !semaphore_->locked(); }

inline void SemaphoreWaiter::await_suspend(std::coroutine_handle<> handle) {
  wait_in(semaphore_->waiters_, semaphore_->bound_, "Semaphore", handle);
}

inline void SemaphoreWaiter::take() {
  if (has_waited()) [[unlikely]]
    return take_in_turn();
  --semaphore_->value_;
}

}  // namespace detail
}  // namespace tutti

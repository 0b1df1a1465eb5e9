// SPDX-License-Identifier: MIT
// Waiting for nothing but time.
#pragma once

#include <coroutine>
#include <string_view>
#include <utility>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/loop/timer.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti {
namespace detail {

/// A timer in the frame of the task that sleeps.
class SleepAwaiter final : public lowlevel::Timer {
 public:
  explicit SleepAwaiter(Duration delay) noexcept : Timer(TimePoint(delay)) {}  // as a moment only from await_suspend on
  SleepAwaiter(SleepAwaiter&& other) noexcept : Timer(other.when()) {}         // before it is awaited
  SleepAwaiter& operator=(SleepAwaiter&&) = delete;
  ~SleepAwaiter() {
    if (pending()) [[unlikely]]
      task_->loop().remove_timer(*this);
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    task_ = &awaiting_task();
    if (when().time_since_epoch() > Duration::zero()) return start(handle);
    task_->suspend(handle, nullptr);
    task_->loop().make_ready(*task_);
  }
  void await_resume() {
    if (task_->must_cancel_or_in_scope()) [[unlikely]]
      check_unusual();
    if (note() == kCancelled) [[unlikely]]
      task_->throw_cancelled();
  }

  void run() override;
  bool cancel(std::string_view message) override;

 private:
  // As in asyncio, where a sleep is a future that a timer sets: first the timer runs, then, an iteration later, the task.
  static constexpr unsigned kDue = 0;
  static constexpr unsigned kWaking = 1;
  static constexpr unsigned kCancelled = 2;
  static constexpr unsigned kDueButCancelled = 3;

  void start(std::coroutine_handle<> handle);
  void check_unusual() const;

  TaskState* task_ = nullptr;
};

template <class Rep, class Period, class T>
Coro<T> sleep_then(std::chrono::duration<Rep, Period> delay, T result) {
  co_await SleepAwaiter(to_duration(delay));
  co_return result;
}

}  // namespace detail

/// Lets other tasks run for `delay`; a delay of zero or less for exactly one iteration. *Errors*: `ValueError` for a NaN.
/// *Cancellation*: ends the sleep; its timer is gone at once.
template <class Rep, class Period>
[[nodiscard]] detail::SleepAwaiter sleep(std::chrono::duration<Rep, Period> delay) {
  return detail::SleepAwaiter(to_duration(delay));
}

/// The same, and then gives `result`.
template <class Rep, class Period, class T>
[[nodiscard]] Coro<T> sleep(std::chrono::duration<Rep, Period> delay, T result) {
  (void)to_duration(delay);
  return detail::sleep_then(delay, std::move(result));
}

}  // namespace tutti

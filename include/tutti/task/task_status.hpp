// SPDX-License-Identifier: MIT
// TaskStatus<T>: how a task that is being started says that it is ready.
#pragma once

#include <type_traits>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

namespace tutti {

/// What a coroutine function that `TaskGroup::start` runs gets: `status.started(value)` lets the caller of `start` go on with `value`.
/// *Lifetime*: as long as the coroutine. *Source*: trio.TaskStatus.
template <class T = void>
class TaskStatus {
 public:
  using value_type = T;

  /// For `TaskGroup::start`.
  explicit TaskStatus(Future<T> ready) noexcept : ready_(std::move(ready)) {}
  TaskStatus(const TaskStatus&) = delete;
  TaskStatus& operator=(const TaskStatus&) = delete;

  /// The service runs: whoever starts it gets `value`. No effect if they were cancelled meanwhile. *Errors*: `RuntimeError` if it was called before.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U &&>)
  void started(U&& value) {
    if (note_call()) ready_.set_result(std::forward<U>(value));
  }
  void started()
    requires std::is_void_v<T>
  {
    if (note_call()) ready_.set_result();
  }
  /// Whether `started` was called.
  [[nodiscard]] bool is_started() const noexcept { return called_; }

 private:
  /// Whether somebody waits for it.
  [[nodiscard]] bool note_call() {
    if (std::exchange(called_, true)) throw RuntimeError("TaskStatus: started() was called before");
    return !ready_.done();
  }

  Future<T> ready_;
  bool called_ = false;
};

namespace detail {

/// The T of the TaskStatus<T>& that a function takes.
template <class F>
struct StatusValue {};
template <class F>
  requires requires { &F::operator(); }
struct StatusValue<F> : StatusValue<decltype(&F::operator())> {};
template <class R, class T>
struct StatusValue<R (*)(TaskStatus<T>&)> {
  using type = T;
};
template <class R, class T>
struct StatusValue<R (*)(TaskStatus<T>&) noexcept> : StatusValue<R (*)(TaskStatus<T>&)> {};
template <class R, class F, class T>
struct StatusValue<R (F::*)(TaskStatus<T>&)> : StatusValue<R (*)(TaskStatus<T>&)> {};
template <class R, class F, class T>
struct StatusValue<R (F::*)(TaskStatus<T>&) const> : StatusValue<R (*)(TaskStatus<T>&)> {};
template <class R, class F, class T>
struct StatusValue<R (F::*)(TaskStatus<T>&) noexcept> : StatusValue<R (*)(TaskStatus<T>&)> {};
template <class R, class F, class T>
struct StatusValue<R (F::*)(TaskStatus<T>&) const noexcept> : StatusValue<R (*)(TaskStatus<T>&)> {};

// The function stands in this frame, and so outlives the coroutine that it makes.
template <class T, class F>
Coro<> run_starting(F function, Future<T> ready) {
  TaskStatus<T> status(std::move(ready));
  (void)co_await function(status);
}

}  // namespace detail
}  // namespace tutti

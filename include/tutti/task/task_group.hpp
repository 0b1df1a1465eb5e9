// SPDX-License-Identifier: MIT
// Structured concurrency: tasks that do not outlive the block that makes them.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/exception_group.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/task_status.hpp>

namespace tutti {

/// A group of tasks; `task_group` makes one, hands it to its body, and ends when the body and all its tasks have ended.
/// *Source*: asyncio.TaskGroup.
class TaskGroup {
 public:
  TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  /// `tutti::create_task`, in the group; its tasks may add more of them until the group has ended.
  /// *Errors*: `RuntimeError` if the group was not entered, has ended or is being cancelled; the coroutine is closed then.
  template <class A>
  auto create_task(A&& awaitable, TaskOptions options = {},
                   std::source_location where = std::source_location::current()) {
    auto coro = detail::to_coro(std::forward<A>(awaitable));
    try {
      check_open();
    } catch (...) {
      coro.close();
      throw;
    }
    options.scope = scope_.get();
    auto task = detail::make_task(*loop_, std::move(coro), &options, where);
    adopt(*task.state());
    return task;
  }

  /// Runs `function(TaskStatus<T>&)`, a coroutine function, as a task of the group, and waits until it calls `status.started(value)`;
  /// gives the value. The task goes on then. `T` is told by the type of the parameter; for a generic lambda write `start<T>(…)`.
  /// *Errors*: what the coroutine throws before `started`, which is no failure of the group; `RuntimeError` if it ends without; as
  /// `create_task`. *Cancellation*: cancels the task and waits for it; also if it has just started.
  /// *Lifetime*: the function is kept alive. *Source*: trio.Nursery.start.
  template <class F>
    requires requires { typename detail::StatusValue<F>::type; }
  auto start(F function, TaskOptions options = {}, std::source_location where = std::source_location::current()) {
    return start<typename detail::StatusValue<F>::type>(std::move(function), std::move(options), where);
  }
  template <class T, class F>
  Coro<T> start(F function, TaskOptions options = {}, std::source_location where = std::source_location::current()) {
    check_open();
    Future<T> ready(*loop_, where);
    options.scope = scope_.get();
    const auto task =
        detail::make_task(*loop_, detail::run_starting<T>(std::move(function), ready), &options, where).state();
    adopt(*task, ready.state());
    std::exception_ptr cancellation;
    try {
      co_return co_await ready;
    } catch (const CancelledError&) {
      cancellation = std::current_exception();
    }
    co_await leave_start(task, ready.state());
    std::rethrow_exception(cancellation);
  }

  /// Cancels all tasks of the group, and its body if that has not ended. The group then ends without an error, unless something
  /// fails while it is cancelled. Before `enter`: as soon as it is entered. No effect once the group is being cancelled, or has ended.
  /// *Source*: asyncio.TaskGroup.cancel (3.15).
  void cancel();

  /// Begins; `async with`'s way in. *Errors*: `RuntimeError` outside of a task, or if it was entered before.
  void enter();
  /// Waits for the tasks; `error` is what the body threw (null: nothing). Gives what is to be thrown. *Cancellation*: as of `task_group`.
  Coro<std::exception_ptr> exit(std::exception_ptr error);

 private:
  class Child;

  void check_open() const;
  void adopt(detail::FutureState& task, detail::Ref<detail::FutureState> ready = nullptr);
  void child_done(detail::FutureState& task, detail::FutureState* ready, std::size_t number);
  Coro<> leave_start(detail::Ref<detail::FutureState> task, detail::Ref<detail::FutureState> ready);
  void abort();
  void abort_all();
  std::exception_ptr outcome(std::exception_ptr error, std::exception_ptr cancellation, std::exception_ptr pending);

  EventLoop* loop_ = nullptr;
  std::optional<AnyTask> parent_;
  std::unique_ptr<detail::ScopeNode> scope_;  // for its tasks, if the group stands in a cancel scope
  bool parent_cancel_requested_ = false;
  bool exiting_ = false;
  bool aborting_ = false;
  bool cancel_on_enter_ = false;
  Child* first_ = nullptr;  // the tasks that are not done
  std::size_t created_ = 0;
  std::vector<std::pair<std::size_t, std::exception_ptr>> errors_;  // with the task's number in order of creation
  std::exception_ptr base_error_;
  std::optional<Future<>> completed_;
};

namespace detail {
[[noreturn]] void throw_no_body_result();
}

/// Runs `body(TaskGroup&)` (a callable that returns a coroutine) and waits for the tasks it made; gives the body's result.
///
/// The first task that fails (or the body) cancels all the others and the body. *Errors*: an `ExceptionGroup` of all that failed, in order of
/// creation, the body's own error last; `KeyboardInterrupt` and `SystemExit` as they are. A task that is cancelled is no error.
/// `RuntimeError` if `TaskGroup::cancel` cut off a body that gives a result.
/// *Cancellation*: cancels the tasks, waits for them, and passes on; if some fail then, their group passes on instead.
/// *Lifetime*: the callable is kept alive, and what the tasks refer to in the caller's frame outlives them.
template <class Body>
  requires std::is_invocable_v<Body&, TaskGroup&>
auto task_group(Body body) -> Coro<AwaitResult<std::invoke_result_t<Body&, TaskGroup&>>> {
  using T = AwaitResult<std::invoke_result_t<Body&, TaskGroup&>>;
  TaskGroup group;
  group.enter();
  std::exception_ptr error;
  if constexpr (std::is_void_v<T>) {
    try {
      co_await body(group);
    } catch (...) {
      error = std::current_exception();
    }
    error = co_await group.exit(std::move(error));
    if (error) std::rethrow_exception(std::move(error));
  } else {
    std::optional<detail::StoredT<T>> result;
    try {
      if constexpr (std::is_reference_v<T>) {
        result.emplace(std::addressof(co_await body(group)));
      } else {
        result.emplace(co_await body(group));
      }
    } catch (...) {
      error = std::current_exception();
    }
    error = co_await group.exit(std::move(error));
    if (error) std::rethrow_exception(std::move(error));
    if (!result) detail::throw_no_body_result();
    if constexpr (std::is_reference_v<T>) {
      co_return static_cast<T>(**result);
    } else {
      co_return std::move(*result);
    }
  }
}

}  // namespace tutti

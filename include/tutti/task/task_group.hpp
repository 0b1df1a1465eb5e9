// SPDX-License-Identifier: MIT
// Structured concurrency: tasks that do not outlive the block that makes them.
#pragma once

#include <cstddef>
#include <exception>
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

namespace tutti {

/// A group of tasks; `task_group` makes one, hands it to its body, and ends when the body and all its tasks have ended.
/// *Source*: asyncio.TaskGroup.
class TaskGroup {
 public:
  TaskGroup() = default;
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
    auto task = detail::make_task(*loop_, std::move(coro), &options, where);
    adopt(*task.state());
    return task;
  }

  /// Begins; `async with`'s way in. *Errors*: `RuntimeError` outside of a task, or if it was entered before.
  void enter();
  /// Waits for the tasks; `error` is what the body threw (null: nothing). Gives what is to be thrown.
  Coro<std::exception_ptr> exit(std::exception_ptr error);

 private:
  class Child;

  void check_open() const;
  void adopt(detail::FutureState& task);
  void child_done(detail::FutureState& task, std::size_t number);
  void abort();
  std::exception_ptr outcome(std::exception_ptr error, std::exception_ptr cancellation);

  EventLoop* loop_ = nullptr;
  std::optional<AnyTask> parent_;
  bool parent_cancel_requested_ = false;
  bool exiting_ = false;
  bool aborting_ = false;
  Child* first_ = nullptr;  // the tasks that are not done
  std::size_t created_ = 0;
  std::vector<std::pair<std::size_t, std::exception_ptr>> errors_;  // with the task's number in order of creation
  std::exception_ptr base_error_;
  std::optional<Future<>> completed_;
};

/// Runs `body(TaskGroup&)` (a callable that returns a coroutine) and waits for the tasks it made; gives the body's result.
///
/// The first task that fails (or the body) cancels all the others and the body. *Errors*: an `ExceptionGroup` of all that failed, in order of
/// creation, the body's own error last; `KeyboardInterrupt` and `SystemExit` as they are. A task that is cancelled is no error.
/// *Cancellation*: cancels the tasks, waits for them, and passes on; if some fail then, their group passes on instead.
/// *Lifetime*: the callable is kept alive, and what the tasks refer to in the caller's frame outlives them.
template <class Body>
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
    if constexpr (std::is_reference_v<T>) {
      co_return static_cast<T>(**result);
    } else {
      co_return std::move(*result);
    }
  }
}

}  // namespace tutti

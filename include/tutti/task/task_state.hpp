// SPDX-License-Identifier: MIT
// The unit of scheduling: a root coroutine, where to resume it, and what it waits for.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string_view>

#include <tutti/loop/event_loop.hpp>
#include <tutti/task/future_state.hpp>

namespace tutti::detail {

class TaskState;

/// A task whose step has begun another one's, by `eager_start`.
struct OuterStep {
  TaskState* task;
  OuterStep* outer;
};

/// What this thread runs now.
struct Current {
  TaskState* task = nullptr;
  OuterStep* outer = nullptr;
  // Where the trampoline goes on: see coro.hpp.
  void* next = nullptr;
  // The exception that leaves one coroutine on its way into the one that awaits it: between the two nothing runs, so one
  // place a thread is enough, and no frame pays for it.
  bool failed = false;
  alignas(std::exception_ptr) std::byte failure[sizeof(std::exception_ptr)] = {};  // alive while `failed`

  void fail(std::exception_ptr error) noexcept {
    ::new (static_cast<void*>(failure)) std::exception_ptr(std::move(error));
    failed = true;
  }
  std::exception_ptr take_failure() noexcept {
    failed = false;
    auto& stored = *std::launder(reinterpret_cast<std::exception_ptr*>(failure));
    std::exception_ptr error = std::move(stored);
    std::destroy_at(&stored);
    return error;
  }
};
extern constinit thread_local Current current __attribute__((tls_model("initial-exec")));

[[noreturn]] void rethrow_failure();

/// The N of Task-N. Unique in the process; each thread takes them by the block, since an atomic increment costs as much as
/// half a task.
struct TaskNumbers {
  std::uint64_t following = 0;
  std::uint64_t end = 0;

  std::uint64_t next() noexcept {
    if (following == end) [[unlikely]]
      take_block();
    return following++;
  }
  void take_block() noexcept;
};
extern constinit thread_local TaskNumbers task_numbers __attribute__((tls_model("initial-exec")));
extern const TaskHooks task_hooks;

/// The untyped part of a task.
///
/// Frames between the root and the innermost await are never touched: the task resumes the innermost one, which alone
/// decides what comes next. While it is pending the loop holds a reference, so that no task is lost.
class TaskState : public FutureState, public TaskLink {
 public:
  /// Asks the task to end: what it waits for lets go, or its next wake-up throws. False if it is done.
  bool cancel(std::string_view message) override;
  [[nodiscard]] std::uint32_t cancelling() const noexcept { return cancel_requests_; }
  std::uint32_t uncancel() noexcept;

  /// A leaf awaitable suspends the task: it resumes `handle` later and meanwhile waits for `suspension` (null: it is
  /// ready again already). Call it last: a pending cancellation is passed on at once.
  void suspend(std::coroutine_handle<> handle, lowlevel::Suspension* suspension) {
    resume_ = handle;
    waiting_for_ = suspension;
    if (suspension != nullptr && has(kMustCancel | kScopeCancelled)) [[unlikely]]
      cancel_suspension();
  }
  /// A leaf awaitable goes on: throws a cancellation that came after the wake-up was already on its way.
  void check_cancelled() {
    if (has(kMustCancel)) [[unlikely]]
      throw_cancelled();
  }
  /// The same for one that was ready again at once, and had nothing that a cancelled scope could ask to let go.
  void check_cancelled_or_in_scope();
  /// Whether `check_cancelled_or_in_scope` would throw.
  [[nodiscard]] bool must_cancel_or_in_scope() const noexcept { return has(kMustCancel | kScopeCancelled); }
  /// Whether `check_cancelled` would throw.
  [[nodiscard]] bool must_cancel() const noexcept { return has(kMustCancel); }
  /// Whether it is in a cancelled scope, which asks all that it waits for to let go.
  [[nodiscard]] bool scope_cancelled() const noexcept { return has(kScopeCancelled); }
  /// For the tree of scopes: so it is from now on. What it waits for is asked at once.
  void set_scope_cancelled(bool on);
  /// Throws `CancelledError` with the message of the last `cancel`.
  [[noreturn]] void throw_cancelled();
  /// For suspensions that cancel themselves: the message their `CancelledError` is to carry.
  void note_cancel_message(std::string_view message);

  /// Runs the coroutine until it suspends or ends; on the loop's behalf, from an entry of its ready queue.
  void step() { TaskState::run(); }
  void run() final;
  void drop() noexcept override {}

  /// Schedules the first step, or runs it now.
  void start(bool eager) {
    if (eager) {
      step_eagerly();
    } else {
      loop_->make_ready(*this);
    }
  }
  /// A task that could not be started: destroys its coroutine, without a report.
  void abandon() noexcept;

  [[nodiscard]] std::string name() const;
  void set_name(std::string name);
  void set_context(Ref<ContextState> context);
  [[nodiscard]] Ref<ContextState> context() const;
  [[nodiscard]] std::uintptr_t coroutine_id() const noexcept {
    return reinterpret_cast<std::uintptr_t>(root_.address());
  }
  void silence() noexcept { flags_ |= kSilent; }
  /// Whether a step of it is under way on this thread.
  [[nodiscard]] bool running() const noexcept;
  /// The frame that it goes on with; only while it is neither running nor done.
  [[nodiscard]] std::coroutine_handle<> innermost() const noexcept { return resume_; }
  /// The frame that it was made of; null once it is done.
  [[nodiscard]] std::coroutine_handle<> root() const noexcept { return root_; }
  [[nodiscard]] std::string describe_self() const override;

 protected:
  TaskState(EventLoop& loop, std::coroutine_handle<> root) noexcept
      : FutureState(loop, kTask, 2), resume_(root), root_(root) {  // one reference is the loop's, until it is done
    const std::uint64_t number = task_numbers.next();
    number_low_ = static_cast<std::uint32_t>(number);
    number_high_ = static_cast<std::uint16_t>(number >> 32U);
    loop.task_hooks = &task_hooks;
    previous = loop.tasks.previous;
    following = &loop.tasks;
    previous->following = this;
    loop.tasks.previous = this;
  }
  ~TaskState() override = default;

  /// Moves the result out of the root's promise.
  virtual void store_result() = 0;

 private:
  friend struct TaskRegistry;
  void step_eagerly();
  void step_unusual();
  void step_unwatched();
  void resume_in_new_context();
  void resume_watched();
  void resume() const {
    resume_.resume();
    while (current.next != nullptr) [[unlikely]] {
      std::coroutine_handle<>::from_address(std::exchange(current.next, nullptr)).resume();
    }
  }
  void finish_task();
  void finish_with(std::exception_ptr error);
  void cancel_suspension();
  bool cancel_waiting(std::string_view message);
  [[nodiscard]] std::string cancel_message() const;
  void destroy_root() noexcept;

  std::coroutine_handle<> resume_;
  std::coroutine_handle<> root_;
  lowlevel::Suspension* waiting_for_ = nullptr;
};

/// The task that runs now. *Errors*: `RuntimeError` if none does (a callback, or no loop).
TaskState& require_task(const char* operation);
inline TaskState& awaiting_task() {
  if (current.task == nullptr) [[unlikely]]
    return require_task("await");
  return *current.task;
}

/// Visits the tasks of a loop.
struct TaskRegistry {
  template <class Visit>
  static void for_each(EventLoop& loop, Visit visit) {
    for (TaskLink* link = loop.tasks.following; link != &loop.tasks;) {
      auto& task = static_cast<TaskState&>(*link);
      link = link->following;
      visit(task);
    }
  }
  static void destroy_all(EventLoop& loop);
};

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/task/task_state.hpp>

#include <atomic>
#include <chrono>
#include <string>

#include <pthread.h>

#include <tutti/base/log.hpp>
#include <tutti/task/scope_node.hpp>

#include "task/failure_trace.hpp"
#include "task/frames.hpp"
#include "task/instruments.hpp"

namespace tutti::detail {

constinit thread_local Current current;
constinit thread_local TaskNumbers task_numbers;
constinit const TaskHooks task_hooks{&TaskRegistry::destroy_all};

namespace {
// The task that forked runs in the parent only.
[[maybe_unused]] const int forget_in_children = ::pthread_atfork(nullptr, nullptr, [] { current.task = nullptr; });
}  // namespace

void TaskNumbers::take_block() noexcept {
  constexpr std::uint64_t kBlock = 4096;
  static std::atomic<std::uint64_t> next_block{1};
  following = next_block.fetch_add(kBlock, std::memory_order_relaxed);
  end = following + kBlock;
}

namespace {

void unlink(TaskLink& link) noexcept {
  link.previous->following = link.following;
  link.following->previous = link.previous;
}

}  // namespace

void rethrow_failure() { std::rethrow_exception(current.take_failure()); }

TaskState& require_task(const char* operation) {
  if (current.task == nullptr) throw RuntimeError(std::string(operation) + ": no task runs here");
  return *current.task;
}

void TaskState::abandon() noexcept {
  // First of all: what its frames release may try to cancel it.
  flags_ |= kCancelled | kDone;
  waiting_for_ = nullptr;
  destroy_root();
  drop_waiting();
  unlink(*this);
  release();
}

// The loop runs its entries with no task and no context (see EventLoop::run_forever), so that the usual step has nothing
// to save.
void TaskState::run() {
  if (extras_ != nullptr || has(kMustCancel)) [[unlikely]]
    return step_unusual();
  flags_ |= kStarted;
  current.task = this;
  waiting_for_ = nullptr;
  resume();
  current.task = nullptr;
  if (current_context != nullptr) [[unlikely]] {
    extras().context = Ref<ContextState>::adopt(std::exchange(current_context, nullptr));
  }
  if (root_.done()) finish_task();
}

void TaskState::step_eagerly() {
  struct Restore {
    OuterStep step{current.task, current.outer};
    Restore() { current.outer = &step; }
    Restore(const Restore&) = delete;
    Restore& operator=(const Restore&) = delete;
    ~Restore() {  // also if KeyboardInterrupt or SystemExit leaves the step
      current.task = step.task;
      current.outer = step.outer;
    }
  } const restore;
  step_unusual();
}

// The steps of tasks with extras (a context, a name, a cancellation, the place that debug mode notes) and of eager ones.
void TaskState::step_unusual() {
  if (loop_->watcher() == nullptr) [[likely]]
    return step_unwatched();
  const WatchedStep step(*this);
  step_unwatched();
}

void TaskState::step_unwatched() {
  waiting_for_ = nullptr;
  if (has(kMustCancel) && !has(kStarted)) {
    // Cancelled before its first step: the body never runs, its arguments are released.
    flags_ &= static_cast<std::uint16_t>(~kMustCancel);
    destroy_root();
    return finish_with(std::make_exception_ptr(CancelledError(cancel_message())));
  }
  flags_ |= kStarted;
  current.task = this;
  if (extras_ == nullptr) {
    resume_in_new_context();
  } else {
    resume_watched();
  }
  current.task = nullptr;
  if (root_.done()) finish_task();
}

void TaskState::resume_in_new_context() {
  Ref<ContextState> context;
  {
    const ContextScope scope(context);
    resume();
  }
  if (context) extras().context = std::move(context);
}

void TaskState::resume_watched() {
  const bool watched = loop_->get_debug();
  const auto begin = watched ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  {
    const ContextScope scope(extras_->context);
    resume();
  }
  if (!watched) return;
  const Duration took = std::chrono::steady_clock::now() - begin;
  if (took < loop_->slow_callback_duration) return;
  report_if_slow(*loop_, took, describe_self(), extras_->created,
                 root_.done() ? std::source_location() : innermost_place(*this));
}

bool TaskState::running() const noexcept {
  bool found = current.task == this;
  for (const OuterStep* step = current.outer; step != nullptr; step = step->outer) found = found || step->task == this;
  return found;
}

void TaskState::destroy_root() noexcept {
  if (auto root = std::exchange(root_, nullptr)) root.destroy();
}

void TaskState::finish_task() {
  if (current.failed) {
    std::exception_ptr error = current.take_failure();
    destroy_root();
    return finish_with(std::move(error));
  }
  if (!has(kVoid)) try {
      store_result();
    } catch (...) {
      std::exception_ptr error = std::current_exception();
      destroy_root();
      return finish_with(std::move(error));
    }
  destroy_root();
  if (has(kMustCancel)) [[unlikely]]
    flags_ |= kCancelled;  // cancelled in its last step: the result is lost
  finish();
  unlink(*this);
  release();
}

void TaskState::finish_with(std::exception_ptr error) {
  extras().exception = error;
  if (!is_cancelled(error)) extras().trace = failure_trace.of(error);
  // A cancellation that was not delivered does not hide an error.
  flags_ |= is_cancelled(error) ? kCancelled : static_cast<std::uint16_t>(kFailed | kUnretrieved);
  finish();
  unlink(*this);
  release();
  if (leaves_loop(error)) std::rethrow_exception(error);
}

// ---- cancellation ----

bool TaskState::cancel(std::string_view message) {
  if (done()) {
    mark_retrieved();  // as in asyncio: whoever wanted it to end does not mind how it did
    return false;
  }
  if (has(kBeingCancelled)) throw RuntimeError("cancel: " + describe_self() + " waits for itself");
  ++cancel_requests_;
  if (cancel_waiting(message)) return true;
  note_cancel_message(message);
  flags_ |= kMustCancel;
  return true;
}

// Tasks that await each other in a circle would ask each other without end.
bool TaskState::cancel_waiting(std::string_view message) {
  if (waiting_for_ == nullptr) return false;
  struct Mark {
    TaskState& task;
    explicit Mark(TaskState& present) : task(present) { task.flags_ |= kBeingCancelled; }
    ~Mark() { task.flags_ &= static_cast<std::uint16_t>(~kBeingCancelled); }
  } const mark{*this};
  return waiting_for_->cancel(message);
}

std::uint32_t TaskState::uncancel() noexcept {
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) flags_ &= static_cast<std::uint16_t>(~kMustCancel);
  return cancel_requests_;
}

void TaskState::note_cancel_message(std::string_view message) {
  if (!message.empty() || extras_ != nullptr) extras().cancel_message = message;
}

void TaskState::cancel_suspension() {
  try {
    if (!has(kMustCancel)) {
      cancel_waiting(
          extras().scope->effective_reason());  // if it is on its way already, the next wait will be cancelled
    } else if (cancel_waiting(cancel_message())) {
      flags_ &= static_cast<std::uint16_t>(~kMustCancel);
    }
  } catch (...) {
    waiting_for_ = nullptr;  // the `co_await` throws, and what it waits for goes
    throw;
  }
}

void TaskState::check_cancelled_or_in_scope() {
  check_cancelled();
  if (!has(kScopeCancelled)) return;
  note_cancel_message(extras().scope->effective_reason());
  throw_cancelled();
}

void TaskState::set_scope_cancelled(bool on) {
  if (done() || on == has(kScopeCancelled)) return;
  if (!on) {
    flags_ &= static_cast<std::uint16_t>(~kScopeCancelled);
    return;
  }
  flags_ |= kScopeCancelled;
  if (has(kMustCancel)) return;
  try {
    cancel_waiting(extras().scope->effective_reason());
  } catch (...) {
    // It waits for itself, and nothing that it waits for could wake it. A scope has many tasks, and goes on with the others.
    note_cancel_message(describe(std::current_exception()));
    flags_ |= kMustCancel;
    waiting_for_ = nullptr;
    loop_->make_ready(*this);
  }
}

std::string TaskState::cancel_message() const { return extras_ == nullptr ? std::string() : extras_->cancel_message; }

void TaskState::throw_cancelled() {
  flags_ &= static_cast<std::uint16_t>(~kMustCancel);
  throw CancelledError(cancel_message());
}

// ---- names and contexts ----

std::string TaskState::name() const {
  if (extras_ != nullptr && !extras_->name.empty()) return extras_->name;
  return "Task-" + std::to_string((std::uint64_t{number_high_} << 32U) | number_low_);
}

void TaskState::set_name(std::string name) { extras().name = std::move(name); }

void TaskState::set_context(Ref<ContextState> context) { extras().context = std::move(context); }

Ref<ContextState> TaskState::context() const { return extras_ == nullptr ? nullptr : extras_->context; }

std::string TaskState::describe_self() const { return "task '" + name() + "'"; }

// ---- the end of a loop ----

// The newest first: a task may refer to the frame of the one that made it, as those of a group do.
void TaskRegistry::destroy_all(EventLoop& loop) {
  while (loop.tasks.previous != &loop.tasks) {
    auto& task = static_cast<TaskState&>(*loop.tasks.previous);
    const bool report = !task.has(TaskState::kSilent);
    ExceptionContext context{"task was destroyed but it is pending", nullptr, task.describe_self(),
                             task.extras_ == nullptr ? std::source_location() : task.extras_->created,
                             report ? format_frames(frames_of(task)) : std::string()};
    task.abandon();
    if (!report) continue;
    try {
      loop.call_exception_handler(context);
    } catch (...) {  // KeyboardInterrupt or SystemExit: the loop is closed all the same
      log(LogLevel::error, "task", "an exception handler threw while a loop was closed");
    }
  }
}

}  // namespace tutti::detail

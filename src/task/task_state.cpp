// SPDX-License-Identifier: MIT
#include <tutti/task/task_state.hpp>

#include <atomic>
#include <chrono>
#include <string>

#include <tutti/base/log.hpp>

namespace tutti::detail {

constinit thread_local Current current;

namespace {

std::atomic<std::uint64_t> last_task_number{0};

constexpr TaskHooks kHooks{&TaskRegistry::destroy_all};

void link_last(EventLoop& loop, TaskLink& link) noexcept {
  link.previous = loop.tasks.previous;
  link.following = &loop.tasks;
  link.previous->following = &link;
  loop.tasks.previous = &link;
}

void unlink(TaskLink& link) noexcept {
  link.previous->following = link.following;
  link.following->previous = link.previous;
  link.previous = link.following = &link;
}

}  // namespace

void rethrow_failure() { std::rethrow_exception(current.take_failure()); }

TaskState& require_task(const char* operation) {
  if (current.task == nullptr) throw RuntimeError(std::string(operation) + ": no task runs here");
  return *current.task;
}

TaskState::TaskState(EventLoop& loop, std::coroutine_handle<> root)
    : FutureState(loop, kTask), resume_(root), root_(root) {
  const std::uint64_t number = last_task_number.fetch_add(1, std::memory_order_relaxed) + 1;
  number_low_ = static_cast<std::uint32_t>(number);
  number_high_ = static_cast<std::uint16_t>(number >> 32U);
  loop.task_hooks = &kHooks;
  retain();  // the loop's, until it is done
  link_last(loop, *this);
}

TaskState::~TaskState() = default;

void TaskState::abandon() noexcept {
  destroy_root();
  flags_ |= kCancelled | kDone;
  lowlevel::ReadyQueue waiting;
  waiting_.move_to(waiting);
  while (lowlevel::Ready* entry = waiting.pop()) entry->drop();
  unlink(*this);
  release();
}

void TaskState::step() {
  TaskState* const outer = std::exchange(current.task, this);
  waiting_for_ = nullptr;
  if (extras_ != nullptr || loop_->get_debug() || (flags_ & (kMustCancel | kStarted)) != kStarted) [[unlikely]] {
    step_unusual();
  } else {
    ContextState* const context = std::exchange(current_context, nullptr);
    resume_root();
    if (current_context != nullptr) [[unlikely]] extras().context = Ref<ContextState>::adopt(current_context);
    current_context = context;
  }
  current.task = outer;
  if (!root_ || root_.done()) finish_task();
}

// The first step, and those of tasks with a context, a name or a cancellation, and in debug mode.
void TaskState::step_unusual() {
  if (!has(kStarted)) {
    flags_ |= kStarted;
    if (has(kMustCancel)) {
      // Cancelled before its first step: the body never runs, its arguments are released.
      flags_ &= static_cast<std::uint16_t>(~kMustCancel);
      destroy_root();
      current.fail(std::make_exception_ptr(CancelledError(extras_ == nullptr ? "" : extras_->cancel_message)));
      return;
    }
  }
  const auto begin = loop_->get_debug() ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
  Ref<ContextState> context = extras_ == nullptr ? nullptr : extras_->context;
  {
    const ContextScope scope(context);
    resume_root();
  }
  if (context && !(extras_ != nullptr && extras_->context == context)) extras().context = std::move(context);
  if (loop_->get_debug()) {
    report_if_slow(*loop_, std::chrono::steady_clock::now() - begin, describe_self(), extras().created);
  }
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
  try {
    store_result();
  } catch (...) {
    std::exception_ptr error = std::current_exception();
    destroy_root();
    return finish_with(std::move(error));
  }
  destroy_root();
  if (has(kMustCancel)) [[unlikely]] flags_ |= kCancelled;  // cancelled in its last step: the result is lost
  finish();
  unlink(*this);
  release();
}

void TaskState::finish_with(std::exception_ptr error) {
  extras().exception = error;
  flags_ |= has(kMustCancel) || is_cancelled(error) ? kCancelled : kFailed | kUnretrieved;
  finish();
  unlink(*this);
  release();
  if (leaves_loop(error)) std::rethrow_exception(error);
}

// ---- cancellation ----

bool TaskState::cancel(std::string_view message) {
  if (done()) return false;
  ++cancel_requests_;
  if (waiting_for_ != nullptr && waiting_for_->cancel(message)) return true;
  note_cancel_message(message);
  flags_ |= kMustCancel;
  return true;
}

std::uint32_t TaskState::uncancel() noexcept {
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) flags_ &= static_cast<std::uint16_t>(~kMustCancel);
  return cancel_requests_;
}

void TaskState::note_cancel_message(std::string_view message) {
  if (!message.empty() || extras_ != nullptr) extras().cancel_message = message;
}

void TaskState::cancel_suspension() {
  if (waiting_for_->cancel(extras_ == nullptr ? "" : extras_->cancel_message)) {
    flags_ &= static_cast<std::uint16_t>(~kMustCancel);
  }
}

void TaskState::throw_cancelled() {
  flags_ &= static_cast<std::uint16_t>(~kMustCancel);
  throw CancelledError(extras_ == nullptr ? "" : extras_->cancel_message);
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

void TaskRegistry::destroy_all(EventLoop& loop) {
  while (loop.tasks.following != &loop.tasks) {
    auto& task = static_cast<TaskState&>(*loop.tasks.following);
    const bool report = !task.has(TaskState::kSilent);
    ExceptionContext context{"task was destroyed but it is pending", nullptr, task.describe_self(),
                             task.extras_ == nullptr ? std::source_location() : task.extras_->created};
    task.abandon();
    if (report) loop.call_exception_handler(context);
  }
}

}  // namespace tutti::detail

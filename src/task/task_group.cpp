// SPDX-License-Identifier: MIT
#include <tutti/task/task_group.hpp>

#include <algorithm>

#include <tutti/task/scope_node.hpp>
#include <tutti/task/timeout.hpp>

namespace tutti {

namespace detail {
void throw_no_body_result() { throw RuntimeError("task_group: the group was cancelled before its body had a result"); }
}  // namespace detail

/// A task of the group, in the wait list of that task.
class TaskGroup::Child final : public detail::Dependent, public lowlevel::PoolAllocated {
 public:
  Child(TaskGroup& group, detail::FutureState& task, detail::Ref<detail::FutureState> ready)
      : group_(&group), number_(group.created_++), task_(&task), ready_(std::move(ready)) {
    following_ = group.first_;
    if (following_ != nullptr) following_->previous_ = this;
    group.first_ = this;
    task.add_waiter(*this);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { orphan(); }

  void run() override {
    const std::unique_ptr<Child> self(this);
    TaskGroup* const group = group_;
    orphan();
    if (group != nullptr) group->child_done(*task_, ready_.get(), number_);
  }
  void drop() noexcept override { delete this; }
  void collect_dependents(std::vector<detail::FutureState*>& into) const override {
    if (group_ != nullptr) into.push_back(&group_->parent_->state());
  }

  void orphan() noexcept {
    if (group_ == nullptr) return;
    (previous_ == nullptr ? group_->first_ : previous_->following_) = following_;
    if (following_ != nullptr) following_->previous_ = previous_;
    group_ = nullptr;
  }
  [[nodiscard]] detail::FutureState& task() const noexcept { return *task_; }
  [[nodiscard]] Child* following() const noexcept { return following_; }

 private:
  TaskGroup* group_;
  std::size_t number_;
  detail::Ref<detail::FutureState> task_;   // as long as it is pending its loop holds it anyway
  detail::Ref<detail::FutureState> ready_;  // of one that is being started
  Child* previous_ = nullptr;
  Child* following_ = nullptr;
};

TaskGroup::TaskGroup() = default;

TaskGroup::~TaskGroup() {
  while (first_ != nullptr) first_->orphan();
}

void TaskGroup::enter() {
  if (parent_) throw RuntimeError("TaskGroup: it has already been entered");
  detail::TaskState& parent = detail::require_task("TaskGroup");
  parent_ = AnyTask(parent);
  loop_ = &parent.loop();
  scope_ = detail::ScopeNode::branch(parent);
  if (cancel_on_enter_) abort_all();
}

void TaskGroup::check_open() const {
  if (!parent_) throw RuntimeError("TaskGroup: it has not been entered");
  if (exiting_ && first_ == nullptr) throw RuntimeError("TaskGroup: it is finished");
  if (aborting_) throw RuntimeError("TaskGroup: it is shutting down");
}

void TaskGroup::adopt(detail::FutureState& task, detail::Ref<detail::FutureState> ready) {
  // Belongs to the task's wait list; one that is done already, since it was eager, is heard of in the next iteration too: if it failed,
  // the parent is cancelled where it waits next, not inside of `create_task` (CPython 3.14, gh-128550).
  new Child(*this, task, std::move(ready));
  if (aborting_) task.cancel({});  // its eager step has cancelled the group
}

void TaskGroup::cancel() {
  if (!parent_) {
    cancel_on_enter_ = true;
  } else if (!aborting_ && !(exiting_ && first_ == nullptr)) {
    abort_all();
  }
}

void TaskGroup::abort() {
  aborting_ = true;
  if (scope_ != nullptr && scope_->effectively_cancelled()) return;  // which has reached the tasks too
  // In order of creation: the list has the newest first. Cancelling runs nothing, so it does not change meanwhile.
  std::vector<Child*> children;
  for (Child* child = first_; child != nullptr; child = child->following()) children.push_back(child);
  for (auto child = children.rbegin(); child != children.rend(); ++child) (*child)->task().cancel({});
}

// The tasks, and the parent, which may be somewhere in the body:
//
//   co_await task_group([&](TaskGroup& group) -> Coro<> {
//     group.create_task(fails_soon());
//     co_await something_long();      // <- this must be cancelled now
//   });
//
// or wait in exit(), where the cancellation is recognised as the group's own.
void TaskGroup::abort_all() {
  abort();
  parent_cancel_requested_ = true;
  parent_->cancel();
}

// A task ended before it had started: that concerns only who started it.
static void fail_start(detail::FutureState& task, detail::FutureState& ready) {
  if (task.cancelled()) {
    ready.cancel({});
  } else if (std::exception_ptr error = task.take_exception()) {
    ready.set_exception(std::move(error));
  } else {
    ready.set_exception(std::make_exception_ptr(
        RuntimeError("TaskGroup: " + task.describe_self() + " has ended without calling started()")));
  }
}

void TaskGroup::child_done(detail::FutureState& task, detail::FutureState* ready, std::size_t number) {
  if (completed_ && first_ == nullptr && !completed_->done()) completed_->set_result();
  detail::ScopeNode::disinherit(task);
  if (ready != nullptr && !ready->done()) return fail_start(task, *ready);
  if (ready != nullptr && ready->cancelled()) return;  // leave_start() sees to it
  if (task.cancelled()) return;
  std::exception_ptr error = task.take_exception();
  if (!error) return;
  errors_.emplace_back(number, error);
  if (!base_error_ && leaves_loop(error)) base_error_ = error;
  if (parent_->done()) {
    loop_->call_exception_handler(
        {"a task of a group failed after the group's parent was done", error, task.describe_self(), {}});
    return;
  }
  if (aborting_ || parent_cancel_requested_) return;
  abort_all();
}

Coro<> TaskGroup::leave_start(detail::Ref<detail::FutureState> task, detail::Ref<detail::FutureState> ready) {
  if (!task->done()) {
    const detail::ScopeShield shield;
    co_await detail::cancel_and_wait(task);
  }
  if (!ready->cancelled()) co_return;  // it had just started: its errors are the group's
  if (std::exception_ptr error = task->take_exception()) std::rethrow_exception(error);
}

Coro<std::exception_ptr> TaskGroup::exit(std::exception_ptr error) {
  exiting_ = true;
  if (error && !base_error_ && leaves_loop(error)) base_error_ = error;
  std::exception_ptr cancellation = is_cancelled(error) ? error : nullptr;
  std::exception_ptr pending;  // the last cancellation that came while the group was being cancelled
  if (error && !aborting_) abort();
  std::optional<detail::ScopeShield> shield;
  while (first_ != nullptr) {
    if (aborting_ && !shield) shield.emplace();  // the tasks were told, and are waited for
    if (!completed_) completed_.emplace(*loop_);
    try {
      co_await *completed_;
    } catch (const CancelledError&) {
      pending = std::current_exception();
      if (!aborting_) {
        // Somebody cancels the parent from outside while it waits here.
        cancellation = pending;
        abort();
      }
    }
    completed_.reset();
  }
  shield.reset();
  co_return outcome(std::move(error), std::move(cancellation), std::move(pending));
}

std::exception_ptr TaskGroup::outcome(std::exception_ptr error, std::exception_ptr cancellation,
                                      std::exception_ptr pending) {
  if (base_error_) return base_error_;
  if (parent_cancel_requested_) {
    // The group's own request is taken back; if it was the only one, the cancellation was the group's too.
    if (parent_->uncancel() == 0 && !parent_->state().scope_cancelled()) {
      cancellation = nullptr;
    } else if (!cancellation) {
      cancellation = std::move(pending);
    }
  }
  if (cancellation && errors_.empty()) return cancellation;
  std::sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::exception_ptr> all;
  all.reserve(errors_.size() + 1);
  for (auto& numbered : errors_) all.push_back(std::move(numbered.second));
  if (error && !is_cancelled(error)) all.push_back(std::move(error));
  if (all.empty()) return nullptr;
  // If the parent is being cancelled from outside too, it must learn so at its next await, and its count stay right.
  if (parent_->cancelling() != 0) {
    parent_->uncancel();
    parent_->cancel();
  }
  return make_exception_group("unhandled errors in a TaskGroup", std::move(all));
}

}  // namespace tutti

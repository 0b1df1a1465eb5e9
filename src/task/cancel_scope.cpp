// SPDX-License-Identifier: MIT
#include <tutti/task/cancel_scope.hpp>

#include <algorithm>

#include <tutti/base/error.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti {

using detail::TaskState;

namespace {
constexpr const char* kDeadlineReason = "the deadline of a cancel scope has passed";
}

CancelScope::CancelScope(CancelScopeOptions options) : deadline_(options.deadline) { set_shielded(options.shield); }

CancelScope::~CancelScope() {
  disarm();
  leave();  // while the task is certain to be there
}

void CancelScope::enter() {
  if (state_ != State::created) throw RuntimeError("CancelScope: it has already been entered");
  TaskState& task = detail::require_task("CancelScope");
  task_ = detail::Ref<detail::FutureState>(&task);
  state_ = State::active;
  cancelling_ = task.cancelling();
  ScopeNode::enter(task);
  if (!cancel_called()) arm();
}

std::exception_ptr CancelScope::exit(std::exception_ptr error) {
  if (state_ != State::active) throw RuntimeError("CancelScope: it is not active");
  TaskState& task = *host();
  if (detail::current.task != &task) throw RuntimeError("CancelScope: it was left by another task than entered it");
  if (!is_innermost()) throw RuntimeError("CancelScope: scopes are left in the reverse order of their entering");
  disarm();
  state_ = State::left;
  const bool from_outside = cancelled_from_outside();
  leave();
  // The exception ends at the outermost scope that is cancelled. More requests to cancel the task than when the scope began: somebody
  // wants all of it to end.
  if (!cancel_called() || from_outside || task.cancelling() > cancelling_ || !tutti::is_cancelled(error)) return error;
  caught_ = true;
  return nullptr;
}

void CancelScope::cancel(std::string_view reason) {
  if (cancel_called() || state_ == State::left) return;
  disarm();
  set_cancelled(std::string(reason));
}

void CancelScope::set_deadline(std::optional<TimePoint> deadline) {
  deadline_ = deadline;
  if (state_ != State::active || cancel_called()) return;
  disarm();
  arm();
}

void CancelScope::arm() {
  if (!deadline_) return;
  EventLoop& loop = host()->loop();
  const TimePoint now = loop.time();
  if (*deadline_ <= now) return cancel(kDeadlineReason);
  armed_ = true;
  loop.add_timer(timer_, *deadline_, now);
}

void CancelScope::disarm() noexcept {
  if (!std::exchange(armed_, false)) return;
  EventLoop& loop = host()->loop();
  // Neither pending nor run: it is due, and stands in the ready queue.
  if (!loop.remove_timer(timer_)) loop.remove_ready(timer_);
}

void CancelScope::Deadline::run() {
  scope_.armed_ = false;
  scope_.cancel(kDeadlineReason);
}

std::optional<TimePoint> current_effective_deadline() {
  std::optional<TimePoint> earliest;
  const detail::ScopeNode* node = detail::ScopeNode::innermost(detail::require_task("current_effective_deadline"));
  if (node != nullptr && node->effectively_cancelled()) return TimePoint::min();
  for (; node != nullptr; node = node->visible_parent()) {
    const auto deadline = node->own_deadline();
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  }
  return earliest;
}

namespace detail {

void throw_scope_timeout(const CancelScope& scope, const char* operation, std::optional<TimePoint> deadline,
                         std::optional<Duration> delay) {
  // Somebody may have cancelled the scope before, or moved its deadline.
  const bool passed = deadline && scope.deadline() == deadline && *deadline <= get_running_loop().time();
  throw TimeoutError(timeout_message(operation, passed ? delay : std::nullopt));
}

}  // namespace detail
}  // namespace tutti

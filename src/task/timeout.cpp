// SPDX-License-Identifier: MIT
#include <tutti/task/timeout.hpp>

#include <cstdio>

#include <tutti/base/error.hpp>
#include <tutti/task/wait.hpp>

namespace tutti {

Timeout::~Timeout() { disarm(); }

void Timeout::enter() {
  if (state_ != State::created) throw RuntimeError("timeout: it has already been entered");
  task_ = &detail::require_task("timeout");
  state_ = State::active;
  cancelling_ = task_->cancelling();
  if (deadline_) arm();
}

void Timeout::reschedule(std::optional<TimePoint> when) {
  switch (state_) {
    case State::active: break;
    case State::created: throw RuntimeError("timeout: it has not been entered");
    case State::expiring: throw RuntimeError("timeout: cannot change an expiring timeout");
    case State::expired: throw RuntimeError("timeout: cannot change an expired timeout");
    case State::finished: throw RuntimeError("timeout: cannot change a finished timeout");
  }
  if (armed_) disarm();
  deadline_ = when;
  delay_ = std::nullopt;
  if (when) arm();
}

void Timeout::arm() {
  armed_ = true;
  EventLoop& loop = task_->loop();
  if (*deadline_ <= loop.time()) {
    soon_ = loop.call_soon([this] { expire(); });
  } else {
    loop.add_timer(*this, *deadline_);
  }
}

void Timeout::expire() {
  soon_ = Handle();
  armed_ = false;
  state_ = State::expiring;
  task_->cancel({});
}

void Timeout::disarm() noexcept {
  if (!std::exchange(armed_, false)) return;
  if (soon_ != Handle()) {
    soon_.cancel();
    soon_ = Handle();
    return;
  }
  EventLoop& loop = task_->loop();
  // Neither pending nor run: it is due, and stands in the ready queue.
  if (!loop.remove_timer(*this)) loop.remove_ready(*this);
}

std::exception_ptr Timeout::exit(std::exception_ptr error) {
  if (state_ == State::active) {
    disarm();
    state_ = State::finished;
    return error;
  }
  state_ = State::expired;
  // More requests to cancel than when it began, or a cancelled scope: somebody besides this timeout wants the task to end.
  if (task_->uncancel() > cancelling_ || task_->scope_cancelled() || !is_cancelled(error)) return error;
  return detail::timeout_error(error, operation_, delay_);
}

namespace detail {

std::optional<TimePoint> deadline_after(std::optional<Duration> delay) {
  if (!delay) return std::nullopt;
  return get_running_loop().time() + to_duration(*delay);
}

std::string timeout_message(const char* operation, std::optional<Duration> delay) {
  std::string message = std::string(operation) + ": timed out";
  if (!delay) return message;
  char text[32];
  (void)std::snprintf(text, sizeof(text), " after %.6g s", std::chrono::duration<double>(*delay).count());
  return message + text;
}

std::exception_ptr timeout_error(const std::exception_ptr& cause, const char* operation,
                                 std::optional<Duration> delay) {
  try {
    std::rethrow_exception(cause);
  } catch (...) {
    try {
      std::throw_with_nested(TimeoutError(timeout_message(operation, delay)));
    } catch (...) {
      return std::current_exception();
    }
  }
}

Coro<> cancel_and_wait(Ref<FutureState> future) {
  future->cancel({});
  co_await wait_until({future}, {});
}

}  // namespace detail
}  // namespace tutti

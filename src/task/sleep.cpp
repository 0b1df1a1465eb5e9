// SPDX-License-Identifier: MIT
#include <tutti/task/sleep.hpp>

namespace tutti::detail {

void SleepAwaiter::start(std::coroutine_handle<> handle) {
  EventLoop& loop = task_->loop();
  const TimePoint now = loop.time();
  loop.add_timer(*this, now + when().time_since_epoch(), now);
  task_->suspend(handle, this);
}

void SleepAwaiter::check_unusual() const {
  const bool yielded = when().time_since_epoch() <= Duration::zero();  // no moment was ever set
  yielded ? task_->check_cancelled_or_in_scope() : task_->check_cancelled();
}

void SleepAwaiter::run() {
  switch (note()) {
    case kDue: set_note(kWaking); return task_->loop().make_ready(*this);
    case kDueButCancelled: set_note(kCancelled); return task_->loop().make_ready(*this);
    default: return task_->step();
  }
}

bool SleepAwaiter::cancel(std::string_view message) {
  if (pending()) {
    task_->loop().remove_timer(*this);
    set_note(kCancelled);
    task_->loop().make_ready(*this);
  } else if (note() == kDue) {
    set_note(kDueButCancelled);  // it stands in the ready queue: it will come here by itself
  } else {
    return false;
  }
  task_->note_cancel_message(message);
  return true;
}

}  // namespace tutti::detail

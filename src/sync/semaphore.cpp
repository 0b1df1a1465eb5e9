// SPDX-License-Identifier: MIT
#include <tutti/sync/semaphore.hpp>

#include <tutti/base/error.hpp>

namespace tutti {
namespace detail {

// Whoever woke this task took the permit for it.
void SemaphoreWaiter::take_in_turn() {
  const auto wake_others = [this] {
    // They may have come while there were permits, and waited for those before them only.
    while (semaphore_->value_ > 0 && semaphore_->wake_up_next()) {
    }
  };
  try {
    finish();
  } catch (...) {
    if (!is_orphan()) {
      if (!was_cancelled()) ++semaphore_->value_;
      wake_others();
    }
    throw;
  }
  wake_others();
}

}  // namespace detail

Semaphore::Semaphore(std::ptrdiff_t value, std::ptrdiff_t bound) : value_(value), bound_value_(bound) {
  if (value < 0) throw ValueError("Semaphore initial value must be >= 0");
}

void Semaphore::refuse_release() { throw ValueError("BoundedSemaphore released too many times"); }

bool Semaphore::wake_up_next() noexcept {
  detail::Waiter* const next = waiters_.first_waiting();
  if (next == nullptr) return false;
  --value_;
  next->wake();
  return true;
}

std::string Semaphore::to_string() const {
  std::string text = locked() ? "<Semaphore [locked" : "<Semaphore [unlocked, value:" + std::to_string(value_);
  if (!waiters_.empty()) text += ", waiters:" + std::to_string(waiters_.size());
  return text + "]>";
}

}  // namespace tutti

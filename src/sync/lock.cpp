// SPDX-License-Identifier: MIT
#include <tutti/sync/lock.hpp>

#include <tutti/base/error.hpp>

namespace tutti {
namespace detail {

void LockWaiter::take_in_turn() {
  try {
    finish();
  } catch (...) {
    if (!is_orphan() && !lock_->locked_) lock_->wake_up_first();
    throw;
  }
}

}  // namespace detail

void Lock::refuse_release() { throw RuntimeError("Lock is not acquired"); }

std::string Lock::to_string() const {
  std::string text = locked_ ? "<Lock [locked" : "<Lock [unlocked";
  if (!waiters_.empty()) text += ", waiters:" + std::to_string(waiters_.size());
  return text + "]>";
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// Guard: what `auto guard = co_await lock.scoped();` gives.
#pragma once

#include <exception>
#include <utility>

namespace tutti {

namespace detail {
/// A guard's destructor cannot throw: tells the exception handler of the running loop, if there is one.
void report_failed_release(const std::exception_ptr& error) noexcept;
}  // namespace detail

/// Holds a lock or one permit of a semaphore, and releases it at the end of its life: `async with lock`.
/// *Lifetime*: what it releases must outlive it.
template <class Lockable>
class [[nodiscard]] Guard {
 public:
  /// Takes over a lock that was acquired.
  explicit Guard(Lockable& lockable) noexcept : lockable_(&lockable) {}
  Guard(Guard&& other) noexcept : lockable_(std::exchange(other.lockable_, nullptr)) {}
  Guard& operator=(Guard&& other) noexcept {
    std::swap(lockable_, other.lockable_);
    return *this;
  }
  /// Releases, unless that was done. If it was released behind the guard's back, the loop's exception handler hears of it.
  ~Guard() {
    if (lockable_ == nullptr) return;
    try {
      lockable_->release();
    } catch (...) {
      detail::report_failed_release(std::current_exception());
    }
  }

  /// Releases before the end; a second call does nothing. *Errors*: those of the lock's `release`.
  void release() {
    if (Lockable* const held = std::exchange(lockable_, nullptr)) held->release();
  }
  /// Whether it still holds the lock.
  explicit operator bool() const noexcept { return lockable_ != nullptr; }

 private:
  Lockable* lockable_;
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/sync/condition.hpp>

#include <exception>

#include <tutti/base/error.hpp>
#include <tutti/task/scope_node.hpp>

namespace tutti {

/// Waits to be notified.
class [[nodiscard]] Condition::Notification final : public detail::Waiter {
 public:
  explicit Notification(Condition& condition) noexcept : condition_(&condition) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    wait_in(condition_->waiters_, condition_->bound_, "Condition", handle);
  }
  void await_resume() { finish(); }

 private:
  Condition* condition_;
};

Coro<> Condition::wait() {
  if (!locked()) throw RuntimeError("cannot wait on un-acquired lock");
  bound_.bind(get_running_loop(), "Condition");  // while the lock is held
  release();
  std::exception_ptr error;
  try {
    co_await Notification(*this);
  } catch (...) {
    error = std::current_exception();
  }
  const detail::ScopeShield shield;  // a cancelled scope would cancel each attempt at once
  for (bool held = false; !held;) {
    try {
      co_await acquire();
      held = true;
    } catch (const CancelledError&) {
      error = std::current_exception();
    } catch (...) {
      waiters_.wake(1);
      throw;
    }
  }
  if (error) {
    // This task may have been notified before it was cancelled: another one gets its turn, perhaps for nothing.
    waiters_.wake(1);
    std::rethrow_exception(error);
  }
}

void Condition::notify(std::size_t count) {
  if (!locked()) throw RuntimeError("cannot notify on un-acquired lock");
  waiters_.wake(count);
}

std::string Condition::to_string() const {
  std::string text = locked() ? "<Condition [locked" : "<Condition [unlocked";
  if (!waiters_.empty()) text += ", waiters:" + std::to_string(waiters_.size());
  return text + "]>";
}

}  // namespace tutti

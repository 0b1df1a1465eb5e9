// SPDX-License-Identifier: MIT
#include <tutti/sync/guard.hpp>

#include <tutti/base/log.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

void report_failed_release(const std::exception_ptr& error) noexcept {
  // No loop runs while a closed one destroys its tasks: a guard around `Condition::wait` then finds the lock released.
  EventLoop* const loop = find_running_loop();
  if (loop == nullptr) return;
  try {
    loop->call_exception_handler({"a guard could not release what it holds", error, {}, {}});
  } catch (...) {
    log(LogLevel::error, "sync", "an exception handler threw while a guard was destroyed");
  }
}

}  // namespace tutti::detail

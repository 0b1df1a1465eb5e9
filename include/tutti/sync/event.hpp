// SPDX-License-Identifier: MIT
// Event: tasks wait until it is set.
#pragma once

#include <coroutine>
#include <cstddef>
#include <string>

#include <tutti/sync/waiter.hpp>

namespace tutti {

class Event;

namespace detail {

class [[nodiscard]] EventWait final : public Waiter {
 public:
  explicit EventWait(Event& event) noexcept : event_(&event) {}

  [[nodiscard]] bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> handle);
  void await_resume() {
    if (has_waited()) finish_woken();
  }

 private:
  Event* event_;
};

}  // namespace detail

/// A look at an event; what `statistics` gives.
struct EventStatistics {
  std::size_t tasks_waiting = 0;
};

/// A flag that tasks wait for. It belongs to the first loop on which a task had to wait for it.
///
/// *Concurrency*: not for threads. *Lifetime*: tasks that wait when it is destroyed stay pending until they are cancelled;
/// those that `set` has woken go on. *Source*: asyncio.Event.
class Event {
 public:
  constexpr Event() noexcept = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  [[nodiscard]] bool is_set() const noexcept { return set_; }
  /// Sets it; all who wait now will run in the next iteration, even if it is cleared before.
  void set() noexcept {
    if (set_) return;
    set_ = true;
    if (!waiters_.empty()) waiters_.wake(static_cast<std::size_t>(-1));
  }
  void clear() noexcept { set_ = false; }
  /// `co_await event.wait()` waits until it is set; without an iteration if it is. *Errors*: `RuntimeError` if it must wait and the
  /// event belongs to another loop. *Cancellation*: ends the wait; the event is as it was.
  detail::EventWait wait() noexcept { return detail::EventWait(*this); }

  /// "<Event [unset, waiters:2]>".
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] EventStatistics statistics() const noexcept { return {waiters_.count_waiting()}; }

 private:
  friend detail::EventWait;
  bool set_ = false;
  detail::LoopBound bound_;
  detail::WaiterList waiters_;
};

namespace detail {

inline bool EventWait::await_ready() const noexcept { return event_->set_; }

inline void EventWait::await_suspend(std::coroutine_handle<> handle) {
  wait_in(event_->waiters_, event_->bound_, "Event", handle);
}

}  // namespace detail
}  // namespace tutti

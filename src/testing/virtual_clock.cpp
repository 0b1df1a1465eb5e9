// SPDX-License-Identifier: MIT
#include <tutti/testing/virtual_clock.hpp>

#include <algorithm>

namespace tutti::testing {

TimePoint TestClock::now() { return std::chrono::steady_clock::now(); }

// Whatever happens makes an iteration: as long as there was none, it is quiet.
Duration TestClock::quiet_for(EventLoop& loop) {
  const auto real = std::chrono::steady_clock::now();
  if (quiet_iteration_ != loop.iterations()) {
    quiet_iteration_ = loop.iterations();
    quiet_since_ = real;
  }
  return real - quiet_since_;
}

std::optional<Duration> TestClock::wait_limit(std::optional<TimePoint> deadline, EventLoop& loop) {
  const Duration quiet = quiet_for(loop);
  std::erase_if(waiters_, [](const Waiter& waiter) { return waiter.blocked.done(); });
  if (waiters_.empty()) return quiet_limit(deadline, loop);
  if (deadline && *deadline <= now()) return Duration::zero();
  const auto least = std::min_element(waiters_.begin(), waiters_.end(),
                                      [](const Waiter& a, const Waiter& b) { return a.cushion < b.cushion; });
  return std::max(least->cushion - quiet, Duration::zero());
}

void TestClock::idle(std::optional<TimePoint> deadline, EventLoop& loop) {
  if (deadline && *deadline <= now()) return;  // the loop has not come to its timers yet
  const Duration real = quiet_for(loop);
  if (waiters_.empty()) return quiet(deadline, loop, real);
  for (const Waiter& waiter : waiters_) {
    if (waiter.cushion <= real && !waiter.blocked.done()) waiter.blocked.set_result();
  }
}

std::optional<Duration> TestClock::quiet_limit(std::optional<TimePoint> deadline, EventLoop& loop) {
  return Clock::wait_limit(deadline, loop);
}
void TestClock::quiet(std::optional<TimePoint>, EventLoop&, Duration) {}

Duration VirtualClock::threshold(EventLoop& loop) const noexcept {
  return loop.backend().pending() == 0 ? Duration::zero() : options_.io_threshold;
}

std::optional<Duration> VirtualClock::quiet_limit(std::optional<TimePoint> deadline, EventLoop& loop) {
  if (deadline && *deadline <= now_) return Duration::zero();
  if (!options_.autojump || !deadline || loop.external_work.load() != 0) return std::nullopt;
  return threshold(loop);
}

void VirtualClock::quiet(std::optional<TimePoint> deadline, EventLoop& loop, Duration real) {
  if (!options_.autojump || !deadline || loop.external_work.load() != 0) return;
  if (real >= threshold(loop)) now_ = std::max(now_, *deadline);
}

VirtualClock& virtual_clock() {
  auto* clock = dynamic_cast<VirtualClock*>(get_running_loop().clock());
  if (clock == nullptr) throw RuntimeError("virtual_clock: the running loop has no virtual clock");
  return *clock;
}

Coro<> wait_all_tasks_blocked(Duration cushion) {
  EventLoop& loop = get_running_loop();
  auto* clock = dynamic_cast<TestClock*>(loop.clock());
  if (clock == nullptr) throw RuntimeError("wait_all_tasks_blocked: the running loop has no TestClock");
  const Future<> blocked(loop);
  clock->waiters_.push_back({blocked, cushion});
  co_await blocked;
}

}  // namespace tutti::testing

// SPDX-License-Identifier: MIT
// Clocks for tests: one that knows when all tasks wait, and one on which time passes only then.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

namespace tutti::testing {

/// Real time, on a loop where `wait_all_tasks_blocked` works.
class TestClock : public lowlevel::Clock {
 public:
  [[nodiscard]] TimePoint now() override;
  [[nodiscard]] std::optional<Duration> wait_limit(std::optional<TimePoint> deadline, EventLoop& loop) final;
  void idle(std::optional<TimePoint> deadline, EventLoop& loop) final;

 protected:
  /// How long the loop may wait while nobody waits for it to be quiet.
  [[nodiscard]] virtual std::optional<Duration> quiet_limit(std::optional<TimePoint> deadline, EventLoop& loop);
  /// Nothing has happened for `real`, and nobody waits for that.
  virtual void quiet(std::optional<TimePoint> deadline, EventLoop& loop, Duration real);

 private:
  friend Coro<> wait_all_tasks_blocked(Duration cushion);
  struct Waiter {
    Future<> blocked;
    Duration cushion;
  };
  [[nodiscard]] Duration quiet_for(EventLoop& loop);

  std::vector<Waiter> waiters_;
  std::chrono::steady_clock::time_point quiet_since_{};
  std::uint64_t quiet_iteration_ = 0;
};

/// Options of a `VirtualClock`.
struct VirtualClockOptions {
  /// Whether time jumps by itself to the next deadline when nothing else can happen; else only `advance` moves it.
  bool autojump = true;
  /// How long, in real time, nothing must have happened before it jumps while an I/O operation is in flight.
  Duration io_threshold = std::chrono::milliseconds(10);
};

/// Time that stands still while anything runs, and jumps to the next deadline as soon as all tasks wait: `sleep(1h)` takes no time.
/// It does not jump while something is under way outside (`EventLoop::external_work`); with I/O in flight it waits for a little real
/// time first. Threads that the loop knows nothing of are not waited for.
class VirtualClock final : public TestClock {
 public:
  explicit VirtualClock(VirtualClockOptions options = {}) noexcept : options_(options) {}

  [[nodiscard]] TimePoint now() override { return now_; }
  /// Moves the time on; what is due then runs in the next iteration, in order of the deadlines.
  void advance(Duration by) noexcept { now_ += by; }
  [[nodiscard]] bool autojump() const noexcept { return options_.autojump; }
  void set_autojump(bool on) noexcept { options_.autojump = on; }

 private:
  [[nodiscard]] std::optional<Duration> quiet_limit(std::optional<TimePoint> deadline, EventLoop& loop) override;
  void quiet(std::optional<TimePoint> deadline, EventLoop& loop, Duration real) override;
  [[nodiscard]] Duration threshold(EventLoop& loop) const noexcept;

  VirtualClockOptions options_;
  TimePoint now_{std::chrono::hours(1000)};
};

/// The virtual clock of the running loop. *Errors*: `RuntimeError` if it has another clock, or no loop runs.
[[nodiscard]] VirtualClock& virtual_clock();

/// Waits until all other tasks of the loop wait, and nothing has happened for `cushion` of real time. Virtual time does not jump
/// meanwhile. *Errors*: `RuntimeError` on a loop without a `TestClock`. *Cancellation*: ends the waiting only.
[[nodiscard]] Coro<> wait_all_tasks_blocked(Duration cushion = Duration::zero());

}  // namespace tutti::testing

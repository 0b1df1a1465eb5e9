// SPDX-License-Identifier: MIT
// Barrier: tasks meet at a point.
#pragma once

#include <cstddef>
#include <string>

#include <tutti/sync/condition.hpp>
#include <tutti/sync/errors.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

/// A point that a fixed number of tasks reach before any of them goes on; then it is ready for the next round. It belongs to the
/// first loop on which a task waited in it.
///
/// *Concurrency*: not for threads. *Lifetime*: must outlive the tasks that wait in it. *Source*: asyncio.Barrier.
class Barrier {
 public:
  /// For `parties` tasks. *Errors*: `ValueError` if that is less than 1.
  explicit Barrier(std::ptrdiff_t parties);
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  /// Waits until `parties` tasks do; gives the order of arrival, from 0, in which each of them has its own number. While the tasks of one
  /// round are leaving, those of the next wait outside. *Errors*: `BrokenBarrierError` if it is broken, or is aborted or reset
  /// meanwhile. *Cancellation*: leaves the barrier, which then waits for another task; the others notice nothing.
  Coro<std::size_t> wait();
  /// Makes it as new. Those who wait in it get `BrokenBarrierError`. *Cancellation*: it may not have been reset.
  Coro<> reset();
  /// Breaks it, until it is reset: those who wait in it, and all who come, get `BrokenBarrierError`. *Cancellation*: it may not have
  /// been broken.
  Coro<> abort();

  [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
  /// How many wait in it for others to come.
  [[nodiscard]] std::size_t n_waiting() const noexcept { return state_ == State::filling ? count_ : 0; }
  [[nodiscard]] bool broken() const noexcept { return state_ == State::broken; }

  /// "<Barrier [filling, waiters:2/5]>".
  [[nodiscard]] std::string to_string() const;

 private:
  enum class State { filling, draining, resetting, broken };
  Coro<> wait_for_others();
  void leave();

  Condition changed_;
  std::size_t parties_;
  std::size_t count_ = 0;  // tasks in the barrier
  State state_ = State::filling;
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
// ParkingLot: a line of tasks that others wake, to build primitives from.
#pragma once

#include <coroutine>
#include <cstddef>

#include <tutti/sync/waiter.hpp>

namespace tutti {

class ParkingLot;

namespace detail {

class [[nodiscard]] ParkedTask final : public Waiter {
 public:
  explicit ParkedTask(ParkingLot& lot) noexcept : lot_(&lot) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  void await_resume();

 private:
  ParkingLot* lot_;
};

}  // namespace detail

/// A look at a parking lot; what `statistics` gives.
struct ParkingLotStatistics {
  std::size_t tasks_waiting = 0;
};

/// Tasks that sleep until they are woken, first come, first served. There is no state besides: a wake-up when nobody is parked is no
/// wake-up for who comes later. It belongs to the first loop on which a task parked in it.
///
/// *Concurrency*: not for threads. *Lifetime*: tasks that are parked when it is destroyed stay pending until they are cancelled.
/// *Source*: trio.lowlevel.ParkingLot.
class ParkingLot {
 public:
  constexpr ParkingLot() noexcept = default;
  ParkingLot(const ParkingLot&) = delete;
  ParkingLot& operator=(const ParkingLot&) = delete;

  /// `co_await lot.park()` waits until `unpark` comes to this task. *Errors*: `RuntimeError` if the lot belongs to another loop.
  /// *Cancellation*: it leaves the line; a wake-up that came at the same time goes to the next one.
  detail::ParkedTask park() noexcept { return detail::ParkedTask(*this); }
  /// Wakes the first `count` tasks, or all if there are fewer; gives how many that were. They run in the next iteration.
  std::size_t unpark(std::size_t count = 1) noexcept { return waiters_.wake(count); }
  std::size_t unpark_all() noexcept { return unpark(static_cast<std::size_t>(-1)); }

  [[nodiscard]] ParkingLotStatistics statistics() const noexcept { return {waiters_.count_waiting()}; }

 private:
  friend detail::ParkedTask;
  detail::LoopBound bound_;
  detail::WaiterList waiters_;
};

}  // namespace tutti

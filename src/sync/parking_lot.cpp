// SPDX-License-Identifier: MIT
#include <tutti/sync/parking_lot.hpp>

namespace tutti::detail {

void ParkedTask::await_suspend(std::coroutine_handle<> handle) {
  wait_in(lot_->waiters_, lot_->bound_, "ParkingLot", handle);
}

void ParkedTask::await_resume() {
  const bool gone = is_orphan();
  try {
    finish_woken();
  } catch (...) {
    if (!gone && !was_cancelled()) lot_->unpark();
    throw;
  }
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/sync/queue.hpp>

#include <algorithm>

#include <tutti/base/error.hpp>

namespace tutti::detail {

void QueueBase::task_done() {
  if (unfinished_ == 0) throw ValueError("task_done() called too many times");
  if (--unfinished_ == 0) finished_.set();
}

void QueueBase::wake_next(WaiterList& list) noexcept {
  while (!list.empty()) {
    Waiter& waiter = list.front();
    waiter.unlink();
    if (!waiter.is_waiting()) continue;
    woken_.push(waiter);
    return waiter.wake();
  }
}

void QueueBase::shut_down(std::size_t dropped) noexcept {
  shut_down_ = true;
  unfinished_ -= std::min(dropped, unfinished_);
  if (unfinished_ == 0) finished_.set();
  while (!getters_.empty()) wake_next(getters_);
  while (!putters_.empty()) wake_next(putters_);
}

std::string QueueBase::describe(std::size_t size) const {
  std::string text = std::string("<") + type_ + " maxsize=" + std::to_string(maxsize_);
  const auto add = [&text](const char* name, std::size_t number, const char* end) {
    if (number != 0) text += name + std::to_string(number) + end;
  };
  add(" items[", size, "]");
  add(" getters[", getters_.size(), "]");
  add(" putters[", putters_.size(), "]");
  add(" tasks=", unfinished_, "");
  if (shut_down_) text += " shutdown";
  return text + ">";
}

QueueStatistics QueueBase::look(std::size_t size) const noexcept {
  return {size, getters_.count_waiting(), putters_.count_waiting(), unfinished_};
}

void QueueWaiter::wait_for(WaiterList& list, std::coroutine_handle<> handle) {
  list_ = &list;
  wait_in(list, queue_->bound_, queue_->type_, handle);
}

void QueueWaiter::run() {
  if (was_cancelled() || must_cancel() || is_orphan() || !is_blocked()) return Waiter::run();
  wait_again(*list_);
}

void QueueWaiter::settle_wait() {
  try {
    finish();
  } catch (...) {
    // It was woken for an item, or for room, that it cannot take: that is the next one's.
    if (!was_cancelled() && !is_orphan() && !is_blocked()) queue_->wake_next(*list_);
    throw;
  }
}

}  // namespace tutti::detail

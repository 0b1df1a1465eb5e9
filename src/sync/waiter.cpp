// SPDX-License-Identifier: MIT
#include <tutti/sync/waiter.hpp>

#include <string>

#include <tutti/base/error.hpp>

namespace tutti::detail {

std::size_t WaiterList::size() const noexcept {
  std::size_t count = 0;
  for (const WaiterLink* link = head_.following; link != &head_; link = link->following) ++count;
  return count;
}

std::size_t WaiterList::count_waiting() const noexcept {
  std::size_t count = 0;
  for (const WaiterLink* link = head_.following; link != &head_; link = link->following) {
    if (static_cast<const Waiter&>(*link).is_waiting()) ++count;
  }
  return count;
}

Waiter* WaiterList::first_waiting() const noexcept {
  for (WaiterLink* link = head_.following; link != &head_; link = link->following) {
    auto& waiter = static_cast<Waiter&>(*link);
    if (waiter.is_waiting()) return &waiter;
  }
  return nullptr;
}

bool WaiterList::all_cancelled() const noexcept {
  for (const WaiterLink* link = head_.following; link != &head_; link = link->following) {
    if (!static_cast<const Waiter&>(*link).was_cancelled()) return false;
  }
  return true;
}

std::size_t WaiterList::wake(std::size_t count) noexcept {
  std::size_t woken = 0;
  for (WaiterLink* link = head_.following; link != &head_ && woken < count; link = link->following) {
    auto& waiter = static_cast<Waiter&>(*link);
    if (!waiter.is_waiting()) continue;
    waiter.wake();
    ++woken;
  }
  return woken;
}

void WaiterList::orphan_all() noexcept {
  while (!empty()) {
    Waiter& waiter = front();
    waiter.unlink();
    waiter.orphan_ = true;
  }
}

void LoopBound::bind_first(EventLoop& loop, const char* type) {
  if (loop_ != 0) throw RuntimeError(std::string(type) + " is bound to a different event loop");
  loop_ = loop.number();
}

bool Waiter::cancel(std::string_view message) {
  if (!is_waiting()) return false;
  task_->note_cancel_message(message);
  state_ = State::cancelled;
  schedule();
  return true;
}

void Waiter::check() {
  task_->check_cancelled();
  if (was_cancelled()) task_->throw_cancelled();
  if (orphan_) throw RuntimeError(std::string(type_) + " was destroyed while a task waited for it");
}

// After an exception, and when a loop is closed over a waiting task.
void Waiter::leave() noexcept {
  unlink();
  if (scheduled_) task_->loop().remove_ready(*this);
}

}  // namespace tutti::detail

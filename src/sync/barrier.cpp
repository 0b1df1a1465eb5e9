// SPDX-License-Identifier: MIT
#include <tutti/sync/barrier.hpp>

namespace tutti {

Barrier::Barrier(std::ptrdiff_t parties) : parties_(static_cast<std::size_t>(parties)) {
  if (parties < 1) throw ValueError("Barrier parties must be >= 1");
}

Coro<std::size_t> Barrier::wait() {
  const auto guard = co_await changed_.scoped();
  co_await changed_.wait_for([this] { return state_ != State::draining && state_ != State::resetting; });
  if (broken()) throw BrokenBarrierError("the barrier was aborted");
  const std::size_t index = count_++;
  try {
    if (count_ == parties_) {
      state_ = State::draining;
      changed_.notify_all();
    } else {
      co_await wait_for_others();
    }
  } catch (...) {
    leave();
    throw;
  }
  leave();
  co_return index;
}

Coro<> Barrier::wait_for_others() {
  co_await changed_.wait_for([this] { return state_ != State::filling; });
  if (state_ != State::draining) throw BrokenBarrierError("the barrier was aborted or reset");
}

// The last one out opens it for those who wait outside.
void Barrier::leave() {
  --count_;
  if (count_ != 0) return;
  if (state_ != State::broken) state_ = State::filling;
  changed_.notify_all();
}

Coro<> Barrier::reset() {
  const auto guard = co_await changed_.scoped();
  state_ = count_ > 0 ? State::resetting : State::filling;
  changed_.notify_all();
}

Coro<> Barrier::abort() {
  const auto guard = co_await changed_.scoped();
  state_ = State::broken;
  changed_.notify_all();
}

std::string Barrier::to_string() const {
  if (broken()) return "<Barrier [broken]>";
  const char* const state = state_ == State::filling ? "filling" : state_ == State::draining ? "draining" : "resetting";
  return std::string("<Barrier [") + state + ", waiters:" + std::to_string(n_waiting()) + "/" +
         std::to_string(parties_) + "]>";
}

}  // namespace tutti

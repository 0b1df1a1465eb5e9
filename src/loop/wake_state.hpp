// SPDX-License-Identifier: MIT
// Who has to make a system call so that a sleeping loop wakes: nobody, if it does not sleep.
#pragma once

#include <atomic>

namespace tutti::detail {

/// The part of `IoBackend::wake` that all back ends share. A loop that is awake looks at its queues before it sleeps
/// anyway; only a sleeping one needs the write(2) to an eventfd or a pipe, and only from the first who wakes it.
class WakeState {
 public:
  /// The waker's side; from any thread and from signal handlers. True: the caller has to interrupt the wait.
  [[nodiscard]] bool request() noexcept { return state_.exchange(State::woken) == State::waiting; }

  /// The loop's side, before it sleeps. False: it was woken meanwhile, and must not sleep.
  [[nodiscard]] bool begin_wait() noexcept {
    State expected = State::awake;
    if (state_.compare_exchange_strong(expected, State::waiting)) return true;
    end_wait();
    return false;
  }

  /// After the sleep. An exchange, not a store: it makes visible what the waker did before it called `request`.
  void end_wait() noexcept { state_.exchange(State::awake); }

 private:
  enum class State : int { awake, waiting, woken };
  std::atomic<State> state_{State::awake};
  static_assert(std::atomic<State>::is_always_lock_free, "signal handlers use it");
};

}  // namespace tutti::detail

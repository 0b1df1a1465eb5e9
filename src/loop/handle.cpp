// SPDX-License-Identifier: MIT
#include <tutti/loop/handle.hpp>

#include <tutti/loop/event_loop.hpp>

#include "call.hpp"

namespace tutti::detail {

void HandleState::run() {
  const Ref<HandleState> self = Ref<HandleState>::adopt(this);
  Stage expected = Stage::scheduled;
  if (!stage_.compare_exchange_strong(expected, Stage::running, std::memory_order_acq_rel)) return;
  struct Finish {
    HandleState& handle;
    ~Finish() {
      handle.callback_ = nullptr;
      handle.stage_.store(Stage::finished, std::memory_order_release);
      handle.stage_.notify_all();
    }
  } const finish{*this};
  call_back(*loop_, callback_, context_, where_);
}

void HandleState::drop() noexcept {
  callback_ = nullptr;
  release();
}

// A callback that asks about itself would wait for ever; so would a child that it has forked, where no loop runs. While it
// runs, its loop is there.
void HandleState::wait_for_end() const noexcept {
  if (stage_.load(std::memory_order_acquire) != Stage::running || loop_->runs_on_this_thread()) return;
  stage_.wait(Stage::running, std::memory_order_acquire);
}

bool HandleState::cancelled() const noexcept {
  wait_for_end();
  return cancelled_.load(std::memory_order_acquire);
}

bool HandleState::cancel(std::string_view) {
  cancelled_.store(true, std::memory_order_release);
  Stage expected = Stage::scheduled;
  if (!stage_.compare_exchange_strong(expected, Stage::cancelled, std::memory_order_acq_rel)) {
    wait_for_end();
    return false;
  }
  if (pending() && loop_->remove_timer(*this)) {
    callback_ = nullptr;
    release();
  }
  return true;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/loop/handle.hpp>

#include <string>

#include <tutti/base/log.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

void HandleState::call() {
  const ContextScope scope(context_);
  try {
    callback_();
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (const SystemExit&) {
    throw;
  } catch (...) {
    loop_->call_exception_handler(
        {"exception in callback", std::current_exception(), std::string("callback ") + where_.function_name(), where_});
  }
}

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
  if (!loop_->get_debug()) return call();
  const auto begin = std::chrono::steady_clock::now();
  call();
  report_if_slow(*loop_, std::chrono::steady_clock::now() - begin, "callback", where_);
}

void HandleState::drop() noexcept {
  callback_ = nullptr;
  release();
}

bool HandleState::cancel(std::string_view) {
  Stage expected = Stage::scheduled;
  if (!stage_.compare_exchange_strong(expected, Stage::cancelled, std::memory_order_acq_rel)) {
    if (expected == Stage::running && find_running_loop() != loop_) stage_.wait(Stage::running);
    return false;
  }
  if (pending() && loop_->remove_timer(*this)) {
    callback_ = nullptr;
    release();
  }
  return true;
}

}  // namespace tutti::detail

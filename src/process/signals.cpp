// SPDX-License-Identifier: MIT
#include <tutti/process/signals.hpp>

#include <algorithm>
#include <bitset>
#include <csignal>
#include <utility>

#include <tutti/io/transport.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/sync/queue.hpp>

#include "loop/signals.hpp"

namespace tutti {
namespace detail {

/// The receiver and the coroutines that wait share it.
class SignalReceiverState final : public lowlevel::Shared, public SignalListener {
 public:
  SignalReceiverState(EventLoop& loop, std::vector<int> signums) : loop_(loop) {
    if (signums.empty()) throw ValueError("signals: none is given");
    for (const int signum : signums) check_signal(signum, "signals");
    try {
      for (const int signum : signums) {
        if (std::find(signums_.begin(), signums_.end(), signum) != signums_.end()) continue;
        loop_.service<SignalService>().add_listener(signum, *this);
        signums_.push_back(signum);
      }
    } catch (...) {
      stop_listening();
      throw;
    }
  }

  void signalled(int signum) noexcept override {
    const auto bit = static_cast<std::size_t>(signum);
    if (pending_[bit]) return;
    pending_[bit] = true;
    arrived_.put_nowait(signum);
  }
  void loop_closed() noexcept override { signums_.clear(); }

  static Coro<std::optional<int>> next(Ref<SignalReceiverState> self) {
    try {
      const int signum = co_await self->arrived_.get();
      self->pending_[static_cast<std::size_t>(signum)] = false;
      co_return signum;
    } catch (const QueueShutDown&) {
      co_return std::nullopt;
    }
  }

  void close() {
    if (signums_.empty()) return;
    const std::vector<int> mine = stop_listening();
    arrived_.shutdown(true);
    for (const int signum : mine) {
      if (pending_[static_cast<std::size_t>(signum)]) ::raise(signum);
    }
  }

 private:
  ~SignalReceiverState() override { stop_listening(); }

  std::vector<int> stop_listening() noexcept {
    for (const int signum : signums_) loop_.service<SignalService>().remove_listener(signum, *this);
    return std::exchange(signums_, {});
  }

  EventLoop& loop_;
  std::vector<int> signums_;  // none once it is closed
  Queue<int> arrived_;
  std::bitset<kSignals + 1> pending_;  // in the queue, or on their way to who waits
};

}  // namespace detail

SignalReceiver::SignalReceiver(detail::Ref<detail::SignalReceiverState> state) noexcept : state_(std::move(state)) {}
SignalReceiver::SignalReceiver(SignalReceiver&& other) noexcept = default;
SignalReceiver& SignalReceiver::operator=(SignalReceiver&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
SignalReceiver::~SignalReceiver() {
  if (state_) state_->close();
}

Coro<std::optional<int>> SignalReceiver::next() { return detail::SignalReceiverState::next(state_); }
void SignalReceiver::close() { state_->close(); }

SignalReceiver signals(std::vector<int> signums) {
  using State = detail::SignalReceiverState;
  return SignalReceiver(detail::Ref<State>::adopt(new State(get_running_loop(), std::move(signums))));
}

}  // namespace tutti

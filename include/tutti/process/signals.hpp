// SPDX-License-Identifier: MIT
// Signals one after another, for coroutines. Callbacks: `EventLoop::add_signal_handler`.
#pragma once

#include <optional>
#include <vector>

#include <tutti/base/ref.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

namespace detail {
class SignalReceiverState;
}

/// Receives signals: `auto receiver = signals({SIGTERM, SIGINT}); while (auto signum = co_await receiver.next()) …`
///
/// As long as it lives its signals do nothing else: SIGINT does not interrupt the `Runner`. A signal that comes again
/// before it was received counts once. What was not received when the receiver goes is raised again, so that it has the
/// effect it would have had without one: none is lost between the last `next` and the end. Moves only. *Concurrency*: on
/// the loop's thread; any number of coroutines may wait, and each signal goes to one. Of several receivers each gets it.
/// *Source*: trio.open_signal_receiver.
class SignalReceiver {
 public:
  explicit SignalReceiver(detail::Ref<detail::SignalReceiverState> state) noexcept;
  SignalReceiver(SignalReceiver&& other) noexcept;
  SignalReceiver& operator=(SignalReceiver&& other) noexcept;
  ~SignalReceiver();

  /// The next signal; nothing once it is closed. *Cancellation*: no signal is lost, the next call gets it. *Lifetime*: a
  /// call under way may outlive the receiver.
  [[nodiscard]] Coro<std::optional<int>> next();
  /// Ends it: the signals do again what they did before. Idempotent.
  void close();

 private:
  detail::Ref<detail::SignalReceiverState> state_;
};

/// Begins to receive these signals on the running loop. *Errors*: `RuntimeError` if no loop runs, or one of them cannot be
/// caught (SIGKILL, SIGSTOP); `ValueError` if one is no signal, or there is none.
[[nodiscard]] SignalReceiver signals(std::vector<int> signums);

}  // namespace tutti

// SPDX-License-Identifier: MIT
// Which loop a thread gets, and of which kind.
#pragma once

#include <memory>

#include <tutti/base/functional.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti {

/// Makes a loop; what `Runner` and `run` take as `loop_factory`.
using LoopFactory = std::function<std::unique_ptr<EventLoop>()>;

/// Decides which loop a thread has and how new ones are made. *Concurrency*: its functions are called from any thread.
/// *Source*: asyncio.AbstractEventLoopPolicy.
class EventLoopPolicy {
 public:
  virtual ~EventLoopPolicy();
  /// The loop set for this thread. *Errors*: `RuntimeError` if none was set.
  [[nodiscard]] virtual EventLoop& get_event_loop() = 0;
  /// Sets this thread's loop; null: it has none. It must outlive its place here.
  virtual void set_event_loop(EventLoop* loop) = 0;
  [[nodiscard]] virtual std::unique_ptr<EventLoop> new_event_loop() = 0;
};

/// A loop for each thread, on the back end that suits this machine. Derive from it to change only `new_event_loop`.
class DefaultEventLoopPolicy : public EventLoopPolicy {
 public:
  [[nodiscard]] EventLoop& get_event_loop() override;
  void set_event_loop(EventLoop* loop) override;
  [[nodiscard]] std::unique_ptr<EventLoop> new_event_loop() override;
};

/// The process's policy; a `DefaultEventLoopPolicy` unless another was set.
[[nodiscard]] std::shared_ptr<EventLoopPolicy> get_event_loop_policy();
/// Replaces it; null restores the default. *Concurrency*: from any thread.
void set_event_loop_policy(std::shared_ptr<EventLoopPolicy> policy);

/// The loop that runs on this thread, else the one the policy has for it. *Errors*: `RuntimeError` if there is none.
[[nodiscard]] EventLoop& get_event_loop();
/// `get_event_loop_policy()->set_event_loop(loop)`.
void set_event_loop(EventLoop* loop);
/// `get_event_loop_policy()->new_event_loop()`.
[[nodiscard]] std::unique_ptr<EventLoop> new_event_loop();

}  // namespace tutti

// SPDX-License-Identifier: MIT
// What `call_soon` and `call_later` give back: a callback on its way, which can be called off.
#pragma once

#include <atomic>
#include <source_location>

#include <tutti/base/clock.hpp>
#include <tutti/base/frame_pool.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/loop/context.hpp>
#include <tutti/loop/timer.hpp>

namespace tutti {

class EventLoop;

/// A function that the loop calls.
using Callback = MoveOnlyFunction<void()>;

namespace detail {

/// A scheduled callback. The loop holds a reference while it is scheduled, each handle another one.
class HandleState final : public lowlevel::Timer, public lowlevel::PoolAllocated {
 public:
  HandleState(EventLoop& loop, Callback callback, Ref<ContextState> context, std::source_location where)
      : loop_(&loop), callback_(std::move(callback)), context_(std::move(context)), where_(where) {}

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void run() override;
  void drop() noexcept override;
  bool cancel(std::string_view message = {}) override;
  [[nodiscard]] bool cancelled() const noexcept;
  [[nodiscard]] std::source_location where() const noexcept { return where_; }

  // The callback that came before this one from another thread, while both wait to be taken over by the loop.
  HandleState* posted_next = nullptr;

 private:
  enum class Stage : unsigned char { scheduled, running, finished, cancelled };
  ~HandleState() = default;
  void wait_for_end() const noexcept;

  EventLoop* loop_;
  Callback callback_;
  Ref<ContextState> context_;
  std::source_location where_;
  std::atomic<std::size_t> references_{1};
  std::atomic<Stage> stage_{Stage::scheduled};
  std::atomic<bool> cancelled_{false};  // perhaps too late
};

}  // namespace detail

/// A callback that was scheduled. Copies stand for the same callback; letting all of them go changes nothing.
/// *Concurrency*: on the loop's thread; for a handle of `call_soon_threadsafe` on any thread, where `cancel` and `cancelled`
/// wait for the end of a callback that has already begun, so that after them the callback is not running.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(detail::Ref<detail::HandleState> state) noexcept : state_(std::move(state)) {}

  /// The callback will not be called. No effect if it was called already.
  void cancel() const {
    if (state_) state_->cancel();
  }
  /// Whether `cancel` was called, be it too late.
  [[nodiscard]] bool cancelled() const noexcept { return state_ && state_->cancelled(); }
  /// Where it was scheduled.
  [[nodiscard]] std::source_location where() const noexcept {
    return state_ ? state_->where() : std::source_location();
  }
  friend bool operator==(const Handle&, const Handle&) = default;

 protected:
  detail::Ref<detail::HandleState> state_;
};

/// The same with a moment.
class TimerHandle : public Handle {
 public:
  using Handle::Handle;
  /// When it is due, on the loop's clock.
  [[nodiscard]] TimePoint when() const noexcept { return state_ ? state_->when() : TimePoint(); }
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
// What stands behind concurrent::Future, and the link between it and a future of a loop.
#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/base/copyable.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/future_state.hpp>

namespace tutti::detail {

/// The untyped part of a result that threads share.
class ConcurrentState {
 public:
  using Callback = MoveOnlyFunction<void(ConcurrentState&)>;

  ConcurrentState() = default;
  ConcurrentState(const ConcurrentState&) = delete;
  ConcurrentState& operator=(const ConcurrentState&) = delete;

  [[nodiscard]] bool done() const { return stage() >= Stage::cancelled; }
  [[nodiscard]] bool cancelled() const { return stage() == Stage::cancelled; }
  [[nodiscard]] bool running() const { return stage() == Stage::running; }
  bool cancel();
  bool start();
  void fail(std::exception_ptr error);
  void add_callback(Callback callback);

  /// Waits until it is done. *Errors*: `TimeoutError`; `CancelledError`.
  void wait(std::optional<Duration> timeout, const char* operation);
  /// The exception, null for a success; it is done and was not cancelled.
  [[nodiscard]] std::exception_ptr error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 protected:
  ~ConcurrentState() = default;
  /// The result is stored under the lock, and then it is done. *Errors*: `InvalidStateError`.
  template <class Store>
  void succeed(Store store) {
    std::unique_lock lock(mutex_);
    check_pending();
    store();
    finish(std::move(lock), Stage::finished);
  }

 private:
  enum class Stage : unsigned char { pending, running, cancelled, finished };

  [[nodiscard]] Stage stage() const {
    const std::lock_guard lock(mutex_);
    return stage_;
  }
  void check_pending() const;
  void finish(std::unique_lock<std::mutex> lock, Stage stage);
  void call(Callback& callback) noexcept;

  /// A thread in `wait`. What it waits with stands in its own frame: few futures are ever waited for so.
  struct Waiter;

  mutable std::mutex mutex_;
  Waiter* waiters_ = nullptr;
  Stage stage_ = Stage::pending;
  std::exception_ptr error_;
  std::vector<Callback> callbacks_;
};

template <class T>
class ConcurrentValue final : public ConcurrentState {
 public:
  template <class... Args>
  void set(Args&&... args) {
    succeed([&] { value_.emplace(std::forward<Args>(args)...); });
  }
  /// The value of a success: a copy; moved out if it cannot be copied.
  T get() {
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(**value_);
    } else if constexpr (is_copyable<T>) {
      return *value_;
    } else {
      return std::move(*value_);
    }
  }

 private:
  std::optional<StoredT<T>> value_;
};

template <>
class ConcurrentValue<void> final : public ConcurrentState {
 public:
  void set() {
    succeed([] {});
  }
  void get() const noexcept {}
};

class LoopEnds;

/// A future or task of a loop, held by other threads, of which only the loop's thread ever looks inside.
class LoopEnd final {
 public:
  /// On the loop's thread.
  explicit LoopEnd(Ref<FutureState> future);
  LoopEnd(const LoopEnd&) = delete;
  LoopEnd& operator=(const LoopEnd&) = delete;
  ~LoopEnd();

  /// From any thread: calls `use(future)` on the loop's thread, unless the loop was closed or `let_go` called before.
  static void post(const std::shared_ptr<LoopEnd>& end, MoveOnlyFunction<void(FutureState&)> use);
  /// On the loop's thread; the end of the loop does it for all.
  void let_go() noexcept;

 private:
  friend class LoopEnds;
  Ref<FutureState> future_;
  std::shared_ptr<lowlevel::Door> door_;
  LoopEnds* home_;
  LoopEnd* previous_ = nullptr;
  LoopEnd* following_ = nullptr;
};

/// Cancels the future behind `end` when `state` is cancelled.
void pass_cancellation_on(ConcurrentState& state, std::shared_ptr<LoopEnd> end);
/// What is common to results of all types when a done `task` is copied: false if `state` wants no value any more.
bool copy_failure(FutureState& task, ConcurrentState& state);
/// The same the other way round.
bool copy_failure(ConcurrentState& state, FutureState& future);
/// Posts `callback` to `loop`. *Errors*: `RuntimeError` if it is closed.
void post_or_throw(EventLoop& loop, Callback callback, const char* operation);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// What stands behind the handles `Future<T>` and `Task<T>`: a result that is or will be there.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/frame_pool.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/place.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/loop/context.hpp>
#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

class FutureState;
class ScopeNode;
class TaskState;

/// What few futures and tasks need; made on first need, so that the many stay small.
struct FutureExtras : lowlevel::PoolAllocated {
  FutureExtras() = default;
  FutureExtras(const FutureExtras&) = delete;
  FutureExtras& operator=(const FutureExtras&) = delete;
  ~FutureExtras();

  std::exception_ptr exception;
  std::string cancel_message;
  std::string name;
  Ref<ContextState> context;
  std::source_location created{};
  ScopeNode* scope = nullptr;  // the innermost cancel scope that a task is in
  std::vector<Place> trace;    // of the exception: the coroutines of the task that it has left
};

/// An entry of a future's wait list on behalf of other futures or tasks, for the call graph: who waits through whom.
class Dependent : public lowlevel::Ready {
 public:
  /// Appends those that go on when the future is done.
  virtual void collect_dependents(std::vector<FutureState*>& into) const = 0;

 protected:
  ~Dependent() = default;
};

/// The untyped part of a future. It belongs to one loop; references are counted on its thread.
///
/// Whoever waits for it stands in its wait list, as an entry of the ready queue to be: when the future is done the whole
/// list moves to the loop's ready queue, in order, and so nothing is ever called inside `set_result`.
class FutureState : public lowlevel::Suspension {
 public:
  FutureState(const FutureState&) = delete;
  FutureState& operator=(const FutureState&) = delete;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) destroy();
  }

  /// Whether there is only one reference.
  [[nodiscard]] bool unique() const noexcept { return references_ == 1; }

  [[nodiscard]] EventLoop& loop() const noexcept { return *loop_; }
  [[nodiscard]] bool done() const noexcept { return has(kDone); }
  [[nodiscard]] bool cancelled() const noexcept { return has(kCancelled); }
  [[nodiscard]] bool failed() const noexcept { return has(kFailed); }
  [[nodiscard]] bool is_task() const noexcept { return has(kTask); }

  /// Asks for cancellation; for a plain future this makes it cancelled. False if it is done.
  bool cancel(std::string_view message) override;

  /// *Errors*: `InvalidStateError` if it is done.
  void set_exception(std::exception_ptr error);
  /// The exception, null if there is none; marks it as retrieved. *Errors*: `CancelledError`, `InvalidStateError`.
  std::exception_ptr exception();
  /// The same without the throwing, for combinators: null unless failed.
  std::exception_ptr take_exception() noexcept;
  /// The exception that a cancelled one throws: the one that cancelled it, once; after that new ones like it.
  std::exception_ptr make_cancelled_error();

  /// Throws what `result()` throws if it is not a success; marks an exception as retrieved.
  void check_success() {
    if (!has(kDone) || has(kCancelled | kFailed)) [[unlikely]]
      throw_failure();
  }
  /// *Errors*: `InvalidStateError` unless it is pending; the result is stored right before `finish`.
  void check_pending() const {
    if (has(kDone)) [[unlikely]]
      throw_not_pending();
  }
  /// Now it is done: wakes all who wait.
  void finish() noexcept {
    flags_ |= kDone;
    if (!waiting_.empty()) schedule_waiting();
  }

  /// `entry` becomes ready when it is done; at once if it is.
  void add_waiter(lowlevel::Ready& entry) noexcept {
    if (has(kDone)) {
      loop_->make_ready(entry);
    } else {
      waiting_.push(entry);
    }
  }
  /// Takes `entry` out of the wait list, if it stands there; O(n).
  bool remove_waiter(lowlevel::Ready& entry) noexcept;

  /// Calls `callback` through the loop when it is done; in a copy of the current context. Gives a token to remove it by.
  /// `dependent` is what the callback completes, for the call graph; the callback keeps it alive.
  std::uint64_t add_callback(MoveOnlyFunction<void(FutureState&)> callback, FutureState* dependent = nullptr) {
    return add_callback_in(copy_current_context(), std::move(callback), dependent);
  }
  /// The same in `context` itself.
  std::uint64_t add_callback_in(Ref<ContextState> context, MoveOnlyFunction<void(FutureState&)> callback,
                                FutureState* dependent = nullptr);
  std::size_t remove_callback(std::uint64_t token) noexcept;

  /// Nobody needs to look at the exception.
  void mark_retrieved() noexcept { flags_ &= static_cast<std::uint16_t>(~kUnretrieved); }

  FutureExtras& extras();
  [[nodiscard]] const FutureExtras* find_extras() const noexcept { return extras_; }
  /// The tasks that wait for it, directly or through futures that it completes (those of `gather`, `shield`, …); each once.
  [[nodiscard]] std::vector<TaskState*> awaited_by() const;
  /// "future", or "task 'name'".
  [[nodiscard]] virtual std::string describe_self() const;

 protected:
  static constexpr std::uint16_t kDone = 1;
  static constexpr std::uint16_t kCancelled = 2;
  static constexpr std::uint16_t kFailed = 4;
  static constexpr std::uint16_t kUnretrieved = 8;  // failed, and nobody has looked
  static constexpr std::uint16_t kTask = 16;
  static constexpr std::uint16_t kMustCancel = 32;  // the task's next wake-up throws CancelledError
  static constexpr std::uint16_t kStarted = 64;
  static constexpr std::uint16_t kHasResult = 128;        // the typed part holds a value
  static constexpr std::uint16_t kCallbacks = 256;        // functions may stand in the wait list
  static constexpr std::uint16_t kVoid = 1024;            // a task without a result
  static constexpr std::uint16_t kSilent = 512;           // no report if it is destroyed while pending
  static constexpr std::uint16_t kScopeCancelled = 2048;  // the task is in a cancelled scope: each wait is cancelled
  static constexpr std::uint16_t kBeingCancelled = 4096;  // what the task waits for is being asked to let go

  FutureState(EventLoop& loop, std::uint16_t flags, std::uint32_t references = 1) noexcept
      : references_(references), flags_(flags), loop_(&loop) {}
  virtual ~FutureState() {
    if (!waiting_.empty() || extras_ != nullptr) [[unlikely]]
      drop_rest();
  }

  [[nodiscard]] bool has(std::uint16_t flags) const noexcept { return (flags_ & flags) != 0; }
  void run() override {}  // only tasks are entries themselves
  /// Tells those who wait that it will never be done.
  void drop_waiting() noexcept;

  std::uint32_t references_;
  std::uint32_t cancel_requests_ = 0;
  std::uint32_t number_low_ = 0;  // of a task without a name: N in Task-N
  std::uint16_t number_high_ = 0;
  std::uint16_t flags_;
  EventLoop* loop_;
  lowlevel::WaitList waiting_;
  FutureExtras* extras_ = nullptr;

 private:
  void destroy() noexcept {
    if (has(kUnretrieved)) [[unlikely]]
      report_unretrieved();
    delete this;
  }
  void report_unretrieved() noexcept;
  void collect_waiting(std::vector<FutureState*>& into) const;
  void drop_rest() noexcept;
  void schedule_waiting() noexcept;
  [[noreturn]] void throw_failure();
  [[noreturn]] void throw_not_pending() const;
};

/// What a result is stored as: references as pointers, void as nothing.
template <class T>
struct Stored {
  using type = T;
};
template <class T>
struct Stored<T&> {
  using type = T*;
};
template <class T>
using StoredT = typename Stored<T>::type;

/// A future, or (with `Base` = TaskState) a task, with room for its result.
template <class T, class Base>
class Typed : public Base {
 public:
  template <class... Args>
  explicit Typed(EventLoop& loop, Args... args) : Base(loop, args...) {}

  template <class... Args>
  void emplace(Args&&... args) {
    ::new (static_cast<void*>(std::addressof(value_))) StoredT<T>(std::forward<Args>(args)...);
    this->flags_ |= FutureState::kHasResult;
  }
  [[nodiscard]] StoredT<T>& value() noexcept { return value_; }

 protected:
  ~Typed() override {
    if constexpr (!std::is_trivially_destructible_v<StoredT<T>>) {
      if (this->has(FutureState::kHasResult)) value_.~StoredT<T>();
    }
  }

 private:
  union {
    StoredT<T> value_;
  };
};

template <class Base>
class Typed<void, Base> : public Base {
 public:
  template <class... Args>
  explicit Typed(EventLoop& loop, Args... args) : Base(loop, args...) {
    this->flags_ |= FutureState::kVoid;
  }
  void emplace() noexcept {}

 protected:
  ~Typed() override = default;
};

/// A future that is not a task.
template <class T>
class PlainFuture : public Typed<T, FutureState>, public lowlevel::PoolAllocated {
 public:
  explicit PlainFuture(EventLoop& loop) : Typed<T, FutureState>(loop, std::uint16_t{0}) {}
};

}  // namespace tutti::detail

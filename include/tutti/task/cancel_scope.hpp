// SPDX-License-Identifier: MIT
// Cancel scopes: a piece of a task that can be cancelled by itself, and stays cancelled until it is left.
//
//   auto page = co_await move_on_after(5s, [&]() -> Coro<std::string> { … });      // std::optional: empty if the time was up
//   auto page = co_await fail_after(5s, [&]() -> Coro<std::string> { … });         // TimeoutError if the time was up
//
// `Task::cancel` throws once (edge-triggered); in a cancelled scope each `co_await` that has to wait throws again
// (level-triggered). docs/cancellation.md tells how the two meet.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tutti/base/clock.hpp>
#include <tutti/base/optional_ref.hpp>
#include <tutti/loop/timer.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/scope_node.hpp>
#include <tutti/task/timeout.hpp>

namespace tutti {

/// Options of a `CancelScope`.
struct CancelScopeOptions {
  std::optional<TimePoint> deadline = {};  ///< when it is cancelled, on the loop's clock; absent: never
  bool shield = false;                     ///< scopes around it cannot cancel what is inside
};

/// Options of `move_on_after` and its kin.
struct ShieldOptions {
  bool shield = false;  ///< as of a `CancelScope`
};

/// A piece of a task that can be cancelled. `cancel_scope` and `move_on_after` make one and hand it to their body.
///
/// When it is cancelled, what the task waits for inside of it lets go, and so does everything that it waits for later: each such
/// `co_await` throws `CancelledError`, until the scope is left, where that exception ends. A `co_await` that need not wait passes, and one
/// that had its result already gives it. The tasks of a `task_group` inside of the scope are inside of it too.
/// *Concurrency*: `cancel` and the setters from any task or callback of the loop. *Source*: trio.CancelScope.
class CancelScope : private detail::ScopeNode {
 public:
  explicit CancelScope(CancelScopeOptions options = {});
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;
  ~CancelScope() override;

  /// Cancels what is inside, now and for good; `reason` becomes the message of `CancelledError`. Before it is entered: from its beginning.
  /// No effect the second time, or once it was left.
  void cancel(std::string_view reason = {});
  /// Whether it was cancelled: by `cancel`, or since its deadline has passed.
  [[nodiscard]] bool cancel_called() const noexcept { return is_cancelled(); }
  /// Whether it was left by a `CancelledError` of its own, which ended there.
  [[nodiscard]] bool cancelled_caught() const noexcept { return caught_; }

  [[nodiscard]] std::optional<TimePoint> deadline() const noexcept { return deadline_; }
  /// Moves the deadline; one that has passed cancels at once. Absent: none. No effect on a scope that is cancelled already.
  void set_deadline(std::optional<TimePoint> deadline);
  [[nodiscard]] bool shield() const noexcept { return is_shielded(); }
  /// Whether scopes around it can cancel what is inside. If they are cancelled when it is lowered, they do at once.
  void set_shield(bool on) { set_shielded(on); }

  /// Runs `body()` or `body(CancelScope&)` (a callable that returns a coroutine) in the scope. Gives the result of the body, empty if the scope cut
  /// it off; for a body that gives nothing, whether it came to its end. *Errors*: what the body throws; `RuntimeError` if it was entered before.
  /// *Cancellation*: that of the task arrives in the body and passes through the scope, also through a cancelled one; only the scope's own ends here.
  template <class Body>
  auto run(Body body);

  /// Begins; `with`'s way in. *Errors*: `RuntimeError` outside of a task, or if it was entered before.
  void enter();
  /// Ends, with what the body threw (null: nothing); gives what is to be thrown instead. *Errors*: `RuntimeError` if it was not entered, in
  /// another task, or before scopes that were entered later.
  [[nodiscard]] std::exception_ptr exit(std::exception_ptr error);

 private:
  class Deadline final : public lowlevel::Timer {
   public:
    explicit Deadline(CancelScope& scope) noexcept : scope_(scope) {}
    void run() override;
    void drop() noexcept override { scope_.armed_ = false; }
    bool cancel(std::string_view) override { return false; }

   private:
    CancelScope& scope_;
  };
  enum class State : unsigned char { created, active, left };

  void arm();
  void disarm() noexcept;
  [[nodiscard]] std::optional<TimePoint> own_deadline() const noexcept override { return deadline_; }

  State state_ = State::created;
  bool caught_ = false;
  bool armed_ = false;
  std::uint32_t cancelling_ = 0;  // of the task, when it began
  std::optional<TimePoint> deadline_;
  Deadline timer_{*this};
  detail::Ref<detail::FutureState> task_;
};

/// When the present task will be cancelled by the scopes it is in, as it looks now: the earliest deadline up to the first shield; the
/// beginning of time if they are cancelled already; nothing if there is no deadline. *Errors*: `RuntimeError` outside of a task.
/// *Source*: trio.current_effective_deadline.
[[nodiscard]] std::optional<TimePoint> current_effective_deadline();

namespace detail {

template <class T>
struct ScopeResultOf {
  using type = Maybe<T>;
};
template <>
struct ScopeResultOf<void> {
  using type = bool;
};
/// What is left of a T if a scope may cut it off.
template <class T>
using ScopeResult = typename ScopeResultOf<T>::type;

template <class Body>
decltype(auto) enter_scope_body(Body& body, CancelScope& scope) {
  if constexpr (std::is_invocable_v<Body&, CancelScope&>) {
    return body(scope);
  } else {
    static_assert(std::is_invocable_v<Body&>, "the body is a callable that returns a coroutine: [&] { return f(); }");
    return body();
  }
}
template <class Body>
using ScopeBodyResult = AwaitResult<decltype(enter_scope_body(std::declval<Body&>(), std::declval<CancelScope&>()))>;

template <class Body, class T = ScopeBodyResult<Body>>
Coro<ScopeResult<T>> run_in_scope(CancelScope& scope, Body body) {
  ScopeResult<T> result{};
  std::exception_ptr error;
  scope.enter();
  try {
    if constexpr (std::is_void_v<T>) {
      co_await enter_scope_body(body, scope);
      result = true;
    } else {
      result = ScopeResult<T>(co_await enter_scope_body(body, scope));
    }
  } catch (...) {
    error = std::current_exception();
  }
  error = scope.exit(std::move(error));
  if (error) std::rethrow_exception(std::move(error));
  co_return result;
}

template <class Body>
Coro<ScopeResult<ScopeBodyResult<Body>>> run_in_new_scope(CancelScopeOptions options, Body body) {
  CancelScope scope(options);
  co_return co_await run_in_scope(scope, std::move(body));
}

/// `TimeoutError` for a scope that was cut off; it names the delay if that has passed.
[[noreturn]] void throw_scope_timeout(const CancelScope& scope, const char* operation,
                                      std::optional<TimePoint> deadline, std::optional<Duration> delay);

template <class Body, class T = ScopeBodyResult<Body>>
Coro<T> fail_in_new_scope(CancelScopeOptions options, const char* operation, std::optional<Duration> delay, Body body) {
  CancelScope scope(options);
  auto result = co_await run_in_scope(scope, std::move(body));
  if (!result) throw_scope_timeout(scope, operation, options.deadline, delay);
  if constexpr (!std::is_void_v<T>) co_return static_cast<T>(*std::move(result));
}

// The delay begins when the body does, not when the coroutine is made.
template <class Body>
Coro<ScopeResult<ScopeBodyResult<Body>>> move_on_in(std::optional<Duration> delay, Body body, bool shield) {
  co_return co_await run_in_new_scope({.deadline = deadline_after(delay), .shield = shield}, std::move(body));
}
template <class Body>
Coro<ScopeBodyResult<Body>> fail_in(std::optional<Duration> delay, Body body, bool shield) {
  co_return co_await fail_in_new_scope({.deadline = deadline_after(delay), .shield = shield}, "fail_after", delay,
                                       std::move(body));
}

}  // namespace detail

template <class Body>
auto CancelScope::run(Body body) {
  return detail::run_in_scope(*this, std::move(body));
}

/// Runs `body()` or `body(CancelScope&)` in a new scope; gives what `CancelScope::run` does. *Cancellation*: as of `CancelScope::run`.
/// *Lifetime*: the callable is kept alive.
template <class Body>
auto cancel_scope(Body body, CancelScopeOptions options = {}) {
  return detail::run_in_new_scope(options, std::move(body));
}

/// Runs `body()` or `body(CancelScope&)` until `when` (absent: without a limit) at most. Gives its result, empty if the time was up; for a body
/// that gives nothing, whether it came to its end. *Cancellation*: that of the task throws `CancelledError` through it; it is not mistaken
/// for the deadline. *Source*: trio.move_on_at.
template <class Body>
auto move_on_at(std::optional<TimePoint> when, Body body, ShieldOptions options = {}) {
  return detail::run_in_new_scope({.deadline = when, .shield = options.shield}, std::move(body));
}
/// The same with a delay from the moment at which the body begins.
template <class Body>
auto move_on_after(std::optional<Duration> delay, Body body, ShieldOptions options = {}) {
  return detail::move_on_in(delay, std::move(body), options.shield);
}
template <class Rep, class Period, class Body>
auto move_on_after(std::chrono::duration<Rep, Period> delay, Body body, ShieldOptions options = {}) {
  return detail::move_on_in(std::optional<Duration>(to_duration(delay)), std::move(body), options.shield);
}

/// As `move_on_at`, but gives the result itself. *Errors*: `TimeoutError` if the scope was cancelled, and cut the body off.
/// *Cancellation*: that of the task stays a `CancelledError`. *Source*: trio.fail_at.
template <class Body>
auto fail_at(std::optional<TimePoint> when, Body body, ShieldOptions options = {}) {
  return detail::fail_in_new_scope({.deadline = when, .shield = options.shield}, "fail_at", std::nullopt,
                                   std::move(body));
}
/// The same with a delay from the moment at which the body begins.
template <class Body>
auto fail_after(std::optional<Duration> delay, Body body, ShieldOptions options = {}) {
  return detail::fail_in(delay, std::move(body), options.shield);
}
template <class Rep, class Period, class Body>
auto fail_after(std::chrono::duration<Rep, Period> delay, Body body, ShieldOptions options = {}) {
  return detail::fail_in(std::optional<Duration>(to_duration(delay)), std::move(body), options.shield);
}

}  // namespace tutti

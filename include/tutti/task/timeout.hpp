// SPDX-License-Identifier: MIT
// Limits in time: `timeout`, `timeout_at`, `wait_for`.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/loop/handle.hpp>
#include <tutti/loop/timer.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

/// A deadline over a piece of a task. `timeout` makes one and hands it to its body. When the deadline passes, the task is
/// cancelled; the `CancelledError` that comes out of the body becomes `TimeoutError`, unless somebody else cancelled the task too.
/// *Source*: asyncio.Timeout.
class Timeout : private lowlevel::Timer {
 public:
  /// A moment on the loop's clock; nothing: no limit.
  explicit Timeout(std::optional<TimePoint> when) noexcept : deadline_(when) {}
  /// The same; the error says that it was `operation` that took longer than `delay` (absent: that it took too long).
  /// *Lifetime*: `operation` must outlive it.
  Timeout(std::optional<TimePoint> when, const char* operation, std::optional<Duration> delay) noexcept
      : deadline_(when), operation_(operation), delay_(delay) {}
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;
  ~Timeout();

  /// The deadline.
  [[nodiscard]] std::optional<TimePoint> when() const noexcept { return deadline_; }
  /// Moves the deadline; a past one fires at the next suspension. *Errors*: `RuntimeError` unless it is active and has not fired.
  void reschedule(std::optional<TimePoint> when);
  /// Whether the deadline has passed inside of it.
  [[nodiscard]] bool expired() const noexcept { return state_ == State::expiring || state_ == State::expired; }

  /// Begins; `async with`'s way in. *Errors*: `RuntimeError` outside of a task, or if it was entered before.
  void enter();
  /// Ends, with what the body threw (null: nothing); gives what is to be thrown instead.
  [[nodiscard]] std::exception_ptr exit(std::exception_ptr error);

 private:
  enum class State { created, active, expiring, expired, finished };
  void run() override { expire(); }
  bool cancel(std::string_view) override { return false; }
  void arm();
  void expire();
  void disarm() noexcept;

  State state_ = State::created;
  bool armed_ = false;  // a timer or callback will call expire()
  std::optional<TimePoint> deadline_;
  const char* operation_ = "timeout";
  std::optional<Duration> delay_;  // what the deadline was made of, for the message
  detail::TaskState* task_ = nullptr;
  std::uint32_t cancelling_ = 0;  // of the task, when it began
  Handle soon_;                   // for a deadline that had passed already
};

namespace detail {

/// The deadline of a delay from now on.
std::optional<TimePoint> deadline_after(std::optional<Duration> delay);

template <class Body>
decltype(auto) enter_body(Body& body, Timeout& limit) {
  if constexpr (std::is_invocable_v<Body&, Timeout&>) {
    return body(limit);
  } else {
    static_assert(std::is_invocable_v<Body&>, "the body is a callable that returns a coroutine: [&] { return f(); }");
    return body();
  }
}

/// "wait_for: timed out after 5 s", or without the time.
std::string timeout_message(const char* operation, std::optional<Duration> delay);
/// `TimeoutError` with `cause` nested in it.
std::exception_ptr timeout_error(const std::exception_ptr& cause, const char* operation, std::optional<Duration> delay);

template <class Body>
using TimedResult = AwaitResult<decltype(enter_body(std::declval<Body&>(), std::declval<Timeout&>()))>;

template <class Body, class T = TimedResult<Body>>
Coro<T> run_until(std::optional<TimePoint> when, const char* operation, std::optional<Duration> delay, Body body) {
  Timeout limit(when, operation, delay);
  limit.enter();
  std::exception_ptr error;
  if constexpr (std::is_void_v<T>) {
    try {
      co_await enter_body(body, limit);
    } catch (...) {
      error = std::current_exception();
    }
    error = limit.exit(std::move(error));
    if (error) std::rethrow_exception(std::move(error));
  } else {
    std::optional<StoredT<T>> result;
    try {
      if constexpr (std::is_reference_v<T>) {
        result.emplace(std::addressof(co_await enter_body(body, limit)));
      } else {
        result.emplace(co_await enter_body(body, limit));
      }
    } catch (...) {
      error = std::current_exception();
    }
    error = limit.exit(std::move(error));
    if (error) std::rethrow_exception(std::move(error));
    if constexpr (std::is_reference_v<T>) {
      co_return static_cast<T>(**result);
    } else {
      co_return std::move(*result);
    }
  }
}

}  // namespace detail

/// Runs `body()` or `body(Timeout&)` (a callable that returns a coroutine) until `when`; gives its result.
/// *Errors*: `TimeoutError` if the deadline cancelled the body. A body that never suspends cannot time out.
/// *Cancellation*: passes through; it is not mistaken for the timeout. *Lifetime*: the callable is kept alive. *Source*: asyncio.timeout_at.
template <class Body>
auto timeout_at(std::optional<TimePoint> when, Body body) {
  return detail::run_until(when, "timeout_at", std::nullopt, std::move(body));
}

/// The same with a delay from the moment at which the body begins; absent: no limit.
template <class Body>
auto timeout(std::optional<Duration> delay, Body body) -> Coro<detail::TimedResult<Body>> {
  co_return co_await detail::run_until(detail::deadline_after(delay), "timeout", delay, std::move(body));
}
template <class Rep, class Period, class Body>
auto timeout(std::chrono::duration<Rep, Period> delay, Body body) {
  return timeout(std::optional<Duration>(to_duration(delay)), std::move(body));
}
template <class Body>
auto timeout(std::nullopt_t, Body body) {
  return timeout(std::optional<Duration>(), std::move(body));
}

namespace detail {

/// Cancels `future` and waits until it is done.
Coro<> cancel_and_wait(Ref<FutureState> future);

/// Starts `awaitable`, cancels it before it can run, and gives its result if it had one already.
template <class A>
Coro<AwaitResult<A>> expired_wait_for(A awaitable, Duration limit) {
  auto future = ensure_future(std::move(awaitable));
  if (!future.done()) {
    co_await cancel_and_wait(future.state());
    if (future.cancelled()) {
      std::rethrow_exception(timeout_error(future.state()->make_cancelled_error(), "wait_for", limit));
    }
  }
  co_return std::move(future).result();
}

template <class A>
Coro<AwaitResult<A>> wait_for(A awaitable, std::optional<Duration> limit) {
  if (limit && *limit <= Duration::zero()) co_return co_await expired_wait_for(std::move(awaitable), *limit);
  co_return co_await run_until(deadline_after(limit), "wait_for", limit,
                               [&awaitable]() -> A&& { return std::move(awaitable); });
}

}  // namespace detail

/// Waits for `awaitable` (a coroutine, a callable that returns one, a task, a future) for at most `limit` (absent: no limit); gives its result. A coroutine
/// runs right here, without a task of its own. When the time is up it is cancelled, and *awaited*: if it refuses to end, this waits on;
/// what it returns or throws then counts. *Errors*: `TimeoutError` (with the `CancelledError` nested).
/// *Cancellation*: cancels what it waits for. *Source*: asyncio.wait_for.
template <class A>
auto wait_for(A&& awaitable, std::optional<Duration> limit) {
  using Plain = std::remove_cvref_t<A>;
  if constexpr (Awaitable<Plain>) {
    return detail::wait_for<Plain>(std::forward<A>(awaitable), limit);
  } else {
    auto coro = detail::to_coro(std::forward<A>(awaitable));
    return detail::wait_for<decltype(coro)>(std::move(coro), limit);
  }
}
template <class A, class Rep, class Period>
auto wait_for(A&& awaitable, std::chrono::duration<Rep, Period> limit) {
  return tutti::wait_for(std::forward<A>(awaitable), std::optional<Duration>(to_duration(limit)));
}
template <class A>
auto wait_for(A&& awaitable, std::nullopt_t) {
  return tutti::wait_for(std::forward<A>(awaitable), std::optional<Duration>());
}

}  // namespace tutti

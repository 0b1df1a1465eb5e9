// SPDX-License-Identifier: MIT
// Between threads and a loop: a future to block on, coroutines started from other threads, and their futures awaited.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/concurrent_state.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task.hpp>

namespace tutti {
namespace concurrent {

/// A result that threads wait for by blocking. Copies are handles of the same one. A loop's own thread must not block on what the loop
/// has to do first: `wrap_future` gives a future to await. *Concurrency*: all functions from any thread.
/// *Source*: concurrent.futures.Future.
template <class T = void>
class Future {
 public:
  using value_type = T;

  Future() : state_(std::make_shared<detail::ConcurrentValue<T>>()) {}

  /// Blocks until it is done, at most for `timeout`; gives a copy of the result, or moves it out if it cannot be copied. *Errors*:
  /// its exception; `CancelledError` if it was cancelled; `TimeoutError`, and the work goes on.
  T result(std::optional<Duration> timeout = std::nullopt) const {
    state_->wait(timeout, "result");
    if (std::exception_ptr error = state_->error()) std::rethrow_exception(error);
    return state_->get();
  }
  template <class Rep, class Period>
  T result(std::chrono::duration<Rep, Period> timeout) const {
    return result(std::optional<Duration>(to_duration(timeout)));
  }
  /// Blocks in the same way; gives the exception, null for a success.
  [[nodiscard]] std::exception_ptr exception(std::optional<Duration> timeout = std::nullopt) const {
    state_->wait(timeout, "exception");
    return state_->error();
  }
  template <class Rep, class Period>
  [[nodiscard]] std::exception_ptr exception(std::chrono::duration<Rep, Period> timeout) const {
    return exception(std::optional<Duration>(to_duration(timeout)));
  }

  /// Cancels it, and the task behind it if there is one. False if it is done or the work has begun; true if it was cancelled before.
  bool cancel() const { return state_->cancel(); }
  [[nodiscard]] bool cancelled() const { return state_->cancelled(); }
  [[nodiscard]] bool running() const { return state_->running(); }
  [[nodiscard]] bool done() const { return state_->done(); }

  /// Calls `callback(future)` or `callback()` once it is done: on the thread that completes it, at once if that has happened. What
  /// the callback throws is logged.
  template <class F>
  void add_done_callback(F callback) const {
    state_->add_callback(
        [function = std::move(callback), weak = std::weak_ptr(state_)](detail::ConcurrentState&) mutable {
          if constexpr (std::is_invocable_v<F&, const Future&>) {
            if (auto state = weak.lock()) function(Future(std::move(state)));
          } else {
            function();
          }
        });
  }

  // ---- for whoever does the work ----

  /// The work begins: from now on `cancel` is refused. False if it was cancelled before. *Errors*: `InvalidStateError`.
  [[nodiscard]] bool set_running_or_notify_cancel() const { return state_->start(); }
  /// *Errors*: `InvalidStateError` if it is done.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U &&>)
  void set_result(U&& value) const {
    if constexpr (std::is_reference_v<T>) {
      state_->set(std::addressof(static_cast<T>(value)));
    } else {
      state_->set(std::forward<U>(value));
    }
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    state_->set();
  }
  void set_exception(std::exception_ptr error) const { state_->fail(std::move(error)); }
  template <class Error>
    requires(!std::same_as<std::remove_cvref_t<Error>, std::exception_ptr>)
  void set_exception(Error error) const {
    set_exception(std::make_exception_ptr(std::move(error)));
  }

  friend bool operator==(const Future& a, const Future& b) noexcept { return a.state_ == b.state_; }
  /// For combinators.
  [[nodiscard]] const std::shared_ptr<detail::ConcurrentValue<T>>& state() const noexcept { return state_; }

 private:
  explicit Future(std::shared_ptr<detail::ConcurrentValue<T>> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<detail::ConcurrentValue<T>> state_;
};

}  // namespace concurrent

namespace detail {

template <class T>
using ConcurrentRef = std::shared_ptr<ConcurrentValue<T>>;

/// A done-callback that takes a task's outcome across. If the loop is closed over the task, it is cancelled.
template <class T>
class TaskDelivery {
 public:
  TaskDelivery(ConcurrentRef<T> target, std::shared_ptr<LoopEnd> end) noexcept
      : target_(std::move(target)), end_(std::move(end)) {}
  TaskDelivery(TaskDelivery&&) noexcept = default;
  TaskDelivery& operator=(TaskDelivery&&) = delete;
  ~TaskDelivery() {
    if (!target_) return;
    end_->let_go();
    target_->cancel();
  }

  void operator()(FutureState& task) {
    const ConcurrentRef<T> target = std::move(target_);
    end_->let_go();
    if (!copy_failure(task, *target)) return;
    try {
      if constexpr (std::is_void_v<T>) {
        target->set();
      } else if constexpr (std::is_reference_v<T>) {
        target->set(std::addressof(value_of<T>(task, false)));
      } else {
        target->set(value_of<T>(task, false));
      }
    } catch (...) {
      target->fail(std::current_exception());  // the copy could not be made
    }
  }

 private:
  ConcurrentRef<T> target_;
  std::shared_ptr<LoopEnd> end_;
};

/// A coroutine on its way to its loop, which `origin.loop()` tells; `origin.tie` is what may cancel its task there.
template <class T, class Origin>
class Submission {
 public:
  Submission(Origin origin, Coro<T> coro, ConcurrentRef<T> target) noexcept
      : origin_(std::move(origin)), coro_(std::move(coro)), target_(std::move(target)) {}
  Submission(Submission&&) noexcept = default;
  Submission& operator=(Submission&&) = delete;
  /// If it never came there, the loop is closed.
  ~Submission() {
    if (!target_) return;
    coro_.close();
    target_->cancel();
  }

  void operator()() {
    const ConcurrentRef<T> target = std::move(target_);
    try {
      const Task<T> task = origin_.loop().create_task(std::move(coro_));
      const auto end = std::make_shared<LoopEnd>(task.state());
      origin_.tie(*target, end);
      task.state()->add_callback(TaskDelivery<T>(target, end));
    } catch (...) {
      coro_.close();
      if (target->start()) target->fail(std::current_exception());
      throw;
    }
  }

 private:
  Origin origin_;
  Coro<T> coro_;
  ConcurrentRef<T> target_;
};

/// Any thread: whoever cancels the future cancels the task.
class AnyThread {
 public:
  explicit AnyThread(EventLoop& loop) noexcept : loop_(&loop) {}
  [[nodiscard]] EventLoop& loop() const noexcept { return *loop_; }
  static void tie(ConcurrentState& target, const std::shared_ptr<LoopEnd>& task) { pass_cancellation_on(target, task); }

 private:
  EventLoop* loop_;
};

template <class T>
void copy_outcome(ConcurrentValue<T>& source, FutureState& future) {
  if (!copy_failure(source, future)) return;
  auto& typed = static_cast<Typed<T, FutureState>&>(future);
  try {
    if constexpr (std::is_void_v<T>) {
      typed.emplace();
    } else if constexpr (std::is_reference_v<T>) {
      typed.emplace(std::addressof(source.get()));
    } else {
      typed.emplace(source.get());
    }
  } catch (...) {
    return future.set_exception(std::current_exception());  // the copy could not be made
  }
  typed.finish();
}

}  // namespace detail

/// Runs a coroutine (or a callable that returns one, which is kept alive) as a task of `loop`, from any other thread. The future
/// gives its result there. *Errors*: `RuntimeError` if the loop is closed; what the task factory throws goes to the future and to
/// the loop's exception handler. *Cancellation*: of the future cancels the task, and the other way round; so does the end of
/// the loop before the task has ended. *Lifetime*: `loop` during the call. *Source*: asyncio.run_coroutine_threadsafe.
template <class A>
auto run_coroutine_threadsafe(A&& awaitable, EventLoop& loop) {
  static_assert(!detail::is_future<std::remove_cvref_t<A>>,
                "a coroutine is required: a future belongs to its loop's thread");
  auto coro = detail::to_coro(std::forward<A>(awaitable));
  using T = typename decltype(coro)::value_type;
  const concurrent::Future<T> future;
  detail::post_or_throw(loop, detail::Submission(detail::AnyThread(loop), std::move(coro), future.state()),
                        "run_coroutine_threadsafe");
  return future;
}

/// A future of `loop` (the running one) for one that threads complete: `co_await wrap_future(future)`. On the loop's thread.
/// *Cancellation* goes through, in the next iteration: a `concurrent::Future` whose work has not begun is cancelled, another one goes on, and
/// its result stays there. *Source*: asyncio.wrap_future.
template <class T>
Future<T> wrap_future(const concurrent::Future<T>& source, EventLoop& loop) {
  Future<T> future(loop);
  auto end = std::make_shared<detail::LoopEnd>(future.state());
  future.state()->add_callback([source, end](detail::FutureState& state) {
    end->let_go();
    if (state.cancelled()) source.cancel();
  });
  source.state()->add_callback([end = std::move(end), weak = std::weak_ptr(source.state())](detail::ConcurrentState&) {
    detail::LoopEnd::post(end, [state = weak.lock()](detail::FutureState& target) {
      if (state) detail::copy_outcome<T>(*state, target);
    });
  });
  return future;
}
template <class T>
Future<T> wrap_future(const concurrent::Future<T>& source) {
  return wrap_future(source, get_event_loop());
}
/// A future of a loop as it is.
template <class T>
Future<T> wrap_future(Future<T> future) {
  return future;
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// What `try` of C++ cannot say, since `co_await` is not allowed in a handler and destructors cannot await:
//
//   try: await x()                               if (auto error = co_await catch_<OSError>(x())) {
//   except OSError as e: await report(e)           co_await report(error->what());
//                                                }
//   try: ... finally: await cleanup()            co_await finally_([&]() -> Coro<> { ... }, cleanup);
//   try: ... except* OSError as group: ...       co_await except_star<OSError>(body, [](const ExceptionGroup& group) { ... });
//   async with manager as m: ...                 co_await async_with(manager, [&](auto& m) -> Coro<> { ... });
//
// What is passed may be a coroutine, anything else awaitable, or a callable that returns one, which is kept alive. Names end in an
// underscore where the plain word is a keyword. Python links an exception to the one that was being handled (`__context__`);
// here the newer one replaces the older.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/exception_group.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/base/optional_ref.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/gather.hpp>

namespace tutti {

/// What `catch_<Error>` gives: the exception, or what the awaitable returned. True in a condition if there was an exception.
template <class Error, class T = void>
class Caught {
 public:
  /// For the outcome without an exception.
  explicit Caught(Outcome<T> outcome) : outcome_(std::move(outcome)) {}
  /// `exception` owns `error`.
  Caught(Error& error, const std::exception_ptr& exception) noexcept
      : outcome_(exception), error_(std::addressof(error)) {}

  explicit operator bool() const noexcept { return error_ != nullptr; }
  Error& operator*() const noexcept { return *error_; }
  Error* operator->() const noexcept { return error_; }
  /// The exception, to be thrown again or passed on; null if there was none.
  [[nodiscard]] std::exception_ptr exception() const noexcept { return outcome_.error(); }
  /// What the awaitable returned. *Errors*: the exception, if there was one.
  T value() && { return std::move(outcome_).value(); }
  T value() const& { return outcome_.value(); }

 private:
  Outcome<T> outcome_;
  Error* error_ = nullptr;
};

/// Something to be entered and left: `co_await manager.enter()`, `co_await manager.exit(error)`. `exit` gets what left the body, null
/// for nothing, and may give true: then that is dealt with. Python's `__aenter__` and `__aexit__`.
template <class M>
concept AsyncContextManager =
    requires(M& manager, std::exception_ptr error) {
      { manager.enter() } -> Awaitable;
      { manager.exit(error) } -> Awaitable;
    } && (std::is_void_v<AwaitResult<decltype(std::declval<M&>().exit(nullptr))>> ||
          std::convertible_to<AwaitResult<decltype(std::declval<M&>().exit(nullptr))>, bool>);

namespace detail {

/// How it ended, whatever was thrown.
template <class T>
Coro<Outcome<T>> outcome_of_coro(Coro<T> body) {
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body;
      co_return Outcome<T>(std::in_place);
    } else if constexpr (std::is_reference_v<T>) {
      co_return Outcome<T>(std::in_place, std::addressof(co_await body));
    } else {
      co_return Outcome<T>(std::in_place, co_await body);
    }
  } catch (...) {
    error = std::current_exception();
  }
  co_return Outcome<T>(std::move(error));
}

/// A plain function is called, what can be awaited is.
template <class Step>
Coro<> run_step(Step& step) {
  if constexpr (Awaitable<Step>) {
    co_await std::move(step);
  } else if constexpr (CoroutineFunction<Step&>) {
    (void)co_await to_coro(std::ref(step));
  } else {
    step();
  }
  co_return;
}

template <class Error, class T>
Coro<Caught<Error, T>> catch_in(Coro<T> body) {
  Outcome<T> outcome = co_await outcome_of_coro(std::move(body));
  if (!outcome) {
    try {
      std::rethrow_exception(outcome.error());
    } catch (Error& error) {
      co_return Caught<Error, T>(error, outcome.error());
    }
  }
  co_return Caught<Error, T>(std::move(outcome));
}

template <class T, class Cleanup>
Coro<T> finally_after(Coro<T> body, Cleanup cleanup) {
  Outcome<T> outcome = co_await outcome_of_coro(std::move(body));
  co_await run_step(cleanup);
  co_return std::move(outcome).value();
}

/// What leaves `except_star`: what the handler threw, and what it was not for.
std::exception_ptr star_outcome(const std::exception_ptr& original, const std::exception_ptr& matched,
                                std::exception_ptr rest, std::exception_ptr raised);

template <class Error>
using GroupOf = std::conditional_t<
    std::derived_from<Error, std::exception>, ExceptionGroup,
    std::conditional_t<std::derived_from<Error, BaseException>, BaseExceptionGroup, ExceptionGroupContents>>;

/// The part of `error` that is for the handler, as a group, and the rest.
template <class Error>
std::pair<std::exception_ptr, std::exception_ptr> split_star(const std::exception_ptr& error) {
  if (const ExceptionGroupContents* group = group_contents(error)) return group->template split<Error>();
  if (holds<Error>(error)) return {make_exception_group("", {error}), nullptr};
  return {nullptr, error};
}

/// Gives what the handler threw.
template <class Group, class Handler>
Coro<std::exception_ptr> handle_group(const std::exception_ptr& matched, Handler& handler) {
  const Group* group = nullptr;
  try {
    std::rethrow_exception(matched);
  } catch (const Group& caught) {
    group = &caught;
    if constexpr (!Awaitable<std::invoke_result_t<Handler&, const Group&>>) {
      // Here, so that a `throw;` of the handler finds the group.
      try {
        handler(caught);
      } catch (...) {
        co_return std::current_exception();
      }
    }
  }
  if constexpr (Awaitable<std::invoke_result_t<Handler&, const Group&>>) {
    try {
      (void)co_await handler(*group);
    } catch (...) {
      co_return std::current_exception();
    }
  }
  co_return nullptr;
}

template <class Error, class T, class Handler>
Coro<Maybe<T>> except_star_in(Coro<T> body, Handler handler) {
  Outcome<T> outcome = co_await outcome_of_coro(std::move(body));
  if (std::exception_ptr error = outcome.error()) {
    auto [matched, rest] = split_star<Error>(error);
    if (!matched) std::rethrow_exception(error);
    std::exception_ptr raised = co_await handle_group<GroupOf<Error>>(matched, handler);
    if (auto left = star_outcome(error, matched, std::move(rest), std::move(raised))) std::rethrow_exception(left);
    if constexpr (std::is_void_v<T>) {
      co_return;
    } else {
      co_return Maybe<T>();
    }
  }
  if constexpr (std::is_void_v<T>) {
    co_return;
  } else {
    co_return Maybe<T>(std::move(outcome).value());
  }
}

/// Calls the body of `async_with`, with what `enter` gave if it wants that. A coroutine, so that a plain function may throw.
template <class Body, class Entered>
auto call_entered(Body& body, Entered* entered) -> Coro<AwaitResult<std::invoke_result_t<Body&, Entered&>>> {
  co_return co_await body(*entered);
}
template <class Body, class Entered>
  requires(std::is_void_v<Entered> || !std::invocable<Body&, std::add_lvalue_reference_t<Entered>>)
auto call_entered(Body& body, Entered*) -> Coro<AwaitResult<std::invoke_result_t<Body&>>> {
  co_return co_await body();
}

template <class M>
using EnteredBy = std::remove_reference_t<AwaitResult<decltype(std::declval<M&>().enter())>>;
template <class M, class Body>
using WithBody = typename decltype(call_entered(std::declval<Body&>(), std::declval<EnteredBy<M>*>()))::value_type;
template <class M>
inline constexpr bool may_suppress = !std::is_void_v<AwaitResult<decltype(std::declval<M&>().exit(nullptr))>>;
template <class M, class T>
using WithResult = std::conditional_t<may_suppress<M>, Maybe<T>, T>;

template <class M, class T>
Coro<WithResult<std::remove_reference_t<M>, T>> leave(M& manager, Outcome<T> outcome) {
  using Result = WithResult<std::remove_reference_t<M>, T>;
  if constexpr (may_suppress<M>) {
    if (co_await manager.exit(outcome.error()) && !outcome) {
      if constexpr (std::is_void_v<T>) {
        co_return;
      } else {
        co_return Result();
      }
    }
  } else {
    co_await manager.exit(outcome.error());
  }
  if constexpr (std::is_void_v<T>) {
    std::move(outcome).value();
  } else {
    co_return Result(std::move(outcome).value());
  }
}

template <class M, class Body, class Manager = std::remove_reference_t<M>, class T = WithBody<Manager, Body>>
Coro<WithResult<Manager, T>> async_with_in(M manager, Body body) {
  if constexpr (std::is_void_v<EnteredBy<Manager>>) {
    co_await manager.enter();
    co_return co_await leave<Manager>(manager,
                                      co_await outcome_of_coro(call_entered(body, static_cast<void*>(nullptr))));
  } else {
    auto&& entered = co_await manager.enter();
    co_return co_await leave<Manager>(manager, co_await outcome_of_coro(call_entered(body, std::addressof(entered))));
  }
}

}  // namespace detail

/// Awaits `awaitable`; gives the exception if that is an `Error`, else what it returned. *Errors*: all other exceptions pass.
/// *Cancellation*: arrives in `awaitable`, and passes. Whoever asks for `CancelledError` or `BaseException` catches it, and the task goes on.
template <class Error, class A>
auto catch_(A&& awaitable) {
  auto body = detail::to_coro(std::forward<A>(awaitable));
  return detail::catch_in<Error>(std::move(body));
}

/// Awaits `body`, then `cleanup` (also a plain function), whatever has happened: also when the task was cancelled. Gives the result of
/// `body`. *Errors*: what `body` throws, or instead what `cleanup` throws. *Cancellation* may come during the cleanup as well: use
/// `shield` there for what must not be cut off.
template <class Body, class Cleanup>
auto finally_(Body&& body, Cleanup&& cleanup) {
  return detail::finally_after(detail::to_coro(std::forward<Body>(body)),
                               std::decay_t<Cleanup>(std::forward<Cleanup>(cleanup)));
}

/// Awaits `body`; calls `handler(group)` with the `Error`s among the exceptions that it ends with, in a group, also if it is a single
/// one. `handler` is a plain function (where `throw;` throws all again) or returns something awaitable. Gives the result of
/// `body`, as a `std::optional` that is empty if the handler was called. *Errors*: the exceptions that are no `Error`s; what the
/// handler throws; both in one group. *Cancellation*: arrives in `body` and passes, without a call of `handler` unless it asks for that;
/// during the handler it is one of the exceptions that the handler throws.
template <class Error, class Body, class Handler>
auto except_star(Body&& body, Handler handler) {
  static_assert(!std::derived_from<Error, ExceptionGroupContents>, "a group cannot be asked for: it is taken apart");
  auto coro = detail::to_coro(std::forward<Body>(body));
  return detail::except_star_in<Error>(std::move(coro), std::move(handler));
}

/// Enters `manager`, awaits `body(entered)` or `body()`, and leaves `manager`, whatever has happened. Gives the result of the body; as
/// a `std::optional` if `exit` can suppress exceptions, empty if it did. *Errors*: what the body throws, unless `exit` gives true;
/// what `enter` or `exit` throw. *Cancellation*: during `enter`, passes without a call of `exit`. In the body, `exit` gets it as any
/// exception. During `exit` it arrives there: use `shield` for what must not be cut off.
/// *Lifetime*: a temporary `manager` is moved; another one must outlive the call.
template <class M, class Body>
  requires AsyncContextManager<std::remove_reference_t<M>>
auto async_with(M&& manager, Body body) {
  return detail::async_with_in<M, Body>(std::forward<M>(manager), std::move(body));
}

}  // namespace tutti

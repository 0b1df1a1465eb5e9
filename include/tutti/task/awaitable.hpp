// SPDX-License-Identifier: MIT
// What can be awaited, and how everything that can becomes a coroutine.
#pragma once

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

namespace tutti {

template <class T>
class Task;

namespace detail {

template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
  if constexpr (requires { std::forward<A>(awaitable).operator co_await(); }) {
    return std::forward<A>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); }) {
    return operator co_await(std::forward<A>(awaitable));
  } else {
    return std::forward<A>(awaitable);
  }
}

template <class X>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<Future<T>> = true;
template <class T>
inline constexpr bool is_future<Task<T>> = true;

}  // namespace detail

/// Something that `co_await` takes.
template <class A>
concept Awaitable = requires(A&& awaitable) {
  { detail::awaiter_of(std::forward<A>(awaitable)).await_ready() } -> std::convertible_to<bool>;
  detail::awaiter_of(std::forward<A>(awaitable)).await_resume();
};

/// What awaiting it gives.
template <Awaitable A>
using AwaitResult = decltype(detail::awaiter_of(std::declval<A>()).await_resume());

/// A function without parameters that returns something awaitable: an `async def` that was not called yet.
template <class F>
concept CoroutineFunction = std::invocable<std::decay_t<F>&> && Awaitable<std::invoke_result_t<std::decay_t<F>&>>;

namespace detail {

// The callable stands in this frame, and so outlives the coroutine that it makes.
template <class F>
Coro<AwaitResult<std::invoke_result_t<F&>>> run_function(F function) {
  co_return co_await function();
}

template <class A>
Coro<AwaitResult<A>> run_awaitable(A awaitable) {
  co_return co_await std::move(awaitable);
}

template <class X>
inline constexpr bool always_false = false;

/// A coroutine from a coroutine, a callable that returns something awaitable, or anything awaitable.
template <class X>
auto to_coro(X&& x) {
  using Plain = std::remove_cvref_t<X>;
  if constexpr (is_coro<Plain>) {
    static_assert(!std::is_const_v<std::remove_reference_t<X>>, "a coroutine is awaited once: hand it over by value");
    return Plain(std::move(x));  // NOLINT(bugprone-move-forwarding-reference): an lvalue is used up too, as by co_await
  } else if constexpr (Awaitable<Plain>) {
    return run_awaitable<Plain>(std::forward<X>(x));
  } else if constexpr (CoroutineFunction<X>) {
    return run_function<std::decay_t<X>>(std::forward<X>(x));
  } else {
    static_assert(always_false<X>, "a coroutine, an awaitable, or a callable that returns one is required");
  }
}

template <class X>
using ResultOf = typename decltype(to_coro(std::declval<X>()))::value_type;

}  // namespace detail
}  // namespace tutti

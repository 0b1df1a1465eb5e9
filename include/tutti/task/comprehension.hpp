// SPDX-License-Identifier: MIT
// What replaces comprehensions: generators from ranges, mapped and filtered generators, and collecting what they give.
//
//   [await fetch(u) async for u in urls if u.ok]   co_await collect(urls | afilter(&Url::ok) | amap(fetch))
//   {k: v async for k, v in pairs}                       co_await collect<std::map<K, V>>(pairs)
//
// All of these are lazy, and one item at a time is on its way: for many at once there is `gather`. A step owns the callable that it
// was given. When a step ends early it closes the generator that it reads, unless somebody else holds a handle of that.
#pragma once

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/functional.hpp>
#include <tutti/base/range.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/awaitable.hpp>

namespace tutti {

namespace detail {

template <class R>
struct Awaited {
  using type = R;
};
template <Awaitable R>
struct Awaited<R> {
  using type = AwaitResult<R>;
};
/// What a function gives in the end, if what it returns is awaited where that is possible.
template <class F, class... Args>
using ResultInTheEnd = typename Awaited<std::invoke_result_t<F&, Args...>>::type;

template <class Generator>
Coro<> close_if_unshared(const Generator& source) {
  const AsyncGeneratorState& state = *source.state();
  if (!state.ended() && !state.running() && state.references() == 1) co_await source.aclose();
}

template <class Container, class T>
using Collected = std::conditional_t<std::is_void_v<Container>, std::vector<std::remove_cvref_t<T>>, Container>;

template <class C, class V>
void insert_into(C& container, V&& value) {
  if constexpr (requires { container.push_back(std::forward<V>(value)); }) {
    container.push_back(std::forward<V>(value));
  } else if constexpr (requires { container.insert_or_assign(std::get<0>(value), std::get<1>(value)); }) {
    container.insert_or_assign(std::get<0>(std::forward<V>(value)), std::get<1>(std::forward<V>(value)));
  } else {
    container.insert(std::forward<V>(value));
  }
}

}  // namespace detail

/// All items of a generator, in a container: `collect(g)` in a vector, `collect<std::set<T>>(g)`, `collect<std::map<K, V>>(g)` (of
/// pairs; a later one wins). References are copied from. *Errors*: what the generator throws. *Cancellation*: arrives where the generator
/// waits; what was collected is lost.
template <class Container = void, class T, class Sent>
Coro<detail::Collected<Container, T>> collect(AsyncGenerator<T, Sent> generator) {
  detail::Collected<Container, T> all;
  while (auto item = co_await generator.next()) detail::insert_into(all, *std::move(item));
  co_return all;
}

/// The items of an ordinary range, which is moved or copied into the generator. It never waits. *Lifetime*: of a view, what it looks at.
template <detail::Range R>
AsyncGenerator<detail::RangeValue<R>> from_range(R range) {
  for (auto&& item : range) {
    if constexpr (detail::owns_items<R>) {
      co_yield std::move(item);
    } else {
      co_yield std::forward<decltype(item)>(item);
    }
  }
}

namespace detail {

template <class T, class Sent, class F>
AsyncGenerator<std::remove_cvref_t<ResultInTheEnd<F, T>>> map_each(AsyncGenerator<T, Sent> source, F f) {
  std::exception_ptr error;
  try {
    while (auto item = co_await source.next()) {
      if constexpr (Awaitable<std::invoke_result_t<F&, T>>) {
        co_yield co_await detail::invoke(f, *std::move(item));
      } else {
        co_yield detail::invoke(f, *std::move(item));
      }
    }
  } catch (...) {
    error = std::current_exception();
  }
  co_await close_if_unshared(source);
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

/// `f(item)` for each item; what `f` returns is awaited if it can be. `f` is any callable, and is moved. *Cancellation* of `next()`:
/// arrives where the source or `f` waits, and ends the generator; `f`'s item is lost.
template <class T, class Sent, class F>
auto amap(AsyncGenerator<T, Sent> source, F f) {
  if constexpr (!std::is_invocable_v<F&, T>) {
    static_assert(detail::always_false<F>, "amap: the function must take an item of the source");
  } else if constexpr (std::is_void_v<detail::ResultInTheEnd<F, T>>) {
    static_assert(detail::always_false<F>, "amap: the function must return something");
  } else {
    return detail::map_each(std::move(source), std::move(f));
  }
}

/// The items for which `pred(item)` is true; what `pred` returns is awaited if it can be. *Cancellation*: as of `amap`.
template <class T, class Sent, class Pred>
AsyncGenerator<T> afilter(AsyncGenerator<T, Sent> source, Pred pred) {
  static_assert(std::is_invocable_v<Pred&, T&>, "afilter: the predicate must take an item of the source");
  std::exception_ptr error;
  try {
    while (auto item = co_await source.next()) {
      if constexpr (Awaitable<std::invoke_result_t<Pred&, decltype(*item)>>) {
        if (!co_await detail::invoke(pred, *item)) continue;
      } else {
        if (!detail::invoke(pred, *item)) continue;
      }
      co_yield *std::move(item);
    }
  } catch (...) {
    error = std::current_exception();
  }
  co_await detail::close_if_unshared(source);
  if (error) std::rethrow_exception(error);
}

/// Pairs of a number, counted from `start`, and the item. *Cancellation*: arrives where the source waits, and ends the generator.
template <class T, class Sent>
AsyncGenerator<std::pair<std::size_t, T>> aenumerate(AsyncGenerator<T, Sent> source, std::size_t start = 0) {
  return amap(std::move(source),
              [number = start](T item) mutable { return std::pair<std::size_t, T>(number++, std::forward<T>(item)); });
}

/// The first `count` items. The source is not asked for more. *Cancellation*: as of `aenumerate`.
template <class T, class Sent>
AsyncGenerator<T> atake(AsyncGenerator<T, Sent> source, std::size_t count) {
  std::exception_ptr error;
  try {
    for (; count != 0; --count) {
      auto item = co_await source.next();
      if (!item) break;
      co_yield *std::move(item);
    }
  } catch (...) {
    error = std::current_exception();
  }
  co_await detail::close_if_unshared(source);
  if (error) std::rethrow_exception(error);
}

namespace detail {

/// A step that waits for its source: what stands on the right of `|`.
template <class F>
struct GeneratorStep {
  F apply;
};
template <class F>
GeneratorStep(F) -> GeneratorStep<F>;

template <class T, class Sent, class F>
auto operator|(AsyncGenerator<T, Sent> source, GeneratorStep<F> step) {
  return step.apply(std::move(source));
}
template <Range R, class F>
auto operator|(R source, GeneratorStep<F> step) {
  return step.apply(from_range(std::move(source)));
}

}  // namespace detail

/// The same for pipes: `source | amap(f) | afilter(pred) | atake(10)`. The source is a generator, or a range as for `from_range`.
template <class F>
auto amap(F f) {
  return detail::GeneratorStep{
      [f = std::move(f)](auto source) mutable { return tutti::amap(std::move(source), std::move(f)); }};
}
template <class Pred>
auto afilter(Pred pred) {
  return detail::GeneratorStep{
      [pred = std::move(pred)](auto source) mutable { return tutti::afilter(std::move(source), std::move(pred)); }};
}
inline auto aenumerate(std::size_t start = 0) {
  return detail::GeneratorStep{[start](auto source) { return tutti::aenumerate(std::move(source), start); }};
}
inline auto atake(std::size_t count) {
  return detail::GeneratorStep{[count](auto source) { return tutti::atake(std::move(source), count); }};
}

}  // namespace tutti

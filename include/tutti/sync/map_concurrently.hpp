// SPDX-License-Identifier: MIT
// A function over many items, so many at a time: all results in order, or one by one as they come.
//
//   auto pages = co_await map_concurrently(urls, fetch, {.limit = 10});        // a vector, in the order of the urls
//   auto pages = map_as_completed(urls, fetch, {.limit = 10});                 // an async generator: the fastest first
//   while (auto page = co_await pages.next()) …
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/base/range.hpp>
#include <tutti/sync/memory_channel.hpp>
#include <tutti/sync/semaphore.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/comprehension.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/task_group.hpp>

namespace tutti {

/// Options of `map_concurrently`.
struct MapOptions {
  std::optional<std::size_t> limit = {};  ///< calls at a time; absent: no bound
};

/// Options of `map_as_completed`.
struct MapStreamOptions {
  std::optional<std::size_t> limit =
      {};                  ///< calls at a time, those that wait to hand over their result included; absent: no bound
  std::size_t buffer = 0;  ///< how many results may lie ready beyond that
};

namespace detail {

/// What the calls of one map share. The first failure cancels all the others; it alone is thrown.
class MapRun {
 public:
  /// *Errors*: `ValueError` for a limit of 0.
  MapRun(std::optional<std::size_t> limit, const char* name);

  void enter(TaskGroup& group) noexcept { group_ = &group; }
  [[nodiscard]] TaskGroup& group() const noexcept { return *group_; }
  /// *Errors*: the exception itself, if it leaves the loop.
  void fail(std::exception_ptr error);
  /// Whether a call that ends with `error` has no outcome: it leaves the loop, or the call's task was cancelled.
  [[nodiscard]] static bool is_reason_to_leave(const std::exception_ptr& error) noexcept;
  [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }
  void check() const {
    if (error_) std::rethrow_exception(error_);
  }

  Semaphore slots;

 private:
  TaskGroup* group_ = nullptr;
  std::exception_ptr error_;
};

template <class F, class T>
using MapValue = AwaitResult<std::invoke_result_t<F&, T>>;
template <bool Keep, class F, class T>
using MapResult = Gathered<MapValue<F, T>, Keep>;

template <bool Keep, class R, class A>
Coro<Gathered<R, Keep>> mapped(A awaitable) {
  if constexpr (std::is_void_v<R>) {
    co_await std::move(awaitable);
    if constexpr (Keep) {
      co_return Outcome<R>(std::in_place);
    } else {
      co_return std::monostate();
    }
  } else if constexpr (Keep) {
    if constexpr (std::is_reference_v<R>) {
      co_return Outcome<R>(std::in_place, std::addressof(co_await std::move(awaitable)));
    } else {
      co_return Outcome<R>(std::in_place, co_await std::move(awaitable));
    }
  } else {
    co_return co_await std::move(awaitable);
  }
}

/// One call: gives its result to `take(result)`, which is awaited.
template <bool Keep, class F, class T, class Take>
Coro<> map_one(MapRun& run, F& function, T item, Guard<Semaphore>, Take take) {
  using R = MapValue<F, T>;
  std::optional<Gathered<R, Keep>> result;
  std::exception_ptr error;
  try {
    result.emplace(co_await mapped<Keep, R>(detail::invoke(function, std::forward<T>(item))));
  } catch (...) {
    error = std::current_exception();
  }
  if constexpr (Keep) {
    if (error && !MapRun::is_reason_to_leave(error)) result.emplace(std::move(error));
  }
  if (!result) co_return run.fail(std::move(error));
  co_await take(*std::move(result));
}

/// Starts a call for each item as soon as there is room, and takes the next item only then; waits for all.
template <bool Keep, class T, class Sent, class F, class Taker>
Coro<> map_all(MapRun& run, AsyncGenerator<T, Sent> source, F& function, Taker next_taker) {
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    run.enter(group);
    std::exception_ptr error;
    try {
      while (!run.failed()) {
        auto slot = co_await run.slots.scoped();
        auto item = co_await source.next();
        if (!item) break;
        group.create_task(map_one<Keep, F, T>(run, function, *std::move(item), std::move(slot), next_taker()));
      }
    } catch (...) {
      error = std::current_exception();
    }
    co_await close_if_unshared(source);
    if (error && is_cancelled(error)) std::rethrow_exception(error);
    if (error) run.fail(std::move(error));
  });
  run.check();
}

template <bool Keep, class T, class Sent, class F>
Coro<std::vector<MapResult<Keep, F, T>>> map_in_order(AsyncGenerator<T, Sent> source, F function, MapOptions options) {
  using Result = MapResult<Keep, F, T>;
  MapRun run(options.limit, "map_concurrently");
  std::vector<std::optional<Result>> results;
  co_await map_all<Keep>(run, std::move(source), function, [&results] {
    results.emplace_back();
    return [&results, index = results.size() - 1](Result result) -> Coro<> {
      results[index].emplace(std::move(result));
      co_return;
    };
  });
  std::vector<Result> all;
  all.reserve(results.size());
  for (auto& result : results) all.push_back(*std::move(result));
  co_return all;
}

template <bool Keep, class T, class Sent, class F>
Coro<> map_into(AsyncGenerator<T, Sent> source, F function, MapStreamOptions options,
                SendChannel<MapResult<Keep, F, T>> sender) {
  using Result = MapResult<Keep, F, T>;
  MapRun run(options.limit, "map_as_completed");
  co_await map_all<Keep>(run, std::move(source), function, [&sender] {
    return [&sender](Result result) -> Coro<> { co_await sender.send(std::move(result)); };
  });
}

// The calls belong to a task of their own, not to whoever happens to ask for an item: a failure among them cancels nobody else.
template <bool Keep, class T, class Sent, class F>
AsyncGenerator<MapResult<Keep, F, T>> map_stream(AsyncGenerator<T, Sent> source, F function, MapStreamOptions options) {
  auto [sender, receiver] = open_memory_channel<MapResult<Keep, F, T>>(options.buffer);
  const Task<> calls = create_task(map_into<Keep>(std::move(source), std::move(function), options, std::move(sender)));
  std::exception_ptr error;
  try {
    while (auto result = co_await receiver.next()) co_yield *std::move(result);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) calls.cancel();
  try {
    co_await calls;
  } catch (...) {
    if (!error) error = std::current_exception();
  }
  if (error) std::rethrow_exception(error);
}

template <class T, class Sent>
AsyncGenerator<T, Sent> to_generator(AsyncGenerator<T, Sent> source) {
  return source;
}
template <Range R>
auto to_generator(R source) {
  return from_range(std::move(source));
}
template <class S>
concept ItemSource = requires(S source) { to_generator(std::move(source)); };

/// Whether `f(item)` is awaitable for the items of a `Source`; if not, the compiler says what is expected.
template <class F, class Source>
constexpr bool maps_items() {
  using T = typename decltype(to_generator(std::declval<Source>()))::value_type;
  if constexpr (!std::is_invocable_v<F&, T>) {
    static_assert(always_false<F>, "map: the function must take an item of the source");
    return false;
  } else if constexpr (!Awaitable<std::invoke_result_t<F&, T>>) {
    static_assert(always_false<F>, "map: the function must return a coroutine; see to_thread for plain functions");
    return false;
  } else {
    return true;
  }
}

}  // namespace detail

/// Calls `f(item)`, which returns something awaitable, for each item of a range or an async generator, and awaits at most `limit` of them at
/// a time, each in a task of its own; gives the results in a vector, in the order of the items, as `gather` does. An item is taken
/// from a generator only when its call can begin.
/// *Errors*: the first exception, as it is: it cancels all other calls, and is thrown when they have ended; what those throw then is dropped.
/// The source's exceptions count too. `ValueError` for a limit of 0. *Cancellation*: cancels all calls and waits for them.
/// *Lifetime*: a range is copied or moved in, but what a view looks at must live; `f` is kept alive, and each item until its call has ended.
template <detail::ItemSource Source, class F>
auto map_concurrently(Source source, F f, MapOptions options = {}) {
  if constexpr (detail::maps_items<F, Source>()) {
    return detail::map_in_order<false>(detail::to_generator(std::move(source)), std::move(f), options);
  }
}
/// The same, and exceptions are results too: a vector of `Outcome`s. Only an exception of the source cancels the calls.
template <detail::ItemSource Source, class F>
auto map_concurrently(ReturnExceptions, Source source, F f, MapOptions options = {}) {
  if constexpr (detail::maps_items<F, Source>()) {
    return detail::map_in_order<true>(detail::to_generator(std::move(source)), std::move(f), options);
  }
}

/// The same as a stream: an async generator of the results, in the order in which they come. Nothing is called before the first `next()`.
/// When nobody asks for results, `limit` calls wait to hand theirs over, `buffer` more lie ready, and no new one begins.
/// *Errors*: the first exception; results that are ready then are given before. *Cancellation* of `next()` ends the generator, as does leaving
/// it: all calls are cancelled and awaited.
template <detail::ItemSource Source, class F>
auto map_as_completed(Source source, F f, MapStreamOptions options = {}) {
  if constexpr (detail::maps_items<F, Source>()) {
    return detail::map_stream<false>(detail::to_generator(std::move(source)), std::move(f), options);
  }
}
/// The same with `Outcome`s: an exception is a result too.
template <detail::ItemSource Source, class F>
auto map_as_completed(ReturnExceptions, Source source, F f, MapStreamOptions options = {}) {
  if constexpr (detail::maps_items<F, Source>()) {
    return detail::map_stream<true>(detail::to_generator(std::move(source)), std::move(f), options);
  }
}
/// The same for pipes: `urls | map_as_completed(fetch, {.limit = 10}) | afilter(is_good)`.
template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, ReturnExceptions>)
auto map_as_completed(F f, MapStreamOptions options) {
  return detail::GeneratorStep{[f = std::move(f), options](auto source) mutable {
    if constexpr (detail::maps_items<F, decltype(source)>()) {
      return detail::map_stream<false>(std::move(source), std::move(f), options);
    }
  }};
}

}  // namespace tutti

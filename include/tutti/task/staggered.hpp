// SPDX-License-Identifier: MIT
// Several ways to one goal, tried one after another without waiting for too long: the first that works wins.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/base/function.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

/// What a race came to: `auto [result, index, exceptions] = co_await staggered_race(…);`
template <class T>
struct StaggeredResult {
  std::optional<T> result;           ///< the winner's; nothing if there is none
  std::optional<std::size_t> index;  ///< of the winner
  /// Why each of those that were begun has not won: its exception, `CancelledError` if it was overtaken; null for the
  /// winner.
  std::vector<std::exception_ptr> exceptions;
};

namespace detail {

using Contender = MoveOnlyFunction<Coro<>()>;

struct StaggeredOutcome {
  std::optional<std::size_t> winner;
  std::vector<std::exception_ptr> exceptions;
};

/// The race itself; a contender that ends without an exception has won.
[[nodiscard]] Coro<StaggeredOutcome> run_staggered(std::vector<Contender> contenders, std::optional<Duration> delay);

template <class T>
using StoredResult = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class F, class T>
Coro<> contend(F& function, std::optional<StoredResult<T>>& result) {
  if constexpr (std::is_void_v<T>) {
    co_await function();
    result.emplace();
  } else {
    result.emplace(co_await function());
  }
}

}  // namespace detail

/// Awaits `functions[0]()`; begins the next one when the one before it has failed, or after `delay` (absent: never). The
/// first that succeeds wins, and the others are cancelled. Ends when all have ended. *Errors*: none of the contenders';
/// see the result. *Cancellation*: cancels all of them, waits for them, then throws. *Source*:
/// asyncio.staggered.staggered_race; RFC 8305, section 5.
template <class F>
[[nodiscard]] auto staggered_race(std::vector<F> functions, std::optional<Duration> delay = std::nullopt)
    -> Coro<StaggeredResult<detail::StoredResult<AwaitResult<std::invoke_result_t<F&>>>>> {
  using T = AwaitResult<std::invoke_result_t<F&>>;
  using Stored = detail::StoredResult<T>;
  std::vector<std::optional<Stored>> results(functions.size());
  std::vector<detail::Contender> contenders;
  contenders.reserve(functions.size());
  for (std::size_t i = 0; i < functions.size(); ++i) {
    contenders.emplace_back([&functions, &results, i] { return detail::contend<F, T>(functions[i], results[i]); });
  }
  detail::StaggeredOutcome outcome = co_await detail::run_staggered(std::move(contenders), delay);
  StaggeredResult<Stored> result{std::nullopt, outcome.winner, std::move(outcome.exceptions)};
  if (outcome.winner) result.result = std::move(results[*outcome.winner]);
  co_return std::move(result);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// A limit in time whose passing has a name of its own.
#pragma once

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/timeout.hpp>

namespace tutti::http::detail {

/// Awaits what `work()` gives until `deadline`; if that passes, throws what `late()` makes. Both are called at most
/// once, here.
template <class Work, class Late>
auto within(std::optional<TimePoint> deadline, Work work, Late late) -> Coro<AwaitResult<std::invoke_result_t<Work&>>> {
  using T = AwaitResult<std::invoke_result_t<Work&>>;
  Timeout limit(deadline);
  limit.enter();
  std::exception_ptr error;
  std::conditional_t<std::is_void_v<T>, std::optional<bool>, std::optional<T>> result;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await work();
    } else {
      result.emplace(co_await work());
    }
  } catch (...) {
    error = std::current_exception();
  }
  const bool was_cancelled = limit.expired() && is_cancelled(error);
  error = limit.exit(std::move(error));
  if (was_cancelled && !is_cancelled(error)) throw late();
  if (error) std::rethrow_exception(std::move(error));
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

/// The earlier one of two moments, where an absent one never comes.
inline std::optional<TimePoint> earlier(std::optional<TimePoint> a, std::optional<TimePoint> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

/// "300 s", "0.25 s".
[[nodiscard]] std::string to_text(Duration duration);

}  // namespace tutti::http::detail

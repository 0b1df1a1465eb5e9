// SPDX-License-Identifier: MIT
// Time: one monotonic clock, nanoseconds everywhere, and the conversion from what callers write.
#pragma once

#include <chrono>
#include <cmath>
#include <limits>
#include <type_traits>

#include <tutti/base/error.hpp>

namespace tutti {

/// A length of time; any `std::chrono::duration` converts by `to_duration`.
using Duration = std::chrono::nanoseconds;
/// A moment on the loop's clock (CLOCK_MONOTONIC unless the loop has a clock of its own).
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Any duration as nanoseconds; what is too long becomes the longest one (some 146 years).
/// *Errors*: `ValueError` if `value` is not a number.
template <class Rep, class Period>
[[nodiscard]] constexpr Duration to_duration(std::chrono::duration<Rep, Period> value) {
  constexpr Duration longest{std::numeric_limits<Duration::rep>::max() / 2};
  if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
    if (value != value) throw ValueError("a delay that is not a number (NaN)");
  }
  using Seconds = std::chrono::duration<double>;
  if (Seconds(value) >= Seconds(longest)) return longest;
  if (Seconds(value) <= -Seconds(longest)) return -longest;
  return std::chrono::duration_cast<Duration>(value);
}
constexpr Duration to_duration(Duration value) { return value; }

}  // namespace tutti

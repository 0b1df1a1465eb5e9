// SPDX-License-Identifier: MIT
// Time: one monotonic clock, nanoseconds everywhere, and the conversion from what callers write.
#pragma once

#include <limits>
#include <type_traits>

#include <tutti/base/chrono.hpp>
#include <tutti/base/error.hpp>

namespace tutti {

/// A length of time; any `std::chrono::duration` converts by `to_duration`.
using Duration = std::chrono::nanoseconds;
/// A moment on the loop's clock (CLOCK_MONOTONIC unless the loop has a clock of its own).
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// The longest delay (some 146 years): so that a moment and a delay always have a sum.
inline constexpr Duration kLongestDelay{std::numeric_limits<Duration::rep>::max() / 2};

/// Any duration as nanoseconds; what is too long becomes the longest one, `kLongestDelay`.
/// *Errors*: `ValueError` if `value` is not a number.
template <class Rep, class Period>
[[nodiscard]] constexpr Duration to_duration(std::chrono::duration<Rep, Period> value) {
  if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
    if (value != value) throw ValueError("a delay that is not a number (NaN)");
  }
  using Seconds = std::chrono::duration<double>;
  if (Seconds(value) >= Seconds(kLongestDelay)) return kLongestDelay;
  if (Seconds(value) <= -Seconds(kLongestDelay)) return -kLongestDelay;
  return std::chrono::duration_cast<Duration>(value);
}
constexpr Duration to_duration(Duration value) {
  return value > kLongestDelay ? kLongestDelay : value < -kLongestDelay ? -kLongestDelay : value;
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// Numbers and foreign text, as people read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <tutti/base/clock.hpp>

namespace tutti::app {

/// "17 B", "1.2 kB", "34 MB": powers of 1000, two to three digits.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// "0.4 ms", "12 ms", "1.25 s", "2 min 5 s".
[[nodiscard]] std::string format_time(Duration time);

/// `text` as valid UTF-8 that commands no terminal: control characters and wrong bytes become U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

/// How many characters valid UTF-8 has; each is taken as one column.
[[nodiscard]] std::size_t columns(std::string_view text) noexcept;

/// `text` filled up with spaces to `width` columns.
[[nodiscard]] std::string pad_right(std::string_view text, std::size_t width);
[[nodiscard]] std::string pad_left(std::string_view text, std::size_t width);

/// `text` in at most `width` columns, with "…" (or "..") where its beginning or end was cut off.
[[nodiscard]] std::string cut_begin(std::string_view text, std::size_t width, bool unicode = true);
[[nodiscard]] std::string cut_end(std::string_view text, std::size_t width, bool unicode = true);

/// "1 request", "2 requests".
[[nodiscard]] std::string plural(std::size_t count, std::string_view noun);

}  // namespace tutti::app

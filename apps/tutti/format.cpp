// SPDX-License-Identifier: MIT
// Numbers and foreign text, as people read them.
#include "format.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

namespace tutti::app {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// The length of the character at the beginning of `text`, 0 if its bytes are wrong.
std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  // Longer than needed, a surrogate, above U+10FFFF (RFC 3629 4).
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

/// Where the character behind `count` characters begins.
std::size_t offset_of(std::string_view text, std::size_t count) noexcept {
  std::size_t i = 0;
  while (i < text.size() && (is_continuation(text[i]) || count-- > 0)) ++i;
  return i;
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array units{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, units[unit]);
}

std::string format_time(Duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds == 0) return "0 ms";
  if (seconds < 0.00995) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::chrono::round<std::chrono::seconds>(time).count();
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool control =
        first < 0x20 || first == 0x7F || (first == 0xC2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xA0);
    // XML has no U+FFFE and U+FFFF.
    const bool no_character =
        length == 3 && text.starts_with("\xEF\xBF") && static_cast<unsigned char>(text[2]) >= 0xBE;
    result += length == 0 || control || no_character ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

std::size_t columns(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count;
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(text) + std::string(width > used ? width - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(width > used ? width - used : 0, ' ') + std::string(text);
}

std::string cut_begin(std::string_view text, std::size_t width, bool unicode) {
  const std::size_t used = columns(text);
  if (used <= width) return std::string(text);
  const std::string_view mark = unicode ? "…" : "..";
  const std::size_t kept = width - std::min(width, columns(mark));
  return std::string(mark) + std::string(text.substr(offset_of(text, used - kept)));
}

std::string cut_end(std::string_view text, std::size_t width, bool unicode) {
  if (columns(text) <= width) return std::string(text);
  const std::string_view mark = unicode ? "…" : "..";
  return std::string(text.substr(0, offset_of(text, width - std::min(width, columns(mark))))) + std::string(mark);
}

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace tutti::app

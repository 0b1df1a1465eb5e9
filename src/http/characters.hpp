// SPDX-License-Identifier: MIT
// Which characters may stand where, as tables.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace tutti::http::detail {

/// A set of bytes.
class CharacterSet {
 public:
  template <class Predicate>
  constexpr explicit CharacterSet(Predicate has) {
    for (unsigned byte = 0; byte < has_.size(); ++byte) has_[byte] = has(static_cast<unsigned char>(byte));
  }
  [[nodiscard]] constexpr bool has(char c) const noexcept { return has_[static_cast<unsigned char>(c)]; }
  /// How many characters at the front of `text` are in the set.
  [[nodiscard]] constexpr std::size_t count_at_front(std::string_view text) const noexcept {
    std::size_t count = 0;
    while (count != text.size() && has(text[count])) ++count;
    return count;
  }
  /// Whether `text` has characters, and no others.
  [[nodiscard]] constexpr bool makes(std::string_view text) const noexcept {
    return !text.empty() && count_at_front(text) == text.size();
  }

 private:
  std::array<bool, 256> has_{};
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) noexcept { return is_alpha(c) || is_digit(c); }

/// Of a token. *Source*: RFC 9110 5.6.2.
inline constexpr CharacterSet kTokenCharacters([](unsigned char c) {
  return c < 128 && (is_alnum(static_cast<char>(c)) ||
                     std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
});

/// Of a request target: all that is visible in ASCII but the sign of a fragment.
inline constexpr CharacterSet kTargetCharacters([](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });

/// What may stand anywhere in a URL as it is, and all that a host's name is made of. *Source*: RFC 3986 2.3.
inline constexpr CharacterSet kUnreserved([](unsigned char c) {
  return c < 128 && (is_alnum(static_cast<char>(c)) ||
                     std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos);
});

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
// Which characters may stand where, as tables.
#pragma once

#include <array>
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
  /// The first of [at, end) that is not in the set.
  [[nodiscard]] constexpr const char* skip(const char* at, const char* end) const noexcept {
    while (at != end && has(*at)) ++at;
    return at;
  }

 private:
  std::array<bool, 256> has_{};
};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Of a token. *Source*: RFC 9110 5.6.2.
inline constexpr CharacterSet kTokenCharacters([](unsigned char c) {
  return c < 128 && (is_alnum(static_cast<char>(c)) ||
                     std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
});

/// Of a request target: all that is visible in ASCII but the sign of a fragment.
inline constexpr CharacterSet kTargetCharacters([](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });

/// Of a host's name.
inline constexpr CharacterSet kHostCharacters([](unsigned char c) {
  return c < 128 && (is_alnum(static_cast<char>(c)) ||
                     std::string_view("-._~").find(static_cast<char>(c)) != std::string_view::npos);
});

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
// What the bytes-only files of this layer share and nobody else needs.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <tutti/http/headers.hpp>
#include <tutti/http/message.hpp>

namespace tutti::http::detail {

/// The way into `Headers` for who has checked each byte already, and to the fields as they are sent.
struct FieldText {
  static void add(Headers& headers, std::string_view name, std::string_view value) { headers.append(name, value); }
  /// "Name: value\r\n".
  [[nodiscard]] static std::string_view line(const Headers::const_iterator& field) noexcept {
    return {field.at_ + sizeof(Headers::Sizes), field.sizes().record() - sizeof(Headers::Sizes)};
  }
};

/// A value as it lies in memory.
template <class T>
[[nodiscard]] std::string_view bytes_of(const T& value) noexcept {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Without spaces and tabs at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  constexpr auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Writes to where there is room for all of it: cheaper than to append many short pieces to a string.
class Pen {
 public:
  explicit Pen(char* at) noexcept : at_(at) {}
  /// `length`: of all that is to be written behind the first `begin` characters of `out`.
  Pen(std::string& out, std::size_t begin, std::size_t length) {
    out.resize(begin + length);
    at_ = out.data() + begin;
  }
  Pen& put(std::string_view text) noexcept {
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Pen& field(std::string_view name, std::string_view value) noexcept {
    return put(name).put(": ").put(value).put("\r\n");
  }
  static constexpr std::size_t size_of_field(std::string_view name, std::string_view value) noexcept {
    return name.size() + value.size() + 4;
  }

 private:
  char* at_;
};

using FieldView = std::pair<std::string_view, std::string_view>;

/// *Errors*: as those of the public `serialize`.
void check_head(const ResponseHead& head);
/// Writes a head that is known to be right, with more fields behind its own: some by name and value, others as `lines` that are written
/// already.
void write_head(const ResponseHead& head, std::span<const FieldView> more, std::string_view lines, std::string& out);

/// `text` in quotes for a message, cut if it is long, with control characters and non-ASCII bytes as \xNN.
[[nodiscard]] std::string quote(std::string_view text, std::size_t most = 60);

/// Whether it says where a body ends.
[[nodiscard]] inline bool is_framing(std::string_view name) noexcept {
  return iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding");
}

/// Whether a field must not stand behind a chunked body, where it would come too late or go unseen by what guards a server:
/// framing, routing, authentication, cookies, and what says how to read the body. *Source*: RFC 9110 6.5.1.
[[nodiscard]] bool forbidden_in_trailer(std::string_view name) noexcept;

/// The value of a Content-Length: digits only, no sign, no list, no leading zero (which some read as octal), at most 2^63 - 1.
[[nodiscard]] bool parse_content_length(std::string_view text, unsigned long long& length) noexcept;

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
#include "usual_head.hpp"

#include <algorithm>

#include "characters.hpp"
#include "field_text.hpp"

namespace tutti::http::detail {

namespace {

/// Goes through the bytes; each step says whether they are what it wants.
class Cursor {
 public:
  explicit Cursor(BytesView bytes) noexcept : left_(bytes) {}

  /// Characters of `set`, at least one, and `stop` behind them.
  bool take(const CharacterSet& set, char stop, std::string_view& out) noexcept {
    const std::size_t size = set.count_at_front(left_);
    if (size == 0 || size == left_.size() || left_[size] != stop) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size + 1);
    return true;
  }
  /// The value of a field, with the end of its line.
  bool take_value(std::string_view& out) noexcept {
    const std::size_t size = left_.find('\r');
    if (size == BytesView::npos) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    return take("\r\n") && is_field_value(out);
  }
  bool take(std::string_view text) noexcept {
    if (!left_.starts_with(text)) return false;
    left_.remove_prefix(text.size());
    return true;
  }
  [[nodiscard]] BytesView left() const noexcept { return left_; }

 private:
  BytesView left_;
};

enum class Meaning : unsigned char { none, host, connection, length, how_to_read_on };

Meaning meaning_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 4: return iequals(name, "Host") ? Meaning::host : Meaning::none;
    case 7: return iequals(name, "Upgrade") ? Meaning::how_to_read_on : Meaning::none;
    case 10: return iequals(name, "Connection") ? Meaning::connection : Meaning::none;
    case 14: return iequals(name, "Content-Length") ? Meaning::length : Meaning::none;
    case 16: return iequals(name, "Proxy-Connection") ? Meaning::how_to_read_on : Meaning::none;
    case 17: return iequals(name, "Transfer-Encoding") ? Meaning::how_to_read_on : Meaning::none;
    default: return Meaning::none;
  }
}

/// Reads the fields up to the empty line into `headers`. `understand(meaning, value)` says whether one that means something is usual.
template <class Understand>
bool read_fields(Cursor& cursor, std::size_t most, Headers& headers, UsualHead& usual, Understand understand) {
  std::size_t fields = 0;
  while (!cursor.take("\r\n")) {
    std::string_view name;
    std::string_view value;
    if (++fields > most || !cursor.take(kTokenCharacters, ':', name) || !cursor.take_value(value)) return false;
    value = trim(value);
    const Meaning meaning = meaning_of(name);
    if (meaning == Meaning::connection) {
      if (!iequals(value, "keep-alive") && !iequals(value, "close")) return false;
      usual.names_connection = true;
    } else if (meaning != Meaning::none && !understand(meaning, value)) {
      return false;
    }
    FieldText::add(headers, name, value);
  }
  return true;
}

/// Keeps what is the same from request to request.
void assign(std::string& to, std::string_view text) {
  if (to != text) to = text;
}

bool read(Cursor& cursor, std::size_t most_fields, std::string& known_host, RequestHead& head, UsualHead& usual) {
  std::string_view method;
  std::string_view target;
  if (!cursor.take(kTokenCharacters, ' ', method) || !cursor.left().starts_with('/')) return false;
  if (!cursor.take(kTargetCharacters, ' ', target) || method == Method::connect) return false;
  if (cursor.take("HTTP/1.1\r\n")) {
    head.version = Version::http11;
  } else if (cursor.take("HTTP/1.0\r\n")) {
    head.version = Version::http10;
  } else {
    return false;
  }
  std::string_view host;
  const auto understand = [&host](Meaning meaning, std::string_view value) {
    if (meaning != Meaning::host || !host.empty() || value.empty()) return false;
    host = value;
    return true;
  };
  if (!read_fields(cursor, most_fields, head.headers, usual, understand)) return false;
  if (host.empty() ? head.version == Version::http11 : host != known_host && !is_authority(host)) return false;
  if (!host.empty()) assign(known_host, host);
  assign(head.method, method);
  assign(head.target, target);
  return true;
}

/// Three digits that are a status with a body.
bool take_status(Cursor& cursor, int& status) noexcept {
  const std::string_view digits = cursor.left().substr(0, 3);
  if (digits.size() != 3 || digits[0] < '2' || !std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  return cursor.take(digits) && cursor.take(" ") && status_allows_body(status);
}

bool read(Cursor& cursor, std::size_t most_fields, ResponseHead& head, UsualHead& usual) {
  std::string_view reason;
  if (!cursor.take("HTTP/1.1 ") || !take_status(cursor, head.status) || !cursor.take_value(reason)) return false;
  head.version = Version::http11;
  bool has_length = false;
  const auto understand = [&](Meaning meaning, std::string_view value) {
    if (meaning == Meaning::host) return true;
    unsigned long long length = 0;
    if (meaning != Meaning::length || has_length || !parse_content_length(value, length)) return false;
    usual.length = length;
    return has_length = true;
  };
  if (!read_fields(cursor, most_fields, head.headers, usual, understand) || !has_length) return false;
  head.reason = reason;
  return true;
}

template <class... Rest>
UsualHead read_whole(BytesView data, const BlockLimits& limits, Headers& headers, Rest&... rest) {
  const std::size_t most = std::min({limits.start_line, limits.field, limits.total, data.size()});
  Cursor cursor(data.substr(0, most));
  UsualHead usual;
  if (read(cursor, limits.fields, rest..., usual)) {
    usual.size = most - cursor.left().size();
  } else {
    headers.clear();
  }
  return usual;
}

}  // namespace

UsualHead read_usual_head(BytesView data, const BlockLimits& limits, std::string& known_host, RequestHead& head) {
  return read_whole(data, limits, head.headers, known_host, head);
}

UsualHead read_usual_head(BytesView data, const BlockLimits& limits, ResponseHead& head) {
  return read_whole(data, limits, head.headers, head);
}

}  // namespace tutti::http::detail

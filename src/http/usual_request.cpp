// SPDX-License-Identifier: MIT
#include "usual_request.hpp"

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

enum class Meaning : unsigned char { none, host, connection, how_to_read_on };

Meaning meaning_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 4: return iequals(name, "Host") ? Meaning::host : Meaning::none;
    case 7: return iequals(name, "Upgrade") ? Meaning::how_to_read_on : Meaning::none;
    case 10: return iequals(name, "Connection") ? Meaning::connection : Meaning::none;
    case 14: return iequals(name, "Content-Length") ? Meaning::how_to_read_on : Meaning::none;
    case 16: return iequals(name, "Proxy-Connection") ? Meaning::how_to_read_on : Meaning::none;
    case 17: return iequals(name, "Transfer-Encoding") ? Meaning::how_to_read_on : Meaning::none;
    default: return Meaning::none;
  }
}

/// Keeps what is the same from request to request.
void assign(std::string& to, std::string_view text) {
  if (to != text) to = text;
}

bool read(Cursor& cursor, std::size_t most_fields, std::string& known_host, RequestHead& head, bool& names_connection) {
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
  std::size_t fields = 0;
  std::string_view host;
  while (!cursor.take("\r\n")) {
    std::string_view name;
    std::string_view value;
    if (++fields > most_fields || !cursor.take(kTokenCharacters, ':', name) || !cursor.take_value(value)) return false;
    value = trim(value);
    const Meaning meaning = meaning_of(name);
    if (meaning == Meaning::how_to_read_on) return false;
    if (meaning == Meaning::host) {
      if (!host.empty() || value.empty()) return false;
      host = value;
    } else if (meaning == Meaning::connection) {
      if (!iequals(value, "keep-alive") && !iequals(value, "close")) return false;
      names_connection = true;
    }
    FieldText::add(head.headers, name, value);
  }
  if (host.empty() ? head.version == Version::http11 : host != known_host && !is_authority(host)) return false;
  if (!host.empty()) assign(known_host, host);
  assign(head.method, method);
  assign(head.target, target);
  return true;
}

}  // namespace

UsualRequest read_usual_request(BytesView data, const BlockLimits& limits, std::string& known_host, RequestHead& head) {
  const std::size_t most = std::min({limits.start_line, limits.field, limits.total, data.size()});
  Cursor cursor(data.substr(0, most));
  UsualRequest usual;
  if (read(cursor, limits.fields, known_host, head, usual.names_connection)) {
    usual.size = most - cursor.left().size();
  } else {
    head.headers.clear();
  }
  return usual;
}

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
// The list of fields, and what may get into it.
#include <tutti/http/headers.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include <tutti/base/error.hpp>

#include "characters.hpp"
#include "field_text.hpp"

namespace tutti::http {

namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// Calls `visit` with each element that is not empty, until it returns false.
template <class Visit>
bool for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    const auto element = detail::trim(list.substr(0, comma));
    if (!element.empty() && !visit(element)) return false;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return true;
}

void check(std::string_view name, std::string_view value) {
  if (!is_token(name)) throw ValueError("invalid name of a header field: " + detail::quote(name));
  if (!is_field_value(value)) {
    throw ValueError("header field " + std::string(name) + ": invalid value " + detail::quote(value));
  }
}

}  // namespace

bool detail::equal_letters(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return x == y || lower(x) == lower(y); });
}

bool is_token(std::string_view text) noexcept { return detail::kTokenCharacters.makes(text); }

bool is_field_value(std::string_view text) noexcept {
  // Eight bytes at once, since nearly all values are good. Which of eight is less than a space, or is DEL,
  // shows in the highest bit of each; what lies above a bad one may show too, so a tab makes us look at each.
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  const auto suspicious = [](std::uint64_t bytes) {
    const std::uint64_t not_del = bytes ^ (ones * 0x7f);
    return (((bytes - ones * 0x20) & ~bytes) | ((not_del - ones) & ~not_del)) & (ones * 0x80);
  };
  const auto is_bad = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  };
  constexpr std::size_t step = sizeof(std::uint64_t);
  const auto is_good = [&](const char* at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, step);
    return suspicious(bytes) == 0 || std::none_of(at, at + step, is_bad);
  };
  if (text.size() < step) return std::none_of(text.begin(), text.end(), is_bad);
  const char* const last = text.data() + text.size() - step;  // what does not fill eight is looked at twice
  for (const char* at = text.data(); at < last; at += step) {
    if (!is_good(at)) return false;
  }
  return is_good(last);
}

std::string detail::quote(std::string_view text, std::size_t most) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      out += c;
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out + (text.size() > most ? "…'" : "'");
}

Headers::Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  for (const auto& [name, value] : fields) add(name, value);
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const auto& [other, value] : *this) {
    if (iequals(other, name)) return value;
  }
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name, std::string_view otherwise) const noexcept {
  return get(name).value_or(otherwise);
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [other, value] : *this) {
    if (iequals(other, name)) values.push_back(value);
  }
  return values;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  std::size_t count = 0;
  for (const auto& [other, value] : *this) count += iequals(other, name) ? 1 : 0;
  return count;
}

bool Headers::contains(std::string_view name) const noexcept { return get(name).has_value(); }

void Headers::add(std::string_view name, std::string_view value) {
  check(name, value);
  append(name, value);
}

detail::FieldBlock Headers::grow(std::size_t more) {
  constexpr std::size_t kLeast = 128;  // growing field by field would move the first ones again and again
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (more > kMost - size_) throw ValueError("header fields of more than 4 GiB");
  const std::size_t room = std::min(kMost, std::max({kLeast, size_ + more, std::size_t{2} * size_}));
  detail::FieldBlock block(static_cast<std::uint32_t>(room));
  if (size_ != 0) std::memcpy(block.data(), block_.data(), size_);
  return std::exchange(block_, std::move(block));
}

void Headers::append(std::string_view name, std::string_view value) {
  const Sizes sizes{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
  const std::size_t record = sizeof sizes + name.size() + value.size() + 4;
  const auto before = make_room(record);
  detail::Pen(block_.data() + size_).put(detail::bytes_of(sizes)).field(name, value);
  size_ += static_cast<std::uint32_t>(record);
}

void Headers::append(std::string_view records) {
  const auto before = make_room(records.size());
  detail::Pen(block_.data() + size_).put(records);
  size_ += static_cast<std::uint32_t>(records.size());
}

Headers::Headers(const Headers& other) { append(other.records()); }

Headers& Headers::operator=(const Headers& other) {
  if (this == &other) return *this;
  size_ = 0;
  append(other.records());
  return *this;
}

void Headers::clear() noexcept {
  constexpr std::size_t kKept = 1024;
  if (block_.room() > kKept) {
    *this = Headers();
  } else {
    size_ = 0;
  }
}

std::size_t Headers::size() const noexcept { return static_cast<std::size_t>(std::distance(begin(), end())); }

void Headers::set(std::string_view name, std::string_view value) {
  check(name, value);
  if (!contains(name)) return append(name, value);
  Headers changed;  // both views may point into the fields of before
  bool placed = false;
  for (const auto& [other, old] : *this) {
    if (!iequals(other, name)) {
      changed.append(other, old);
    } else if (!std::exchange(placed, true)) {
      changed.append(name, value);
    }
  }
  *this = std::move(changed);
}

bool Headers::set_default(std::string_view name, std::string_view value) {
  if (contains(name)) return false;
  add(name, value);
  return true;
}

void Headers::update(const Headers& others) {
  if (&others == this) return;
  for (const auto& [name, value] : others) remove(name);
  append(others.records());
}

std::size_t Headers::remove(std::string_view name) {
  if (!contains(name)) return 0;
  Headers kept;  // the name may be that of a field which goes
  std::size_t gone = 0;
  for (const auto& [other, value] : *this) {
    if (iequals(other, name)) {
      ++gone;
    } else {
      kept.append(other, value);
    }
  }
  *this = std::move(kept);
  return gone;
}

std::vector<std::string_view> Headers::get_list(std::string_view name) const {
  std::vector<std::string_view> elements;
  for (const auto& [other, value] : *this) {
    if (!iequals(other, name)) continue;
    for_each_element(value, [&](std::string_view element) {
      elements.push_back(element);
      return true;
    });
  }
  return elements;
}

bool Headers::list_contains(std::string_view name, std::string_view element) const noexcept {
  const auto differs = [&](std::string_view other) { return !iequals(other, element); };
  for (const auto& [other, value] : *this) {
    if (iequals(other, name) && !for_each_element(value, differs)) return true;
  }
  return false;
}

}  // namespace tutti::http

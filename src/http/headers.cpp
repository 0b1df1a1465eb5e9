// SPDX-License-Identifier: MIT
// The list of fields, and what may get into it.
#include <tutti/http/headers.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include <tutti/base/error.hpp>

#include "parsed_fields.hpp"

namespace tutti::http {

namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - ('a' - 'A')] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

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

bool is_token(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

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
  fields_.reserve(fields.size());
  for (const auto& [name, value] : fields) add(name, value);
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
  for (const auto& field : fields_) {
    if (iequals(field.first, name)) return field.second;
  }
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name, std::string_view otherwise) const noexcept {
  return get(name).value_or(otherwise);
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& field : fields_) {
    if (iequals(field.first, name)) values.emplace_back(field.second);
  }
  return values;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(fields_.begin(), fields_.end(), [&](const Field& field) { return iequals(field.first, name); }));
}

bool Headers::contains(std::string_view name) const noexcept { return get(name).has_value(); }

void Headers::add(std::string_view name, std::string_view value) {
  check(name, value);
  append(name, value);
}

void Headers::append(std::string_view name, std::string_view value) {
  constexpr std::size_t kUsual = 4;  // growing one by one would move the first ones again and again
  if (fields_.capacity() == 0) fields_.reserve(kUsual);
  fields_.emplace_back(name, value);
}

void Headers::set(std::string_view name, std::string_view value) {
  check(name, value);
  if (!contains(name)) return append(name, value);
  // Copies first: both views may point into the fields.
  Field field(name, value);
  const auto same = [&](const Field& other) { return iequals(other.first, field.first); };
  const auto place = std::find_if(fields_.begin(), fields_.end(), same);
  fields_.erase(std::remove_if(place + 1, fields_.end(), same), fields_.end());
  *place = std::move(field);
}

bool Headers::set_default(std::string_view name, std::string_view value) {
  if (contains(name)) return false;
  add(name, value);
  return true;
}

void Headers::update(const Headers& others) {
  if (&others == this) return;
  for (const auto& field : others) remove(field.first);
  fields_.insert(fields_.end(), others.begin(), others.end());
}

std::size_t Headers::remove(std::string_view name) {
  if (!contains(name)) return 0;
  // A copy, since the name may be that of a field which goes.
  const std::string wanted(name);
  return std::erase_if(fields_, [&](const Field& field) { return iequals(field.first, wanted); });
}

std::vector<std::string_view> Headers::get_list(std::string_view name) const {
  std::vector<std::string_view> elements;
  for (const auto& field : fields_) {
    if (!iequals(field.first, name)) continue;
    for_each_element(field.second, [&](std::string_view element) {
      elements.push_back(element);
      return true;
    });
  }
  return elements;
}

bool Headers::list_contains(std::string_view name, std::string_view element) const noexcept {
  const auto differs = [&](std::string_view other) { return !iequals(other, element); };
  for (const Field& field : fields_) {
    if (iequals(field.first, name) && !for_each_element(field.second, differs)) return true;
  }
  return false;
}

}  // namespace tutti::http

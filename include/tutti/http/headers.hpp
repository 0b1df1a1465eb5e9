// SPDX-License-Identifier: MIT
// The fields of a message: an ordered list of name and value, in which names compare without regard to case.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tutti::http {

namespace detail {
struct ParsedFields;
/// `iequals` for strings of the same size.
[[nodiscard]] bool equal_letters(std::string_view a, std::string_view b) noexcept;
}  // namespace detail

/// Whether two strings are equal when ASCII letters of either case are the same.
[[nodiscard]] inline bool iequals(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && detail::equal_letters(a, b);
}

/// Whether `text` is a token: a field name, a method. *Source*: RFC 9110 5.6.2.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Whether `text` may stand in a field: no control characters but the tab. *Source*: RFC 9110 5.5.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

/// The fields of a request or response, in the order in which they were added or received. A name may occur more than once.
///
/// No field that could break a message ever gets in: each name is a token, no value holds a CR, LF, NUL or another control
/// character but the tab. *Errors*: each function that takes a value throws `ValueError` that names the field.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  using const_iterator = std::vector<Field>::const_iterator;

  Headers() noexcept = default;
  /// `Headers{{"Accept", "text/html"}, {"X-Id", "7"}}`.
  Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  /// The value of the first field with this name, if there is one. *Lifetime*: until the fields change.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  /// The same, with a value for when there is none.
  [[nodiscard]] std::string_view get(std::string_view name, std::string_view otherwise) const noexcept;
  /// The values of all fields with this name, in order.
  [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;
  /// How many fields have this name.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;

  /// Adds a field behind the others, also if the name is there already.
  void add(std::string_view name, std::string_view value);
  /// Makes this the only field with its name; it takes the place of the first one.
  void set(std::string_view name, std::string_view value);
  /// The same, unless the name is there already: for defaults. Says whether it was added.
  bool set_default(std::string_view name, std::string_view value);
  /// Sets each field of `others`: a name that is in both has only the values of `others`.
  void update(const Headers& others);
  /// Takes all fields with this name away; says how many there were.
  std::size_t remove(std::string_view name);
  void clear() noexcept { fields_.clear(); }

  /// The elements of the comma-separated lists in all fields with this name, without empty ones and the white space around.
  /// Not for fields whose elements may hold a quoted comma (`Set-Cookie`, `WWW-Authenticate`). *Lifetime*: as `get`.
  [[nodiscard]] std::vector<std::string_view> get_list(std::string_view name) const;
  /// Whether such a list has this element, in whatever case: `list_contains("Connection", "close")`.
  [[nodiscard]] bool list_contains(std::string_view name, std::string_view element) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  [[nodiscard]] const_iterator begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return fields_.end(); }

  friend bool operator==(const Headers&, const Headers&) = default;

 private:
  friend struct detail::ParsedFields;
  void append(std::string_view name, std::string_view value);

  std::vector<Field> fields_;
};

}  // namespace tutti::http

// SPDX-License-Identifier: MIT
// The fields of a message: an ordered list of name and value, in which names compare without regard to case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tutti/base/frame_pool.hpp>

namespace tutti::http {

namespace detail {
struct FieldText;

/// Bytes in recycled memory: a message has them for no longer than a frame.
class FieldBlock {
 public:
  FieldBlock() noexcept = default;
  explicit FieldBlock(std::uint32_t room) : data_(static_cast<char*>(lowlevel::allocate_frame(room))), room_(room) {}
  FieldBlock(FieldBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), room_(std::exchange(other.room_, 0)) {}
  FieldBlock& operator=(FieldBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(room_, other.room_);
    return *this;
  }
  ~FieldBlock() {
    if (data_ != nullptr) lowlevel::deallocate_frame(data_, room_);
  }
  [[nodiscard]] char* data() const noexcept { return data_; }
  [[nodiscard]] std::uint32_t room() const noexcept { return room_; }

 private:
  char* data_ = nullptr;
  std::uint32_t room_ = 0;
};

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
/// All of them are one block of memory.
///
/// No field that could break a message ever gets in: each name is a token, no value holds a CR, LF, NUL or another control
/// character but the tab. *Errors*: each function that takes a value throws `ValueError` that names the field.
class Headers {
 public:
  /// Name and value. *Lifetime*: until the fields change.
  using Field = std::pair<std::string_view, std::string_view>;
  class const_iterator;

  Headers() noexcept = default;
  Headers(const Headers& other);
  Headers(Headers&& other) noexcept : block_(std::move(other.block_)), size_(std::exchange(other.size_, 0)) {}
  Headers& operator=(const Headers& other);
  Headers& operator=(Headers&& other) noexcept {
    block_ = std::move(other.block_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~Headers() = default;
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
  void clear() noexcept;

  /// The elements of the comma-separated lists in all fields with this name, without empty ones and the white space around.
  /// Not for fields whose elements may hold a quoted comma (`Set-Cookie`, `WWW-Authenticate`). *Lifetime*: as `get`.
  [[nodiscard]] std::vector<std::string_view> get_list(std::string_view name) const;
  /// Whether such a list has this element, in whatever case: `list_contains("Connection", "close")`.
  [[nodiscard]] bool list_contains(std::string_view name, std::string_view element) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// `for (const auto& [name, value] : headers)`.
  [[nodiscard]] const_iterator begin() const noexcept;
  [[nodiscard]] const_iterator end() const noexcept;

  /// The same fields in the same order.
  friend bool operator==(const Headers& a, const Headers& b) noexcept { return a.records() == b.records(); }

 private:
  friend struct detail::FieldText;

  /// What stands before the text of each field, "Name: value\r\n".
  struct Sizes {
    std::uint32_t name;
    std::uint32_t value;
    [[nodiscard]] std::size_t record() const noexcept { return sizeof(Sizes) + name + value + 4; }
  };

  [[nodiscard]] std::string_view records() const noexcept { return {block_.data(), size_}; }
  void append(std::string_view name, std::string_view value);
  void append(std::string_view records);
  /// Sees to it that there is room for `more` bytes behind what is there. Gives the block from before, if it took a larger one: views may
  /// point into it.
  detail::FieldBlock make_room(std::size_t more) {
    return more <= block_.room() - size_ ? detail::FieldBlock() : grow(more);
  }
  detail::FieldBlock grow(std::size_t more);

  detail::FieldBlock block_;
  std::uint32_t size_ = 0;
};

/// Goes forward through the fields.
class Headers::const_iterator {
 public:
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;
  using value_type = Field;
  using difference_type = std::ptrdiff_t;
  using reference = Field;
  struct pointer {
    Field field;
    const Field* operator->() const noexcept { return &field; }
  };

  const_iterator() noexcept = default;
  [[nodiscard]] Field operator*() const noexcept {
    const Sizes size = sizes();
    const char* const name = at_ + sizeof(Sizes);
    return {{name, size.name}, {name + size.name + 2, size.value}};
  }
  [[nodiscard]] pointer operator->() const noexcept { return {**this}; }
  const_iterator& operator++() noexcept {
    at_ += sizes().record();
    return *this;
  }
  const_iterator operator++(int) noexcept {
    const const_iterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const const_iterator&, const const_iterator&) = default;

 private:
  friend class Headers;
  friend struct detail::FieldText;
  explicit const_iterator(const char* at) noexcept : at_(at) {}
  [[nodiscard]] Sizes sizes() const noexcept {
    Sizes sizes;
    std::memcpy(&sizes, at_, sizeof sizes);
    return sizes;
  }

  const char* at_ = nullptr;
};

inline Headers::const_iterator Headers::begin() const noexcept { return const_iterator(block_.data()); }
inline Headers::const_iterator Headers::end() const noexcept { return const_iterator(block_.data() + size_); }

}  // namespace tutti::http

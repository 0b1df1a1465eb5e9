// SPDX-License-Identifier: MIT
// A value or nothing, for every kind of result: `std::optional` has no references.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>

namespace tutti {

/// A reference, or nothing. Used like `std::optional`.
template <class T>
class OptionalRef {
 public:
  OptionalRef() noexcept = default;
  OptionalRef(std::nullopt_t) noexcept {}  // NOLINT(google-explicit-constructor): as std::optional
  explicit OptionalRef(T& object) noexcept : object_(std::addressof(object)) {}

  [[nodiscard]] bool has_value() const noexcept { return object_ != nullptr; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  /// *Errors*: `std::bad_optional_access` if it is empty.
  [[nodiscard]] T& value() const {
    if (object_ == nullptr) throw std::bad_optional_access();
    return *object_;
  }

 private:
  T* object_ = nullptr;
};

namespace detail {

template <class T>
struct MaybeOf {
  using type = std::optional<T>;
};
template <class T>
struct MaybeOf<T&> {
  using type = OptionalRef<T>;
};
template <>
struct MaybeOf<void> {
  using type = void;
};

}  // namespace detail

/// `std::optional<T>`; `OptionalRef<U>` for a `U&`; void for void.
template <class T>
using Maybe = typename detail::MaybeOf<T>::type;

}  // namespace tutti

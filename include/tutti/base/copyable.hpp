// SPDX-License-Identifier: MIT
// Whether a value can really be copied.
#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tutti/base/range.hpp>

namespace tutti::detail {

template <class T, class... Seen>
constexpr bool copies();

/// What a value of type T is made of.
template <class T>
struct PartsOf {
  template <class... Seen>
  static constexpr bool copy() {
    return true;
  }
};
template <class... Ts>
struct PartsOfTypes {
  template <class... Seen>
  static constexpr bool copy() {
    return (copies<Ts, Seen...>() && ...);
  }
};
template <class T>
  requires Range<T> && requires { typename T::value_type; }
struct PartsOf<T> : PartsOfTypes<typename T::value_type> {};
template <class A, class B>
struct PartsOf<std::pair<A, B>> : PartsOfTypes<A, B> {};
template <class... Ts>
struct PartsOf<std::tuple<Ts...>> : PartsOfTypes<Ts...> {};
template <class... Ts>
struct PartsOf<std::variant<Ts...>> : PartsOfTypes<Ts...> {};
template <class T>
struct PartsOf<std::optional<T>> : PartsOfTypes<T> {};

// A type that holds itself (a tree) is met again: what else it holds decides.
template <class T, class... Seen>
constexpr bool copies() {
  if constexpr ((std::is_same_v<T, Seen> || ...) || std::is_trivially_copy_constructible_v<T>) {
    return true;  // the latter also for views, which hold nothing
  } else if constexpr (!std::is_copy_constructible_v<T>) {
    return false;
  } else {
    return PartsOf<T>::template copy<T, Seen...>();
  }
}

/// `std::is_copy_constructible` says yes for a container of what cannot be copied, and the copy does not compile. This one looks into
/// containers, pairs, tuples, optionals and variants.
template <class T>
inline constexpr bool is_copyable = copies<T>();

}  // namespace tutti::detail

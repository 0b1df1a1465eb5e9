// SPDX-License-Identifier: MIT
// Whether a value can really be copied.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include <tutti/base/range.hpp>

namespace tutti::detail {

/// `std::is_copy_constructible` says yes for a container of what cannot be copied, and the copy does not compile. This one looks into
/// containers, pairs and tuples.
template <class T>
inline constexpr bool is_copyable = std::is_copy_constructible_v<T>;

template <class T>
  requires Range<T> && requires { typename T::value_type; } && (!std::is_same_v<typename T::value_type, T>)
inline constexpr bool is_copyable<T> = std::is_copy_constructible_v<T> && is_copyable<typename T::value_type>;

template <class A, class B>
inline constexpr bool is_copyable<std::pair<A, B>> =
    std::is_copy_constructible_v<std::pair<A, B>> && is_copyable<A> && is_copyable<B>;

template <class... Ts>
inline constexpr bool is_copyable<std::tuple<Ts...>> =
    std::is_copy_constructible_v<std::tuple<Ts...>> && (is_copyable<Ts> && ...);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// std::function, std::ref and std::less, and a std::invoke. libstdc++'s <functional> also brings hash tables and most of <algorithm>,
// for its searchers: a twentieth of the time in which a program with <tutti/tutti.hpp> compiles.
#pragma once

#include <tuple>
#include <utility>

#if __has_include(<bits/std_function.h>) && __has_include(<bits/refwrap.h>) && __has_include(<bits/stl_function.h>)
#include <bits/refwrap.h>       // IWYU pragma: keep
#include <bits/std_function.h>  // IWYU pragma: keep
#include <bits/stl_function.h>  // IWYU pragma: keep
#else
#include <functional>
#endif

namespace tutti::detail {

/// `std::invoke`, by way of `std::apply`, which takes pointers to members too.
template <class F, class... Args>
constexpr decltype(auto) invoke(F&& f, Args&&... args) {
  return std::apply(std::forward<F>(f), std::forward_as_tuple(std::forward<Args>(args)...));
}

}  // namespace tutti::detail

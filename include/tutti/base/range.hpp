// SPDX-License-Identifier: MIT
// What a range-based `for` can go over, as a concept; <ranges> would be a tenth of the compile time of a program.
#pragma once

#include <iterator>
#include <type_traits>
#include <utility>

namespace tutti::detail {

namespace range_access {
using std::begin;
using std::end;
template <class R>
using Iterator = decltype(begin(std::declval<R&>()));
template <class R>
concept Iterable = requires(R& range) {
  { begin(range) } -> std::input_iterator;
  begin(range) != end(range);
};
}  // namespace range_access

/// Whatever has a begin and an end: containers, arrays, views.
template <class R>
concept Range = range_access::Iterable<std::remove_reference_t<R>>;

template <Range R>
using RangeReference = std::iter_reference_t<range_access::Iterator<std::remove_reference_t<R>>>;
template <Range R>
using RangeValue = std::iter_value_t<range_access::Iterator<std::remove_reference_t<R>>>;

/// Whether the items belong to the range itself and may be moved out of it. A view looks at the items of others: a constant view
/// still gives access to them, where a constant container gives constant items.
template <Range R>
inline constexpr bool owns_items = false;
template <Range R>
  requires Range<const R> && std::is_lvalue_reference_v<RangeReference<R>>
inline constexpr bool owns_items<R> = !std::is_const_v<std::remove_reference_t<RangeReference<R>>> &&
                                      !std::is_same_v<RangeReference<R>, RangeReference<const R>>;

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// A place in the source in four bytes, for what exists in large numbers.
#pragma once

#include <cstdint>
#include <source_location>

namespace tutti::detail {

/// The low half of the address of what a `std::source_location` refers to. That stands in the memory of the program or of a
/// library, where `get` finds it again; whoever only stores places pays for no search.
class Place {
 public:
  Place() noexcept = default;
  Place(std::source_location where) noexcept  // NOLINT(google-explicit-constructor): the same in less room
      : low_(static_cast<std::uint32_t>(__builtin_bit_cast(std::uintptr_t, where))) {}

  /// Line 0 if it was never set, or if its library was unloaded.
  [[nodiscard]] std::source_location get() const noexcept;

  /// A mark that goes with it: the address has bits to spare.
  [[nodiscard]] bool marked() const noexcept { return (low_ & kMark) != 0; }
  void mark() noexcept { low_ |= kMark; }
  /// Another place with the same mark.
  void move_to(Place other) noexcept { low_ = other.low_ | (low_ & kMark); }

 private:
  static constexpr std::uint32_t kMark = 1;
  std::uint32_t low_ = 0;
};

}  // namespace tutti::detail

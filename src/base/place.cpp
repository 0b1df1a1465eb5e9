// SPDX-License-Identifier: MIT
#include <tutti/base/place.hpp>

#include <link.h>

namespace tutti::detail {
namespace {

static_assert(sizeof(std::source_location) == sizeof(void*));

/// A part of a program or library as it stands in memory.
struct Segment {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool code;

  [[nodiscard]] bool holds(std::uintptr_t address, std::size_t size) const noexcept {
    return address >= begin && address < end && end - address >= size;
  }
};

/// Calls `visit(Segment)` for each segment, the program's first, until it gives true.
template <class Visit>
bool visit_segments(Visit visit) noexcept {
  const auto each = [](dl_phdr_info* module, std::size_t, void* data) {
    for (unsigned i = 0; i < module->dlpi_phnum; ++i) {
      const auto& header = module->dlpi_phdr[i];
      if (header.p_type != PT_LOAD) continue;
      const std::uintptr_t begin = module->dlpi_addr + header.p_vaddr;
      if ((*static_cast<Visit*>(data))(Segment{begin, begin + header.p_memsz, (header.p_flags & PF_X) != 0})) return 1;
    }
    return 0;
  };
  return ::dl_iterate_phdr(each, &visit) != 0;
}

bool is_data(const void* address) noexcept {
  return visit_segments([number = reinterpret_cast<std::uintptr_t>(address)](const Segment& segment) {
    return !segment.code && segment.holds(number, 1);
  });
}

}  // namespace

// Two libraries may have something at addresses with the same low half; what does not look like a place is none.
std::source_location Place::get() const noexcept {
  constexpr std::size_t kSize = 2 * sizeof(void*) + 2 * sizeof(unsigned);
  std::source_location found;
  const std::uint32_t low = low_ & ~kMark;
  if (low == 0 || low % alignof(void*) != 0) return found;
  visit_segments([&](const Segment& segment) {
    if (segment.code) return false;
    constexpr std::uintptr_t kLowHalf = 0xffff'ffff;
    std::uintptr_t address = (segment.begin & ~kLowHalf) | low;
    if (address < segment.begin) address += kLowHalf + 1;
    if (!segment.holds(address, kSize)) return false;
    const auto candidate = __builtin_bit_cast(std::source_location, address);
    if (candidate.line() == 0 || !is_data(candidate.file_name()) || !is_data(candidate.function_name())) return false;
    found = candidate;
    return true;
  });
  return found;
}

}  // namespace tutti::detail

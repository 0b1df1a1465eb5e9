// SPDX-License-Identifier: MIT
#include <tutti/task/try.hpp>

namespace tutti::detail {

std::exception_ptr star_outcome(const std::exception_ptr& original, const std::exception_ptr& matched,
                                std::exception_ptr rest, std::exception_ptr raised) {
  if (!raised) return rest;
  if (raised == matched) return original;
  if (!rest) return raised;
  return make_exception_group("", {std::move(raised), std::move(rest)});
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include "base/function_name.hpp"

namespace tutti::detail {

std::string readable_function_name(std::string_view name) {
  constexpr std::string_view kFrame = ".Frame*)";
  const std::size_t mangled = name.rfind("::_Z");
  if (!name.ends_with(kFrame) || mangled == std::string_view::npos) return std::string(name);
  std::size_t open = mangled;  // the parenthesis that the last one closes
  for (int depth = 1; depth != 0;) {
    if (open-- == 0) return std::string(name);
    if (name[open] == ')') ++depth;
    if (name[open] == '(') --depth;
  }
  return std::string(name.substr(open + 1, mangled - open - 1));
}

}  // namespace tutti::detail

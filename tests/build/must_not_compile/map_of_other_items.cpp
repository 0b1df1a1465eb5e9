// SPDX-License-Identifier: MIT
// error: amap: the function must take an item of the source
// A step of a pipe for items of another type.
#include <string>
#include <vector>

#include <tutti/task/comprehension.hpp>

#ifdef TUTTI_CORRECT
using Item = int;
#else
using Item = std::string;
#endif
auto mapped() {
  return tutti::from_range(std::vector<int>{1, 2}) | tutti::amap([](Item item) { return item; });
}

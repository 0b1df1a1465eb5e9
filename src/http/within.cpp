// SPDX-License-Identifier: MIT
#include "within.hpp"

#include <cstdio>

namespace tutti::http::detail {

std::string to_text(Duration duration) {
  char text[32];
  (void)std::snprintf(text, sizeof(text), "%.6g s", std::chrono::duration<double>(duration).count());
  return text;
}

}  // namespace tutti::http::detail

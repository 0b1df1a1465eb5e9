// SPDX-License-Identifier: MIT
#include "base/process_end.hpp"

#include <cstring>

namespace tutti::detail {

std::string describe_end(int returncode) {
  if (returncode >= 0) return "exited with code " + std::to_string(returncode);
  return "was killed by signal " + std::to_string(-returncode) + " (" + ::strsignal(-returncode) + ")";
}

}  // namespace tutti::detail

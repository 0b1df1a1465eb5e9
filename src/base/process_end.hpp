// SPDX-License-Identifier: MIT
// How a process ended, in words.
#pragma once

#include <string>

namespace tutti::detail {

/// "exited with code 3", "was killed by signal 9 (Killed)" for -9.
[[nodiscard]] std::string describe_end(int returncode);

}  // namespace tutti::detail

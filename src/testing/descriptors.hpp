// SPDX-License-Identifier: MIT
// The descriptors of this process, to find those that a test leaves open.
#pragma once

#include <map>
#include <string>

namespace tutti::testing::detail {

/// Each open descriptor and what it is, as /proc says: "socket:[4711]". *Source*: proc(5), /proc/pid/fd.
[[nodiscard]] std::map<int, std::string> open_descriptors();

}  // namespace tutti::testing::detail

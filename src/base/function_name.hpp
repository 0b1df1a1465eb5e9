// SPDX-License-Identifier: MIT
// The name of the function of a place in the source, as people wrote it.
#pragma once

#include <string>
#include <string_view>

namespace tutti::detail {

/// What `std::source_location::function_name` says, but for what GCC makes of a coroutine's: to it, the body is a function
/// `void fetch(fetch(int)::_Z5fetchi.Frame*)`, of which `fetch(int)` is left.
[[nodiscard]] std::string readable_function_name(std::string_view name);

}  // namespace tutti::detail

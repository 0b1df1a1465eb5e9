// SPDX-License-Identifier: MIT
// Calls for names: what the functions of this layer share.
#pragma once

#include <memory>
#include <string>

#include "request.hpp"

namespace tutti::detail {

/// *Errors*: `ValueError` for a path with a null byte in it.
void check_path(const char* operation, const std::string& path);

/// A request with `path` in its memory. *Errors*: as above.
[[nodiscard]] std::shared_ptr<FileRequest> path_request(const char* operation, std::string path);

[[noreturn]] void throw_path_error(int number, const char* operation, const std::string& path);

}  // namespace tutti::detail

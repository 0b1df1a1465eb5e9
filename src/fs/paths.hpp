// SPDX-License-Identifier: MIT
// Calls for names: what the functions of this layer share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <tutti/base/fd.hpp>
#include <tutti/base/function.hpp>
#include <tutti/task/coro.hpp>

#include "request.hpp"

namespace tutti::detail {

/// *Errors*: `ValueError` for a path with a null byte in it.
void check_path(const char* operation, const std::string& path);

/// A request with `path` in its memory. *Errors*: as above.
[[nodiscard]] std::shared_ptr<FileRequest> path_request(const char* operation, std::string path);

/// Calls `function()` in a thread; it gives what system calls give: -1 and errno, or a result, which comes back. It may
/// end its life in the thread, after the caller's. *Errors*: `OSError`, with operation and `object`.
Coro<int> call_in_thread(const char* operation, std::string object, MoveOnlyFunction<int()> function);
/// The same for `function(path)`. *Errors*: also `ValueError`, as above.
Coro<int> call_with_path(const char* operation, std::string path, MoveOnlyFunction<int(const char*)> function);

/// open(2). *Errors*: `OSError`, with "open" and the path; `ValueError`, as above. *Cancellation*: what is opened all the
/// same is closed.
Coro<Fd> open_path(std::string path, int flags, std::uint32_t permissions);

/// `path`, for messages: the empty one would not be seen.
[[nodiscard]] std::string shown(const std::string& path);
/// "from -> to", for messages.
[[nodiscard]] std::string both_paths(const std::string& from, const std::string& to);

[[noreturn]] void throw_path_error(int number, const char* operation, const std::string& path);

}  // namespace tutti::detail

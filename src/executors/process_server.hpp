// SPDX-License-Identifier: MIT
// The server process of a pool: the program, started again, which forks the workers.
//
// A process with threads cannot be forked safely: the child has one thread, and the locks of all. So the workers are forked from a process
// that has done nothing but to initialise the program's statics. It is started by execve(2) of /proc/self/exe, which is safe at any time.
#pragma once

namespace tutti::detail {

/// Whether this program can be started as a server: `<tutti/executors/process_pool.hpp>` is part of it.
[[nodiscard]] bool can_start_server() noexcept;

/// Starts a server whose socket is `socket`; gives its process number. *Errors*: `OSError`.
[[nodiscard]] int start_server(int socket);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// How a file goes through a socket, whoever owns that.
#pragma once

#include <cstddef>
#include <string>

#include <tutti/base/function.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

/// *Errors*: `ValueError` for a count or an offset that cannot be; `operation` is its name.
void check_sendfile_options(const SendfileOptions& options, const std::string& operation);

/// By sendfile(2), through a socket that does not block. *Errors*: `SendfileNotAvailableError` if nothing was sent;
/// `OSError` with `context`.
[[nodiscard]] Coro<std::size_t> send_file_natively(int socket, int file, SendfileOptions options, std::string context);

/// Reads in a thread, and lets `send` send each piece.
[[nodiscard]] Coro<std::size_t> send_file_by_copying(int file, SendfileOptions options,
                                                     MoveOnlyFunction<Coro<>(std::string)> send);

}  // namespace tutti::detail

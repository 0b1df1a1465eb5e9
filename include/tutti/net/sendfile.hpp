// SPDX-License-Identifier: MIT
// Files through transports and streams.
#pragma once

#include <cstddef>
#include <memory>

#include <tutti/io/streams.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/transports.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

/// Sends the open file `file` behind what was written to the stream; gives how many bytes that were, fewer than `count`
/// if the file ends. A socket takes them from the file itself by sendfile(2), while writing to it throws `RuntimeError`;
/// for TLS, and for a file that cannot be sent like that, they are read in a thread and written. The file's own
/// position is then behind what was sent. *Errors*: `RuntimeError` if the stream is closing or another sendfile is in
/// progress; `ConnectionError`s; `OSError` of the file; `SendfileNotAvailableError` without `fallback` where that is
/// needed; `ValueError` for a count of 0. *Cancellation*: a part of it may have been sent; the file's position tells
/// how much. *Lifetime*: `file` must stay open until the end. *Source*: asyncio.loop.sendfile, sendfile(2).
[[nodiscard]] Coro<std::size_t> sendfile(StreamWriter& writer, int file, SendfileOptions options = {});
/// The same for protocols. *Errors* also: `ValueError` for a transport of one's own.
[[nodiscard]] Coro<std::size_t> sendfile(std::shared_ptr<Transport> transport, int file, SendfileOptions options = {});
/// The same below both.
[[nodiscard]] Coro<std::size_t> sendfile(detail::Ref<lowlevel::Transport> transport, int file,
                                         SendfileOptions options = {});

}  // namespace tutti

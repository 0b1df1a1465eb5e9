// SPDX-License-Identifier: MIT
// Pipes as streams, and with them FIFOs, terminals and the program's own standard input and output.
#pragma once

#include <string>

#include <tutti/base/fd.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/io/transport.hpp>

namespace tutti {

/// The two ends of a pipe.
struct PipeEnds {
  Fd reader;
  Fd writer;
};

/// A new pipe, which no program inherits that is started later. *Errors*: `OSError`. *Source*: pipe(2).
[[nodiscard]] PipeEnds make_pipe();

/// Reads from a pipe, a FIFO, a socket or a character device (a terminal), which becomes the reader's: dropping that
/// closes it. *Errors*: `ValueError` for another kind of file; `RuntimeError` if no loop runs. *Source*:
/// asyncio.loop.connect_read_pipe.
[[nodiscard]] StreamReader open_read_pipe(Fd pipe, StreamReaderOptions options = {});
/// Writes to one of them. When nobody is left who reads, `drain` throws `BrokenPipeError` or `ConnectionResetError`. The
/// first of these writers makes the program ignore SIGPIPE: see `lowlevel::ignore_sigpipe`.
[[nodiscard]] StreamWriter open_write_pipe(Fd pipe);

/// The program's standard input, output and error output as streams, whatever they are; files too, where reading and
/// writing wait for the disk. Others who have the same terminal or pipe (the shell, for one) do not notice: it is opened
/// again, where the system allows that, and closing the stream leaves descriptors 0, 1 and 2 open. *Errors*: `OSError` if
/// the descriptor is closed. *Concurrency*: who reads ahead takes the bytes away from `std::cin`: use one of both.
[[nodiscard]] StreamReader standard_input(StreamReaderOptions options = {});
[[nodiscard]] StreamWriter standard_output();
[[nodiscard]] StreamWriter standard_error();

/// A reader, or a writer, on a transport of one direction, which becomes its own.
[[nodiscard]] StreamReader make_stream_reader(detail::Ref<lowlevel::Transport> transport,
                                              StreamReaderOptions options = {});
[[nodiscard]] StreamWriter make_stream_writer(detail::Ref<lowlevel::Transport> transport);

namespace lowlevel {

/// Makes writing to a pipe that nobody reads fail with `BrokenPipeError` instead of ending the program: ignores SIGPIPE,
/// unless the program has changed what it does already. Sockets never raise it here; who writes to a pipe with operations
/// of its own should call this. Children get the default back. *Concurrency*: from any thread; once is enough.
void ignore_sigpipe() noexcept;

/// One end of a pipe as a transport, for protocols: as above, but without a receiver, and paused. `name` is for
/// messages ("pipe 7" if it is empty). Takes `pipe` over, which does not block any more.
[[nodiscard]] detail::Ref<Transport> make_read_pipe(EventLoop& loop, Fd pipe, std::string name = {});
[[nodiscard]] detail::Ref<Transport> make_write_pipe(EventLoop& loop, Fd pipe, std::string name = {});

}  // namespace lowlevel
}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/io/pipe.hpp>

#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>

#include "pipe_transport.hpp"
#include "stream_state.hpp"

namespace tutti {
namespace {

using detail::Ref;

mode_t kind_of(const Fd& file, const std::string& operation) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) throw_os_error(errno, operation);
  return status.st_mode & S_IFMT;
}

void stop_blocking(const Fd& file, const std::string& operation) {
  const int flags = ::fcntl(file.get(), F_GETFL);
  if (flags < 0 || ::fcntl(file.get(), F_SETFL, flags | O_NONBLOCK) != 0) throw_os_error(errno, operation);
}

void prepare_pipe(const Fd& pipe, const std::string& operation) {
  const mode_t kind = kind_of(pipe, operation);
  if (kind != S_IFIFO && kind != S_IFSOCK && kind != S_IFCHR) {
    throw ValueError(operation + ": only pipes, sockets and character devices are taken");
  }
  stop_blocking(pipe, operation);
}

std::string name_of(const Fd& pipe) { return "pipe " + std::to_string(pipe.get()); }

Ref<lowlevel::Transport> make_reader(EventLoop& loop, Fd pipe, std::string name) {
  return Ref<lowlevel::Transport>::adopt(new detail::ReadPipe(loop, std::move(pipe), std::move(name)));
}

Ref<lowlevel::Transport> make_writer(EventLoop& loop, Fd pipe, std::string name) {
  lowlevel::ignore_sigpipe();
  auto transport = Ref<detail::WritePipe>::adopt(new detail::WritePipe(loop, std::move(pipe), std::move(name)));
  transport->watch();
  return Ref<lowlevel::Transport>(transport.get());
}

/// Descriptor 0, 1 or 2 for us alone. What it stands for is shared with other programs, and so is whether it blocks: a
/// pipe or a terminal is opened anew. A file is not, since its position is shared for good reason.
Fd open_standard(int number, int access, const char* name) {
  Fd own(::fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!own) throw_os_error(errno, name);
  const mode_t kind = kind_of(own, name);
  if (kind == S_IFIFO || kind == S_IFCHR) {
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    Fd again(::open(path.c_str(), access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (again) return again;
  }
  // A terminal that may not be opened again goes on blocking: it is read when it has something to read.
  if (kind == S_IFIFO || kind == S_IFSOCK) stop_blocking(own, name);
  return own;
}

StreamWriter write_standard(int number, const char* name) {
  EventLoop& loop = get_running_loop();
  return make_stream_writer(make_writer(loop, open_standard(number, O_WRONLY, name), name));
}

}  // namespace

PipeEnds make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_os_error(errno, "pipe2");
  return {Fd(ends[0]), Fd(ends[1])};
}

StreamReader open_read_pipe(Fd pipe, StreamReaderOptions options) {
  EventLoop& loop = get_running_loop();
  return make_stream_reader(lowlevel::make_read_pipe(loop, std::move(pipe)), options);
}

StreamWriter open_write_pipe(Fd pipe) {
  EventLoop& loop = get_running_loop();
  return make_stream_writer(lowlevel::make_write_pipe(loop, std::move(pipe)));
}

StreamReader standard_input(StreamReaderOptions options) {
  EventLoop& loop = get_running_loop();
  const char* const name = "standard input";
  return make_stream_reader(make_reader(loop, open_standard(STDIN_FILENO, O_RDONLY, name), name), options);
}

StreamWriter standard_output() { return write_standard(STDOUT_FILENO, "standard output"); }
StreamWriter standard_error() { return write_standard(STDERR_FILENO, "standard error"); }

StreamReader make_stream_reader(Ref<lowlevel::Transport> transport, StreamReaderOptions options) {
  auto state = Ref<detail::StreamState>::adopt(new detail::StreamState(transport, options.limit));
  state->leaving_reader_closes = true;
  transport->set_receiver(Ref<lowlevel::Receiver>(state.get()));
  transport->resume_reading();
  return StreamReader(std::move(state));
}

StreamWriter make_stream_writer(Ref<lowlevel::Transport> transport) {
  auto state = Ref<detail::StreamState>::adopt(new detail::StreamState(transport, StreamReaderOptions().limit));
  transport->set_receiver(Ref<lowlevel::Receiver>(state.get()));
  return StreamWriter(std::move(state));
}

namespace lowlevel {

void ignore_sigpipe() noexcept {
  static const bool done = [] {
    struct sigaction present{};
    if (::sigaction(SIGPIPE, nullptr, &present) == 0 && present.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)done;
}

Ref<Transport> make_read_pipe(EventLoop& loop, Fd pipe, std::string name) {
  loop.check("make_read_pipe");
  prepare_pipe(pipe, "open_read_pipe");
  if (name.empty()) name = name_of(pipe);
  return make_reader(loop, std::move(pipe), std::move(name));
}

Ref<Transport> make_write_pipe(EventLoop& loop, Fd pipe, std::string name) {
  loop.check("make_write_pipe");
  prepare_pipe(pipe, "open_write_pipe");
  if (name.empty()) name = name_of(pipe);
  return make_writer(loop, std::move(pipe), std::move(name));
}

}  // namespace lowlevel
}  // namespace tutti

// SPDX-License-Identifier: MIT
// A child process as a protocol sees it: asyncio's `SubprocessProtocol` and `loop.subprocess_exec`.
//
//   connection_made, then for each pipe pipe_data_received any number of times and pipe_connection_lost, and process_exited, in
//   no certain order; at last, when the process has ended and all pipes are lost, connection_lost
//
// All but `pause_writing` and `resume_writing` are called from the loop, never inside a call of the transport's. What such a function
// throws is reported through the loop's exception handler.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/bytes.hpp>
#include <tutti/base/function.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/process/subprocess.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

class SubprocessProtocol;

/// A child process and its pipes. It lives, and holds its protocol, until the connection is lost, whoever has let go of it. When
/// its loop closes the child is killed. *Concurrency*: on the loop's thread. *Source*: asyncio.SubprocessTransport.
class SubprocessTransport {
 public:
  SubprocessTransport() = default;
  SubprocessTransport(const SubprocessTransport&) = delete;
  SubprocessTransport& operator=(const SubprocessTransport&) = delete;
  virtual ~SubprocessTransport();

  [[nodiscard]] virtual int get_pid() const noexcept = 0;
  /// Its exit status, -N if signal N has ended it; nothing while it runs.
  [[nodiscard]] virtual std::optional<int> get_returncode() const noexcept = 0;
  /// The pipe to the child's input (0), from its output (1) or its error output (2); null if that was not created as `PIPE`.
  /// It has its receiver already. *Lifetime*: as long as the transport.
  [[nodiscard]] virtual lowlevel::Transport* get_pipe_transport(int fd) const noexcept = 0;

  /// Sends it a signal. *Errors*: `ProcessLookupError` once its returncode is known; `OSError` for what is no signal.
  virtual void send_signal(int signum) = 0;
  /// SIGTERM: asks it to end.
  void terminate();
  /// SIGKILL: ends it.
  void kill();
  /// Closes the pipes (what was written is still sent), and kills the child if it runs. Idempotent.
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_closing() const noexcept = 0;

  /// Who is told from now on. *Errors*: `ValueError` for null.
  virtual void set_protocol(std::shared_ptr<SubprocessProtocol> protocol) = 0;
  /// Null once the connection is lost.
  [[nodiscard]] virtual std::shared_ptr<SubprocessProtocol> get_protocol() const noexcept = 0;
};

/// Each function does nothing unless it is overridden. *Source*: asyncio.SubprocessProtocol.
class SubprocessProtocol {
 public:
  SubprocessProtocol() = default;
  SubprocessProtocol(const SubprocessProtocol&) = delete;
  SubprocessProtocol& operator=(const SubprocessProtocol&) = delete;
  virtual ~SubprocessProtocol();

  /// The child runs and its pipes are there. A protocol that keeps its transport lets go of it in `connection_lost` at the latest.
  virtual void connection_made(std::shared_ptr<SubprocessTransport> transport);
  /// The child has ended and all its pipes are lost.
  virtual void connection_lost(std::exception_ptr error);
  /// The child has written to its output (1) or its error output (2); the view holds during the call.
  virtual void pipe_data_received(int fd, BytesView data);
  /// A pipe has ended; `error` is null if one of its ends was closed in good order.
  virtual void pipe_connection_lost(int fd, std::exception_ptr error);
  /// The child has ended. Its output may still come.
  virtual void process_exited();
  /// More than the high mark is buffered for the child's input, called inside the `write` that went too far; it is down to the low
  /// mark.
  virtual void pause_writing();
  virtual void resume_writing();
};

template <class F>
concept SubprocessProtocolFactory =
    std::derived_from<typename std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&>>::element_type,
                      SubprocessProtocol>;

/// A transport and its protocol, whose `connection_made` was called.
template <class P>
struct SubprocessEndpoint {
  std::shared_ptr<SubprocessTransport> transport;
  std::shared_ptr<P> protocol;
};

namespace subprocess {
/// With a pipe to each of the three streams.
inline const Options all_pipes = {.input = PIPE, .output = PIPE, .errors = PIPE};
}  // namespace subprocess

namespace detail {

using MadeSubprocess = Coro<std::shared_ptr<SubprocessTransport>>;
MadeSubprocess start_subprocess(std::shared_ptr<SubprocessProtocol> protocol, std::string program,
                                std::vector<std::string> arguments, subprocess::Options options);
MadeSubprocess start_shell(std::shared_ptr<SubprocessProtocol> protocol, std::string command,
                           subprocess::Options options);

}  // namespace detail

/// Starts a program with `factory()`, a `shared_ptr` or `unique_ptr`, as its protocol; without `options` with a pipe to each stream.
/// *Errors*: as `create_subprocess_exec`; what `factory` throws, before anything was started. *Cancellation*: the child is killed,
/// and awaited. *Source*: asyncio.loop.subprocess_exec.
template <SubprocessProtocolFactory F>
[[nodiscard]] auto subprocess_exec(F factory, std::string program, std::vector<std::string> args = {},
                                   subprocess::Options options = subprocess::all_pipes)
    -> Coro<SubprocessEndpoint<typename std::remove_cvref_t<std::invoke_result_t<F&>>::element_type>> {
  std::shared_ptr protocol = factory();
  auto transport = co_await detail::start_subprocess(protocol, std::move(program), std::move(args), std::move(options));
  co_return {std::move(transport), std::move(protocol)};
}
/// The same for a command of the shell. *Source*: asyncio.loop.subprocess_shell.
template <SubprocessProtocolFactory F>
[[nodiscard]] auto subprocess_shell(F factory, std::string command, subprocess::Options options = subprocess::all_pipes)
    -> Coro<SubprocessEndpoint<typename std::remove_cvref_t<std::invoke_result_t<F&>>::element_type>> {
  std::shared_ptr protocol = factory();
  auto transport = co_await detail::start_shell(protocol, std::move(command), std::move(options));
  co_return {std::move(transport), std::move(protocol)};
}

}  // namespace tutti

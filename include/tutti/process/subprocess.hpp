// SPDX-License-Identifier: MIT
// Child processes: other programs, their streams and their ends.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

namespace detail {
class ProcessState;
}

namespace subprocess {

/// What a standard stream of a child is connected to. By default it inherits ours.
class Stdio {
 public:
  enum class Kind : unsigned char { inherited, pipe, output, null_device, descriptor };

  constexpr Stdio() noexcept = default;
  constexpr explicit Stdio(Kind kind) noexcept : kind_(kind) {}
  /// An open descriptor of ours, which stays ours; the child gets a copy when it is created.
  constexpr Stdio(int descriptor) noexcept  // NOLINT(google-explicit-constructor): as in Python
      : kind_(Kind::descriptor), descriptor_(descriptor) {}
  Stdio(const Fd& descriptor) noexcept : Stdio(descriptor.get()) {}  // NOLINT(google-explicit-constructor): the same

  [[nodiscard]] constexpr Kind kind() const noexcept { return kind_; }
  [[nodiscard]] constexpr int descriptor() const noexcept { return descriptor_; }

 private:
  Kind kind_ = Kind::inherited;
  int descriptor_ = -1;
};

inline constexpr Stdio PIPE{Stdio::Kind::pipe};            ///< a pipe to us: a stream of the `Process`
inline constexpr Stdio STDOUT{Stdio::Kind::output};        ///< for `errors`: wherever the output goes
inline constexpr Stdio DEVNULL{Stdio::Kind::null_device};  ///< /dev/null

/// Variables by name.
using Environment = std::map<std::string, std::string>;

/// A copy of our own, to change and pass on. *Concurrency*: as getenv(3).
[[nodiscard]] Environment current_environment();

/// How a child is created. The descriptors of ours that it gets are its three standard ones and `pass_fds`, no others.
struct Options {
  Stdio input = {};                            ///< Python's stdin, …
  Stdio output = {};                           ///< … stdout …
  Stdio errors = {};                           ///< … and stderr: in C and C++ those names may be macros
  std::size_t limit = std::size_t{64} * 1024;  ///< of a line of the output: see `StreamReaderOptions`
  std::optional<std::string> cwd = {};         ///< the directory it starts in
  std::optional<Environment> env = {};         ///< its variables, instead of ours
  Environment extra_env = {};                  ///< variables that it gets besides, or with another value
  std::vector<int> pass_fds = {};              ///< descriptors that it gets under the same numbers
  std::string executable = {};                 ///< the program, if it is not the name or the shell that is given
  bool restore_signals = true;                 ///< no signal is blocked, and SIGPIPE and SIGXFSZ have their default
  bool start_new_session = false;              ///< setsid(2)
  std::optional<int> process_group = {};       ///< setpgid(2); 0: a new group, of its own
  std::optional<unsigned> umask = {};          ///< permissions that its files do not get
  std::optional<unsigned> user = {};           ///< a user's number; takes privileges, as the next two
  std::optional<unsigned> group = {};          ///< a group's number
  std::optional<std::vector<unsigned>> extra_groups = {};  ///< numbers of further groups, instead of ours
};

/// What a child has written.
struct Outputs {
  std::string output;  ///< empty if it is not `PIPE`, as the next one
  std::string errors;
};

/// How `run_process` runs a program.
struct RunOptions {
  std::optional<std::string> input = {};  ///< what it reads from its standard input; absent: as `process` says
  bool check = true;                      ///< whether a returncode other than 0 is a `CalledProcessError`
  Options process = {.output = PIPE, .errors = PIPE};
};

/// A program that has ended.
struct CompletedProcess {
  int returncode = 0;  ///< -N if signal N has ended it
  std::string output;  ///< empty if it was not `PIPE`, as the next one
  std::string errors;
};

/// A program ended with a returncode other than 0. *Source*: subprocess.CalledProcessError.
class CalledProcessError : public std::runtime_error {
 public:
  CalledProcessError(const std::string& program, CompletedProcess process);
  ~CalledProcessError() override;
  /// What it has left.
  [[nodiscard]] const CompletedProcess& process() const noexcept { return *process_; }

 private:
  std::shared_ptr<const CompletedProcess> process_;  // exceptions are copied, and must not throw then
};

/// A child process. It is reaped by its loop as soon as it ends, whether anybody waits or not, and whether there is a
/// `Process` or not.
///
/// Moves only. Leaving it closes its pipes and lets the child run on; a loop that closes kills the children that are left
/// and reaps them. *Concurrency*: on the loop's thread. *Source*: asyncio.subprocess.Process.
class Process {
 public:
  explicit Process(detail::Ref<detail::ProcessState> state) noexcept;
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  /// The pipe to its standard input, from its output, from its error output; they live as long as the `Process`. *Errors*:
  /// `RuntimeError` if the stream was not created as `PIPE`.
  [[nodiscard]] StreamWriter& input() const;
  [[nodiscard]] StreamReader& output() const;
  [[nodiscard]] StreamReader& errors() const;

  [[nodiscard]] int pid() const noexcept;
  /// Its exit status, -N if signal N has ended it; nothing while it runs.
  [[nodiscard]] std::optional<int> returncode() const noexcept;

  /// Waits until it has ended; gives the returncode. What it has written can still be read then. A child that writes more
  /// than a pipe holds does not end until somebody reads: see `communicate`. If something else in this program has reaped
  /// it (`wait(-1)`, an ignored SIGCHLD), that is 255, and a warning. *Cancellation*: ends the waiting only.
  /// *Concurrency*: any number of coroutines may wait.
  [[nodiscard]] Coro<int> wait() const;
  /// Writes `input`, closes the child's input if it is a pipe, reads all that the child writes, and waits until it has
  /// ended. That it does not read its input is no error. *Errors*: `ValueError` if there is input and no pipe for it.
  /// *Cancellation*: nothing that was read is lost; another call goes on. The child runs on.
  [[nodiscard]] Coro<Outputs> communicate(std::string input = {}) const;

  /// Sends it a signal. *Errors*: `ProcessLookupError` once its returncode is known; `OSError` for what is no signal.
  void send_signal(int signum) const;
  /// SIGTERM: asks it to end.
  void terminate() const;
  /// SIGKILL: ends it.
  void kill() const;
  /// Closes the pipes (what was written is still sent), and kills the child if it runs. Idempotent.
  void close() const;

 private:
  detail::Ref<detail::ProcessState> state_;
};

}  // namespace subprocess

/// Starts `program`, found as the shell would find it (PATH, from `env` if there is one), with arguments. *Errors*:
/// `FileNotFoundError`, `PermissionError` and other `OSError` if it or `cwd` cannot be used; `ValueError` for a null
/// character, or a variable with "=" in its name. *Cancellation*: kills what was started and waits until it has ended.
/// *Source*: asyncio.create_subprocess_exec; pidfd_open(2), Linux 5.4.
[[nodiscard]] Coro<subprocess::Process> create_subprocess_exec(std::string program, std::vector<std::string> args = {},
                                                               subprocess::Options options = {});
/// The same for a command line of the shell (/bin/sh). Never build one from words that you do not know: the shell
/// understands them.
[[nodiscard]] Coro<subprocess::Process> create_subprocess_shell(std::string command, subprocess::Options options = {});

/// Runs a program to its end; gives its returncode and all that it has written, which is kept in memory. *Errors*:
/// `CalledProcessError` unless `check` is off; those of `create_subprocess_exec`. *Cancellation*: kills it, and waits until it has ended;
/// what it has written is lost. *Source*: subprocess.run, trio.run_process.
[[nodiscard]] Coro<subprocess::CompletedProcess> run_process(std::string program, std::vector<std::string> args = {},
                                                             subprocess::RunOptions options = {});

}  // namespace tutti

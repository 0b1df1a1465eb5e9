// SPDX-License-Identifier: MIT
// CPython's test_subprocess. The children are programs of the system where CPython's are Python.
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/process/subprocess.hpp>
#include <tutti/task/gather.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using subprocess::DEVNULL;
using subprocess::PIPE;
using subprocess::Process;

/// More than a pipe holds: `support.PIPE_MAX_SIZE`.
const std::size_t large = 4 * 1024 * 1024 + 1;

/// `PROGRAM_BLOCKED`.
Coro<Process> blocked(subprocess::Options options = {}) {
  return create_subprocess_exec("sleep", {"3600"}, std::move(options));
}

/// Without the blanks that some `wc` write first.
string stripped(const string& text) {
  const auto begin = text.find_first_not_of(" \n");
  return begin == string::npos ? "" : text.substr(begin, text.find_last_not_of(" \n") - begin + 1);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_stdin_stdout) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  process.input().write("some data");
  co_await process.input().drain();
  process.input().close();
  EXPECT_EQ(co_await process.output().read(), "some data");
  EXPECT_EQ(co_await process.wait(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_communicate) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  EXPECT_EQ((co_await process.communicate("some data")).output, "some data");
  EXPECT_EQ(process.returncode(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_communicate_none_input) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  EXPECT_EQ((co_await process.communicate()).output, "");
  EXPECT_EQ(process.returncode(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_shell) {
  const Process process = co_await create_subprocess_shell("exit 7");
  EXPECT_EQ(co_await process.wait(), 7);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_start_new_session) {
  const Process process = co_await create_subprocess_shell("exit 8", {.start_new_session = true});
  EXPECT_EQ(co_await process.wait(), 8);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_kill) {
  const Process process = co_await blocked();
  process.kill();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_kill_issue43884) {
  // The shell's own child has the pipe open still when the shell has ended.
  const Process process = co_await create_subprocess_shell("echo begun; sleep 1; sleep 1", {.output = PIPE});
  EXPECT_EQ(co_await process.output().readline(), "begun\n");
  process.kill();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_terminate) {
  const Process process = co_await blocked();
  process.terminate();
  EXPECT_EQ(co_await process.wait(), -SIGTERM);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_send_signal) {
  const Process process = co_await create_subprocess_shell("echo sleeping; exec sleep 3600", {.output = PIPE});
  EXPECT_EQ(co_await process.output().readline(), "sleeping\n");
  process.send_signal(SIGHUP);
  EXPECT_EQ(co_await process.wait(), -SIGHUP);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_stdin_broken_pipe) {
  // The child ends when it is told to, by another pipe, with its input full and unread.
  const auto [reading, writing] = make_pipe();
  const string command = "read line <&" + std::to_string(reading.get());
  const Process process = co_await create_subprocess_shell(command, {.input = PIPE, .pass_fds = {reading.get()}});
  process.input().write(string(large, 'x'));
  EXPECT_EQ(::write(writing.get(), "go\n", 3), 3);
  const auto error = co_await error_of(process.input().drain());
  EXPECT_TRUE(holds<BrokenPipeError>(error) || holds<ConnectionResetError>(error)) << describe(error);
  co_await process.wait();
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_communicate_ignore_broken_pipe) {
  const Process process = co_await create_subprocess_exec("true", {}, {.input = PIPE});
  co_await process.communicate(string(large, 'x'));
  EXPECT_EQ(co_await process.wait(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_pause_reading) {
  const std::size_t limit = 10;
  const string much(limit * 2 + 1, 'x');
  const Process process =
      co_await create_subprocess_exec("printf", {"%s", much}, {.input = PIPE, .output = PIPE, .limit = limit});
  EXPECT_EQ((co_await process.communicate()).output, much);
}

Coro<> expect_length(string command, string input, string length) {
  const Process process =
      co_await create_subprocess_shell(std::move(command), {.input = PIPE, .output = PIPE, .errors = PIPE});
  const auto [output, errors] = co_await process.communicate(std::move(input));
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(stripped(output), length);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_stdin_not_inheritable) {
  co_await expect_length("wc -c", "abc", "3");
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_empty_input) { co_await expect_length("wc -c", "", "0"); }

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_devstdin_input) {
  co_await expect_length("wc -c < /dev/stdin", "abc", "3");
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_devnull_input) {
  const Process process =
      co_await create_subprocess_exec("wc", {"-c"}, {.input = DEVNULL, .output = PIPE, .errors = PIPE});
  const auto [output, errors] = co_await process.communicate();
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(stripped(output), "0");
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_devnull_output) {
  const Process process =
      co_await create_subprocess_exec("wc", {"-c"}, {.input = PIPE, .output = DEVNULL, .errors = PIPE});
  const auto [output, errors] = co_await process.communicate("abc");
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(output, "");
  EXPECT_THROW((void)process.output(), RuntimeError);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_devnull_error) {
  const Process process =
      co_await create_subprocess_shell("cat >&2", {.input = PIPE, .output = PIPE, .errors = DEVNULL});
  const auto [output, errors] = co_await process.communicate("abc");
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(errors, "");
  EXPECT_THROW((void)process.errors(), RuntimeError);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_cancel_process_wait) {
  const Process process = co_await blocked();
  const auto task = create_task(process.wait());
  get_running_loop().call_soon([&] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(task.cancel());
  process.kill();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_cancel_make_subprocess_transport_exec) {
  // Creating may be done before the cancellation comes; then the child is ours. Either way nothing is left.
  const auto task = create_task([]() -> Coro<> {
    const Process process = co_await blocked();
    process.kill();
    co_await process.wait();
  });
  get_running_loop().call_soon([&] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_close_kill_running) {
  const Process process = co_await blocked();
  EXPECT_EQ(process.returncode(), std::nullopt);
  process.close();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_popen_error) {
  // Nothing stays behind: the test would fail for an open descriptor.
  EXPECT_THROW(co_await create_subprocess_exec("/nonexistent/program"), FileNotFoundError);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_popen_error_with_stdin_pipe) {
  EXPECT_THROW(co_await create_subprocess_exec("/nonexistent/program", {}, {.input = PIPE}), FileNotFoundError);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_read_stdout_after_process_exit) {
  const Process process = co_await create_subprocess_shell("head -c 262144 /dev/zero; exit 1", {.output = PIPE});
  std::size_t size = 0;
  for (;;) {
    const string data = co_await process.output().read(65536);
    if (data.empty()) break;
    size += data.size();
    for (int i = 0; i < 10; ++i) co_await turn();
  }
  EXPECT_EQ(size, 262144U);
  EXPECT_EQ(co_await process.wait(), 1);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_create_subprocess_exec_with_path) {
  const Process by_path = co_await create_subprocess_exec(std::filesystem::path("/bin/true"));
  EXPECT_EQ(co_await by_path.wait(), 0);
  const Process with_path = co_await create_subprocess_exec("ls", {std::filesystem::path("/")}, {.output = DEVNULL});
  EXPECT_EQ(co_await with_path.wait(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_create_subprocess_env_shell) {
  auto environment = subprocess::current_environment();
  environment["FOO"] = "bar";
  const Process process = co_await create_subprocess_shell("echo $FOO", {.output = PIPE, .env = environment});
  EXPECT_EQ((co_await process.communicate()).output, "bar\n");
  EXPECT_EQ(process.returncode(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_create_subprocess_env_exec) {
  auto environment = subprocess::current_environment();
  environment["FOO"] = "baz";
  const Process process =
      co_await create_subprocess_exec("sh", {"-c", "echo $FOO"}, {.output = PIPE, .env = environment});
  EXPECT_EQ((co_await process.communicate()).output, "baz\n");
  EXPECT_EQ(process.returncode(), 0);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_subprocess_concurrent_wait) {
  const Process process = co_await blocked({.input = PIPE, .output = PIPE});
  process.kill();
  std::vector<Task<int>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(create_task(process.wait()));
  for (auto& task : waiting) EXPECT_EQ(co_await task, -SIGKILL);
}

Coro<string> output_of(string word) {
  const Process process = co_await create_subprocess_exec("echo", {std::move(word)}, {.output = PIPE});
  co_return stripped((co_await process.communicate()).output);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_subprocess_communicate_stdout) {
  std::vector<Coro<string>> commands;
  std::vector<string> expected;
  for (int i = 0; i < 10; ++i) expected.push_back("foo" + std::to_string(i));
  for (const auto& word : expected) commands.push_back(output_of(word));
  EXPECT_EQ(co_await gather(std::move(commands)), expected);
}

CONFORMANCE_IO(test_subprocess, SubprocessMixin, test_subprocess_send_signal_race) {
  // The signal comes when the child is about to end: it must not be lost how it ended.
  for (int i = 0; i < 10; ++i) {
    const Process process = co_await create_subprocess_exec("true", {}, {.output = PIPE});
    co_await process.output().read();
    try {
      process.send_signal(SIGUSR1);
    } catch (const ProcessLookupError&) {
    }
    EXPECT_NE(co_await process.wait(), 255);
  }
}

}  // namespace
}  // namespace tutti::conformance

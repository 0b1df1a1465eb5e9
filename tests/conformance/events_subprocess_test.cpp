// SPDX-License-Identifier: MIT
// CPython's test_events, what is about child processes: by streams, where CPython's children have a protocol.
#include <csignal>
#include <string>
#include <utility>

#include <tutti/process/subprocess.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using subprocess::PIPE;
using subprocess::Process;

/// A child with three pipes; `cat` is CPython's echo.py.
Coro<Process> with_pipes(string program) {
  return create_subprocess_exec(std::move(program), {}, {.input = PIPE, .output = PIPE, .errors = PIPE});
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_exec) {
  const Process process = co_await with_pipes("cat");
  process.input().write("Python The Winner");
  EXPECT_EQ(co_await process.output().readexactly(17), "Python The Winner");
  process.close();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_interactive) {
  const Process process = co_await with_pipes("cat");
  process.input().write("Python ");
  EXPECT_EQ(co_await process.output().readexactly(7), "Python ");
  process.input().write("The Winner");
  EXPECT_EQ(co_await process.output().readexactly(10), "The Winner");
  process.close();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_shell) {
  const Process process =
      co_await create_subprocess_shell("echo Python", {.input = PIPE, .output = PIPE, .errors = PIPE});
  process.input().close();
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(co_await process.output().read(), "Python\n");
  EXPECT_EQ(co_await process.errors().read(), "");
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_exitcode) {
  const Process process = co_await create_subprocess_shell("exit 7");
  EXPECT_EQ(co_await process.wait(), 7);
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_close_after_finish) {
  const Process process = co_await create_subprocess_shell("exit 7");
  EXPECT_THROW((void)process.input(), RuntimeError);
  EXPECT_THROW((void)process.output(), RuntimeError);
  EXPECT_THROW((void)process.errors(), RuntimeError);
  EXPECT_EQ(co_await process.wait(), 7);
  process.close();
  EXPECT_EQ(process.returncode(), 7);
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_kill) {
  const Process process = co_await with_pipes("cat");
  process.kill();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_terminate) {
  const Process process = co_await with_pipes("cat");
  process.terminate();
  EXPECT_EQ(co_await process.wait(), -SIGTERM);
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_send_signal) {
  const Process process = co_await with_pipes("cat");
  process.send_signal(SIGHUP);
  EXPECT_EQ(co_await process.wait(), -SIGHUP);
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_stderr) {
  const Process process = co_await create_subprocess_shell("read word; printf OUT:$word; printf ERR:$word >&2",
                                                           {.input = PIPE, .output = PIPE, .errors = PIPE});
  process.input().write("test\n");
  EXPECT_EQ(co_await process.output().read(), "OUT:test");
  EXPECT_EQ(co_await process.errors().read(), "ERR:test");
  EXPECT_EQ(co_await process.wait(), 0);
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_stderr_redirect_to_stdout) {
  const Process process =
      co_await create_subprocess_shell("read word; printf OUT:$word; printf ERR:$word >&2",
                                       {.input = PIPE, .output = PIPE, .errors = subprocess::STDOUT});
  EXPECT_THROW((void)process.errors(), RuntimeError);
  process.input().write("test\n");
  EXPECT_EQ(co_await process.output().read(), "OUT:testERR:test");
  EXPECT_EQ(co_await process.wait(), 0);
  process.close();
}

CONFORMANCE_IO(test_events, SubprocessTestsMixin, test_subprocess_wait_no_same_group) {
  const Process process = co_await create_subprocess_shell("exit 7", {.start_new_session = true});
  EXPECT_EQ(co_await process.wait(), 7);
  process.close();
}

}  // namespace
}  // namespace tutti::conformance

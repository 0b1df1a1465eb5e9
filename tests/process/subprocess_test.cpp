// SPDX-License-Identifier: MIT
// Child processes: their streams, their signals and their ends.
#include <csignal>
#include <string>
#include <vector>

#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/task/gather.hpp>

#include "process/process_support.hpp"

namespace tutti::tests {
namespace {

// ---- streams ----

// test_subprocess.SubprocessMixin.test_stdin_stdout
TUTTI_TEST(Subprocess, HasItsInputAndOutputAsStreams) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  process.input().write("some data");
  co_await process.input().drain();
  process.input().close();
  EXPECT_EQ(co_await process.output().read(), "some data");
  EXPECT_EQ(co_await process.wait(), 0);
}

// test_events.SubprocessTestsMixin.test_subprocess_interactive
TUTTI_TEST(Subprocess, AnswersWhileItRuns) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  process.input().write("Python ");
  EXPECT_EQ(co_await process.output().readexactly(7), "Python ");
  process.input().write("The Winner");
  EXPECT_EQ(co_await process.output().readexactly(10), "The Winner");
  process.close();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

// test_subprocess.SubprocessMixin.test_communicate
TUTTI_TEST(Subprocess, CommunicatesInOneCall) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  auto [output, errors] = co_await process.communicate("some data");
  EXPECT_EQ(output, "some data");
  EXPECT_EQ(errors, "");
  EXPECT_EQ(process.returncode(), 0);
}

TUTTI_TEST(Subprocess, CommunicatesMoreThanPipesHold) {
  const std::string sent(kMoreThanAPipeHolds, 'x');
  const Process process =
      co_await create_subprocess_shell("tee /dev/stderr", {.input = PIPE, .output = PIPE, .errors = PIPE});
  auto [output, errors] = co_await process.communicate(sent);
  EXPECT_TRUE(output == sent);
  EXPECT_TRUE(errors == sent);
}

// test_events.SubprocessTestsMixin.test_subprocess_stderr
TUTTI_TEST(Subprocess, HasItsErrorOutputAsAStream) {
  const Process process = co_await create_subprocess_shell("echo OUT; echo ERR >&2", {.output = PIPE, .errors = PIPE});
  auto [output, errors] = co_await process.communicate();
  EXPECT_EQ(output, "OUT\n");
  EXPECT_EQ(errors, "ERR\n");
}

// test_events.SubprocessTestsMixin.test_subprocess_stderr_redirect_to_stdout
TUTTI_TEST(Subprocess, WritesErrorsWhereItsOutputGoes) {
  const Process process =
      co_await create_subprocess_shell("echo OUT; echo ERR >&2", {.output = PIPE, .errors = STDOUT});
  EXPECT_THROW((void)process.errors(), RuntimeError);
  auto [output, errors] = co_await process.communicate();
  EXPECT_EQ(output, "OUT\nERR\n");
  EXPECT_EQ(errors, "");
}

TUTTI_TEST(Subprocess, WritesErrorsToOurOutputIfThatIsInherited) {
  auto [reading, writing] = make_pipe();
  const Fd saved(::dup(STDOUT_FILENO));
  ::dup2(writing.get(), STDOUT_FILENO);
  const Process process = co_await create_subprocess_shell("echo ERR >&2", {.errors = STDOUT});
  ::dup2(saved.get(), STDOUT_FILENO);
  writing.reset();
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(co_await open_read_pipe(std::move(reading)).read(), "ERR\n");
}

// test_subprocess.SubprocessMixin.test_devnull_input, test_devnull_output, test_devnull_error
TUTTI_TEST(Subprocess, HasNothingInDevnull) {
  EXPECT_EQ(co_await output_of("wc -c", {.input = DEVNULL}), "0\n");
  const Process process =
      co_await create_subprocess_shell("cat; cat >&2", {.input = PIPE, .output = DEVNULL, .errors = DEVNULL});
  EXPECT_THROW((void)process.output(), RuntimeError);
  auto [output, errors] = co_await process.communicate("abc");
  EXPECT_EQ(output, "");
  EXPECT_EQ(errors, "");
  EXPECT_EQ(process.returncode(), 0);
}

// test_subprocess.SubprocessMixin.test_empty_input
TUTTI_TEST(Subprocess, GetsTheEndOfItsInputIfThereIsNone) {
  EXPECT_EQ(co_await output_of("wc -c", {.input = PIPE}), "0\n");
}

// test_subprocess.SubprocessMixin.test_devstdin_input
TUTTI_TEST(Subprocess, MayOpenItsInputAsAFile) {
  const Process process = co_await create_subprocess_shell("wc -c /dev/stdin", {.input = PIPE, .output = PIPE});
  EXPECT_EQ((co_await process.communicate("abc")).output, "3 /dev/stdin\n");
}

// test_subprocess.SubprocessMixin.test_stdin_not_inheritable: else another child keeps the pipe open
TUTTI_TEST(Subprocess, SeesTheEndOfItsInputWhileAnotherChildLives) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  const Process other = co_await blocked();
  EXPECT_EQ((co_await process.communicate("abc")).output, "abc");
  EXPECT_EQ(other.returncode(), std::nullopt);
  other.kill();
  co_await other.wait();
}

TUTTI_TEST(Subprocess, TakesDescriptorsOfOurs) {
  auto [reading, writing] = make_pipe();
  auto [from, to] = make_pipe();
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = from, .output = writing.get()});
  writing.reset();
  EXPECT_EQ(::write(to.get(), "through", 7), 7);
  to.reset();
  EXPECT_EQ(co_await open_read_pipe(std::move(reading)).read(), "through");
  EXPECT_EQ(co_await process.wait(), 0);
}

TUTTI_TEST(Subprocess, MaySwapOurOutputAndErrors) {
  auto [out_reading, out_writing] = make_pipe();
  auto [err_reading, err_writing] = make_pipe();
  const Fd saved_out(::dup(STDOUT_FILENO));
  const Fd saved_err(::dup(STDERR_FILENO));
  ::dup2(out_writing.get(), STDOUT_FILENO);
  ::dup2(err_writing.get(), STDERR_FILENO);
  const Process process =
      co_await create_subprocess_shell("echo OUT; echo ERR >&2", {.output = STDERR_FILENO, .errors = STDOUT_FILENO});
  ::dup2(saved_out.get(), STDOUT_FILENO);
  ::dup2(saved_err.get(), STDERR_FILENO);
  out_writing.reset();
  err_writing.reset();
  co_await process.wait();
  EXPECT_EQ(co_await open_read_pipe(std::move(out_reading)).read(), "ERR\n");
  EXPECT_EQ(co_await open_read_pipe(std::move(err_reading)).read(), "OUT\n");
}

// test_subprocess.SubprocessMixin.test_stdin_broken_pipe
TUTTI_TEST(Subprocess, ThatDoesNotReadBreaksThePipe) {
  auto [reading, writing] = make_pipe();
  const std::string go = std::to_string(reading.get());
  const Process process =
      co_await create_subprocess_shell("read word <&" + go, {.input = PIPE, .pass_fds = {reading.get()}});
  process.input().write(std::string(kMoreThanAPipeHolds, 'x'));
  EXPECT_EQ(::write(writing.get(), "go\n", 3), 3);
  CO_ASSERT_THROW(co_await process.input().drain(), BrokenPipeError);
  EXPECT_EQ(co_await process.wait(), 0);
}

// test_subprocess.SubprocessMixin.test_communicate_ignore_broken_pipe
TUTTI_TEST(Subprocess, CommunicatesWithAChildThatDoesNotRead) {
  const Process process = co_await create_subprocess_exec("true", {}, {.input = PIPE});
  co_await process.communicate(std::string(kMoreThanAPipeHolds, 'x'));
  EXPECT_EQ(process.returncode(), 0);
}

// test_events.SubprocessTestsMixin.test_subprocess_close_client_stream
TUTTI_TEST(Subprocess, NoticesThatItsOutputIsNotRead) {
  const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
  process.input().write("test");
  EXPECT_EQ(co_await process.output().readexactly(4), "test");
  process.output() = StreamReader();
  co_await turns(4);
  process.input().write("xxx");
  EXPECT_EQ(co_await process.wait(), -SIGPIPE) << "it has the default back";
}

// test_subprocess.SubprocessMixin.test_pause_reading
TUTTI_TEST(Subprocess, IsReadAheadOnlyUpToTheLimit) {
  const Process process = co_await create_subprocess_exec("cat", {"/dev/zero"}, {.output = PIPE, .limit = 10});
  co_await process.output().readexactly(1);
  co_await turns(10);
  EXPECT_LE(process.output().buffered().size(), 128U * 1024);
  process.kill();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

// test_subprocess.SubprocessMixin.test_read_stdout_after_process_exit
TUTTI_TEST(Subprocess, CanBeReadAfterItsEnd) {
  const Process process =
      co_await create_subprocess_shell("head -c 30000 /dev/zero; exit 1", {.output = PIPE, .limit = 100});
  EXPECT_EQ(co_await process.wait(), 1);
  EXPECT_EQ((co_await process.output().read()).size(), 30000U);
}

// CPython's gh-119710: who waits for the child does not wait for those that have inherited its pipes
TUTTI_TEST(Subprocess, HasEndedEvenIfItsPipesLiveOn) {
  const Process process =
      co_await create_subprocess_shell("exec 3<&0; cat <&3 & exit 3", {.input = PIPE, .output = PIPE});
  EXPECT_EQ(co_await process.wait(), 3);
  process.input().write("alive");
  EXPECT_EQ(co_await process.output().readexactly(5), "alive");
  process.input().close();
  EXPECT_EQ(co_await process.output().read(), "");
}

// test_subprocess.SubprocessMixin.test_subprocess_communicate_stdout
TUTTI_TEST(Subprocess, RunsBesideOthers) {
  std::vector<Coro<std::string>> commands;
  commands.reserve(10);
  for (int i = 0; i < 10; ++i) commands.push_back(output_of("echo foo" + std::to_string(i)));
  const std::vector<std::string> outputs = co_await gather(std::move(commands));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(outputs[static_cast<std::size_t>(i)], "foo" + std::to_string(i) + "\n");
}

// ---- ends ----

// test_subprocess.SubprocessMixin.test_shell; test_events.SubprocessTestsMixin.test_subprocess_exitcode
TUTTI_TEST(Subprocess, HasAReturncode) {
  const Process process = co_await create_subprocess_shell("exit 7");
  EXPECT_GT(process.pid(), 0);
  EXPECT_EQ(co_await process.wait(), 7);
  EXPECT_EQ(process.returncode(), 7);
  EXPECT_EQ(co_await process.wait(), 7);
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(Subprocess, HasNoReturncodeWhileItRuns) {
  const Process process = co_await blocked();
  EXPECT_EQ(process.returncode(), std::nullopt);
  process.input().close();
  EXPECT_EQ(co_await process.wait(), 0);
}

// test_subprocess.SubprocessMixin.test_kill, test_terminate
TUTTI_TEST(Subprocess, IsEndedBySignals) {
  const Process killed = co_await blocked();
  killed.kill();
  EXPECT_EQ(co_await killed.wait(), -SIGKILL);
  const Process terminated = co_await blocked();
  terminated.terminate();
  EXPECT_EQ(co_await terminated.wait(), -SIGTERM);
}

// test_subprocess.SubprocessMixin.test_send_signal
TUTTI_TEST(Subprocess, GetsSignals) {
  const Process process = co_await create_subprocess_shell(
      "trap 'echo hung up; exit 9' HUP; echo ready; while :; do read line; done", {.input = PIPE, .output = PIPE});
  EXPECT_EQ(co_await process.output().readline(), "ready\n");
  process.send_signal(SIGHUP);
  EXPECT_EQ(co_await process.output().readline(), "hung up\n");
  EXPECT_EQ(co_await process.wait(), 9);
}

// test_subprocess.SubprocessTransportTests.test_proc_exited
TUTTI_TEST(Subprocess, CannotBeSignalledAfterItsEnd) {
  const Process process = co_await create_subprocess_exec("true");
  co_await process.wait();
  EXPECT_THROW(process.kill(), ProcessLookupError);
  EXPECT_THROW(process.terminate(), ProcessLookupError);
  std::string message;
  try {
    process.send_signal(SIGHUP);
  } catch (const ProcessLookupError& error) {
    message = error.what();
  }
  EXPECT_EQ(message, "send signal 1 to true (pid " + std::to_string(process.pid()) + "): no such process");
  process.close();
}

TUTTI_TEST(Subprocess, MayHaveEndedUnnoticedWhenASignalIsSent) {
  const Process process = co_await create_subprocess_exec("true");
  siginfo_t info{};
  CO_ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WNOWAIT), 0);
  process.kill();
  EXPECT_EQ(co_await process.wait(), 0);
}

TUTTI_TEST(Subprocess, GetsNoSignalThatDoesNotExist) {
  const Process process = co_await blocked();
  EXPECT_THROW(process.send_signal(1000), OSError);
  process.input().close();
  co_await process.wait();
}

// SubprocessMixin.test_subprocess_concurrent_wait
TUTTI_TEST(Subprocess, IsWaitedForByAnyNumberAtOnce) {
  const Process process = co_await blocked();
  auto first = create_task(process.wait());
  auto second = create_task(process.wait());
  co_await turns(2);
  auto [third, done] = co_await gather(process.wait(), [&]() -> Coro<> {
    process.input().close();
    co_return;
  });
  EXPECT_EQ(third, 0);
  EXPECT_EQ(co_await first, 0);
  EXPECT_EQ(co_await second, 0);
}

// test_subprocess.SubprocessMixin.test_close_kill_running
TUTTI_TEST(Subprocess, IsKilledIfItIsClosed) {
  const Process process = co_await blocked();
  process.close();
  process.close();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

// test_subprocess.SubprocessMixin.test_close_dont_kill_finished; "child process pid %d exit status already read"
TUTTI_TEST(Subprocess, HasReturncode255IfSomebodyElseHasReapedIt) {
  const Process process = co_await create_subprocess_exec("true");
  CO_ASSERT_EQ(::waitpid(process.pid(), nullptr, 0), process.pid());
  EXPECT_EQ(process.returncode(), std::nullopt);
  process.close();
  EXPECT_EQ(co_await process.wait(), 255);
  const auto log = testing::take_log();
  CO_ASSERT_EQ(log.size(), 1U);
  EXPECT_NE(log[0].find("returncode is reported as 255"), std::string::npos) << log[0];
}

TUTTI_TEST(Subprocess, HasReturncode255IfTheProgramIgnoresTheEndsOfItsChildren) {
  std::signal(SIGCHLD, SIG_IGN);
  const Process process = co_await blocked();
  process.input().close();
  EXPECT_EQ(co_await process.wait(), 255);
  EXPECT_EQ(testing::take_log().size(), 1U);
  std::signal(SIGCHLD, SIG_DFL);
}

TUTTI_TEST(Subprocess, GetsNoInputThatItHasNoPipeFor) {
  const Process process = co_await create_subprocess_exec("true");
  EXPECT_EQ(co_await message_of<ValueError>(process.communicate("input")),
            "communicate with true: its input was not created as a PIPE");
  try {
    (void)process.output();
    ADD_FAILURE() << "there is no pipe";
  } catch (const RuntimeError& error) {
    EXPECT_STREQ(error.what(), "output of true: was not created as a PIPE");
  }
  EXPECT_THROW((void)process.input(), RuntimeError);
  co_await process.wait();
}

}  // namespace
}  // namespace tutti::tests

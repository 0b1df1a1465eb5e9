// SPDX-License-Identifier: MIT
// Child processes whose task is cancelled, whose handle is dropped, whose loop closes: none is left over.
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/task/run.hpp>

#include "process/process_support.hpp"

namespace tutti::tests {
namespace {

// test_subprocess.SubprocessMixin.test_cancel_process_wait
TUTTI_TEST(SubprocessCancel, OfAWaitLeavesTheChildAlone) {
  const Process process = co_await blocked();
  auto before = create_task(process.wait());
  before.cancel();
  CO_ASSERT_THROW(co_await before, CancelledError);
  auto waiting = create_task(process.wait());
  auto other = create_task(process.wait());
  co_await turns(2);
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  EXPECT_EQ(process.returncode(), std::nullopt);
  process.kill();
  EXPECT_EQ(co_await other, -SIGKILL);
  EXPECT_FALSE(other.cancel());
}

TUTTI_TEST(SubprocessCancel, OfAWaitInTheIterationInWhichTheChildEnds) {
  const Process process = co_await blocked();
  std::optional<Task<int>> later;
  auto earlier = create_task(process.wait());
  auto cancels = create_task([&]() -> Coro<> {
    co_await process.wait();
    EXPECT_FALSE(earlier.cancel());
    EXPECT_TRUE(later->cancel());
  });
  later = create_task(process.wait());
  co_await turns(2);
  process.input().close();
  co_await cancels;
  EXPECT_EQ(co_await earlier, 0);
  CO_ASSERT_THROW(co_await *later, CancelledError);
  EXPECT_EQ(process.returncode(), 0);
}

// test_subprocess.SubprocessMixin.test_cancel_make_subprocess_transport_exec, test_cancel_post_init
TUTTI_TEST(SubprocessCancel, OfTheCreationKillsTheChild) {
  for (const bool shell : {false, true}) {
    auto creating = create_task(shell ? create_subprocess_shell("cat", {.input = PIPE, .output = DEVNULL}) : blocked());
    co_await turns(1);
    creating.cancel();
    CO_ASSERT_THROW((void)co_await creating, CancelledError);
    EXPECT_TRUE(no_child_is_left());
  }
}

TUTTI_TEST(SubprocessCancel, OfTheCreationBeforeItBeginsStartsNothing) {
  auto creating = create_task(blocked());
  creating.cancel();
  CO_ASSERT_THROW((void)co_await creating, CancelledError);
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(SubprocessCancel, OfTheCreationTwiceLeavesTheReapingToTheLoop) {
  auto creating = create_task(blocked());
  co_await turns(1);
  creating.cancel();
  co_await turns(1);
  creating.cancel();
  CO_ASSERT_THROW((void)co_await creating, CancelledError);
  while (!no_child_is_left()) co_await turns(1);
}

TUTTI_TEST(SubprocessCancel, OfCommunicateLosesNoOutput) {
  // It answers the first line, and ends with its input.
  const Process process = co_await create_subprocess_shell("read line; echo got $line; cat",
                                                           {.input = PIPE, .output = PIPE, .errors = PIPE});
  auto communicating = create_task([&]() -> Coro<> {
    process.input().write("first\n");
    (void)co_await process.output().peek(10);
    (void)co_await process.output().read();
  });
  while (process.output().buffered().empty()) co_await turns(1);
  communicating.cancel();
  CO_ASSERT_THROW(co_await communicating, CancelledError);
  EXPECT_EQ((co_await process.communicate("second")).output, "got first\nsecond");
}

TUTTI_TEST(SubprocessCancel, OfCommunicateLetsTheChildRunOnAndAnotherCallGoOn) {
  auto [gate, opener] = make_pipe();
  // It echoes its input, and ends when the gate opens.
  const Process process = co_await create_subprocess_shell("cat; read line <&" + std::to_string(gate.get()),
                                                           {.input = PIPE, .output = PIPE, .pass_fds = {gate.get()}});
  auto first = create_task(process.communicate("echo"));
  while (process.output().buffered().size() < 4) co_await turns(1);
  first.cancel();
  CO_ASSERT_THROW((void)co_await first, CancelledError);
  EXPECT_EQ(process.returncode(), std::nullopt);
  opener.reset();
  EXPECT_EQ((co_await process.communicate()).output, "echo");
}

TUTTI_TEST(SubprocessCancel, OfCommunicateLosesNoOutputThatHasEndedBefore) {
  auto [gate, opener] = make_pipe();
  const std::string command = "echo out; exec >&-; echo err >&2; read line <&" + std::to_string(gate.get());
  const Process process =
      co_await create_subprocess_shell(command, {.output = PIPE, .errors = PIPE, .pass_fds = {gate.get()}});
  auto first = create_task(process.communicate());
  while (process.errors().buffered().size() < 4) co_await turns(1);
  co_await turns(5);
  first.cancel();
  CO_ASSERT_THROW((void)co_await first, CancelledError);
  opener.reset();
  auto [output, errors] = co_await process.communicate();
  EXPECT_EQ(output, "out\n");
  EXPECT_EQ(errors, "err\n");
}

// ---- without a handle ----

TUTTI_TEST(SubprocessHandle, MayBeDroppedAndTheChildIsReapedAllTheSame) {
  int pid = 0;
  {
    const Process process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = DEVNULL});
    pid = process.pid();
  }
  while (!no_child_is_left()) co_await turns(1);
  EXPECT_EQ(::kill(pid, 0), -1) << "its input was closed, so it has ended";
}

TUTTI_TEST(SubprocessHandle, MayBeDroppedWhileItsChildRunsOn) {
  auto [reading, writing] = make_pipe();
  int pid = 0;
  {
    const Process process = co_await create_subprocess_exec("cat", {}, {.input = reading, .output = DEVNULL});
    pid = process.pid();
  }
  co_await turns(3);
  EXPECT_EQ(::kill(pid, 0), 0);
  writing.reset();
  while (!no_child_is_left()) co_await turns(1);
}

TUTTI_TEST(SubprocessHandle, MayBeDroppedWhileSomebodyWaits) {
  std::optional<Process> process = co_await blocked();
  auto waiting = create_task(process->wait());
  auto communicating = create_task(process->communicate());
  co_await turns(2);
  process.reset();
  EXPECT_EQ(co_await waiting, 0);
  EXPECT_EQ((co_await communicating).output, "");
}

TUTTI_TEST(SubprocessHandle, MovesToAnother) {
  Process process = co_await blocked();
  const int pid = process.pid();
  Process other = std::move(process);
  EXPECT_EQ(other.pid(), pid);
  process = co_await blocked();
  std::swap(process, other);
  EXPECT_EQ(process.pid(), pid);
  process.kill();
  other.kill();
  co_await process.wait();
  co_await other.wait();
}

// ---- the end of the loop ----

std::unique_ptr<EventLoop> make_loop(const char* backend) {
  return std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_backend(backend)});
}

TEST(SubprocessLoop, ThatClosesKillsAndReapsTheChildrenThatAreLeft) {
  for (const char* backend : {"uring", "epoll", "poll"}) {
    if (std::string(backend) == "uring" && !lowlevel::uring_available()) continue;
    std::optional<Process> kept;
    Runner runner({.loop_factory = [backend] { return make_loop(backend); }});
    runner.run([&]() -> Coro<> {
      kept = co_await blocked();
      (void)create_task([]() -> Coro<> {
        const Process process = co_await blocked();
        co_await process.wait();
      });
      co_await turns(3);
    });
    EXPECT_EQ(kept->returncode(), std::nullopt);
    runner.close();
    EXPECT_TRUE(no_child_is_left()) << backend;
    EXPECT_EQ(kept->returncode(), -SIGKILL);
    EXPECT_THROW(kept->kill(), ProcessLookupError);
    kept->close();
  }
}

TEST(SubprocessLoop, ThatClosesOverAWaitReapsTheChild) {
  for (const char* backend : {"uring", "epoll", "poll"}) {
    if (std::string(backend) == "uring" && !lowlevel::uring_available()) continue;
    testing::ReportCollector reports;
    const auto loop = make_loop(backend);
    testing::ReportCollector::watch(*loop);
    auto task = loop->create_task([]() -> Coro<> {
      const Process process = co_await blocked();
      co_await process.wait();
    });
    for (int i = 0; i < 5; ++i) {
      loop->stop();
      loop->run_forever();
    }
    EXPECT_FALSE(no_child_is_left());
    loop->close();
    EXPECT_TRUE(no_child_is_left()) << backend;
    EXPECT_EQ(reports.take().size(), 1U) << "the task that was pending";
  }
}

// ---- time ----

TUTTI_VIRTUAL_TEST(SubprocessTime, StandsStillInVirtualTimeWhileAChildRuns) {
  auto alarm = create_task(sleep(1h));
  const Process process = co_await blocked();
  co_await turns(3);
  process.input().close();
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_FALSE(alarm.done());
  co_await alarm;
}

}  // namespace
}  // namespace tutti::tests

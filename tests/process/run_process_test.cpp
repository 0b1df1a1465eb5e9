// SPDX-License-Identifier: MIT
// run_process: a program from its start to its end. After test_subprocess (stdlib) and Trio's test_subprocess.
#include <csignal>
#include <string>
#include <vector>

#include <tutti/task/cancel_scope.hpp>

#include "process/process_support.hpp"

namespace tutti::tests {
namespace {

using subprocess::CalledProcessError;

TUTTI_TEST(RunProcess, GivesWhatAProgramWroteAndItsReturncode) {
  const std::vector<std::string> args{"-c", "cat; echo trouble >&2"};
  const auto done = co_await run_process("sh", args, {.input = "text"});
  EXPECT_EQ(done.returncode, 0);
  EXPECT_EQ(done.output, "text");
  EXPECT_EQ(done.errors, "trouble\n");
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(RunProcess, ThrowsForAFailureWithAllThatIsLeft) {
  std::string text;
  std::string output;
  const std::vector<std::string> half{"-c", "echo half; exit 3"};
  try {
    (void)co_await run_process("sh", half);
  } catch (const CalledProcessError& error) {
    text = error.what();
    output = error.process().output;
    EXPECT_EQ(error.process().returncode, 3);
  }
  EXPECT_EQ(text, "run_process sh: exited with code 3");
  EXPECT_EQ(output, "half\n");
  text.clear();
  const std::vector<std::string> killed{"-c", "kill -KILL $$"};
  try {
    (void)co_await run_process("sh", killed);
  } catch (const CalledProcessError& error) {
    text = error.what();
  }
  EXPECT_EQ(text, "run_process sh: was killed by signal 9 (Killed)");
  const std::vector<std::string> failing{"-c", "exit 3"};
  const auto unchecked = co_await run_process("sh", failing, {.check = false});
  EXPECT_EQ(unchecked.returncode, 3);
  CO_ASSERT_THROW((void)co_await run_process("/does/not/exist"), FileNotFoundError);
}

TUTTI_TEST(RunProcess, HasMoreToSayThanAPipeHolds) {
  const auto done = co_await run_process("cat", {}, {.input = std::string(kMoreThanAPipeHolds, 'x')});
  EXPECT_EQ(done.output.size(), kMoreThanAPipeHolds);
}

TUTTI_TEST(RunProcess, KillsTheProgramAndWaitsForItWhenItIsCancelled) {
  const std::vector<std::string> long_time{"1000"};
  auto before = create_task(run_process("sleep", long_time));
  before.cancel();
  CO_ASSERT_THROW((void)co_await before, CancelledError);
  auto running = create_task(run_process("sleep", long_time));
  co_await turns(4);
  running.cancel();
  CO_ASSERT_THROW((void)co_await running, CancelledError);
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(RunProcess, WaitsForTheProgramsEndInAScopeThatWasCancelledBefore) {
  co_await cancel_scope([](CancelScope& scope) -> Coro<> {
    scope.cancel();
    const std::vector<std::string> long_time{"1000"};
    (void)co_await run_process("sleep", long_time);
  });
  EXPECT_TRUE(no_child_is_left());
}

TUTTI_TEST(RunProcess, WaitsForTheProgramsEndAlsoInACancelledScope) {
  co_await cancel_scope([](CancelScope& scope) -> Coro<> {
    get_running_loop().call_later(1ms, [&scope] { scope.cancel(); });
    const std::vector<std::string> long_time{"1000"};
    (void)co_await run_process("sleep", long_time);
  });
  EXPECT_TRUE(no_child_is_left());
}

}  // namespace
}  // namespace tutti::tests

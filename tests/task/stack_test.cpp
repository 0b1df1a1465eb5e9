// SPDX-License-Identifier: MIT
// The stacks of tasks, by themselves and in reports. Mirrors test_tasks.BaseTaskTests.test_print_stack and its kin.
#include <cstdio>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;

bool names(const std::source_location& place, const std::string& function) {
  return std::string(place.function_name()).find(function) != std::string::npos;
}

Coro<> inner(tutti::Future<> future) { co_await future; }
Coro<> middle(tutti::Future<> future) { co_await inner(std::move(future)); }
Coro<> outer(tutti::Future<> future) { co_await middle(std::move(future)); }

Coro<> fails() {
  co_await tutti::sleep(0s);
  throw tutti::ValueError("it failed");
}
Coro<> passes_on() { co_await fails(); }
Coro<> throws_another() {
  try {
    co_await fails();
  } catch (const tutti::ValueError&) {
    throw tutti::RuntimeError("a longer message, which the allocator puts elsewhere");
  }
}

TUTTI_TEST(TaskStack, BeginsWithTheOutermostCoroutine) {
  const tutti::Future<> future;
  auto task = tutti::create_task(outer(future));
  EXPECT_EQ(task.get_stack().size(), 1U);
  co_await tutti::sleep(0s);
  const std::vector<std::source_location> stack = task.get_stack();
  CO_ASSERT_EQ(stack.size(), 3U);
  EXPECT_TRUE(names(stack[0], "outer("));
  EXPECT_TRUE(names(stack[1], "middle("));
  EXPECT_TRUE(names(stack[2], "inner("));
  const auto limited = tutti::AnyTask(task).get_stack(1);
  CO_ASSERT_EQ(limited.size(), 1U);
  EXPECT_TRUE(names(limited[0], "inner("));
  future.set_result();
  co_await task;
  EXPECT_TRUE(task.get_stack().empty());
}

TUTTI_TEST(TaskStack, OfAFailedTaskIsWhatTheExceptionHasLeft) {
  auto task = tutti::create_task(passes_on());
  EXPECT_THROW(co_await task, tutti::ValueError);
  const std::vector<std::source_location> trace = task.get_stack();
  CO_ASSERT_EQ(trace.size(), 2U);
  EXPECT_TRUE(names(trace[0], "passes_on("));
  EXPECT_TRUE(names(trace[1], "fails("));
  const auto limited = task.get_stack(1);
  CO_ASSERT_EQ(limited.size(), 1U);
  EXPECT_TRUE(names(limited[0], "passes_on("));
}

TUTTI_TEST(TaskStack, OfAFailedTaskBeginsWhereTheExceptionWasMade) {
  auto task = tutti::create_task(throws_another());
  EXPECT_THROW(co_await task, tutti::RuntimeError);
  CO_ASSERT_EQ(task.get_stack().size(), 1U);
  EXPECT_TRUE(names(task.get_stack()[0], "throws_another("));
}

TUTTI_TEST(TaskStack, OfACancelledTaskIsEmpty) {
  auto task = tutti::create_task(outer(tutti::Future<>()));
  co_await tutti::sleep(0s);
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  EXPECT_TRUE(task.get_stack().empty());
}

// test_print_stack
TUTTI_TEST(TaskStack, IsPrinted) {
  const tutti::Future<> future;
  auto waiting = tutti::create_task(outer(future), {.name = "waiting"});
  auto failed = tutti::create_task(passes_on(), {.name = "failed"});
  co_await tutti::gather(tutti::return_exceptions, failed);
  std::FILE* const file = std::tmpfile();
  CO_ASSERT_NE(file, nullptr);
  waiting.print_stack({}, file);
  failed.print_stack(1, file);
  future.set_result();
  co_await waiting;
  tutti::AnyTask(waiting).print_stack({}, file);
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text.rfind("Stack for task 'waiting' (most recent call last):\n  File '", 0), 0U) << text;
  EXPECT_NE(text.find("\nTraceback for task 'failed' (most recent call last):\n  File '"), std::string::npos) << text;
  EXPECT_NE(text.find("\nValueError: it failed\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nNo stack for task 'waiting'\n"), std::string::npos) << text;
}

TUTTI_TEST(Reports, TellWhichCoroutinesAnUnretrievedExceptionHasLeft) {
  (void)tutti::create_task(passes_on());
  co_await tutti::sleep(0s);
  co_await tutti::sleep(0s);
  const auto reports = tutti::testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  const std::string& stack = reports[0].stack;
  EXPECT_LT(stack.find("fails("), stack.find("passes_on(")) << stack;
  EXPECT_NE(stack.find("passes_on("), std::string::npos) << stack;
}

TEST(ReportsOfALoopThatCloses, TellWhereAPendingTaskStood) {
  tutti::EventLoop loop;
  std::vector<tutti::ExceptionContext> reports;
  loop.set_exception_handler(
      [&](tutti::EventLoop&, const tutti::ExceptionContext& context) { reports.push_back(context); });
  loop.create_task(outer(tutti::Future<>(loop)));
  loop.run_until_complete(tutti::sleep(0s));
  loop.close();
  ASSERT_EQ(reports.size(), 1U);
  const std::string& stack = reports[0].stack;
  EXPECT_EQ(stack.rfind("  File '", 0), 0U) << stack;
  EXPECT_LT(stack.find("inner("), stack.find("middle(")) << stack;
  EXPECT_LT(stack.find("middle("), stack.find("outer(")) << stack;
  EXPECT_NE(stack.find("outer("), std::string::npos) << stack;
}

TUTTI_TEST(Reports, TellWhereASlowTaskWaits) {
  tutti::get_running_loop().slow_callback_duration = tutti::Duration::zero();
  const tutti::Future<> future;
  auto task = tutti::create_task(outer(future), {.name = "slow"});
  co_await tutti::sleep(0s);
  tutti::get_running_loop().slow_callback_duration = 1h;
  bool found = false;
  for (const std::string& line : tutti::testing::take_log()) {
    found = found || (line.find("executing task 'slow'") != std::string::npos &&
                      line.find("it waits now in") != std::string::npos && line.find("inner(") != std::string::npos);
  }
  EXPECT_TRUE(found);
  future.set_result();
  co_await task;
}

}  // namespace

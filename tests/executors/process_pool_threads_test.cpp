// SPDX-License-Identifier: MIT
// Calls in worker processes. Mirrors test_concurrent_futures: executor.ExecutorTest, test_process_pool, test_init, test_shutdown.
#include <tutti/executors/process_pool.hpp>

#include <chrono>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <tutti/base/exception_group.hpp>
#include <tutti/sync/errors.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/testing/test.hpp>

#include "executors/gate.hpp"

namespace {

using namespace std::chrono_literals;
using tests::Gate;
using tests::wait_in;
using tutti::Coro;
using tutti::ProcessPoolExecutor;

int square(int x) { return x * x; }
std::string join(std::string_view a, const std::string& b, const char* c) noexcept { return std::string(a) + b + c; }
pid_t process() { return ::getpid(); }
std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}
void do_nothing() {}

struct Scale {
  double factor = 1;
  double operator()(double x) const { return factor * x; }
};
static_assert(tutti::Serializable<Scale>);

// ---- calls ----

TUTTI_TEST(ProcessPool, CallsAFunctionInAnotherProcess) {
  ProcessPoolExecutor pool;
  EXPECT_EQ(co_await pool.run(square, 7), 49);
  EXPECT_NE(co_await tutti::run_in_executor(pool, process), ::getpid());
  EXPECT_EQ(co_await tutti::get_running_loop().run_in_executor(pool, square, -3), 9);
  co_await pool.run(do_nothing);
}

TEST(ProcessPoolInThreads, GivesAFutureToBlockOn) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const tutti::concurrent::Future<int> future = pool.submit(square, 4);
  EXPECT_EQ(future.result(), 16);
  EXPECT_EQ(pool.workers(), 1U);
}

TEST(ProcessPoolInThreads, TakesFunctionsLambdasAndFunctionObjects) {
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(pool.submit(join, "a", "b", std::string("c")).result(), "abc");
  EXPECT_EQ(pool.submit([](int a, const std::string& b) { return b + std::to_string(a); }, 5, "number ").result(),
            "number 5");
  EXPECT_EQ(pool.submit(Scale{2.5}, 4).result(), 10);
  EXPECT_EQ(pool.submit([](std::map<std::string, std::vector<int>> all) { return all.at("one").size(); },
                        std::map<std::string, std::vector<int>>{{"one", {1, 2, 3}}})
                .result(),
            3U);
  int (*chosen)(int) = square;
  EXPECT_EQ(pool.submit(chosen, 3).result(), 9);
}

TEST(ProcessPoolInThreads, CarriesMegabytesBothWays) {
  ProcessPoolExecutor pool({.max_workers = 2});
  const std::string block(1 << 20, 'x');
  std::vector<tutti::concurrent::Future<std::string>> all;
  for (int i = 0; i < 4; ++i) all.push_back(pool.submit(repeat, block, 5U));
  const std::string many = repeat(block, 6);
  EXPECT_EQ(pool.submit([](const std::string& text) { return text.size(); }, many).result(), many.size());
  for (const auto& future : all) EXPECT_EQ(future.result().size(), 5U << 20U);
}

// ---- what the workers are ----

int made_before_main = static_cast<int>(std::string("eleven bytes").size());

TEST(ProcessPoolInThreads, HasTheStaticsOfTheProgramAsTheirConstructorsMadeThem) {
  made_before_main = 0;
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(pool.submit([] { return made_before_main; }).result(), 12);
}

// test_idle_process_reuse_one, test_saturation
TEST(ProcessPoolInThreads, UsesIdleWorkersAgain) {
  ProcessPoolExecutor pool({.max_workers = 4});
  std::set<pid_t> processes;
  for (int i = 0; i < 5; ++i) processes.insert(pool.submit(process).result());
  EXPECT_EQ(processes.size(), 1U);
  EXPECT_EQ(pool.workers(), 1U);
}

TEST(ProcessPoolInThreads, StartsNoMoreWorkersThanItMay) {
  ProcessPoolExecutor pool({.max_workers = 2});
  Gate gates[2];
  for (Gate& gate : gates) (void)pool.submit(wait_in, gate.path());
  std::vector<tutti::concurrent::Future<pid_t>> all;
  for (int i = 0; i < 20; ++i) all.push_back(pool.submit(process));
  for (Gate& gate : gates) gate.await_arrival();
  EXPECT_EQ(pool.workers(), 2U);
  EXPECT_FALSE(all[0].running());
  for (Gate& gate : gates) gate.open();
  std::set<pid_t> processes;
  for (const auto& future : all) processes.insert(future.result());
  EXPECT_LE(processes.size(), 2U);
  EXPECT_EQ(pool.workers(), 2U);
}

// test_max_tasks_per_child
TEST(ProcessPoolInThreads, ReplacesAWorkerAfterItsCalls) {
  ProcessPoolExecutor pool({.max_workers = 1, .max_tasks_per_child = 2});
  std::vector<pid_t> processes;
  for (int i = 0; i < 5; ++i) processes.push_back(pool.submit(process).result());
  EXPECT_EQ(processes[0], processes[1]);
  EXPECT_NE(processes[1], processes[2]);
  EXPECT_EQ(processes[2], processes[3]);
  EXPECT_NE(processes[3], processes[4]);
}

int prepared = 0;
void prepare(int number) { prepared = number; }

// test_init.InitializerMixin.test_initializer
TEST(ProcessPoolInThreads, CallsTheInitializerInEachWorker) {
  ProcessPoolExecutor pool({.max_workers = 2, .initializer = {prepare, 6}});
  std::vector<tutti::concurrent::Future<int>> all;
  for (int i = 0; i < 6; ++i) all.push_back(pool.submit([] { return prepared; }));
  for (const auto& future : all) EXPECT_EQ(future.result(), 6);
  EXPECT_EQ(prepared, 0);
}

// test_init.FailingInitializerMixin.test_initializer
TUTTI_TEST(ProcessPool, IsBrokenByAnInitializerThatFails) {
  Gate gate;
  const auto refuse_after = [](const std::string& path) {
    wait_in(path);
    throw tutti::ValueError("not today");
  };
  ProcessPoolExecutor pool({.max_workers = 1, .initializer = {refuse_after, gate.path()}});
  auto first = pool.run(square, 1);
  auto second = pool.run(square, 2);
  gate.await_arrival();
  gate.open();
  EXPECT_THROW(co_await first, tutti::BrokenProcessPool);
  EXPECT_THROW(co_await second, tutti::BrokenProcessPool);
  EXPECT_THROW(pool.run(square, 3), tutti::BrokenExecutor);
  tutti::testing::expect_report("exception in the initializer of a worker process: ValueError: not today");
}

TEST(ProcessPoolInThreads, RefusesWhatCannotBe) {
  EXPECT_THROW(ProcessPoolExecutor({.max_workers = 0}), tutti::ValueError);
  EXPECT_THROW(ProcessPoolExecutor({.max_tasks_per_child = 0}), tutti::ValueError);
}

// ---- exceptions ----

struct Strange : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "quite strange"; }
};

void fail(const std::string& how) {
  if (how == "value") throw tutti::ValueError("of no use");
  if (how == "file") tutti::throw_os_error(ENOENT, "open there");
  if (how == "range") throw std::out_of_range("too far");
  if (how == "system") throw std::system_error(EBUSY, std::generic_category(), "the door");
  if (how == "exit") throw tutti::SystemExit(3);
  if (how == "partial") throw tutti::IncompleteReadError("abc", 7);
  if (how == "empty") throw tutti::QueueEmpty();
  if (how == "memory") throw std::bad_alloc();
  if (how == "number") throw 7;
  if (how == "group") {
    std::rethrow_exception(tutti::make_exception_group(
        "two", {std::make_exception_ptr(tutti::ValueError("a")), std::make_exception_ptr(std::range_error("b"))}));
  }
  throw Strange();
}

template <class Error>
std::string message_of(const tutti::concurrent::Future<void>& future) {
  try {
    future.result();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(ProcessPoolInThreads, CarriesExceptionsWithTheirTypes) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const auto thrown = [&](const std::string& how) { return pool.submit(fail, how); };
  EXPECT_EQ(message_of<tutti::ValueError>(thrown("value")), "of no use");
  EXPECT_EQ(message_of<tutti::FileNotFoundError>(thrown("file")), "open there: no such file or directory");
  EXPECT_EQ(message_of<std::out_of_range>(thrown("range")), "too far");
  EXPECT_EQ(message_of<std::system_error>(thrown("system")), "the door: Device or resource busy");
  EXPECT_EQ(message_of<tutti::QueueEmpty>(thrown("empty")), "the queue is empty");
  EXPECT_THROW(thrown("memory").result(), std::bad_alloc);
  try {
    thrown("exit").result();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::SystemExit& error) {
    EXPECT_EQ(error.code(), 3);
  }
  try {
    thrown("partial").result();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), "abc");
    EXPECT_EQ(error.expected(), 7U);
  }
  try {
    thrown("group").result();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::ExceptionGroup& error) {
    EXPECT_STREQ(error.what(), "two (2 sub-exceptions: ValueError: a; std::range_error: b)");
  }
  // The worker goes on.
  EXPECT_EQ(pool.submit(square, 2).result(), 4);
}

TEST(ProcessPoolInThreads, NamesTheTypesOfExceptionsThatDoNotCross) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const std::string strange = message_of<tutti::RuntimeError>(pool.submit(fail, "strange"));
  EXPECT_NE(strange.find("Strange: quite strange"), std::string::npos) << strange;
  EXPECT_EQ(message_of<tutti::RuntimeError>(pool.submit(fail, "number")), "int");
}

// ---- cancellation ----

TUTTI_TEST(ProcessPool, NeverMakesACallThatWasCancelledBeforeItsStart) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  auto first = pool.run(wait_in, gate.path());
  gate.await_arrival();
  auto second = pool.run([] { prepared = 99; });
  second.cancel();
  co_await tutti::sleep(0s);  // a future's callbacks run in the next iteration
  EXPECT_THROW(co_await second, tutti::CancelledError);
  gate.open();
  co_await first;
  EXPECT_EQ(co_await pool.run([] { return prepared; }), 0);
}

TUTTI_TEST(ProcessPool, LetsACallRunOnWhenItsFutureIsCancelled) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  auto task = tutti::create_task([&]() -> Coro<> {
    co_await pool.run(
        [](const std::string& path) {
          wait_in(path);
          prepared = 5;
        },
        gate.path());
  });
  co_await tutti::sleep(0s);
  gate.await_arrival();
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  gate.open();
  EXPECT_EQ(co_await pool.run([] { return prepared; }), 5);
}

TUTTI_TEST(ProcessPool, LosesTheResultOfATaskThatIsCancelledWhenItIsThere) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto result = pool.run(square, 3);
  auto task = tutti::create_task([&]() -> Coro<int> { co_return co_await result; });
  result.add_done_callback([&] { task.cancel(); });
  co_await tutti::sleep(0s);
  EXPECT_THROW(co_await task, tutti::CancelledError);
  EXPECT_EQ(result.result(), 9);
  task.cancel();  // after the end: nothing
}

// ---- map ----

TEST(ProcessPoolMap, GivesResultsInOrder) {
  ProcessPoolExecutor pool({.max_workers = 2});
  std::vector<int> numbers(50);
  std::iota(numbers.begin(), numbers.end(), 0);
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{50}, std::size_t{99}}) {
    int expected = 0;
    for (const int result : pool.map(square, numbers, {.chunk_size = size})) {
      EXPECT_EQ(result, expected * expected);
      ++expected;
    }
    EXPECT_EQ(expected, 50);
  }
  EXPECT_THROW((void)pool.map(square, numbers, {.chunk_size = 0}), tutti::ValueError);
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& nothing : pool.map([](const std::string&) {}, std::vector<std::string>{"a", "b"})) {
    ++count;
  }
  EXPECT_EQ(count, 2U);
}

TEST(ProcessPoolMap, GivesAChunkToOneWorker) {
  ProcessPoolExecutor pool({.max_workers = 2, .max_tasks_per_child = 1});
  std::vector<pid_t> processes;
  const std::vector<int> numbers{1, 2, 3, 4};
  for (const pid_t each : pool.map([](int) { return ::getpid(); }, numbers, {.chunk_size = 2})) {
    processes.push_back(each);
  }
  EXPECT_EQ(processes[0], processes[1]);
  EXPECT_NE(processes[1], processes[2]);
  EXPECT_EQ(processes[2], processes[3]);
}

// test_map_exception, test_map_timeout
TEST(ProcessPoolMap, ThrowsInItsTurnAndCancelsTheRest) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const auto halve = [](int x) { return x % 2 == 0 ? x / 2 : throw tutti::ValueError("odd"); };
  auto results = pool.map(halve, std::vector<int>{2, 3, 4});
  auto at = results.begin();
  EXPECT_EQ(*at, 1);
  EXPECT_THROW(++at, tutti::ValueError);
  EXPECT_EQ(at, results.end());

  Gate gate;
  const auto running = pool.submit(wait_in, gate.path());
  gate.await_arrival();
  auto late = pool.map(square, std::vector<int>{1}, {.timeout = 0s});
  EXPECT_THROW((void)late.begin(), tutti::TimeoutError);
  gate.open();
  running.result();
}

TUTTI_TEST(ProcessPoolMap, IsAwaited) {
  ProcessPoolExecutor pool({.max_workers = 2});
  auto results = pool.map(square, std::vector<int>{1, 2, 3}, {.chunk_size = 2});
  std::vector<int> all;
  while (auto result = co_await results.next()) all.push_back(*result);
  EXPECT_EQ(all, (std::vector<int>{1, 4, 9}));
  EXPECT_FALSE(co_await results.next());
}

TUTTI_TEST(ProcessPoolMap, LosesNothingWhenAnAwaitIsCancelled) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  auto results = pool.map(
      [](const std::string& path) {
        wait_in(path);
        return 1;
      },
      std::vector<std::string>{gate.path()});
  auto task = tutti::create_task([&]() -> Coro<> { co_await results.next(); });
  co_await tutti::sleep(0s);
  gate.await_arrival();
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  gate.open();
  EXPECT_EQ(co_await results.next(), 1);
}

// ---- the end ----

// test_run_after_shutdown, test_processes_terminate
TEST(ProcessPoolShutdown, WaitsForAllCallsAndLeavesNoProcess) {
  ProcessPoolExecutor pool({.max_workers = 2});
  std::vector<tutti::concurrent::Future<int>> all;
  for (int i = 0; i < 8; ++i) all.push_back(pool.submit(square, i));
  pool.shutdown();
  for (const auto& future : all) EXPECT_TRUE(future.done());
  EXPECT_THROW(pool.submit(square, 1), tutti::RuntimeError);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  pool.shutdown();
}

// test_cancel_futures
TEST(ProcessPoolShutdown, CancelsWhatWasNotBegun) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  const auto first = pool.submit(wait_in, gate.path());
  gate.await_arrival();
  const auto second = pool.submit(square, 2);
  pool.shutdown(false, true);
  EXPECT_TRUE(second.cancelled());
  EXPECT_FALSE(first.done());
  gate.open();
  first.result();
  pool.shutdown();
}

TEST(ProcessPoolShutdown, OfAPoolThatWasNeverUsedIsNothing) {
  ProcessPoolExecutor pool;
  pool.shutdown();
  const ProcessPoolExecutor other;
  EXPECT_EQ(other.workers(), 0U);
}

TEST(ProcessPoolShutdown, MayComeFromACallback) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const auto future = pool.submit(square, 3);
  const tutti::concurrent::Future<> ended;
  future.add_done_callback([&] {
    pool.shutdown();
    ended.set_result();
  });
  ended.result();
}

TEST(ProcessPoolShutdown, OfTheLoopFirstDropsTheResults) {
  ProcessPoolExecutor pool({.max_workers = 1});
  Gate gate;
  std::optional<tutti::Future<>> future;
  {
    tutti::EventLoop loop;
    future = pool.run_on(loop, wait_in, gate.path());
    gate.await_arrival();
    loop.close();
  }
  gate.open();
  pool.shutdown();
  EXPECT_FALSE(future->done());
}

}  // namespace

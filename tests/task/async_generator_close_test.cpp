// SPDX-License-Identifier: MIT
// Async generators that are dropped before their end, and the end of their loop. Mirrors test_asyncgen.AsyncGenAsyncioTest,
// test_base_events.BaseEventLoopWithSelectorTests.test_asyncgen_finalization_* and test_runners.
#include <tutti/task/async_generator.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::AsyncGenerator;
using tutti::Coro;
using tutti::testing::ReportCollector;

using Log = std::vector<std::string>;

// Writes to the log how it ended; its cleaning up waits as many iterations.
AsyncGenerator<int> careful(Log& log, int iterations = 1, bool fails = false) {
  std::exception_ptr why;
  try {
    for (int i = 0;; ++i) co_yield i;
  } catch (const tutti::GeneratorExit&) {
    why = std::current_exception();
    log.emplace_back("closing");
  }
  for (int i = 0; i < iterations; ++i) co_await tutti::sleep(0s);
  if (fails) throw std::domain_error("division by zero");
  log.emplace_back("closed");
  std::rethrow_exception(why);
}

// test_async_gen_asyncio_gc_aclose_09, test_asyncgen_finalization_by_gc
TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, IsATaskWhenTheLastHandleGoes) {
  Log log;
  {
    auto generator = careful(log);
    (void)co_await generator.next();
    const auto copy = generator;  // NOLINT(performance-unnecessary-copy-initialization): another handle
    (void)co_await generator.next();
  }
  EXPECT_TRUE(log.empty());
  co_await tutti::sleep(0s);  // makes the task
  EXPECT_TRUE(log.empty());
  co_await tutti::sleep(0s);  // starts it
  EXPECT_EQ(log, Log{"closing"});
  co_await tutti::sleep(0s);
  EXPECT_EQ(log, (Log{"closing", "closed"}));
}

TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, IsNotNeededByOneThatWasNotStarted) {
  auto argument = std::make_shared<int>(1);
  (void)[](std::shared_ptr<int> held)->AsyncGenerator<int> { co_yield *held; }
  (argument);
  EXPECT_EQ(argument.use_count(), 1);
  co_return;
}

TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, ReportsTheErrorOfADroppedOne) {
  tutti::testing::expect_report("an error occurred during closing of asynchronous generator");
  Log log;
  (void)co_await careful(log, 1, true).next();
  for (int i = 0; i < 4; ++i) co_await tutti::sleep(0s);
  EXPECT_EQ(log, Log{"closing"});
}

// A consumer that fails in the middle drops its generator on the way out.
TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, FollowsTheExceptionOfItsConsumer) {
  Log log;
  auto consumer = [](Log& out) -> Coro<> {
    auto generator = careful(out);
    while (auto item = co_await generator.next()) {
      if (*item == 3) throw std::domain_error("enough");
    }
  };
  try {
    co_await consumer(log);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::domain_error&) {
  }
  for (int i = 0; i < 3; ++i) co_await tutti::sleep(0s);
  EXPECT_EQ(log, (Log{"closing", "closed"}));
}

// test_async_gen_asyncio_shutdown_01
TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, OfAllThatAreLeftIsWhatShutdownWaitsFor) {
  Log log;
  auto first = careful(log, 3);
  auto second = careful(log, 5);
  (void)co_await first.next();
  (void)co_await second.next();
  {
    auto dropped = careful(log, 9);
    (void)co_await dropped.next();
  }
  co_await tutti::shutdown_asyncgens();
  EXPECT_EQ(log.size(), 6U);
  EXPECT_TRUE(first.ended() && second.ended());
  EXPECT_EQ(co_await first.next(), std::nullopt);
}

// As CPython 3.12 does it, though none of its tests shows it.
TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, OfAllIsCancelledWithTheShutdown) {
  Log log;
  const auto lasting = [](Log& out) -> AsyncGenerator<int> {
    std::exception_ptr why;
    try {
      for (;;) co_yield 1;
    } catch (const tutti::GeneratorExit&) {
      why = std::current_exception();
    }
    try {
      co_await tutti::sleep(1h);
    } catch (const tutti::CancelledError&) {
      out.emplace_back("cancelled");
      throw;
    }
    std::rethrow_exception(why);
  };
  auto first = lasting(log);
  auto second = lasting(log);
  (void)co_await first.next();
  (void)co_await second.next();
  auto shutdown = tutti::create_task(tutti::shutdown_asyncgens());
  for (int i = 0; i < 4; ++i) co_await tutti::sleep(0s);
  EXPECT_FALSE(shutdown.done());
  shutdown.cancel();
  EXPECT_THROW(co_await shutdown, tutti::CancelledError);
  EXPECT_EQ(log, (Log{"cancelled", "cancelled"}));
  EXPECT_TRUE(first.ended() && second.ended());
}

TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, OfAllDoesNotBeginIfTheShutdownIsCancelledBefore) {
  Log log;
  auto generator = careful(log);
  (void)co_await generator.next();
  auto shutdown = tutti::create_task(tutti::shutdown_asyncgens());
  shutdown.cancel();
  EXPECT_THROW(co_await shutdown, tutti::CancelledError);
  EXPECT_EQ(log, Log{});
  co_await generator.aclose();
  EXPECT_EQ(log, (Log{"closing", "closed"}));
}

TUTTI_VIRTUAL_TEST(AsyncGeneratorClose, IsTooLateForOneThatIsStartedAfterTheShutdown) {
  Log log;
  auto first = careful(log);
  (void)co_await first.next();
  co_await tutti::shutdown_asyncgens();
  auto late = careful(log);
  (void)co_await late.next();
  co_await late.aclose();
  const auto lines = tutti::testing::take_log();
  (void)tutti::testing::take_reports();
  CO_ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("was scheduled after shutdown_asyncgens()"), std::string::npos) << lines[0];
}

// test_async_gen_asyncio_shutdown_02: run() closes what its main task leaves
TEST(AsyncGeneratorClose, IsDoneAtTheEndOfRun) {
  Log log;
  std::optional<AsyncGenerator<int>> kept;
  tutti::run([&]() -> Coro<> {
    kept.emplace(careful(log, 10));
    (void)co_await kept->next();
    auto dropped = careful(log, 20);
    (void)co_await dropped.next();
  });
  EXPECT_EQ(log, (Log{"closing", "closing", "closed", "closed"}));
  EXPECT_TRUE(kept->ended());
}

// test_async_gen_asyncio_shutdown_exception_01
TEST(AsyncGeneratorClose, ReportsErrorsAtTheEndOfRun) {
  std::vector<tutti::ExceptionContext> reports;
  Log log;
  std::optional<AsyncGenerator<int>> kept;
  tutti::run([&]() -> Coro<> {
    tutti::get_running_loop().set_exception_handler(
        [&](tutti::EventLoop&, const tutti::ExceptionContext& context) { reports.push_back(context); });
    kept.emplace(careful(log, 1, true));
    (void)co_await kept->next();
  });
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].message, "an error occurred during closing of asynchronous generator");
  EXPECT_NE(reports[0].source.find("careful"), std::string::npos) << reports[0].source;
  EXPECT_TRUE(tutti::holds<std::domain_error>(reports[0].exception));
}

// test_asyncio_run_closes_gens_after_hanging_tasks_errors
TEST(AsyncGeneratorClose, ComesAfterTheCancelledTasksOfRun) {
  std::vector<tutti::ExceptionContext> reports;
  std::optional<AsyncGenerator<int>> spinner;
  const auto fidget = []() -> AsyncGenerator<int> {
    for (;;) {
      co_yield 1;
      co_await tutti::sleep(1h);
    }
  };
  EXPECT_THROW(tutti::run([&]() -> Coro<> {
                 tutti::get_running_loop().set_exception_handler(
                     [&](tutti::EventLoop&, const tutti::ExceptionContext& context) { reports.push_back(context); });
                 tutti::create_task([&]() -> Coro<> {
                   spinner.emplace(fidget());
                   try {
                     while (co_await spinner->next()) {
                     }
                   } catch (const tutti::CancelledError&) {
                     throw std::domain_error("division by zero");
                   }
                 });
                 co_await tutti::sleep(0s);
                 throw std::logic_error("fancy exit");
               }),
               std::logic_error);
  ASSERT_TRUE(spinner);
  EXPECT_TRUE(spinner->ended());
  EXPECT_FALSE(spinner->running());
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(tutti::holds<std::domain_error>(reports[0].exception));
}

// A closing that is cancelled before its first step is taken up again by the shutdown.
TEST(AsyncGeneratorClose, SurvivesTheCancellationOfItsTask) {
  Log log;
  tutti::run([&]() -> Coro<> {
    {
      auto dropped = careful(log);
      (void)co_await dropped.next();
    }
    co_await tutti::sleep(0s);
    for (const auto& task : tutti::all_tasks()) {
      if (task != *tutti::current_task()) task.cancel();
    }
    co_await tutti::sleep(0s);
    EXPECT_TRUE(log.empty());
  });
  EXPECT_EQ(log, (Log{"closing", "closed"}));
}

TEST(AsyncGeneratorClose, CannotBeDoneAfterTheEndOfTheLoop) {
  ReportCollector collector;
  collector.expect("asynchronous generator was destroyed before its end: its event loop is closed");
  auto argument = std::make_shared<int>(1);
  std::optional<AsyncGenerator<int>> kept;
  {
    const auto loop = tutti::new_event_loop();
    loop->run_until_complete([&]() -> Coro<> {
      kept.emplace([](std::shared_ptr<int> held) -> AsyncGenerator<int> {
        co_yield *held;
        co_yield 2;
      }(argument));
      (void)co_await kept->next();
    });
    loop->close();
  }
  kept.reset();
  EXPECT_EQ(argument.use_count(), 1);
  EXPECT_EQ(collector.problems(), Log{});
}

// The body waits for something when its loop is closed over it: it goes with the task that runs it.
TEST(AsyncGeneratorClose, IsNotPossibleWhenTheLoopIsClosedOverARunningOne) {
  ReportCollector collector;
  collector.expect("task was destroyed but it is pending");
  std::optional<AsyncGenerator<int>> kept;
  {
    const auto loop = tutti::new_event_loop();
    ReportCollector::watch(*loop);
    loop->run_until_complete([&]() -> Coro<> {
      kept.emplace([]() -> AsyncGenerator<int> {
        co_await tutti::sleep(1h);
        co_yield 1;
      }());
      tutti::create_task(kept->next());
      co_await tutti::sleep(0s);
    });
    loop->close();
  }
  EXPECT_TRUE(kept->ended());
  EXPECT_EQ(collector.problems(), Log{});
}

TEST(AsyncGeneratorClose, SurvivesATaskFactoryThatThrows) {
  ReportCollector collector;
  collector.expect("no more tasks");
  Log log;
  tutti::run([&]() -> Coro<> {
    auto& loop = tutti::get_running_loop();
    ReportCollector::watch(loop);
    {
      auto dropped = careful(log);
      (void)co_await dropped.next();
    }
    loop.set_task_factory([](tutti::EventLoop&, tutti::TaskOptions&) { throw std::domain_error("no more tasks"); });
    co_await tutti::sleep(0s);
    loop.set_task_factory({});
  });
  EXPECT_EQ(log, (Log{"closing", "closed"}));
  EXPECT_EQ(collector.problems(), Log{});
}

}  // namespace

// SPDX-License-Identifier: MIT
// From main() into the loop and back: run, Runner, run_until_complete; and what they clean up.
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/loop/policy.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/run.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// ---- run ----

// test_runners::RunTests.test_asyncio_run_return
TEST(Run, GivesTheResult) {
  EXPECT_EQ(run([]() -> Coro<int> {
              co_await sleep(0s);
              co_return 42;
            }),
            42);
  run(turn());
  run(noop());
}

// test_runners::RunTests.test_asyncio_run_raises
TEST(Run, ThrowsWhatTheCoroutineThrows) { EXPECT_THROW(run(raise_later("spam")), ValueError); }

// test_runners::RunTests.test_asyncio_run_debug
TEST(Run, SetsTheDebugMode) {
  const auto ask = []() -> Coro<bool> { co_return get_running_loop().get_debug(); };
  EXPECT_FALSE(run(ask(), {.debug = false}));
  EXPECT_TRUE(run(ask(), {.debug = true}));
}

// test_runners::RunTests.test_asyncio_run_from_running_loop
TEST(Run, IsRefusedWhileALoopRuns) {
  testing::ReportCollector reports;
  run([]() -> Coro<> {
    EXPECT_EQ(co_await message_of<RuntimeError>([]() -> Coro<> {
                run(noop());
                co_return;
              }()),
              "run: cannot be called while an event loop runs on this thread");
  });
  EXPECT_TRUE(reports.take().empty());
}

// test_runners::RunTests.test_asyncio_run_cancels_hanging_tasks
TEST(Run, CancelsTheTasksThatAreLeft) {
  std::optional<Task<>> left;
  bool cleaned = false;
  EXPECT_EQ(run([&]() -> Coro<int> {
              left = create_task([&]() -> Coro<> {
                try {
                  co_await sleep(1000s);
                } catch (const CancelledError&) {
                  cleaned = true;
                  throw;
                }
              });
              co_await turn();
              co_return 123;
            }),
            123);
  EXPECT_TRUE(left->cancelled());
  EXPECT_TRUE(cleaned);
}

// test_runners::RunTests.test_asyncio_run_reports_hanging_tasks_errors
TEST(Run, ReportsTheErrorsOfTasksThatAreLeft) {
  testing::ReportCollector reports;
  const int result = run([&]() -> Coro<int> {
    testing::ReportCollector::watch(get_running_loop());
    (void)create_task([]() -> Coro<> {
      try {
        co_await sleep(1000s);
      } catch (const CancelledError&) {
      }
      throw ValueError("while being cancelled");
    });
    co_await turn();
    co_return 123;
  });
  EXPECT_EQ(result, 123);
  const auto found = reports.take();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NE(found[0].message.find("unhandled exception during tutti::run() shutdown"), std::string::npos);
  EXPECT_EQ(describe(found[0].exception), "ValueError: while being cancelled");
}

AsyncGenerator<int> spinner(bool& closed) {
  struct OnExit {
    bool& flag;
    ~OnExit() { flag = true; }
  } const on_exit{closed};
  for (;;) {
    co_yield 0;
    co_await sleep(0s);
  }
}

// test_runners::RunTests.test_asyncio_run_closes_gens_after_hanging_tasks_errors
TEST(Run, ClosesAsyncGeneratorsThatAreLeft) {
  bool closed = false;
  std::optional<AsyncGenerator<int>> generator;
  run([&]() -> Coro<> {
    generator.emplace(spinner(closed));
    co_await generator->next();
    co_await generator->next();
    EXPECT_FALSE(closed);
  });
  EXPECT_TRUE(closed);
}

// test_runners::RunTests.test_asyncio_run_set_event_loop: the policy makes the loop
class MarkedPolicy final : public DefaultEventLoopPolicy {
 public:
  std::unique_ptr<EventLoop> new_event_loop() override {
    ++made;
    return DefaultEventLoopPolicy::new_event_loop();
  }
  int made = 0;
};

TEST(Run, TakesItsLoopFromThePolicy) {
  const auto policy = std::make_shared<MarkedPolicy>();
  set_event_loop_policy(policy);
  run(noop());
  set_event_loop_policy(nullptr);
  EXPECT_EQ(policy->made, 1);
}

TEST(Run, TakesItsLoopFromTheFactoryThatIsGiven) {
  const auto factory = [] {
    return std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_poll_backend()});
  };
  const auto name = []() -> Coro<std::string> { co_return std::string(get_running_loop().backend().name()); };
  EXPECT_EQ(run(name, {.loop_factory = factory}), "poll");
}

// test_runners::RunTests.test_asyncio_run_without_uncancel: a task that cancelled itself
TEST(Run, PassesACancellationOn) {
  EXPECT_THROW(run([]() -> Coro<> {
                 current_task()->cancel();
                 co_await turn();
               }),
               CancelledError);
}

TEST(Run, LetsASystemExitOutAndStillCleansUp) {
  bool cleaned = false;
  try {
    run([&]() -> Coro<> {
      (void)create_task([&]() -> Coro<> {
        try {
          co_await sleep(1000s);
        } catch (const CancelledError&) {
          cleaned = true;
          throw;
        }
      });
      co_await turn();
      throw SystemExit(3);
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const SystemExit& exit) {
    EXPECT_EQ(exit.code(), 3);
  }
  EXPECT_TRUE(cleaned);
}

// ---- Runner ----

// test_runners::RunnerTests.test_run
TEST(RunnerTest, RunsSeveralTimesOnOneLoop) {
  Runner runner;
  EventLoop* const loop = &runner.get_loop();
  const auto which = []() -> Coro<EventLoop*> { co_return &get_running_loop(); };
  EXPECT_EQ(runner.run(which()), loop);
  EXPECT_EQ(runner.run(which), loop);
}

// test_runners::RunnerTests.test_explicit_close, test_double_close, test_second_with_block_raises
TEST(RunnerTest, IsOfNoUseOnceItIsClosed) {
  testing::ReportCollector reports;
  Runner runner;
  runner.run(noop());
  runner.close();
  runner.close();
  EXPECT_THROW((void)runner.get_loop(), RuntimeError);
  EXPECT_THROW((void)runner.run(noop()), RuntimeError);
  EXPECT_TRUE(reports.take().empty());
}

// test_runners::RunnerTests.test_run_keeps_context
TEST(RunnerTest, KeepsItsContext) {
  static ContextVar<int> variable("variable", -1);
  const auto exchange = [](int value) -> Coro<int> {
    const int old = variable.get();
    variable.set(value);
    co_return old;
  };
  Runner runner;
  EXPECT_EQ(runner.run(exchange(1)), -1);
  EXPECT_EQ(runner.run(exchange(2)), 1);
  Context other;
  EXPECT_EQ(runner.run(exchange(3), other), -1);
  other.run([] { EXPECT_EQ(variable.get(), 3); });
  EXPECT_EQ(runner.run(exchange(4)), 2);
  EXPECT_EQ(variable.get(), -1);
}

// test_runners::RunnerTests.test_recursive_run
TEST(RunnerTest, DoesNotRunInsideOfItself) {
  testing::ReportCollector reports;
  Runner runner;
  runner.run([&]() -> Coro<> {
    EXPECT_THROW((void)runner.run(noop()), RuntimeError);
    co_return;
  });
  EXPECT_TRUE(reports.take().empty());
}

// test_runners::RunnerTests.test_run_future
TEST(RunnerTest, RunsAnythingThatCanBeAwaited) {
  Runner runner;
  const Future<int> future(runner.get_loop());
  future.set_result(5);
  EXPECT_EQ(runner.run(future), 5);
  runner.run(sleep(0s));
}

// ---- Ctrl-C ----

// test_runners::RunnerTests.test_interrupt_wait
TEST(CtrlC, CancelsTheMainTaskWhichEndsAsKeyboardInterrupt) {
  bool cancelled = false;
  EXPECT_THROW(run([&]() -> Coro<> {
                 try {
                   ::raise(SIGINT);
                   co_await sleep(1000s);
                 } catch (const CancelledError&) {
                   cancelled = true;
                   throw;
                 }
               }),
               KeyboardInterrupt);
  EXPECT_TRUE(cancelled);
}

// test_runners::RunnerTests.test_interrupt_call_soon: the loop is busy, never asleep
TEST(CtrlC, ReachesALoopThatIsBusy) {
  EXPECT_THROW(run([]() -> Coro<> {
                 ::raise(SIGINT);
                 for (;;) co_await turn();
               }),
               KeyboardInterrupt);
}

// test_runners::RunnerTests.test_interrupt_cancelled_task: a task that refuses to end is not interrupted
TEST(CtrlC, IsOverIfTheMainTaskCatchesItAndReturns) {
  EXPECT_EQ(run([]() -> Coro<int> {
              try {
                ::raise(SIGINT);
                co_await sleep(1000s);
              } catch (const CancelledError&) {
              }
              co_return 5;
            }),
            5);
}

// test_runners::RunnerTests.test_interrupt_cancelled_task
TEST(CtrlC, IsNotTheReasonIfTheTaskWasCancelledBefore) {
  EXPECT_THROW(run([]() -> Coro<> {
                 const AnyTask main = *current_task();
                 get_running_loop().call_soon([main] {
                   main.cancel();
                   ::raise(SIGINT);
                 });
                 co_await sleep(1000s);
               }),
               CancelledError);
}

TEST(CtrlC, TheSecondTimeLeavesTheLoopAtOnce) {
  EXPECT_THROW(run([]() -> Coro<> {
                 int interrupts = 0;
                 for (;;) {
                   try {
                     ++interrupts;
                     ::raise(SIGINT);
                     co_await sleep(1000s);
                   } catch (const CancelledError&) {
                     if (interrupts == 2) throw;  // the runner cleans up
                   }
                 }
               }),
               KeyboardInterrupt);
}

// CPython's handler raises in the main thread once the task is done.
TEST(CtrlC, IsNotLostAfterTheMainTasksEnd) {
  EXPECT_THROW(run([]() -> Coro<> {
                 current_task()->add_done_callback([] { ::raise(SIGINT); });
                 co_return;
               }),
               KeyboardInterrupt);
}

// test_runners::RunnerTests.test_signal_install_not_supported_ok: a handler of the program's own stays
TEST(CtrlC, IsTheProgramsIfItHandlesIt) {
  static volatile std::sig_atomic_t seen = 0;
  struct sigaction ours{};
  struct sigaction before{};
  ours.sa_handler = [](int) { seen = 1; };
  ASSERT_EQ(::sigaction(SIGINT, &ours, &before), 0);
  EXPECT_EQ(run([]() -> Coro<int> {
              ::raise(SIGINT);
              co_await turns(2);
              co_return 1;
            }),
            1);
  EXPECT_EQ(seen, 1);
  ::sigaction(SIGINT, &before, nullptr);
}

TEST(CtrlC, HasItsDefaultBackAfterTheRun) {
  run(noop());
  struct sigaction present{};
  ASSERT_EQ(::sigaction(SIGINT, nullptr, &present), 0);
  EXPECT_EQ(present.sa_handler, SIG_DFL);
}

// ---- run_until_complete ----

// test_events::EventLoopTestsMixin.test_run_until_complete
TEST(RunUntilComplete, GivesTheResult) {
  EventLoop loop;
  EXPECT_EQ(loop.run_until_complete(sleep(0s, 10)), 10);
  auto task = loop.create_task(noop(2));
  EXPECT_EQ(loop.run_until_complete(task), 2);
  EXPECT_EQ(loop.run_until_complete(task), 2);
  EXPECT_THROW(loop.run_until_complete(raise_later()), ValueError);
}

// test_events::EventLoopTestsMixin.test_run_until_complete_nesting
TEST(RunUntilComplete, DoesNotRunInsideOfItself) {
  testing::ReportCollector reports;
  EventLoop loop;
  loop.run_until_complete([&]() -> Coro<> {
    EXPECT_THROW(loop.run_until_complete(noop()), RuntimeError);
    co_return;
  });
  EXPECT_TRUE(reports.take().empty());
}

// test_events::EventLoopTestsMixin.test_run_until_complete_stopped; test_tasks test_stop_while_run_in_complete
TEST(RunUntilComplete, ThrowsIfTheLoopIsStoppedBefore) {
  EventLoop loop;
  auto task = loop.create_task([&]() -> Coro<int> {
    loop.stop();
    co_await turns(3);
    co_return 7;
  });
  EXPECT_THROW(loop.run_until_complete(task), RuntimeError);
  EXPECT_FALSE(task.done());
  EXPECT_EQ(loop.run_until_complete(task), 7);
}

// test_base_events::BaseEventLoopTests.test_run_until_complete_loop
TEST(RunUntilComplete, RefusesAFutureOfAnotherLoop) {
  EventLoop one, two;
  const Future<> future(two);
  EXPECT_THROW(one.run_until_complete(future), ValueError);
}

// test_base_events::BaseEventLoopTests.test_run_until_complete_baseexception
TEST(RunUntilComplete, LeavesNoReportBehindAKeyboardInterrupt) {
  testing::ReportCollector reports;
  EventLoop loop;
  EXPECT_THROW(loop.run_until_complete(raise_later<KeyboardInterrupt>()), KeyboardInterrupt);
  bool called = false;
  loop.call_soon([&] { called = true; });
  loop.stop();
  loop.run_forever();
  EXPECT_TRUE(called);
  EXPECT_TRUE(reports.take().empty());
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// CPython's test_runners.
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <tutti/loop/context.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

void interrupt_self() { std::raise(SIGINT); }
const RunOptions kTestLoop{.loop_factory = new_test_loop};

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_return) {
  const auto main = []() -> Coro<int> {
    co_await turn();
    co_return 42;
  };
  EXPECT_EQ(run(main()), 42);
}

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_raises) {
  const auto main = []() -> Coro<> {
    co_await turn();
    throw ValueError("spam");
  };
  EXPECT_EQ(message_in<ValueError>(error_of_call([&] { run(main()); })), "spam");
}

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_debug) {
  const auto expect_debug = [](bool expected, std::optional<bool> debug) {
    run(
        [=]() -> Coro<> {
          EXPECT_EQ(get_running_loop().get_debug(), expected);
          co_return;
        },
        {.debug = debug});
  };
  const char* before = std::getenv("TUTTI_DEBUG");
  const std::optional<string> saved = before == nullptr ? std::nullopt : std::optional<string>(before);
  expect_debug(false, false);
  expect_debug(true, true);
  ::setenv("TUTTI_DEBUG", "1", 1);
  expect_debug(true, std::nullopt);
  expect_debug(false, false);
  ::unsetenv("TUTTI_DEBUG");
  expect_debug(true, true);
  expect_debug(false, std::nullopt);
  if (saved) ::setenv("TUTTI_DEBUG", saved->c_str(), 1);
}

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_from_running_loop) {
  const auto main = []() -> Coro<> {
    auto inner = []() -> Coro<> { co_return; }();
    EXPECT_THROW(run(std::move(inner)), RuntimeError);
    inner.close();
    co_return;
  };
  run(main());
}

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_cancels_hanging_tasks) {
  std::optional<Task<>> leftover;
  const auto main = [&]() -> Coro<int> {
    leftover = create_task(sleeper(100ms));
    co_return 123;
  };
  EXPECT_EQ(run(main()), 123);
  EXPECT_TRUE(leftover->done());
  EXPECT_TRUE(leftover->cancelled());
}

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_reports_hanging_tasks_errors) {
  std::optional<Task<>> leftover;
  const auto main = [&]() -> Coro<int> {
    leftover = create_task([]() -> Coro<> {
      EXPECT_THROW(co_await sleep(100ms), CancelledError);
      throw ZeroDivisionError();
    });
    co_await turn();
    co_return 123;
  };
  EXPECT_EQ(run(main(), kTestLoop), 123);
  EXPECT_TRUE(leftover->done());
  const auto reports = testing::take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(contains(reports[0].message, "shutdown")) << reports[0].message;
  EXPECT_TRUE(holds<ZeroDivisionError>(reports[0].exception));
  EXPECT_TRUE(contains(reports[0].source, leftover->get_name())) << reports[0].source;
}

struct FancyExit : std::runtime_error {
  FancyExit() : std::runtime_error("fancy") {}
};

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_closes_gens_after_hanging_tasks_errors) {
  const auto alive = std::make_shared<int>();
  std::optional<AsyncGenerator<int>> spinner;
  std::optional<Task<>> lazyboy;
  const auto fidget = [](std::shared_ptr<int>) -> AsyncGenerator<int> {
    for (;;) {
      co_yield 1;
      co_await sleep(1s);
    }
  };
  const auto main = [&]() -> Coro<> {
    lazyboy = create_task([&]() -> Coro<> {
      spinner = fidget(alive);
      const auto spin = [&]() -> Coro<> {
        while (co_await spinner->next()) {
        }
      };
      EXPECT_THROW(co_await spin(), CancelledError);
      throw ZeroDivisionError();
    });
    co_await turn();
    throw FancyExit();
  };
  EXPECT_THROW(run(main(), kTestLoop), FancyExit);
  EXPECT_TRUE(lazyboy->done());
  EXPECT_EQ(alive.use_count(), 1);  // the generator's frame is gone
  EXPECT_EQ(testing::take_reports().size(), 1U);
}

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_loop_factory) {
  int calls = 0;
  EventLoop* made = nullptr;
  const auto factory = [&] {
    ++calls;
    auto loop = new_test_loop();
    made = loop.get();
    return loop;
  };
  run(
      [&]() -> Coro<> {
        EXPECT_EQ(&get_running_loop(), made);
        co_return;
      },
      {.loop_factory = factory});
  EXPECT_EQ(calls, 1);
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_non_debug) {
  Runner runner({.debug = false});
  EXPECT_FALSE(runner.get_loop().get_debug());
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_debug) {
  Runner runner({.debug = true});
  EXPECT_TRUE(runner.get_loop().get_debug());
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_custom_factory) {
  EventLoop* made = nullptr;
  Runner runner({.loop_factory = [&] {
    auto loop = new_test_loop();
    made = loop.get();
    return loop;
  }});
  EXPECT_EQ(&runner.get_loop(), made);
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_run) {
  Runner runner;
  EXPECT_EQ(runner.run([]() -> Coro<string> {
    co_await turn();
    co_return "done";
  }),
            "done");
  const EventLoop* const loop = &runner.get_loop();
  runner.close();
  EXPECT_THROW((void)runner.get_loop(), RuntimeError);
  EXPECT_FALSE(EventLoop::is_alive(loop));
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_run_future) {
  Runner runner;
  const Future<string> future(runner.get_loop());
  future.set_result("done");
  EXPECT_EQ(runner.run(future), "done");
}

struct MyAwaitable {
  Coro<string> coro = give<string>("done");
  auto operator co_await() && { return std::move(coro).operator co_await(); }
};

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_run_awaitable) {
  Runner runner;
  EXPECT_EQ(runner.run(MyAwaitable()), "done");
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_explicit_close) {
  Runner runner;
  const EventLoop* const loop = &runner.get_loop();
  runner.close();
  EXPECT_THROW((void)runner.get_loop(), RuntimeError);
  EXPECT_FALSE(EventLoop::is_alive(loop));
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_double_close) {
  Runner runner;
  const EventLoop* const loop = &runner.get_loop();
  runner.close();
  EXPECT_FALSE(EventLoop::is_alive(loop));
  runner.close();
  EXPECT_FALSE(EventLoop::is_alive(loop));
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_second_with_block_raises) {
  std::vector<int> result;
  const auto f = [&](int argument) -> Coro<> {
    result.push_back(argument);
    co_return;
  };
  Runner runner;
  runner.run(f(1));
  runner.close();
  auto second = f(2);
  EXPECT_THROW(runner.run(std::move(second)), RuntimeError);
  second.close();
  EXPECT_EQ(result, std::vector<int>{1});
}

ContextVar<int> number("number", -1);

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_run_keeps_context) {
  const auto f = [](int value) -> Coro<int> {
    const int old = number.get();
    co_await turn();
    number.set(value);
    co_return old;
  };
  Runner runner;
  EXPECT_EQ(runner.run(f(1)), -1);
  EXPECT_EQ(runner.run(f(2)), 1);
  Context context = runner.run([]() -> Coro<Context> { co_return copy_context(); });
  EXPECT_EQ(context.run([] { return number.get(); }), 2);
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_recursive_run) {
  Runner runner;
  const auto f = [&]() -> Coro<> {
    runner.run(give(1));
    co_return;
  };
  EXPECT_THROW(runner.run(f()), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_interrupt_call_soon) {
  Runner runner;
  runner.get_loop().call_later(1ms, interrupt_self);
  const auto coro = []() -> Coro<> {
    const auto spin = []() -> Coro<> {
      for (;;) co_await turn();
    };
    EXPECT_THROW(co_await spin(), CancelledError);
    throw CancelledError();
  };
  EXPECT_THROW(runner.run(coro()), KeyboardInterrupt);
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_interrupt_wait) {
  Runner runner(kTestLoop);
  const Future<> future(runner.get_loop());
  runner.get_loop().call_later(100ms, interrupt_self);
  const auto coro = [](Future<> waited) -> Coro<> {
    EXPECT_THROW(co_await waited, CancelledError);
    throw CancelledError();
  };
  EXPECT_THROW(runner.run(coro(future)), KeyboardInterrupt);
  EXPECT_TRUE(future.cancelled());
}

// A main task that was cancelled anyway ends with that.
CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_interrupt_cancelled_task) {
  Runner runner(kTestLoop);
  const auto coro = []() -> Coro<> {
    const AnyTask main = *current_task();
    const auto subtask = create_task([=]() -> Coro<> {
      co_await turn();
      main.cancel();
      interrupt_self();
    });
    co_await sleep(10s);
  };
  EXPECT_THROW(runner.run(coro()), CancelledError);
}

class CountingPolicy : public DefaultEventLoopPolicy {
 public:
  void set_event_loop(EventLoop* loop) override {
    ++calls;
    DefaultEventLoopPolicy::set_event_loop(loop);
  }
  int calls = 0;
};

CONFORMANCE_OUTSIDE(test_runners, RunTests, test_asyncio_run_set_event_loop) {
  const auto policy = std::make_shared<CountingPolicy>();
  set_event_loop_policy(policy);
  run([]() -> Coro<> { co_await turn(); });
  set_event_loop_policy(nullptr);
  EXPECT_GT(policy->calls, 0);
}

CONFORMANCE_OUTSIDE(test_runners, RunnerTests, test_set_event_loop_called_once) {
  const auto policy = std::make_shared<CountingPolicy>();
  set_event_loop_policy(policy);
  {
    Runner runner;
    runner.run(give(1));
    runner.run(give(1));
    EXPECT_EQ(policy->calls, 1);
  }
  set_event_loop_policy(nullptr);
}

}  // namespace
}  // namespace tutti::conformance

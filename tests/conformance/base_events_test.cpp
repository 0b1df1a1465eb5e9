// SPDX-License-Identifier: MIT
// CPython's test_base_events: the loop itself, what it schedules, what it reports.
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include <tutti/base/log.hpp>
#include <tutti/io/pipe.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using std::string_view;

// A loop in virtual time that reports as loops do by default: to the log, which is caught too.
std::unique_ptr<EventLoop> new_plain_loop() {
  auto loop = new_test_loop();
  loop->set_exception_handler({});
  return loop;
}

// The texts of the reports so far.
std::vector<string> take_messages() {
  std::vector<string> texts;
  for (const ExceptionContext& report : testing::take_reports()) texts.push_back(report.to_string());
  return texts;
}

void expect_one_message(const string& part, const string& another_part) {
  const auto messages = take_messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_TRUE(contains(messages[0], part)) << messages[0];
  EXPECT_TRUE(contains(messages[0], another_part)) << messages[0];
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_close) {
  const auto loop = new_test_loop();
  EXPECT_FALSE(loop->is_closed());
  loop->close();
  EXPECT_TRUE(loop->is_closed());
  loop->close();
  loop->close();
  const Future<> future(*loop);
  EXPECT_THROW(loop->run_forever(), RuntimeError);
  EXPECT_THROW(loop->run_until_complete(future), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test__add_callback_cancelled_handle) {
  const auto loop = new_test_loop();
  bool called = false;
  const Handle handle = loop->call_soon([&] { called = true; });
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
  run_briefly(*loop);
  EXPECT_FALSE(called);
}

class CountingExecutor final : public Executor {
 public:
  void submit(std::unique_ptr<Job> job) override {
    ++jobs;
    job->run();
  }
  void shutdown(bool, bool) override {}
  int jobs = 0;
};

CONFORMANCE(test_base_events, BaseEventLoopTests, test_set_default_executor) {
  const auto executor = std::make_shared<CountingExecutor>();
  set_default_executor(get_running_loop(), executor);
  EXPECT_EQ(co_await run_in_executor([] { return 7; }), 7);
  EXPECT_EQ(executor->jobs, 1);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_call_soon) {
  const auto loop = new_test_loop();
  int calls = 0;
  const Handle handle = loop->call_soon([&] { ++calls; });
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(handle.cancelled());
  loop->run_once();
  EXPECT_EQ(calls, 1);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_call_later) {
  const auto loop = new_test_loop();
  int calls = 0;
  const TimerHandle handle = loop->call_later(10s, [&] { ++calls; });
  EXPECT_EQ(handle.when(), loop->time() + 10s);
  run_briefly(*loop);
  EXPECT_EQ(calls, 0);
  loop->run_until_complete(sleeper(10s));
  EXPECT_EQ(calls, 1);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_call_later_negative_delays) {
  const auto loop = new_test_loop();
  string calls;
  loop->call_later(-1s, [&] { calls += 'a'; });
  loop->call_later(-2s, [&] { calls += 'b'; });
  run_briefly(*loop);
  EXPECT_EQ(calls, "ba");
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_time_and_call_at) {
  const auto loop = new_test_loop();
  const Elapsed elapsed(*loop);
  loop->call_at(loop->time() + 100ms, [&] { loop->stop(); });
  loop->run_forever();
  EXPECT_EQ(elapsed(), 100ms);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_set_debug) {
  const auto loop = new_test_loop();
  loop->set_debug(true);
  EXPECT_TRUE(loop->get_debug());
  loop->set_debug(false);
  EXPECT_FALSE(loop->get_debug());
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test__run_once_schedule_handle) {
  const auto loop = new_test_loop();
  bool processed = false;
  bool next = false;
  loop->call_at(loop->time() - 1s, [&] {
    processed = true;
    loop->call_soon([&] { next = true; });
  });
  loop->run_once();
  EXPECT_TRUE(processed);
  EXPECT_FALSE(next);  // what is scheduled meanwhile waits for the next iteration
  loop->run_once();
  EXPECT_TRUE(next);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_run_until_complete_loop) {
  const auto loop = new_test_loop();
  const auto other_loop = new_test_loop();
  const Future<> future(*loop);
  EXPECT_THROW(other_loop->run_until_complete(future), ValueError);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_run_until_complete_loop_orphan_future_close_loop) {
  const auto loop = new_test_loop();
  loop->call_soon([] { throw SystemExit(); });
  EXPECT_THROW(loop->run_until_complete(sleeper(100ms)), SystemExit);
  // The callback of the first future must not stop this run.
  const Elapsed elapsed(*loop);
  loop->run_until_complete(sleeper(200ms));
  EXPECT_EQ(elapsed(), 200ms);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_default_exc_handler_callback) {
  const auto loop = new_plain_loop();
  const auto zero_error = [&] {
    loop->stop();
    throw ZeroDivisionError();
  };
  loop->call_soon(zero_error);
  loop->run_forever();
  expect_one_message("exception in callback", "division by zero");
  loop->call_later(10ms, zero_error);
  loop->run_forever();
  expect_one_message("exception in callback", "division by zero");
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_default_exc_handler_coro) {
  const auto loop = new_plain_loop();
  std::optional<Task<>> task = loop->create_task([]() -> Coro<> {
    co_await sleep(10ms);
    throw ZeroDivisionError();
  });
  task->add_done_callback([&] { loop->stop(); });
  loop->run_forever();
  task.reset();
  expect_one_message("exception was never retrieved", "division by zero");
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_set_exc_handler_custom) {
  const auto loop = new_plain_loop();
  loop->set_debug(true);
  const auto run_loop = [&] {
    const Handle handle = loop->call_soon([] { throw ZeroDivisionError(); });
    loop->run_once();
    return handle;
  };
  EXPECT_FALSE(loop->get_exception_handler());
  std::vector<ExceptionContext> reports;
  loop->set_exception_handler([&](EventLoop& owner, const ExceptionContext& context) {
    EXPECT_EQ(&owner, loop.get());
    reports.push_back(context);
  });
  EXPECT_TRUE(loop->get_exception_handler());
  const Handle handle = run_loop();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(holds<ZeroDivisionError>(reports[0].exception));
  EXPECT_TRUE(contains(reports[0].message, "exception in callback")) << reports[0].message;
  EXPECT_EQ(reports[0].location.line(), handle.where().line());
  EXPECT_STREQ(reports[0].location.file_name(), handle.where().file_name());

  loop->set_exception_handler({});
  run_loop();
  expect_one_message("exception in callback", "division by zero");
  EXPECT_EQ(reports.size(), 1U);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_set_exc_handler_broken) {
  const auto loop = new_plain_loop();
  loop->set_exception_handler([](EventLoop&, const ExceptionContext&) { throw ValueError("spam"); });
  loop->call_soon([] { throw ZeroDivisionError(); });
  loop->run_once();
  bool reported = false;
  for (const string& message : take_messages()) {
    reported = reported || (contains(message, "in exception handler") && contains(message, "spam"));
  }
  EXPECT_TRUE(reported);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_default_exc_handler_broken) {
  // The default handler cannot be replaced here; what can fail in it is the log that it writes to.
  const auto loop = new_plain_loop();
  std::vector<string> messages;
  set_log_sink([&](LogLevel, string_view, string_view message) {
    messages.emplace_back(message);
    throw ValueError("spam");
  });
  const auto run_loop = [&] {
    messages.clear();
    bool went_on = false;
    loop->call_soon([] { throw ZeroDivisionError(); });
    loop->call_soon([&] { went_on = true; });
    loop->run_once();
    EXPECT_TRUE(went_on);
  };
  run_loop();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_TRUE(contains(messages[0], "division by zero")) << messages[0];

  loop->set_exception_handler([](EventLoop&, const ExceptionContext&) { throw ValueError("ham"); });
  run_loop();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_TRUE(contains(messages[0], "in exception handler") && contains(messages[0], "ham")) << messages[0];
  EXPECT_TRUE(contains(messages[1], "division by zero")) << messages[1];
  set_log_sink({});
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_set_task_factory) {
  const auto loop = new_test_loop();
  EXPECT_FALSE(loop->get_task_factory());
  loop->set_task_factory([](EventLoop&, TaskOptions& options) { options.name = "mine"; });
  EXPECT_TRUE(loop->get_task_factory());
  const auto task = loop->create_task(sleeper(0s));
  EXPECT_EQ(task.get_name(), "mine");
  loop->run_until_complete(task);

  loop->set_task_factory({});
  EXPECT_FALSE(loop->get_task_factory());
  const auto plain = loop->create_task(sleeper(0s));
  EXPECT_NE(plain.get_name(), "mine");
  loop->run_until_complete(plain);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_env_var_debug) {
  const char* before = std::getenv("TUTTI_DEBUG");
  const std::optional<string> saved = before == nullptr ? std::nullopt : std::optional<string>(before);
  ::unsetenv("TUTTI_DEBUG");
  EXPECT_FALSE(EventLoop().get_debug());
  ::setenv("TUTTI_DEBUG", "", 1);
  EXPECT_FALSE(EventLoop().get_debug());
  ::setenv("TUTTI_DEBUG", "1", 1);
  EXPECT_TRUE(EventLoop().get_debug());
  saved ? ::setenv("TUTTI_DEBUG", saved->c_str(), 1) : ::unsetenv("TUTTI_DEBUG");
}

// A coroutine that was not closed would be reported as never awaited.
CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_create_task_error_closes_coro) {
  const auto loop = new_test_loop();
  loop->close();
  EXPECT_THROW((void)ensure_future(sleeper(0s), *loop), RuntimeError);
  EXPECT_TRUE(take_messages().empty());
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_create_named_task_with_default_factory) {
  const auto loop = new_test_loop();
  const auto task = loop->create_task(sleeper(0s), {.name = "test_task"});
  EXPECT_EQ(task.get_name(), "test_task");
  loop->run_until_complete(task);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_create_named_task_with_custom_factory) {
  const auto loop = new_test_loop();
  int calls = 0;
  loop->set_task_factory([&](EventLoop&, TaskOptions&) { ++calls; });
  const auto task = loop->create_task(sleeper(0s), {.name = "test_task"});
  EXPECT_EQ(task.get_name(), "test_task");
  EXPECT_EQ(calls, 1);
  loop->run_until_complete(task);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_run_forever_keyboard_interrupt) {
  const auto loop = new_test_loop();
  EXPECT_THROW(loop->run_until_complete(raise<KeyboardInterrupt>()), KeyboardInterrupt);
  loop->close();
  EXPECT_TRUE(take_messages().empty());
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_run_until_complete_baseexception) {
  const auto loop = new_test_loop();
  EXPECT_THROW(loop->run_until_complete(raise<KeyboardInterrupt>()), KeyboardInterrupt);
  bool called = false;
  loop->call_soon([&] {
    loop->call_soon([&] {
      loop->stop();
      called = true;
    });
  });
  loop->run_forever();
  EXPECT_TRUE(called);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_run_once) {
  const auto loop = new_test_loop();
  int count = 0;
  loop->call_soon([&] { ++count; });
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  EXPECT_EQ(count, 1);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_single_selecter_event_callback_after_stopping) {
  // What is ready when the loop stops is told once, though it stays ready.
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (string_view(name) == "uring" && !lowlevel::uring_available()) continue;
    EventLoop loop({.backend = lowlevel::make_backend(name)});
    const auto [reader, writer] = make_pipe();
    ASSERT_EQ(::write(writer.get(), "x", 1), 1);
    int count = 0;
    loop.add_reader(reader.get(), [&, fd = reader.get()] {
      ++count;
      loop.call_soon([&loop, fd] { loop.remove_reader(fd); });
    });
    for (int run = 0; run < 2; ++run) {
      loop.call_soon([&] { loop.stop(); });
      loop.run_forever();
      EXPECT_EQ(count, 1) << name << ", run " << run;
    }
  }
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_run_forever_pre_stopped) {
  const auto loop = new_test_loop();
  const std::uint64_t before = loop->iterations();
  loop->stop();
  loop->run_forever();
  EXPECT_EQ(loop->iterations(), before + 1);  // one, which does not wait
}

// A generator of which the last handle goes is closed by the loop.
CONFORMANCE(test_base_events, BaseEventLoopTests, test_asyncgen_finalization_by_gc) {
  struct Status {
    bool started = false;
    bool finalized = false;
  } status;
  const auto items = [&]() -> AsyncGenerator<int> {
    struct Finally {
      Status& status;
      ~Finally() { status.finalized = true; }
    } const finally{status};
    status.started = true;
    for (int i = 0; i < 5; ++i) co_yield i;
  };
  {
    auto generator = items();
    for (int i = 0; i < 4; ++i) {
      const auto item = co_await generator.next();
      EXPECT_EQ(*item, i);
    }
    EXPECT_TRUE(status.started);
    EXPECT_FALSE(status.finalized);
  }
  co_await briefly();
  EXPECT_TRUE(status.finalized);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopWithSelectorTests, test_log_slow_callbacks) {
  const auto loop = new_plain_loop();
  loop->set_debug(true);
  loop->slow_callback_duration = Duration::zero();
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  auto log = testing::take_log();
  ASSERT_FALSE(log.empty());
  EXPECT_TRUE(contains(log.back(), "executing callback took")) << log.back();

  const auto task = loop->create_task(
      [&]() -> Coro<> {
        loop->stop();
        co_return;
      },
      {.name = "slow one"});
  loop->run_forever();
  log = testing::take_log();
  ASSERT_FALSE(log.empty());
  EXPECT_TRUE(contains(log.back(), "executing task 'slow one' took")) << log.back();
}

CONFORMANCE_OUTSIDE(test_base_events, RunningLoopTests, test_running_loop_within_a_loop) {
  const auto loop = new_test_loop();
  const auto outer_loop = new_test_loop();
  const auto runner = [&]() -> Coro<> {
    loop->run_forever();
    co_return;
  };
  EXPECT_THROW(outer_loop->run_until_complete(runner()), RuntimeError);
}

}  // namespace
}  // namespace tutti::conformance

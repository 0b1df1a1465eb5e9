// SPDX-License-Identifier: MIT
// Who awaits whom. Mirrors test_graph.CallStackTestBase.
#include <tutti/task/call_graph.hpp>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/async_generator.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>
#include <tutti/testing/test.hpp>

#include "support/call_graph.hpp"

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::FutureCallGraph;

std::string walk(const FutureCallGraph& graph) { return test_support::walk(graph, "call_graph_test"); }

struct Seen {
  std::string graph;
  std::string text;
};

Coro<> look(Seen& seen) {
  co_await tutti::sleep(0s);
  seen.graph = walk(co_await tutti::capture_call_graph());
  seen.text = co_await tutti::format_call_graph();
}
Coro<> deep(Seen& seen) { co_await look(seen); }
Coro<> await_task(tutti::Task<> task) { co_await task; }

// test_stack_tgroup
TUTTI_TEST(CallGraph, ShowsWhoAwaitsATaskOfAGroup) {
  Seen seen;
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    auto task = group.create_task(deep(seen), {.name = "root"});
    group.create_task(await_task(task), {.name = "first"});
    group.create_task(await_task(task), {.name = "second"});
    co_return;
  });
  EXPECT_EQ(seen.graph,
            "root [look deep] <- {T [test], first [await_task] <- {T [test]}, second [await_task] <- {T [test]}}");
  EXPECT_NE(seen.text.find("in async"), std::string::npos);
  EXPECT_NE(seen.text.find("body()"), std::string::npos) << seen.text;
}

tutti::AsyncGenerator<int> numbers(Seen& seen) {
  for (int i = 0; i < 2; ++i) {
    co_yield i;
    if (i == 1) co_await look(seen);
  }
}
Coro<> consume(Seen& seen) {
  auto generator = numbers(seen);
  while (co_await generator.next()) {
  }
}

// test_stack_async_gen
TUTTI_TEST(CallGraph, GoesThroughAsyncGenerators) {
  Seen seen;
  co_await consume(seen);
  EXPECT_EQ(seen.graph, "T [look generator:numbers consume test]");
  EXPECT_NE(seen.text.find("in async generator"), std::string::npos) << seen.text;
}

Coro<> gathered(Seen& seen) { co_await tutti::gather(deep(seen), tutti::sleep(0s)); }

// test_stack_gather
TUTTI_TEST(CallGraph, GoesThroughAGather) {
  Seen seen;
  co_await gathered(seen);
  EXPECT_EQ(seen.graph, "T [look deep] <- {T [gathered test]}");
}

Coro<> shielded(Seen& seen) { co_await tutti::shield(deep(seen)); }

// test_stack_shield
TUTTI_TEST(CallGraph, GoesThroughAShield) {
  Seen seen;
  co_await shielded(seen);
  EXPECT_EQ(seen.graph, "T [look deep] <- {T [shielded test]}");
}

Coro<> limited(Seen& seen) {
  co_await tutti::timeout(1h, [&]() -> Coro<> { co_await deep(seen); });
}

// test_stack_timeout
TUTTI_TEST(CallGraph, GoesThroughATimeout) {
  Seen seen;
  co_await tutti::shield(limited(seen));
  EXPECT_EQ(seen.graph, "T [look deep lambda limited] <- {T [test]}");
}

Coro<> wait_all(tutti::Task<> first, tutti::Task<> second) { co_await tutti::wait({first, second}); }

// test_stack_wait
TUTTI_TEST(CallGraph, GoesThroughAWait) {
  Seen seen;
  auto looking = tutti::create_task(deep(seen));
  auto other = tutti::create_task([]() -> Coro<> { co_await tutti::sleep(0s); });
  co_await wait_all(looking, other);
  EXPECT_EQ(seen.graph, "T [look deep] <- {T [wait_all test]}");
}

TUTTI_TEST(CallGraph, GoesThroughAsCompleted) {
  Seen seen;
  auto all = tutti::as_completed(std::vector{tutti::create_task(deep(seen))});
  co_await all.next();
  EXPECT_EQ(seen.graph, "T [look deep] <- {T [test]}");
}

Coro<> await_new_task(Seen& seen) { co_await tutti::create_task(deep(seen), {.name = "there there"}); }

// test_stack_task
TUTTI_TEST(CallGraph, ShowsTheTaskThatAwaitsATask) {
  Seen seen;
  co_await await_new_task(seen);
  EXPECT_EQ(seen.graph, "there there [look deep] <- {T [await_new_task test]}");
}

Coro<> await_future(tutti::Future<> future) { co_await future; }
Coro<> await_deeper(tutti::Future<> future) { co_await await_future(future); }

// test_stack_future
TUTTI_TEST(CallGraph, ShowsAllWhoAwaitAFuture) {
  const tutti::Future<> future;
  auto a = tutti::create_task(await_deeper(future), {.name = "a"});
  auto b = tutti::create_task(await_future(future), {.name = "b"});
  co_await tutti::sleep(0s);
  EXPECT_EQ(walk(tutti::capture_call_graph(future)), "F [] <- {a [await_future await_deeper], b [await_future]}");
  EXPECT_EQ(tutti::format_call_graph(future).rfind("* Future(id=", 0), 0U);
  future.set_result();
  co_await tutti::gather(a, b);
  EXPECT_EQ(walk(tutti::capture_call_graph(future)), "F []");
  EXPECT_EQ(walk(tutti::capture_call_graph(a)), "a []");
}

TUTTI_TEST(CallGraph, ShowsATaskThatHasNotBegun) {
  const tutti::Future<> future;
  auto task = tutti::create_task(await_deeper(future));
  EXPECT_EQ(walk(tutti::capture_call_graph(task)), "T [await_deeper]");
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
}

TUTTI_TEST(CallGraph, KnowsOnlyTheOutermostCoroutineOfATaskThatRuns) {
  const auto from_inside = []() -> Coro<FutureCallGraph> {
    co_return tutti::capture_call_graph(*tutti::current_task());
  };
  const FutureCallGraph graph = co_await from_inside();
  EXPECT_TRUE(graph.is_running);
  EXPECT_EQ(graph.call_stack.size(), 1U);
  const FutureCallGraph own = co_await tutti::capture_call_graph();
  EXPECT_FALSE(own.is_running);
}

TUTTI_TEST(CallGraph, KnowsThatATaskRunsWhoseStepBeganAnother) {
  const tutti::AnyTask outer = *tutti::current_task();
  bool outer_runs = false;
  auto inner = tutti::create_task(
      [&]() -> Coro<> {
        outer_runs = tutti::capture_call_graph(outer).is_running;
        co_return;
      },
      {.eager_start = true});
  EXPECT_TRUE(outer_runs);
  co_await inner;
}

TUTTI_TEST(CallGraph, EndsWhereTasksAwaitEachOther) {
  std::optional<tutti::Task<>> second;
  auto first = tutti::create_task([&]() -> Coro<> { co_await tutti::shield(*second); }, {.name = "first"});
  second = tutti::create_task([&]() -> Coro<> { co_await first; }, {.name = "second"});
  co_await tutti::sleep(0s);
  EXPECT_EQ(walk(tutti::capture_call_graph(first)), "first [lambda] <- {second [lambda] <- {first [] cycle}}");
  EXPECT_NE(tutti::format_call_graph(first).find("a cycle"), std::string::npos);
  first.cancel();
  co_await tutti::wait({first, *second});
  EXPECT_TRUE(second->cancelled());
}

Coro<> sink(int depth, Seen& seen, tutti::CallGraphOptions options) {
  if (depth > 0) co_return co_await sink(depth - 1, seen, options);
  seen.graph = walk(co_await tutti::capture_call_graph(options));
}
Coro<> bottom(Seen& seen, tutti::CallGraphOptions options) { co_await sink(2, seen, options); }
Coro<> run_as_task(Seen& seen, tutti::CallGraphOptions options) {
  co_await tutti::create_task(bottom(seen, options), {.name = "it"});
}

TUTTI_TEST(CallGraph, CutsStacks) {
  const auto stack = [](tutti::CallGraphOptions options) -> Coro<std::string> {
    Seen seen;
    co_await run_as_task(seen, options);
    co_return seen.graph.substr(0, seen.graph.find(" <-"));
  };
  EXPECT_EQ(co_await stack({}), "it [sink sink sink bottom]");
  EXPECT_EQ(co_await stack({.depth = 1}), "it [sink sink bottom]");
  EXPECT_EQ(co_await stack({.limit = 2}), "it [sink bottom]");
  EXPECT_EQ(co_await stack({.limit = -2}), "it [sink sink]");
  EXPECT_EQ(co_await stack({.limit = 0}), "it []");
}

TUTTI_TEST(CallGraph, TellsTheLineOfTheAwait) {
  const unsigned line = __LINE__ + 1;
  const FutureCallGraph graph = co_await tutti::capture_call_graph();
  CO_ASSERT_FALSE(graph.call_stack.empty());
  EXPECT_EQ(graph.call_stack.front().location.line(), line);
  EXPECT_NE(std::string(graph.call_stack.front().location.file_name()).find("call_graph_test.cpp"), std::string::npos);
}

/// Another library's coroutine, which awaits what is Tutti's.
struct Foreign {
  struct promise_type {
    Foreign get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {}
  };
  std::coroutine_handle<promise_type> frame;
};
Foreign wait_elsewhere(tutti::Future<> future) { co_await future; }

struct AwaitForeign {
  Foreign inner;
  explicit AwaitForeign(Foreign begun) : inner(begun) {}
  AwaitForeign(const AwaitForeign&) = delete;
  AwaitForeign& operator=(const AwaitForeign&) = delete;
  ~AwaitForeign() { inner.frame.destroy(); }
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

TEST(CallGraphOfAForeignCoroutine, EndsThere) {
  tutti::EventLoop loop;
  std::string stack;
  loop.set_exception_handler([&](tutti::EventLoop&, const tutti::ExceptionContext& context) { stack = context.stack; });
  const tutti::Future<> future(loop);
  auto task = loop.create_task([&]() -> Coro<> { co_await AwaitForeign(wait_elsewhere(future)); });
  loop.run_until_complete(tutti::sleep(0s));
  const FutureCallGraph graph = tutti::capture_call_graph(task);
  ASSERT_EQ(graph.call_stack.size(), 1U);
  EXPECT_EQ(graph.call_stack.front().location.line(), 0U);
  loop.close();
  EXPECT_EQ(stack, "  (a coroutine of another kind)");
}

TUTTI_TEST(PrintCallGraph, WritesToAFile) {
  std::FILE* const file = std::tmpfile();
  CO_ASSERT_NE(file, nullptr);
  co_await tutti::print_call_graph({.file = file});
  tutti::print_call_graph(*tutti::current_task(), {.file = file});
  tutti::print_all_tasks(file);
  std::rewind(file);
  std::string text(8192, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text.rfind("* Task(name='", 0), 0U) << text;
  EXPECT_NE(text.find("  + Call stack:\n  |   File '"), std::string::npos) << text;
  EXPECT_NE(text.find("(it runs now)"), std::string::npos) << text;
  EXPECT_NE(text.find("1 task\n"), std::string::npos) << text;
}

TUTTI_TEST(AllTasks, AreToldWithTheirStacksAndWhoAwaitsThem) {
  const tutti::Future<> future;
  auto waiting = tutti::create_task(await_deeper(future), {.name = "waiting"});
  auto parent = tutti::create_task(await_task(waiting), {.name = "parent"});
  co_await tutti::sleep(0s);
  const std::string text = tutti::format_all_tasks();
  EXPECT_EQ(text.rfind("3 tasks\n", 0), 0U) << text;
  EXPECT_NE(text.find("await_future"), std::string::npos) << text;
  EXPECT_NE(text.find("  + Awaited by: parent"), std::string::npos) << text;
  future.set_result();
  co_await parent;
}

}  // namespace

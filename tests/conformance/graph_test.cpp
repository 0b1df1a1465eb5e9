// SPDX-License-Identifier: MIT
// CPython's test_graph, and what test_tasks and test_pep492 say of a task's own stack. A stack there begins with the plain function that looks; here with the coroutine that does.
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/task/async_generator.hpp>
#include <tutti/task/call_graph.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"
#include "support/call_graph.hpp"

namespace tutti::conformance {
namespace {

using std::string;

string walk(const FutureCallGraph& graph) { return test_support::walk(graph, "graph_test"); }

/// What the one who looks sees.
struct Seen {
  string graph;
  string text;
};

Coro<> look(Seen& seen) {
  seen.graph = walk(co_await capture_call_graph());
  seen.text = co_await format_call_graph();
}

// --- test_stack_tgroup ---

Coro<> c4(Seen& seen) {
  co_await turn();
  co_await look(seen);
}
Coro<> c3(Seen& seen) { co_await c4(seen); }
Coro<> c2(Seen& seen) { co_await c3(seen); }
Coro<> c1(Task<> task) { co_await task; }

Coro<> tgroup_main(Seen& seen) {
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    const auto task = group.create_task(c2(seen), {.name = "c2_root"});
    group.create_task(c1(task), {.name = "sub_main_1"});
    group.create_task(c1(task), {.name = "sub_main_2"});
    co_return;
  });
}

CONFORMANCE(test_graph, CallStackTestBase, test_stack_tgroup) {
  Seen seen;
  co_await tgroup_main(seen);
  EXPECT_EQ(seen.graph,
            "c2_root [look c4 c3 c2] <- {T [tgroup_main test], sub_main_1 [c1] <- {T [tgroup_main test]}, "
            "sub_main_2 [c1] <- {T [tgroup_main test]}}");
  EXPECT_TRUE(contains(seen.text, "in async")) << seen.text;
  EXPECT_TRUE(contains(seen.text, "test_stack_tgroup()")) << seen.text;
}

// --- test_stack_async_gen ---

Coro<> gen_nested_call(Seen& seen) { co_await look(seen); }
AsyncGenerator<int> gen(Seen& seen) {
  for (int number = 0; number < 2; ++number) {
    co_yield number;
    if (number == 1) co_await gen_nested_call(seen);
  }
}
Coro<> async_gen_main(Seen& seen) {
  auto generator = gen(seen);
  while (co_await generator.next()) {
  }
}

CONFORMANCE(test_graph, CallStackTestBase, test_stack_async_gen) {
  Seen seen;
  co_await async_gen_main(seen);
  EXPECT_EQ(seen.graph, "T [look gen_nested_call generator:gen async_gen_main test]");
  EXPECT_TRUE(contains(seen.text, "in async generator")) << seen.text;
}

// --- test_stack_gather, test_stack_shield ---

Coro<> deep(Seen& seen) {
  co_await turn();
  co_await look(seen);
}
Coro<> awaits_deep(Seen& seen) {
  co_await turn();
  co_await deep(seen);
}
Coro<> gather_main(Seen& seen) { co_await gather(awaits_deep(seen), sleeper(0s)); }
Coro<> shield_main(Seen& seen) { co_await shield(awaits_deep(seen)); }

CONFORMANCE(test_graph, CallStackTestBase, test_stack_gather) {
  Seen seen;
  co_await gather_main(seen);
  EXPECT_EQ(seen.graph, "T [look deep awaits_deep] <- {T [gather_main test]}");
}

CONFORMANCE(test_graph, CallStackTestBase, test_stack_shield) {
  Seen seen;
  co_await shield_main(seen);
  EXPECT_EQ(seen.graph, "T [look deep awaits_deep] <- {T [shield_main test]}");
}

// --- test_stack_timeout, test_stack_wait: the body of `timeout` is a function of its own ---

Coro<> with_timeout(Seen& seen) {
  co_await timeout(1s, [&]() -> Coro<> {
    co_await turn();
    co_await deep(seen);
  });
}
Coro<> timeout_main(Seen& seen) { co_await shield(with_timeout(seen)); }

CONFORMANCE(test_graph, CallStackTestBase, test_stack_timeout) {
  Seen seen;
  co_await timeout_main(seen);
  EXPECT_EQ(seen.graph, "T [look deep lambda with_timeout] <- {T [timeout_main test]}");
}

Coro<> three_turns() { co_await test_support::turns(3); }
Coro<> wait_main(Task<> one, Task<> other) {
  std::vector<Task<>> both;
  both.push_back(std::move(one));
  both.push_back(std::move(other));
  while (!(co_await wait(both)).pending.empty()) {
  }
}

CONFORMANCE(test_graph, CallStackTestBase, test_stack_wait) {
  Seen seen;
  const auto one = create_task(with_timeout(seen));
  const auto other = create_task(three_turns());
  co_await wait_main(one, other);
  co_await one;
  co_await other;
  EXPECT_EQ(seen.graph, "T [look deep lambda with_timeout] <- {T [wait_main test]}");
}

// --- test_stack_task ---

Coro<> awaits_a_task(Seen& seen) { co_await create_task(awaits_deep(seen), {.name = "there there"}); }
Coro<> task_main(Seen& seen) { co_await awaits_a_task(seen); }

CONFORMANCE(test_graph, CallStackTestBase, test_stack_task) {
  Seen seen;
  co_await task_main(seen);
  EXPECT_EQ(seen.graph, "there there [look deep awaits_deep] <- {T [awaits_a_task task_main test]}");
}

// --- test_stack_future ---

Coro<> a2(Future<> future) { co_await future; }
Coro<> a1(Future<> future) { co_await a2(future); }
Coro<> b1(Future<> future) { co_await future; }

CONFORMANCE(test_graph, CallStackTestBase, test_stack_future) {
  // The task of the group itself runs, so that only its outermost coroutine is known: that of the test program.
  Seen seen;
  const Future<> future;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task(a1(future), {.name = "task A"});
    group.create_task(b1(future), {.name = "task B"});
    co_await test_support::turns(5);
    seen.graph = walk(capture_call_graph(future));
    seen.text = format_call_graph(future);
    future.set_result();
  });
  EXPECT_EQ(seen.graph, "F [] <- {task A [a2 a1] <- {T []}, task B [b1] <- {T []}}");
  EXPECT_TRUE(seen.text.starts_with("* Future(id=")) << seen.text;
}

// --- Task.get_stack, Task.print_stack: of a task that runs, only its outermost coroutine is known, as in Python ---

string printed_stack(const AnyTask& task) {
  std::FILE* const file = std::tmpfile();
  task.print_stack(1, file);
  std::rewind(file);
  string text(1000, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

Coro<> bar(string& function, string& text) {
  const AnyTask self = *current_task();
  const auto frames = self.get_stack(1);
  CO_ASSERT_EQ(frames.size(), 1U);
  function = frames[0].function_name();
  text = printed_stack(self);
}
Coro<> foo(string& function, string& text) { co_await bar(function, text); }

CONFORMANCE(test_tasks, BaseTaskTests, test_get_stack) {
  string function;
  string text;
  co_await create_task(foo(function, text), {.name = "the task"});
  EXPECT_TRUE(contains(function, "foo(")) << function;
  EXPECT_TRUE(text.starts_with("Stack for task 'the task' ")) << text;
  EXPECT_TRUE(contains(text, "foo(")) << text;
}

Coro<string> look_at_itself() {
  const auto frames = current_task()->get_stack(1);
  co_return frames.size() == 1 ? frames[0].function_name() : "";
}

CONFORMANCE(test_pep492, CoroutineTests, test_task_print_stack) {
  const string function = co_await create_task(look_at_itself());
  EXPECT_TRUE(contains(function, "look_at_itself(")) << function;
}

}  // namespace
}  // namespace tutti::conformance

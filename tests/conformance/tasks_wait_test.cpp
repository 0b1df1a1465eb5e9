// SPDX-License-Identifier: MIT
// CPython's test_tasks: wait and as_completed.
#include <algorithm>
#include <ranges>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using Strings = std::multiset<string>;
template <class T = void>
using Tasks = std::vector<Task<T>>;

template <class Handle>
bool same_set(std::vector<Handle> a, const std::vector<Handle>& b) {
  return a.size() == b.size() &&
         std::ranges::all_of(b, [&](const Handle& item) { return std::ranges::find(a, item) != a.end(); });
}

Coro<> raise_after(Duration delay) {
  co_await sleep(delay);
  throw ValueError("really");
}

template <class Handle>
Coro<std::vector<string>> values_of(AsCompleted<Handle>& all) {
  std::vector<string> values;
  while (auto task = co_await all.next()) values.push_back(co_await *task);
  co_return values;
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(100ms));
  const auto b = create_task(sleeper(150ms));
  for (int i = 0; i < 2; ++i) {  // the second time there is nothing to wait for
    const auto [done, pending] = co_await wait({b, a});
    EXPECT_TRUE(same_set(done, {a, b}));
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(elapsed(), 150ms);
  }
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_duplicate_coroutines) {
  const auto c = create_task(give<string>("test"));
  const auto [done, pending] = co_await wait({c, c, create_task(give<string>("spam"))});
  EXPECT_TRUE(pending.empty());
  Strings results;
  for (const auto& task : done) results.insert(task.result());
  EXPECT_EQ(results, (Strings{"test", "spam"}));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_errors) { EXPECT_THROW(co_await wait(Tasks<>()), ValueError); }

template <class T>
concept CanBeWaitedFor = requires(T x) { tutti::wait(x); };

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_invalid_args) {
  EXPECT_FALSE(CanBeWaitedFor<Future<>>);
  EXPECT_FALSE(CanBeWaitedFor<Coro<>>);
  EXPECT_TRUE(CanBeWaitedFor<std::vector<Future<>>>);
  EXPECT_THROW(co_await wait(std::vector<Future<>>()), ValueError);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_first_completed) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(10s));
  const auto b = create_task(sleeper(100ms));
  const auto [done, pending] = co_await wait({b, a}, {.return_when = FIRST_COMPLETED});
  EXPECT_EQ(done, Tasks<>{b});
  EXPECT_EQ(pending, Tasks<>{a});
  EXPECT_FALSE(a.done());
  EXPECT_TRUE(b.done());
  EXPECT_NO_THROW(b.result());
  EXPECT_EQ(elapsed(), 100ms);
  co_await a;
}

// One that ends between the first one's end and the wake-up is done too.
CONFORMANCE(test_tasks, BaseTaskTests, test_wait_really_done) {
  const auto a = create_task([]() -> Coro<> { co_await turn(); });
  const auto b = create_task([]() -> Coro<> {
    co_await turn();
    co_await turn();
  });
  const auto [done, pending] = co_await wait({b, a}, {.return_when = FIRST_COMPLETED});
  EXPECT_TRUE(same_set(done, {a, b}));
  EXPECT_TRUE(pending.empty());
  EXPECT_NO_THROW(a.result());
  EXPECT_NO_THROW(b.result());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_first_exception) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(10s));
  const auto b = create_task(raise());
  const auto [done, pending] = co_await wait({b, a}, {.return_when = FIRST_EXCEPTION});
  EXPECT_EQ(done, Tasks<>{b});
  EXPECT_EQ(pending, Tasks<>{a});
  EXPECT_EQ(elapsed(), 0s);
  co_await wait({a, b});
  EXPECT_TRUE(holds<ValueError>(b.exception()));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_first_exception_in_wait) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(10s));
  const auto b = create_task(raise_after(10ms));
  const auto [done, pending] = co_await wait({b, a}, {.return_when = FIRST_EXCEPTION});
  EXPECT_EQ(done, Tasks<>{b});
  EXPECT_EQ(pending, Tasks<>{a});
  EXPECT_EQ(elapsed(), 10ms);
  co_await wait({a, b});
  EXPECT_TRUE(holds<ValueError>(b.exception()));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_with_exception) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(100ms));
  const auto b = create_task(raise_after(150ms));
  for (int i = 0; i < 2; ++i) {
    const auto [done, pending] = co_await wait({b, a});
    EXPECT_EQ(done.size(), 2U);
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(std::ranges::count_if(done, [](const auto& task) { return task.exception() != nullptr; }), 1);
    EXPECT_EQ(elapsed(), 150ms);
  }
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_with_timeout) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(100ms));
  const auto b = create_task(sleeper(150ms));
  const auto [done, pending] = co_await wait({b, a}, {.timeout = 110ms});
  EXPECT_EQ(done, Tasks<>{a});
  EXPECT_EQ(pending, Tasks<>{b});
  EXPECT_EQ(elapsed(), 110ms);
  co_await wait({a, b});
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_concurrent_complete) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(100ms));
  const auto b = create_task(sleeper(150ms));
  const auto [done, pending] = co_await create_task(wait({b, a}, {.timeout = 100ms}));
  EXPECT_EQ(done, Tasks<>{a});
  EXPECT_EQ(pending, Tasks<>{b});
  EXPECT_EQ(elapsed(), 100ms);
  co_await wait({a, b});
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_with_iterator_of_tasks) {
  const Elapsed elapsed;
  const auto a = create_task(sleeper(100ms));
  const auto b = create_task(sleeper(150ms));
  const std::set<string> names{"a", "b"};
  const auto [done, pending] =
      co_await wait(names | std::views::transform([&](const string& name) { return name == "a" ? a : b; }));
  EXPECT_TRUE(same_set(done, {a, b}));
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(elapsed(), 150ms);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_wait_generator) {
  const auto tasks = std::views::iota(0, 10) | std::views::transform([](int i) { return create_task(give(i)); });
  const auto [done, pending] = co_await wait(tasks, {.return_when = ALL_COMPLETED});
  EXPECT_EQ(done.size(), 10U);
  EXPECT_EQ(pending.size(), 0U);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed) {
  const Elapsed elapsed;
  std::vector<Coro<string>> coros;
  coros.push_back(give_after<string>(10ms, "b"));
  coros.push_back(give_after<string>(150ms, "c"));
  coros.push_back(give_after<string>(10ms, "a"));
  auto all = as_completed(coros);
  const auto values = co_await values_of(all);
  EXPECT_EQ(elapsed(), 150ms);
  CO_ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(Strings(values.begin(), values.begin() + 2), (Strings{"a", "b"}));
  EXPECT_EQ(values[2], "c");
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_same_tasks_in_as_out) {
  const auto b = create_task(give(1));
  const auto d = create_task(give(3));
  const auto given = ensure_future(give(2));
  auto all = as_completed(Tasks<int>{d, given, b});
  Tasks<int> out;
  while (const auto task = co_await all.next()) out.push_back(*task);
  EXPECT_TRUE(same_set(out, {b, d, given}));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_with_timeout) {
  const Elapsed elapsed;
  const Tasks<string> tasks{create_task(sleep(100ms, string("a"))), create_task(sleep(150ms, string("b")))};
  auto all = as_completed(tasks, 120ms);
  const auto first = co_await all.next();
  CO_ASSERT_TRUE(first.has_value());
  EXPECT_EQ(co_await *first, "a");
  EXPECT_THROW(co_await all.next(), TimeoutError);
  EXPECT_EQ(elapsed(), 120ms);
  EXPECT_FALSE(tasks[1].done());
  co_await wait(tasks);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_with_unused_timeout) {
  auto all = as_completed(Tasks<string>{create_task(sleep(10ms, string("a")))}, 1s);
  EXPECT_EQ(co_await values_of(all), std::vector<string>{"a"});
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_resume_iterator) {
  auto all = as_completed(std::views::iota(0, 4) | std::views::transform([](int i) { return give(i); }));
  std::multiset<int> collected;
  const auto collect = [&](std::size_t limit) -> Coro<> {
    while (collected.size() < limit) {
      const auto task = co_await all.next();
      if (!task) break;
      collected.insert(co_await *task);
    }
  };
  co_await collect(2);
  EXPECT_EQ(collected.size(), 2U);
  co_await collect(5);
  EXPECT_EQ(collected, (std::multiset<int>{0, 1, 2, 3}));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_reverse_wait) {
  const Elapsed elapsed;
  auto all = as_completed(Tasks<string>{create_task(sleep(50ms, string("a"))), create_task(sleep(100ms, string("b")))});
  auto first = all.next();
  auto second = all.next();
  EXPECT_EQ(co_await *(co_await second), "a");  // whoever asks first gets the first
  EXPECT_EQ(elapsed(), 50ms);
  EXPECT_EQ(co_await *(co_await first), "b");
  EXPECT_EQ(elapsed(), 100ms);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_concurrent) {
  auto all = as_completed(Tasks<string>{create_task(sleep(50ms, string("a"))), create_task(sleep(50ms, string("b")))});
  const auto next = [&]() -> Coro<string> {
    const auto task = co_await all.next();
    co_return co_await *task;
  };
  const auto [done, pending] = co_await wait({create_task(next), create_task(next)});
  Strings results;
  for (const auto& task : done) results.insert(task.result());
  EXPECT_EQ(results, (Strings{"a", "b"}));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_duplicate_coroutines) {
  const auto c = create_task(give<string>("ham"));
  auto all = as_completed(Tasks<string>{c, c, create_task(give<string>("spam"))});
  const auto values = co_await values_of(all);
  EXPECT_EQ(Strings(values.begin(), values.end()), (Strings{"ham", "spam"}));
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_as_completed_coroutine_without_loop) {
  std::vector<Coro<int>> coros;
  coros.push_back(give(42));
  EXPECT_THROW((void)as_completed(coros), RuntimeError);
  for (auto& coro : coros) coro.close();
}

CONFORMANCE(test_tasks, BaseTaskTests, test_as_completed_coroutine_use_running_loop) {
  std::vector<Coro<int>> coros;
  coros.push_back(give(42));
  auto all = as_completed(coros);
  EXPECT_EQ(all.left(), 1U);
  const auto task = co_await all.next();
  CO_ASSERT_TRUE(task.has_value());
  EXPECT_EQ(&task->get_loop(), &get_running_loop());
  EXPECT_EQ(co_await *task, 42);
}

}  // namespace
}  // namespace tutti::conformance

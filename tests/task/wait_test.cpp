// SPDX-License-Identifier: MIT
// wait and as_completed: CPython's test_tasks.
#include <set>
#include <string>
#include <vector>

#include <tutti/task/gather.hpp>
#include <tutti/task/wait.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

Coro<int> slept(Duration time, int value) {
  co_await sleep(time);
  co_return value;
}

std::vector<Task<int>> tasks_of(std::initializer_list<Duration> times) {
  std::vector<Task<int>> tasks;
  for (const Duration time : times) tasks.push_back(create_task(slept(time, static_cast<int>(tasks.size()))));
  return tasks;
}

// test_tasks.BaseTaskTests.test_wait
TUTTI_VIRTUAL_TEST(Wait, TellsThatAllAreDone) {
  const auto tasks = tasks_of({100ms, 150ms});
  const auto [done, pending] = co_await wait(tasks);
  EXPECT_EQ(done.size(), 2U);
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(done[0], tasks[0]);
}

// test_tasks.BaseTaskTests.test_wait_duplicate_coroutines
TUTTI_TEST(Wait, CountsADuplicateOnce) {
  auto task = create_task(noop());
  const auto [done, pending] = co_await wait({task, task});
  EXPECT_EQ(done.size(), 1U);
  EXPECT_TRUE(pending.empty());
}

// test_tasks.BaseTaskTests.test_wait_errors
TUTTI_TEST(Wait, OfNothingIsAnError) { EXPECT_THROW(co_await wait(std::vector<Task<int>>()), ValueError); }

// test_tasks.BaseTaskTests.test_wait_first_completed
TUTTI_VIRTUAL_TEST(Wait, ReturnsWhenTheFirstIsDone) {
  auto tasks = tasks_of({10s, 100ms});
  const TimePoint begin = get_running_loop().time();
  const auto [done, pending] = co_await wait(tasks, {.return_when = FIRST_COMPLETED});
  EXPECT_EQ(get_running_loop().time(), begin + 100ms);
  CO_ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0], tasks[1]);
  CO_ASSERT_EQ(pending.size(), 1U);
  EXPECT_FALSE(pending[0].done());
  co_await wait(tasks);
}

// test_tasks.BaseTaskTests.test_wait_really_done: the done set may hold more than what woke it
TUTTI_TEST(Wait, LooksAtTheFuturesAfterItWasWoken) {
  const Future<int> a;
  const Future<int> b;
  get_running_loop().call_soon([a] { a.set_result(1); });
  get_running_loop().call_soon([&] { get_running_loop().call_soon([b] { b.set_result(2); }); });
  const auto [done, pending] = co_await wait({a, b}, {.return_when = FIRST_COMPLETED});
  EXPECT_EQ(done.size(), 2U);
}

// test_tasks.BaseTaskTests.test_wait_first_exception
TUTTI_VIRTUAL_TEST(Wait, ReturnsAtTheFirstException) {
  auto slow = create_task(slept(10s, 1));
  auto failing = create_task([]() -> Coro<int> {
    co_await sleep(10ms);
    throw ValueError("first");
  });
  const auto [done, pending] = co_await wait({slow, failing}, {.return_when = FIRST_EXCEPTION});
  CO_ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0], failing);
  CO_ASSERT_EQ(pending.size(), 1U);
  co_await slow;
}

// FIRST_EXCEPTION ignores cancelled ones
TUTTI_VIRTUAL_TEST(Wait, DoesNotTakeACancelledTaskForAFailedOne) {
  auto slow = create_task(slept(1s, 1));
  auto cancelled = create_task(slept(1h, 2));
  co_await turn();
  cancelled.cancel();
  const auto [done, pending] = co_await wait({slow, cancelled}, {.return_when = FIRST_EXCEPTION});
  EXPECT_EQ(done.size(), 2U);
}

// test_tasks.BaseTaskTests.test_wait_first_exception_in_wait
TUTTI_TEST(Wait, WithoutAnExceptionWaitsForAll) {
  auto tasks = tasks_of({0s, 0s});
  const auto [done, pending] = co_await wait(tasks, {.return_when = FIRST_EXCEPTION});
  EXPECT_EQ(done.size(), 2U);
}

// test_tasks.BaseTaskTests.test_wait_with_exception: it throws none itself
TUTTI_TEST(Wait, ThrowsNoneOfTheExceptions) {
  auto failing = create_task(raise_later());
  const auto [done, pending] = co_await wait({failing});
  CO_ASSERT_EQ(done.size(), 1U);
  EXPECT_TRUE(holds<ValueError>(done[0].exception()));
}

// test_tasks.BaseTaskTests.test_wait_with_timeout
TUTTI_VIRTUAL_TEST(Wait, ReturnsWhatIsDoneWhenTheTimeIsUp) {
  auto tasks = tasks_of({100ms, 150ms});
  const auto [done, pending] = co_await wait(tasks, {.timeout = 110ms});
  EXPECT_EQ(done.size(), 1U);
  CO_ASSERT_EQ(pending.size(), 1U);
  EXPECT_FALSE(pending[0].cancelled());
  co_await pending[0];
}

// test_tasks.BaseTaskTests.test_wait_concurrent_complete
TUTTI_VIRTUAL_TEST(Wait, SeesATaskThatEndsInTheTickOfTheTimeout) {
  auto tasks = tasks_of({100ms, 200ms});
  co_await turn();  // their timers stand before the one of the timeout
  const auto [done, pending] = co_await wait(tasks, {.timeout = 100ms});
  EXPECT_EQ(done.size(), 1U);
  EXPECT_EQ(pending.size(), 1U);
  co_await gather(tasks);
}

// oracle: cancelling wait leaves the children alone
TUTTI_TEST(Wait, CancelledLeavesTheTasksAlone) {
  const Future<int> future;
  auto waiter = create_task([future]() -> Coro<> { co_await wait({future}); });
  co_await turn();
  waiter.cancel();
  EXPECT_THROW(co_await waiter, CancelledError);
  EXPECT_FALSE(future.done());
  future.set_result(1);
  co_await turn();
}

// ---- as_completed ----

// test_tasks.BaseTaskTests.test_as_completed
TUTTI_VIRTUAL_TEST(AsCompleted, GivesResultsAsTheyCome) {
  std::vector<Coro<int>> coros;
  coros.push_back(slept(100ms, 1));
  coros.push_back(slept(10ms, 2));
  coros.push_back(slept(50ms, 3));
  auto all = as_completed(coros);
  std::vector<int> order;
  while (auto task = co_await all.next()) order.push_back(co_await *task);
  EXPECT_EQ(order, (std::vector<int>{2, 3, 1}));
}

// test_tasks.BaseTaskTests.test_as_completed_same_tasks_in_as_out
TUTTI_VIRTUAL_TEST(AsCompleted, GivesTheTasksThatItWasGiven) {
  auto tasks = tasks_of({30ms, 10ms, 20ms});
  auto all = as_completed(tasks);
  EXPECT_EQ((co_await all.next()).value(), tasks[1]);
  EXPECT_EQ((co_await all.next()).value(), tasks[2]);
  EXPECT_EQ((co_await all.next()).value(), tasks[0]);
  EXPECT_FALSE((co_await all.next()).has_value());
}

// test_tasks.BaseTaskTests.test_as_completed_with_timeout
TUTTI_VIRTUAL_TEST(AsCompleted, ThrowsTimeoutErrorForEachThatIsLeft) {
  auto tasks = tasks_of({100ms, 150ms, 160ms});
  auto all = as_completed(tasks, 120ms);
  EXPECT_EQ(co_await (co_await all.next()).value(), 0);
  EXPECT_THROW(co_await all.next(), TimeoutError);
  EXPECT_THROW(co_await all.next(), TimeoutError);
  EXPECT_FALSE((co_await all.next()).has_value());
  EXPECT_FALSE(tasks[1].done());
  co_await gather(tasks);
}

// test_tasks.BaseTaskTests.test_as_completed_with_unused_timeout
TUTTI_VIRTUAL_TEST(AsCompleted, LeavesNoTimerBehind) {
  const TimePoint begin = get_running_loop().time();
  std::vector<Coro<int>> coros;
  coros.push_back(noop());
  auto all = as_completed(coros, 1h);
  EXPECT_EQ(co_await (co_await all.next()).value(), 1);
  EXPECT_EQ(get_running_loop().time(), begin);
}

// test_tasks.BaseTaskTests.test_as_completed_resume_iterator
TUTTI_VIRTUAL_TEST(AsCompleted, CanBeLeftAndGoneOnWith) {
  auto tasks = tasks_of({10ms, 20ms});
  auto all = as_completed(tasks);
  EXPECT_EQ(all.left(), 2U);
  while (auto task = co_await all.next()) break;
  EXPECT_EQ(all.left(), 1U);
  while (auto task = co_await all.next()) EXPECT_EQ(*task, tasks[1]);
}

// test_tasks.BaseTaskTests.test_as_completed_duplicate_coroutines
TUTTI_TEST(AsCompleted, GivesADuplicateOnce) {
  auto task = create_task(noop(4));
  auto all = as_completed(std::vector<Task<int>>{task, task});
  EXPECT_EQ(co_await (co_await all.next()).value(), 4);
  EXPECT_FALSE((co_await all.next()).has_value());
}

// test_tasks.BaseTaskTests.test_as_completed_concurrent
TUTTI_VIRTUAL_TEST(AsCompleted, ServesSeveralAtOnce) {
  auto all = as_completed(tasks_of({20ms, 10ms}));
  const auto one = [&]() -> Coro<int> { co_return co_await (co_await all.next()).value(); };
  auto [a, b] = co_await gather(one(), one());
  EXPECT_EQ((std::set<int>{a, b}), (std::set<int>{0, 1}));
}

TUTTI_VIRTUAL_TEST(AsCompleted, CancelledWhileItWaitsLosesNothing) {
  auto tasks = tasks_of({10ms});
  auto all = as_completed(tasks);
  auto waiter = create_task([&]() -> Coro<> { co_await all.next(); });
  co_await turn();
  waiter.cancel();
  EXPECT_THROW(co_await waiter, CancelledError);
  EXPECT_EQ((co_await all.next()).value(), tasks[0]);
}

TUTTI_TEST(AsCompleted, OfNothingHasNoNext) {
  auto all = as_completed(std::vector<Task<int>>());
  EXPECT_FALSE((co_await all.next()).has_value());
}

}  // namespace
}  // namespace tutti::tests

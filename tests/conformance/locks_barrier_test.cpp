// SPDX-License-Identifier: MIT
// CPython's test_locks: Barrier.
#include <algorithm>
#include <string>
#include <vector>

#include <tutti/sync/barrier.hpp>
#include <tutti/sync/errors.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

constexpr int kParties = 5;
using Indexes = std::vector<std::size_t>;

template <class F>
auto make_tasks(int count, F coro) {
  std::vector<decltype(create_task(coro))> tasks;
  for (int i = 0; i < count; ++i) tasks.push_back(create_task(coro));
  return tasks;
}
// What all of `count` tasks of `coro` give.
template <class F>
auto run_tasks(int count, F coro) {
  return gather(make_tasks(count, std::move(coro)));
}

Indexes sorted(Indexes indexes) {
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

void expect_unused(const Barrier& barrier) {
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(contains(barrier.to_string(), "resetting")) << barrier.to_string();
  EXPECT_FALSE(barrier.broken());
}

CONFORMANCE(test_locks, BarrierTests, test_context_manager) {
  Barrier barrier(3);
  Indexes results;
  co_await run_tasks(3, [&]() -> Coro<> { results.push_back(co_await barrier.wait()); });
  EXPECT_EQ(sorted(results), (Indexes{0, 1, 2}));
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_filling_one_task) {
  Barrier barrier(1);
  EXPECT_EQ(co_await barrier.wait(), 0U);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_filling_one_task_twice) {
  Barrier barrier(1);
  const auto t1 = create_task(barrier.wait());
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  const auto t2 = create_task(barrier.wait());
  co_await turn();
  EXPECT_EQ(t1.result(), t2.result());
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_filling_task_by_task) {
  Barrier barrier(3);
  const auto t1 = create_task(barrier.wait());
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 1U);
  EXPECT_TRUE(contains(barrier.to_string(), "filling"));
  const auto t2 = create_task(barrier.wait());
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 2U);
  EXPECT_TRUE(contains(barrier.to_string(), "filling"));
  const auto t3 = create_task(barrier.wait());
  co_await turn();
  co_await wait({t1, t2, t3});
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_filling_tasks_wait_twice) {
  Barrier barrier(kParties);
  std::vector<int> results;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    results.push_back(1);
    co_await barrier.wait();
    results.push_back(2);
  });
  EXPECT_EQ(results, (std::vector<int>{1, 1, 1, 1, 1, 2, 2, 2, 2, 2}));
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_filling_tasks_check_return_value) {
  Barrier barrier(kParties);
  int results1 = 0;
  int results2 = 0;
  const Indexes indexes = co_await run_tasks(kParties, [&]() -> Coro<std::size_t> {
    co_await barrier.wait();
    ++results1;
    const std::size_t index = co_await barrier.wait();
    ++results2;
    co_return index;
  });
  EXPECT_EQ(results1, kParties);
  EXPECT_EQ(results2, kParties);
  EXPECT_EQ(sorted(indexes), (Indexes{0, 1, 2, 3, 4}));
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_draining_state) {
  Barrier barrier(kParties);
  std::vector<bool> draining;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    draining.push_back(contains(barrier.to_string(), "draining"));
  });
  EXPECT_EQ(draining, (std::vector<bool>{true, true, true, true, false}));  // the last one out lets others in
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_blocking_tasks_while_draining) {
  constexpr int kAgain = 2;
  Barrier barrier(kParties);
  Barrier not_waiting(kParties - kAgain);
  int again = kAgain;
  int ends = 0;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    if (again > 0) {
      --again;
      co_await barrier.wait();
    } else {
      co_await not_waiting.wait();  // until the first round has left
      co_await barrier.wait();
    }
    ++ends;
  });
  EXPECT_EQ(ends, kParties);
}

CONFORMANCE(test_locks, BarrierTests, test_filling_tasks_cancel_one) {
  Barrier barrier(3);
  int results = 0;
  const auto coro = [&]() -> Coro<> {
    co_await barrier.wait();
    ++results;
  };
  const auto t1 = create_task(coro);
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 1U);
  const auto t2 = create_task(coro);
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 2U);
  t1.cancel();
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 1U);
  EXPECT_THROW(co_await t1, CancelledError);
  EXPECT_TRUE(t1.cancelled());
  const auto t3 = create_task(coro);
  co_await turn();
  EXPECT_EQ(barrier.n_waiting(), 2U);
  const auto t4 = create_task(coro);
  co_await gather(t2, t3, t4);
  EXPECT_EQ(results, 3);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_reset_barrier) {
  Barrier barrier(1);
  const auto task = create_task(barrier.reset());
  co_await turn();
  EXPECT_TRUE(task.done());
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_reset_barrier_while_tasks_waiting) {
  Barrier barrier(kParties);
  int broken = 0;
  const auto tasks = make_tasks(kParties - 1, [&]() -> Coro<> {
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++broken;
    }
  });
  co_await turn();
  const auto reset = create_task(barrier.reset());
  co_await gather(tasks);
  co_await reset;
  EXPECT_EQ(broken, kParties - 1);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_reset_barrier_when_tasks_half_draining) {
  constexpr int kRest = kParties / 2;
  Barrier barrier(kParties);
  int left = 0;
  int broken = 0;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    const auto error = co_await error_of(barrier.wait());
    if (holds<BrokenBarrierError>(error)) {
      ++broken;
    } else if (kParties - ++left == kRest) {
      co_await barrier.reset();
    }
  });
  EXPECT_EQ(broken, kRest);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_reset_barrier_when_tasks_half_draining_half_blocking) {
  constexpr int kBlocking = kParties / 2;
  Barrier barrier(kParties);
  int broken = 0;
  int broken_outside = 0;
  int count = 0;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    if (holds<BrokenBarrierError>(co_await error_of(barrier.wait()))) {
      ++broken;  // it was still in the barrier
      co_await barrier.wait();
    } else if (++count > kBlocking) {
      co_await barrier.reset();
      co_await barrier.wait();
    } else if (holds<BrokenBarrierError>(co_await error_of(barrier.wait()))) {
      ++broken_outside;  // those who wait to be let in are not
    }
  });
  EXPECT_EQ(broken, kBlocking);
  EXPECT_EQ(broken_outside, 0);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_reset_barrier_while_tasks_waiting_and_waiting_again) {
  Barrier barrier(kParties);
  int broken = 0;
  int passed = 0;
  const auto tasks = make_tasks(kParties - 1, [&]() -> Coro<> {
    if (holds<BrokenBarrierError>(co_await error_of(barrier.wait()))) ++broken;
    co_await barrier.wait();
    ++passed;
  });
  const auto reset = create_task(barrier.reset());
  co_await turn();
  const auto last = create_task([&]() -> Coro<> {
    co_await barrier.wait();
    ++passed;
  });
  co_await gather(tasks);
  co_await gather(reset, last);
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_EQ(passed, kParties);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_reset_barrier_while_tasks_draining) {
  Barrier barrier(kParties);
  int second = 0;
  int failed = 0;
  int third = 0;
  int count = 0;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    if (++count == kParties) {  // all have left
      co_await barrier.reset();
      co_await barrier.wait();
    } else if (co_await error_of(barrier.wait())) {
      ++failed;
    } else {
      ++second;
    }
    co_await barrier.wait();
    ++third;
  });
  EXPECT_EQ(second, kParties - 1);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(third, kParties);
  expect_unused(barrier);
}

CONFORMANCE(test_locks, BarrierTests, test_abort_barrier) {
  Barrier barrier(1);
  const auto task = create_task(barrier.abort());
  co_await turn();
  EXPECT_TRUE(task.done());
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_TRUE(barrier.broken());
}

CONFORMANCE(test_locks, BarrierTests, test_abort_barrier_when_tasks_half_draining_half_blocking) {
  constexpr int kBlocking = kParties / 2;
  Barrier barrier(kParties);
  int inside = 0;
  int outside = 0;
  int count = 0;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    if (holds<BrokenBarrierError>(co_await error_of(barrier.wait()))) {
      ++inside;
    } else if (++count > kBlocking) {
      co_await barrier.abort();
    } else if (holds<BrokenBarrierError>(co_await error_of(barrier.wait()))) {
      ++outside;
    }
  });
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(inside, kBlocking);
  EXPECT_EQ(outside, kParties - kBlocking - 1);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(contains(barrier.to_string(), "resetting"));
}

// One of `kParties` tasks fails after the barrier, and breaks it for the others, who wait for it again.
Coro<> fail_and_abort(Barrier& barrier, int& passed, int& broken) {
  std::exception_ptr error;
  try {
    if (co_await barrier.wait() == kParties / 2) throw ZeroDivisionError();
    co_await barrier.wait();
    ++passed;
  } catch (const BrokenBarrierError&) {
    ++broken;
  } catch (const ZeroDivisionError&) {
    error = std::current_exception();
  }
  if (error) co_await barrier.abort();
}

CONFORMANCE(test_locks, BarrierTests, test_abort_barrier_when_exception) {
  Barrier barrier(kParties);
  int passed = 0;
  int broken = 0;
  co_await run_tasks(kParties, [&] { return fail_and_abort(barrier, passed, broken); });
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(passed, 0);
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

CONFORMANCE(test_locks, BarrierTests, test_abort_barrier_when_exception_then_resetting) {
  Barrier barrier(kParties);
  Barrier between(kParties);
  int passed = 0;
  int broken = 0;
  int passed_after = 0;
  co_await run_tasks(kParties, [&]() -> Coro<> {
    co_await fail_and_abort(barrier, passed, broken);
    // All have left it before it is reset, and nobody enters it before that.
    if (co_await between.wait() == kParties / 2) co_await barrier.reset();
    co_await between.wait();
    co_await barrier.wait();
    ++passed_after;
  });
  EXPECT_EQ(passed, 0);
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_EQ(passed_after, kParties);
  expect_unused(barrier);
}

}  // namespace
}  // namespace tutti::conformance

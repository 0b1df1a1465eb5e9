// SPDX-License-Identifier: MIT
#include <tutti/sync/barrier.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

#include <tutti/base/error.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::Barrier;
using tutti::BrokenBarrierError;
using tutti::CancelledError;
using tutti::Coro;

constexpr std::size_t kParties = 5;
using Flags = std::vector<bool>;

template <class F>
auto make_tasks(std::size_t count, const F& function) {
  std::vector<decltype(tutti::create_task(function))> tasks;
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(tutti::create_task(function));
  return tasks;
}

// test_locks.BarrierTests.test_barrier, test_barrier_parties
TEST(Barrier, NeedsAtLeastOneParty) {
  EXPECT_EQ(Barrier(5).to_string(), "<Barrier [filling, waiters:0/5]>");
  EXPECT_EQ(Barrier(5).parties(), 5U);
  EXPECT_THROW(Barrier(0), tutti::ValueError);
  EXPECT_THROW(Barrier(-4), tutti::ValueError);
}

// test_locks.BarrierTests.test_repr
TUTTI_VIRTUAL_TEST(Barrier, TellsItsStateAsText) {
  Barrier barrier(kParties);
  const auto wait = [&]() -> Coro<> { co_await barrier.wait(); };
  auto tasks = make_tasks(2, wait);
  co_await one_tick();
  EXPECT_EQ(barrier.to_string(), "<Barrier [filling, waiters:2/5]>");

  const auto add = [&](std::size_t count) {
    for (auto& task : make_tasks(count, wait)) tasks.push_back(task);
  };
  add(barrier.parties() - barrier.n_waiting());
  co_await one_tick();
  EXPECT_EQ(barrier.to_string(), "<Barrier [draining, waiters:0/5]>");

  add(2);
  co_await one_tick();
  co_await barrier.reset();
  EXPECT_EQ(barrier.to_string(), "<Barrier [resetting, waiters:0/5]>");

  add(2);
  co_await one_tick();
  co_await barrier.abort();
  EXPECT_EQ(barrier.to_string(), "<Barrier [broken]>");
  EXPECT_TRUE(barrier.broken());
  co_await tutti::gather(tutti::return_exceptions, tasks);
}

// test_locks.BarrierTests.test_context_manager
TUTTI_VIRTUAL_TEST(Barrier, GivesEachTaskANumberOfItsOwn) {
  Barrier barrier(3);
  std::vector<std::size_t> results = co_await tutti::gather(make_tasks(3, [&] { return barrier.wait(); }));
  std::ranges::sort(results);
  EXPECT_EQ(results, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_filling_one_task
TUTTI_VIRTUAL_TEST(Barrier, LetsASingleTaskPass) {
  Barrier barrier(1);
  EXPECT_EQ(co_await barrier.wait(), 0U);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_filling_one_task_twice
TUTTI_VIRTUAL_TEST(Barrier, LetsOneTaskAfterTheOtherPass) {
  Barrier barrier(1);
  auto t1 = tutti::create_task(barrier.wait());
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  auto t2 = tutti::create_task(barrier.wait());
  co_await one_tick();
  CO_ASSERT_TRUE(t1.done() && t2.done());
  EXPECT_EQ(t1.result(), t2.result());
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_filling_task_by_task
TUTTI_VIRTUAL_TEST(Barrier, CountsThoseWhoWait) {
  Barrier barrier(3);
  auto t1 = tutti::create_task(barrier.wait());
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 1U);
  auto t2 = tutti::create_task(barrier.wait());
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 2U);
  EXPECT_TRUE(has(barrier.to_string(), "filling"));
  auto t3 = tutti::create_task(barrier.wait());
  co_await one_tick();
  co_await tutti::gather(t1, t2, t3);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_filling_tasks_wait_twice, test_filling_tasks_check_return_value
TUTTI_VIRTUAL_TEST(Barrier, ServesRoundAfterRound) {
  Barrier barrier(kParties);
  Log order;
  std::vector<std::size_t> numbers = co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<std::size_t> {
    co_await barrier.wait();
    order.push_back(1);
    const std::size_t number = co_await barrier.wait();
    order.push_back(2);
    co_return number;
  }));
  EXPECT_EQ(order, (Log{1, 1, 1, 1, 1, 2, 2, 2, 2, 2}));
  std::ranges::sort(numbers);
  EXPECT_EQ(numbers, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_draining_state
TUTTI_VIRTUAL_TEST(Barrier, IsDrainingUntilTheLastOneHasLeft) {
  Barrier barrier(kParties);
  Flags draining;
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    draining.push_back(has(barrier.to_string(), "draining"));
  }));
  EXPECT_EQ(draining, (Flags{true, true, true, true, false}));
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_blocking_tasks_while_draining
TUTTI_VIRTUAL_TEST(Barrier, HoldsTheNextRoundBackWhileOneIsLeaving) {
  constexpr std::size_t kAgain = 2;
  Barrier barrier(kParties);
  Barrier others(kParties - kAgain);
  std::size_t again = kAgain;
  int passed = 0;
  // That it ends means that exactly N - 2 waited in `others`.
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    if (again > 0) {
      --again;
      co_await barrier.wait();
    } else {
      co_await others.wait();
      co_await barrier.wait();
    }
    ++passed;
  }));
  EXPECT_EQ(passed, 5);
}

// test_locks.BarrierTests.test_filling_tasks_cancel_one
TUTTI_VIRTUAL_TEST(Barrier, WaitsForAnotherTaskWhenOneIsCancelled) {
  Barrier barrier(3);
  int passed = 0;
  const auto wait = [&]() -> Coro<> {
    co_await barrier.wait();
    ++passed;
  };
  auto t1 = tutti::create_task(wait);
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 1U);
  auto t2 = tutti::create_task(wait);
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 2U);

  t1.cancel();
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 1U);
  CO_ASSERT_THROW(co_await t1, CancelledError);
  EXPECT_TRUE(t1.cancelled());

  auto t3 = tutti::create_task(wait);
  co_await one_tick();
  EXPECT_EQ(barrier.n_waiting(), 2U);
  auto t4 = tutti::create_task(wait);
  co_await tutti::gather(t2, t3, t4);
  EXPECT_EQ(passed, 3);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_reset_barrier
TUTTI_VIRTUAL_TEST(Barrier, MayBeResetWhileNobodyWaits) {
  Barrier barrier(1);
  co_await barrier.reset();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_reset_barrier_while_tasks_waiting
TUTTI_VIRTUAL_TEST(Barrier, TellsThoseWhoWaitThatItWasReset) {
  Barrier barrier(kParties);
  int broken = 0;
  auto tasks = make_tasks(kParties - 1, [&]() -> Coro<> {
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++broken;
    }
  });
  co_await one_tick();
  auto reset = tutti::create_task(barrier.reset());
  co_await tutti::gather(tasks);
  EXPECT_TRUE(reset.done());
  EXPECT_EQ(broken, 4);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(has(barrier.to_string(), "resetting"));
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_reset_barrier_when_tasks_half_draining
TUTTI_VIRTUAL_TEST(Barrier, MayBeResetWhenHalfOfTheTasksHaveLeft) {
  Barrier barrier(kParties);
  constexpr std::size_t kRest = kParties / 2;
  std::size_t left = 0;
  std::size_t broken = 0;
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++broken;
      co_return;
    }
    if (++left == kParties - kRest) co_await barrier.reset();
  }));
  EXPECT_EQ(broken, kRest);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(has(barrier.to_string(), "resetting"));
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_reset_barrier_when_tasks_half_draining_half_blocking
TUTTI_VIRTUAL_TEST(Barrier, LetsThoseOutsideInAfterAReset) {
  Barrier barrier(kParties);
  constexpr std::size_t kBlocking = kParties / 2;
  std::size_t count = 0;
  std::size_t broken_inside = 0;
  std::size_t broken_outside = 0;
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    bool broken = false;
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      broken = true;
    }
    if (broken) {  // it was still waiting inside
      ++broken_inside;
      co_await barrier.wait();
    } else if (++count > kBlocking) {
      co_await barrier.reset();
      co_await barrier.wait();
    } else {
      try {
        co_await barrier.wait();
      } catch (const BrokenBarrierError&) {
        ++broken_outside;
      }
    }
  }));
  EXPECT_EQ(broken_inside, kBlocking);
  EXPECT_EQ(broken_outside, 0U);
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(has(barrier.to_string(), "resetting"));
  EXPECT_FALSE(barrier.broken());
}

// test_locks.BarrierTests.test_reset_barrier_while_tasks_waiting_and_waiting_again
TUTTI_VIRTUAL_TEST(Barrier, TakesThoseWhoComeAgainAfterAReset) {
  Barrier barrier(kParties);
  std::size_t broken = 0;
  std::size_t passed = 0;
  auto tasks = make_tasks(kParties - 1, [&]() -> Coro<> {
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++broken;
    }
    co_await barrier.wait();
    ++passed;
  });
  auto reset = tutti::create_task(barrier.reset());
  co_await one_tick();
  auto last = tutti::create_task([&]() -> Coro<> {
    co_await barrier.wait();
    ++passed;
  });
  co_await tutti::gather(tasks);
  EXPECT_FALSE(barrier.broken());
  EXPECT_TRUE(reset.done() && last.done());
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_EQ(passed, kParties);
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

// test_locks.BarrierTests.test_reset_barrier_while_tasks_draining
TUTTI_VIRTUAL_TEST(Barrier, MayBeResetByTheLastOneOut) {
  Barrier barrier(kParties);
  std::size_t count = 0;
  std::size_t second = 0;
  std::size_t third = 0;
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    co_await barrier.wait();
    if (++count == kParties) {
      co_await barrier.reset();
      co_await barrier.wait();
    } else {
      co_await barrier.wait();
      ++second;
    }
    co_await barrier.wait();
    ++third;
  }));
  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(second, kParties - 1);
  EXPECT_EQ(third, kParties);
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

// test_locks.BarrierTests.test_abort_barrier
TUTTI_VIRTUAL_TEST(Barrier, IsBrokenAfterAnAbort) {
  Barrier barrier(1);
  co_await barrier.abort();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_TRUE(barrier.broken());
  CO_ASSERT_THROW(co_await barrier.wait(), BrokenBarrierError);
}

// test_locks.BarrierTests.test_abort_barrier_when_tasks_half_draining_half_blocking
TUTTI_VIRTUAL_TEST(Barrier, TellsThoseInsideAndOutsideThatItWasAborted) {
  Barrier barrier(kParties);
  constexpr std::size_t kBlocking = kParties / 2;
  std::size_t count = 0;
  std::size_t inside = 0;
  std::size_t outside = 0;
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++inside;
      co_return;
    }
    if (++count > kBlocking) {
      co_await barrier.abort();
      co_return;
    }
    try {
      co_await barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++outside;
    }
  }));
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(inside, kBlocking);
  EXPECT_EQ(outside, kParties - kBlocking - 1);
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

// The task with the middle number fails, and breaks the barrier for the others' second round.
Coro<> fail_in_the_middle(Barrier& barrier, std::size_t& passed, std::size_t& broken) {
  bool failed = false;
  try {
    const std::size_t number = co_await barrier.wait();
    failed = number == kParties / 2;
    if (!failed) {
      co_await barrier.wait();
      ++passed;
    }
  } catch (const BrokenBarrierError&) {
    ++broken;
  }
  if (failed) co_await barrier.abort();
}

// test_locks.BarrierTests.test_abort_barrier_when_exception
TUTTI_VIRTUAL_TEST(Barrier, BreaksForAllWhenOneTaskAborts) {
  Barrier barrier(kParties);
  std::size_t passed = 0;
  std::size_t broken = 0;
  co_await tutti::gather(make_tasks(kParties, [&] { return fail_in_the_middle(barrier, passed, broken); }));
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(passed, 0U);
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

// test_locks.BarrierTests.test_abort_barrier_when_exception_then_resetting
TUTTI_VIRTUAL_TEST(Barrier, WorksAgainWhenItIsResetAfterAnAbort) {
  Barrier first(kParties);
  Barrier second(kParties);
  std::size_t passed = 0;
  std::size_t broken = 0;
  std::size_t passed_again = 0;
  co_await tutti::gather(make_tasks(kParties, [&]() -> Coro<> {
    co_await fail_in_the_middle(first, passed, broken);
    if (co_await second.wait() == kParties / 2) co_await first.reset();
    co_await second.wait();
    co_await first.wait();
    ++passed_again;
  }));
  EXPECT_FALSE(first.broken());
  EXPECT_EQ(passed, 0U);
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_EQ(passed_again, kParties);
  EXPECT_EQ(first.n_waiting(), 0U);
}

}  // namespace

// SPDX-License-Identifier: MIT
#include <tutti/sync/semaphore.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using namespace std::chrono_literals;
using tutti::BoundedSemaphore;
using tutti::CancelledError;
using tutti::Coro;
using tutti::Semaphore;
using tutti::ValueError;

// test_locks.SemaphoreTests.test_initial_value_zero
TEST(Semaphore, IsLockedWithoutPermits) {
  const Semaphore semaphore(0);
  EXPECT_TRUE(semaphore.locked());
}

// test_locks.SemaphoreTests.test_semaphore, test_semaphore_value
TEST(Semaphore, HasOnePermitUnlessToldOtherwise) {
  EXPECT_EQ(Semaphore().to_string(), "<Semaphore [unlocked, value:1]>");
  EXPECT_EQ(Semaphore(3).to_string(), "<Semaphore [unlocked, value:3]>");
  EXPECT_THROW(Semaphore(-1), ValueError);
  EXPECT_THROW(BoundedSemaphore(-1), ValueError);
}

// test_locks.SemaphoreTests.test_repr
TUTTI_VIRTUAL_TEST(Semaphore, TellsItsStateAsText) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked]>");
  auto t1 = tutti::create_task(semaphore.acquire());
  auto t2 = tutti::create_task(semaphore.acquire());
  co_await one_tick();
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked, waiters:2]>");
  semaphore.release();
  semaphore.release();
  co_await tutti::gather(t1, t2);
}

// What takes a permit and says so.
auto taker(Semaphore& semaphore, Log& result, int number) {
  return [&semaphore, &result, number]() -> Coro<bool> {
    co_await semaphore.acquire();
    result.push_back(number);
    co_return true;
  };
}

// test_locks.SemaphoreTests.test_acquire
TUTTI_VIRTUAL_TEST(Semaphore, LetsInAsManyAsItHasPermits) {
  Semaphore semaphore(3);
  Log result;
  co_await semaphore.acquire();
  co_await semaphore.acquire();
  EXPECT_FALSE(semaphore.locked());

  auto t1 = tutti::create_task(taker(semaphore, result, 1));
  auto t2 = tutti::create_task(taker(semaphore, result, 2));
  auto t3 = tutti::create_task(taker(semaphore, result, 3));
  co_await one_tick();
  EXPECT_EQ(result, Log{1});
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked, waiters:2]>");

  auto t4 = tutti::create_task(taker(semaphore, result, 4));
  semaphore.release();
  semaphore.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked, waiters:1]>");
  CO_ASSERT_TRUE(t1.done());
  EXPECT_TRUE(t1.result());
  EXPECT_TRUE(t2.done() && t3.done() && !t4.done());

  semaphore.release();
  co_await tutti::gather(t2, t3, t4);
}

// test_locks.SemaphoreTests.test_acquire_cancel
TUTTI_VIRTUAL_TEST(Semaphore, ForgetsAWaiterThatIsCancelled) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  auto task = tutti::create_task(semaphore.acquire());
  tutti::get_running_loop().call_soon([task] { task.cancel(); });
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked]>");
}

// test_locks.SemaphoreTests.test_acquire_cancel_before_awoken
TUTTI_VIRTUAL_TEST(Semaphore, PassesCancelledWaitersOver) {
  Semaphore semaphore(0);
  auto t1 = tutti::create_task(semaphore.acquire());
  auto t2 = tutti::create_task(semaphore.acquire());
  auto t3 = tutti::create_task(semaphore.acquire());
  auto t4 = tutti::create_task(semaphore.acquire());
  co_await one_tick();

  t1.cancel();
  t2.cancel();
  semaphore.release();
  co_await one_tick();
  co_await one_tick();
  EXPECT_TRUE(t3.done());
  EXPECT_FALSE(t4.done());

  t3.cancel();
  t4.cancel();
  co_await one_tick();
}

// test_locks.SemaphoreTests.test_acquire_hang
TUTTI_VIRTUAL_TEST(Semaphore, DoesNotHangWhenAWaiterIsCancelledBeforeARelease) {
  Semaphore semaphore(0);
  auto t1 = tutti::create_task(semaphore.acquire());
  auto t2 = tutti::create_task(semaphore.acquire());
  co_await one_tick();
  t1.cancel();
  semaphore.release();
  co_await one_tick();
  co_await one_tick();
  EXPECT_TRUE(semaphore.locked());
  EXPECT_TRUE(t2.done());
}

// test_locks.SemaphoreTests.test_acquire_no_hang
TUTTI_VIRTUAL_TEST(Semaphore, GetsThePermitBackFromAWokenTaskThatIsCancelled) {
  Semaphore semaphore(1);
  std::optional<tutti::Task<>> second;
  auto first = tutti::create_task([&]() -> Coro<> {
    {
      const auto guard = co_await semaphore.scoped();
      co_await one_tick();
    }
    second->cancel();
  });
  second = tutti::create_task([&]() -> Coro<> {
    const auto guard = co_await semaphore.scoped();
    ADD_FAILURE() << "it was cancelled before";
  });
  const auto [r1, r2] = co_await tutti::gather(tutti::return_exceptions, first, *second);
  EXPECT_TRUE(r1.has_value());
  EXPECT_TRUE(tutti::holds<CancelledError>(r2.error()));
  co_await tutti::wait_for(semaphore.acquire(), 1s);
}

// test_locks.SemaphoreTests.test_release_not_acquired
TEST(BoundedSemaphore, RefusesToBeReleasedMoreOftenThanAcquired) {
  BoundedSemaphore semaphore;
  EXPECT_THROW(semaphore.release(), ValueError);
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [unlocked, value:1]>");
}

TUTTI_VIRTUAL_TEST(BoundedSemaphore, IsBoundedAlsoAsASemaphore) {
  BoundedSemaphore bounded(2);
  Semaphore& semaphore = bounded;
  {
    const auto one = co_await semaphore.scoped();
    const auto two = co_await semaphore.scoped();
    EXPECT_TRUE(semaphore.locked());
  }
  EXPECT_THROW(semaphore.release(), ValueError);
}

TEST(Semaphore, MayGrowByReleases) {
  Semaphore semaphore(1);
  semaphore.release();
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [unlocked, value:2]>");
}

// test_locks.SemaphoreTests.test_release_no_waiters
TUTTI_VIRTUAL_TEST(Semaphore, IsUnlockedByAReleaseWithoutWaiters) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  EXPECT_TRUE(semaphore.locked());
  semaphore.release();
  EXPECT_FALSE(semaphore.locked());
}

// test_locks.LockTests.test_lock_by_with_statement
TUTTI_VIRTUAL_TEST(Semaphore, IsReleasedByItsGuard) {
  Semaphore semaphore;
  EXPECT_FALSE(semaphore.locked());
  {
    const auto guard = co_await semaphore.scoped();
    EXPECT_TRUE(semaphore.locked());
  }
  EXPECT_FALSE(semaphore.locked());
}

// test_locks.SemaphoreTests.test_acquire_fifo_order
TUTTI_VIRTUAL_TEST(Semaphore, ServesInTheOrderOfArrivalRoundByRound) {
  Semaphore semaphore(1);
  std::vector<std::string> result;
  const auto twice = [&](std::string tag) {
    return [&semaphore, &result, tag]() -> Coro<> {
      for (const char* round : {"_1", "_2"}) {
        co_await semaphore.acquire();
        result.push_back(tag + round);
        co_await tutti::sleep(10ms);
        semaphore.release();
      }
    };
  };
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    for (const char* tag : {"c1", "c2", "c3"}) group.create_task(twice(tag));
    co_return;
  });
  EXPECT_EQ(result, (std::vector<std::string>{"c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"}));
}

// test_locks.SemaphoreTests.test_acquire_fifo_order_2
TUTTI_VIRTUAL_TEST(Semaphore, PutsATaskThatReleasesAndAsksAgainBehindTheOthers) {
  Semaphore semaphore(1);
  Log result;
  auto t1 = tutti::create_task(taker(semaphore, result, 1));
  auto t2 = tutti::create_task([&]() -> Coro<bool> {
    co_await semaphore.acquire();
    result.push_back(2);
    semaphore.release();
    co_await semaphore.acquire();
    result.push_back(4);
    co_return true;
  });
  auto t3 = tutti::create_task(taker(semaphore, result, 3));
  co_await one_tick();
  semaphore.release();
  semaphore.release();
  co_await tutti::gather(t1, t2, t3);
  EXPECT_EQ(result, (Log{1, 2, 3, 4}));
}

// test_locks.SemaphoreTests.test_acquire_fifo_order_3
TUTTI_VIRTUAL_TEST(Semaphore, KeepsTheOrderWhenTheFirstIsCancelled) {
  Semaphore semaphore(0);
  Log result;
  auto t1 = tutti::create_task(taker(semaphore, result, 1));
  auto t2 = tutti::create_task(taker(semaphore, result, 2));
  auto t3 = tutti::create_task(taker(semaphore, result, 3));
  co_await one_tick();
  t1.cancel();
  co_await one_tick();
  semaphore.release();
  semaphore.release();
  co_await tutti::gather(tutti::return_exceptions, t1, t2, t3);
  EXPECT_EQ(result, (Log{2, 3}));
}

// test_locks.SemaphoreTests.test_acquire_fifo_order_4
TUTTI_VIRTUAL_TEST(Semaphore, WakesAllWhoCameWhileTheFirstWasOnItsWay) {
  Semaphore semaphore(0);
  Log result;
  std::optional<tutti::Task<>> t4;
  auto t1 = tutti::create_task([&]() -> Coro<> {
    co_await semaphore.acquire();  // c2 wakes it; now all who wait are woken
    t4 = tutti::create_task([&]() -> Coro<> {
      result.push_back(4);
      co_return;
    });
    result.push_back(1);
  });
  auto t2 = tutti::create_task([&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) semaphore.release();
    EXPECT_TRUE(semaphore.locked());  // c1 has not run yet
    co_await semaphore.acquire();
    result.push_back(2);
  });
  auto t3 = tutti::create_task([&]() -> Coro<> {
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    result.push_back(3);
  });
  co_await one_tick();
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked, waiters:3]>");
  co_await one_tick();
  co_await tutti::gather(t1, t2, t3, *t4);
  EXPECT_EQ(result, (Log{1, 2, 3, 4}));
}

// Group 37: a permit on its way to a task that is cancelled goes to the next one.
TUTTI_VIRTUAL_TEST(Semaphore, GoesToTheNextOneWhenTheWokenOneIsCancelled) {
  Semaphore semaphore(0);
  auto first = tutti::create_task(semaphore.acquire());
  auto second = tutti::create_task(semaphore.acquire());
  co_await one_tick();
  semaphore.release();
  first.cancel();
  co_await one_tick();
  EXPECT_TRUE(first.cancelled());
  co_await one_tick();
  EXPECT_TRUE(second.done());
  EXPECT_EQ(semaphore.to_string(), "<Semaphore [locked]>");
}

TEST(Semaphore, RefusesToWaitOnASecondLoop) {
  Semaphore semaphore(0);
  run_on_two_loops(
      [&semaphore]() -> Coro<> {
        tutti::create_task(semaphore.acquire());
        co_await one_tick();
      },
      [&semaphore]() -> Coro<> { CO_ASSERT_THROW(co_await semaphore.acquire(), tutti::RuntimeError); });
}

}  // namespace

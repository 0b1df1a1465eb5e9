// SPDX-License-Identifier: MIT
// What the primitives tell of themselves, and the guard of resources. After anyio's test_synchronization.
#include <optional>
#include <string>

#include <tutti/base/error.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/sync/resource_guard.hpp>
#include <tutti/sync/semaphore.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::Coro;

TUTTI_VIRTUAL_TEST(Statistics, CountWhoWaitsButNotWhoIsOnItsWay) {
  tutti::Lock lock;
  tutti::Event event;
  tutti::Semaphore semaphore(1);
  tutti::Condition condition;
  tutti::Queue<int> queue(1);
  co_await lock.acquire();
  co_await semaphore.acquire();
  co_await queue.put(1);
  auto locks = tutti::create_task(lock.acquire());
  auto waits = tutti::create_task(event.wait());
  auto acquires = tutti::create_task(semaphore.acquire());
  auto puts = tutti::create_task(queue.put(2));
  auto notified = tutti::create_task([&condition]() -> Coro<> {
    auto guard = co_await condition.scoped();
    co_await condition.wait();
  });
  co_await one_tick();
  EXPECT_TRUE(lock.statistics().locked);
  EXPECT_EQ(lock.statistics().tasks_waiting, 1U);
  EXPECT_EQ(event.statistics().tasks_waiting, 1U);
  EXPECT_EQ(semaphore.statistics().value, 0U);
  EXPECT_EQ(semaphore.statistics().tasks_waiting, 1U);
  EXPECT_EQ(condition.statistics().tasks_waiting, 1U);
  EXPECT_FALSE(condition.statistics().lock.locked);
  EXPECT_EQ(queue.statistics().items, 1U);
  EXPECT_EQ(queue.statistics().putters_waiting, 1U);
  EXPECT_EQ(queue.statistics().getters_waiting, 0U);
  EXPECT_EQ(queue.statistics().unfinished_tasks, 1U);
  lock.release();
  event.set();
  semaphore.release();
  (void)co_await queue.get();
  EXPECT_EQ(lock.statistics().tasks_waiting, 0U);
  EXPECT_EQ(event.statistics().tasks_waiting, 0U);
  EXPECT_EQ(semaphore.statistics().tasks_waiting, 0U);
  EXPECT_EQ(queue.statistics().putters_waiting, 0U);
  {
    auto guard = co_await condition.scoped();
    condition.notify();
  }
  co_await locks;
  co_await waits;
  co_await acquires;
  co_await puts;
  co_await notified;
}

TEST(ResourceGuard, RefusesASecondUseWhileTheFirstOneLasts) {
  tutti::ResourceGuard guard("reading from the pipe");
  {
    const auto hold = guard.hold();
    EXPECT_TRUE(guard.held());
    std::string text;
    try {
      (void)guard.hold();
    } catch (const tutti::BusyResourceError& error) {
      text = error.what();
    }
    EXPECT_EQ(text, "another task is already reading from the pipe");
  }
  EXPECT_FALSE(guard.held());
  (void)guard.hold();
}

}  // namespace

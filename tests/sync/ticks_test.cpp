// SPDX-License-Identifier: MIT
// How many iterations of the loop the primitives take: CPython's numbers, as oracle/ticks.py counts them.
#include <tutti/sync/barrier.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/sync/semaphore.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::Coro;
using tutti::testing::ticks;

TUTTI_VIRTUAL_TEST(SyncTicks, NothingThatNeedNotWaitTakesAnIteration) {
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              tutti::Lock lock;
              const auto guard = co_await lock.scoped();
            }),
            0U);
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              tutti::Semaphore semaphore;
              const auto guard = co_await semaphore.scoped();
            }),
            0U);
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              tutti::Condition condition;
              const auto guard = co_await condition.scoped();
              co_await condition.wait_for([] { return true; });
            }),
            0U);
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              tutti::Queue<int> queue(1);
              co_await queue.put(1);
              (void)co_await queue.get();
              queue.task_done();
              co_await queue.join();
            }),
            0U);
  EXPECT_EQ(co_await ticks([]() -> Coro<> {
              tutti::Barrier barrier(1);
              co_await barrier.wait();
            }),
            0U);
}

TUTTI_VIRTUAL_TEST(SyncTicks, WakingFromACallbackTakesTwo) {
  auto& loop = tutti::get_running_loop();
  tutti::Queue<int> queue(1);
  EXPECT_EQ(co_await ticks([&]() -> Coro<> {
              loop.call_soon([&queue] { queue.put_nowait(1); });
              (void)co_await queue.get();
            }),
            2U);
  queue.put_nowait(1);
  EXPECT_EQ(co_await ticks([&]() -> Coro<> {
              loop.call_soon([&queue] { (void)queue.get_nowait(); });
              co_await queue.put(2);
            }),
            2U);
  tutti::Event event;
  EXPECT_EQ(co_await ticks([&]() -> Coro<> {
              loop.call_soon([&event] { event.set(); });
              co_await event.wait();
            }),
            2U);
  tutti::Lock lock;
  co_await lock.acquire();
  EXPECT_EQ(co_await ticks([&]() -> Coro<> {
              loop.call_soon([&lock] { lock.release(); });
              co_await lock.acquire();
            }),
            2U);
  tutti::Semaphore semaphore(0);
  EXPECT_EQ(co_await ticks([&]() -> Coro<> {
              loop.call_soon([&semaphore] { semaphore.release(); });
              co_await semaphore.acquire();
            }),
            2U);
  tutti::Condition condition;
  co_await condition.acquire();
  EXPECT_EQ(co_await ticks([&]() -> Coro<> {
              auto notifier = tutti::create_task([&]() -> Coro<> {
                const auto guard = co_await condition.scoped();
                condition.notify();
              });
              co_await condition.wait();
            }),
            2U);
}

}  // namespace

// SPDX-License-Identifier: MIT
#include <tutti/sync/queue.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using namespace std::chrono_literals;
using tutti::CancelledError;
using tutti::Coro;
using tutti::LifoQueue;
using tutti::PriorityQueue;
using tutti::Queue;
using tutti::QueueEmpty;

// Putting is tested in queue_put_test.cpp, what the three classes must do alike in queue_kinds_test.cpp.

TUTTI_VIRTUAL_TEST(Queue, LeavesAJoinThatIsCancelled) {
  Queue<int> queue;
  queue.put_nowait(1);
  auto waiting = tutti::create_task(queue.join());
  auto woken = tutti::create_task(queue.join());
  auto other = tutti::create_task(queue.join());
  co_await one_tick();
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  (void)queue.get_nowait();
  queue.task_done();
  woken.cancel();  // in the same tick
  CO_ASSERT_THROW(co_await woken, CancelledError);
  co_await other;
}

// test_queues.QueueBasicTests.test_repr, test_str; test_queues._QueueJoinTestMixin.test_format
TUTTI_VIRTUAL_TEST(Queue, TellsItsStateAsText) {
  Queue<int> queue;
  EXPECT_EQ(queue.to_string(), "<Queue maxsize=0>");
  auto getter = tutti::create_task(queue.get());
  co_await one_tick();
  EXPECT_EQ(queue.to_string(), "<Queue maxsize=0 getters[1]>");
  queue.put_nowait(0);
  EXPECT_EQ(co_await getter, 0);

  Queue<int> bounded(1);
  bounded.put_nowait(1);
  auto putter = tutti::create_task(bounded.put(2));
  co_await one_tick();
  EXPECT_EQ(bounded.to_string(), "<Queue maxsize=1 items[1] putters[1] tasks=1>");
  (void)bounded.get_nowait();
  co_await putter;
}

// test_queues.QueueBasicTests.test_empty
TUTTI_VIRTUAL_TEST(Queue, KnowsWhetherItIsEmpty) {
  Queue<int> queue;
  EXPECT_TRUE(queue.empty());
  co_await queue.put(1);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_TRUE(queue.empty());
}

// test_queues.QueueBasicTests.test_full
TUTTI_VIRTUAL_TEST(Queue, KnowsWhetherItIsFull) {
  Queue<int> unbounded;
  EXPECT_FALSE(unbounded.full());
  Queue<int> bounded(1);
  co_await bounded.put(1);
  EXPECT_TRUE(bounded.full());
}

// test_queues.QueueBasicTests.test_order
TUTTI_VIRTUAL_TEST(Queue, GivesTheOldestItemFirst) {
  Queue<int> queue;
  for (const int item : {1, 3, 2}) co_await queue.put(item);
  Log items;
  while (!queue.empty()) items.push_back(co_await queue.get());
  EXPECT_EQ(items, (Log{1, 3, 2}));
}

TEST(Queue, KeepsTheOrderWhileItGrowsAndShrinks) {
  Queue<std::string> queue;
  std::size_t in = 0;
  std::size_t out = 0;
  for (std::size_t round = 1; round < 50; ++round) {
    for (std::size_t i = 0; i < round; ++i) queue.put_nowait(std::to_string(in++));
    for (std::size_t i = 0; i < (round + 1) / 2; ++i) ASSERT_EQ(queue.get_nowait(), std::to_string(out++));
  }
  EXPECT_EQ(queue.qsize(), in - out);
  while (!queue.empty()) ASSERT_EQ(queue.get_nowait(), std::to_string(out++));
  EXPECT_EQ(in, out);
}

// test_queues.QueueBasicTests.test_maxsize
TUTTI_VIRTUAL_TEST(Queue, HoldsBackWhoPutsWhenItIsFull) {
  Queue<int> queue(2);
  EXPECT_EQ(queue.maxsize(), 2U);
  Log put;
  auto task = tutti::create_task([&]() -> Coro<bool> {
    for (int i = 0; i < 3; ++i) {
      co_await queue.put(i);
      put.push_back(i);
    }
    co_return true;
  });
  co_await one_tick();
  co_await one_tick();
  EXPECT_EQ(put, (Log{0, 1}));
  EXPECT_EQ(co_await queue.get(), 0);

  co_await one_tick();
  EXPECT_EQ(put, (Log{0, 1, 2}));
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_EQ(co_await queue.get(), 2);
  CO_ASSERT_TRUE(task.done());
  EXPECT_TRUE(task.result());
}

TUTTI_VIRTUAL_TEST(Queue, TakesItemsThatOnlyMove) {
  Queue<std::unique_ptr<int>> queue(1);
  co_await queue.put(std::make_unique<int>(1));
  auto putter = tutti::create_task(queue.put(std::make_unique<int>(2)));
  co_await one_tick();
  EXPECT_EQ(*co_await queue.get(), 1);
  co_await putter;
  EXPECT_EQ(*queue.get_nowait(), 2);
}

// ---- get ----

// test_queues.QueueGetTests.test_blocking_get, test_nonblocking_get
TUTTI_VIRTUAL_TEST(Queue, GivesWhatIsThereAtOnce) {
  Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(co_await queue.get(), 1);
  queue.put_nowait(2);
  EXPECT_EQ(queue.get_nowait(), 2);
}

// test_queues.QueueGetTests.test_get_with_putters
TUTTI_VIRTUAL_TEST(Queue, WakesWhoWaitsToPutWhenAnItemIsTaken) {
  Queue<int> queue(1);
  co_await queue.put(1);
  auto putter = tutti::create_task(queue.put(2));
  co_await one_tick();
  EXPECT_EQ(co_await queue.get(), 1);
  co_await one_tick();
  EXPECT_TRUE(putter.done());
}

// test_queues.QueueGetTests.test_blocking_get_wait
TUTTI_VIRTUAL_TEST(Queue, WaitsForAnItem) {
  Queue<int> queue;
  bool finished = false;
  auto task = tutti::create_task([&]() -> Coro<int> {
    const int item = co_await queue.get();
    finished = true;
    co_return item;
  });
  co_await one_tick();
  EXPECT_FALSE(finished);
  tutti::get_running_loop().call_later(10ms, [&] { queue.put_nowait(1); });
  EXPECT_EQ(co_await task, 1);
  EXPECT_TRUE(finished);
}

// test_queues.QueueGetTests.test_nonblocking_get_exception
TEST(Queue, RefusesToGiveWhatIsNotThere) {
  Queue<int> queue;
  EXPECT_THROW(queue.get_nowait(), QueueEmpty);
}

// test_queues.QueueGetTests.test_get_cancelled_race
TUTTI_VIRTUAL_TEST(Queue, PassesACancelledGetterOver) {
  Queue<std::string> queue;
  auto t1 = tutti::create_task(queue.get());
  auto t2 = tutti::create_task(queue.get());
  co_await one_tick();
  t1.cancel();
  co_await one_tick();
  EXPECT_TRUE(t1.done());
  co_await queue.put("a");
  co_await one_tick();
  EXPECT_EQ(co_await t2, "a");
}

// test_queues.QueueGetTests.test_get_with_waiting_putters
TUTTI_VIRTUAL_TEST(Queue, TakesFromThosePuttingInTheOrderInWhichTheyCame) {
  Queue<std::string> queue(1);
  auto a = tutti::create_task(queue.put("a"));
  auto b = tutti::create_task(queue.put("b"));
  EXPECT_EQ(co_await queue.get(), "a");
  EXPECT_EQ(co_await queue.get(), "b");
}

// test_queues.QueueGetTests.test_why_are_getters_waiting
TUTTI_VIRTUAL_TEST(Queue, MovesItemsThroughARoomOfOne) {
  Queue<int> queue(1);
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      for (int i = 0; i < 5; ++i) co_await queue.put(i);
    });
    group.create_task([&]() -> Coro<> {
      for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await queue.get(), i);
    });
    co_return;
  });
}

// test_queues.QueueGetTests.test_cancelled_getters_not_being_held_in_self_getters
TUTTI_VIRTUAL_TEST(Queue, ForgetsAGetterThatTimesOut) {
  Queue<int> queue(5);
  CO_ASSERT_THROW(co_await tutti::wait_for(queue.get(), 100ms), tutti::TimeoutError);
  EXPECT_EQ(queue.to_string(), "<Queue maxsize=5>");
}

// test_queues.QueuePutTests.test_get_cancel_drop_one_pending_reader
TUTTI_VIRTUAL_TEST(Queue, LosesNoItemWhenAWokenGetterIsCancelled) {
  Queue<int> queue;
  auto reader = tutti::create_task(queue.get());
  co_await one_tick();
  queue.put_nowait(1);
  queue.put_nowait(2);
  reader.cancel();
  CO_ASSERT_THROW(co_await reader, CancelledError);
  EXPECT_EQ(co_await queue.get(), 1);
}

// test_queues.QueuePutTests.test_get_cancel_drop_many_pending_readers
TUTTI_VIRTUAL_TEST(Queue, LosesNoItemWhenOneOfManyGettersIsCancelled) {
  Queue<int> queue;
  const auto sum = co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<int> {
    auto reader1 = group.create_task(queue.get());
    auto reader2 = group.create_task(queue.get());
    auto reader3 = group.create_task(queue.get());
    co_await one_tick();
    queue.put_nowait(1);
    queue.put_nowait(2);
    reader1.cancel();
    bool cancelled = false;
    try {
      co_await reader1;
    } catch (const CancelledError&) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    co_return co_await reader3 + co_await reader2;
  });
  EXPECT_EQ(sum, 3);
}

// ---- order ----

// oracle/semantics.py "queue fifo"
TUTTI_VIRTUAL_TEST(Queue, ServesGettersInTheOrderInWhichTheyCame) {
  Queue<char> queue;
  std::string order;
  std::vector<tutti::Task<>> tasks;
  for (char name = '0'; name < '3'; ++name) {
    tasks.push_back(tutti::create_task([&queue, &order, name]() -> Coro<> {
      const char item = co_await queue.get();
      order += name;
      order += item;
    }));
  }
  co_await one_tick();
  for (const char item : {'a', 'b', 'c'}) queue.put_nowait(item);
  co_await tutti::gather(tasks);
  EXPECT_EQ(order, "0a1b2c");
}

// oracle/semantics.py "queue barging allowed": the woken one waits on.
TUTTI_VIRTUAL_TEST(Queue, LetsGetNowaitOvertakeAWokenGetter) {
  Queue<int> queue;
  auto waiter = tutti::create_task(queue.get());
  co_await one_tick();
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
  co_await one_tick();
  EXPECT_FALSE(waiter.done());
  EXPECT_TRUE(has(queue.to_string(), "getters[1]"));
  queue.put_nowait(2);
  EXPECT_EQ(co_await waiter, 2);
}

// The same, and the one that must wait on is cancelled before it has noticed.
TUTTI_VIRTUAL_TEST(Queue, CancelsAnOvertakenGetter) {
  Queue<int> queue;
  auto waiter = tutti::create_task(queue.get());
  co_await one_tick();
  queue.put_nowait(1);
  (void)queue.get_nowait();
  waiter.cancel();
  co_await one_tick();
  EXPECT_TRUE(waiter.cancelled());
  EXPECT_EQ(queue.to_string(), "<Queue maxsize=0 tasks=1>");
}

TUTTI_VIRTUAL_TEST(Queue, LetsPutNowaitOvertakeAWokenPutter) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto waiter = tutti::create_task(queue.put(3));
  co_await one_tick();
  (void)queue.get_nowait();
  queue.put_nowait(2);
  co_await one_tick();
  EXPECT_FALSE(waiter.done());
  EXPECT_EQ(queue.get_nowait(), 2);
  co_await waiter;
  EXPECT_EQ(queue.get_nowait(), 3);
}

TUTTI_VIRTUAL_TEST(Queue, LeavesThoseWhoWaitPendingWhenItIsDestroyed) {
  auto queue = std::make_unique<Queue<int>>();
  auto woken = tutti::create_task(queue->get());
  auto waiting = tutti::create_task(queue->get());
  co_await one_tick();
  queue->put_nowait(1);
  queue.reset();
  CO_ASSERT_THROW((void)co_await woken, tutti::RuntimeError);
  EXPECT_FALSE(waiting.done());
  waiting.cancel();
  CO_ASSERT_THROW((void)co_await waiting, CancelledError);
}

TEST(Queue, RefusesToWaitOnASecondLoop) {
  Queue<int> queue(1);
  run_on_two_loops(
      [&queue]() -> Coro<> {
        tutti::create_task(queue.get());
        co_await one_tick();
      },
      [&queue]() -> Coro<> {
        CO_ASSERT_THROW(co_await queue.get(), tutti::RuntimeError);
        queue.put_nowait(1);
        CO_ASSERT_THROW(co_await queue.put(2), tutti::RuntimeError);
      });
}

// ---- the other two ----

// test_queues.LifoQueueTests.test_order
TUTTI_VIRTUAL_TEST(LifoQueue, GivesTheNewestItemFirst) {
  LifoQueue<int> queue;
  for (const int item : {1, 3, 2}) co_await queue.put(item);
  Log items;
  while (!queue.empty()) items.push_back(co_await queue.get());
  EXPECT_EQ(items, (Log{2, 3, 1}));
}

// test_queues.PriorityQueueTests.test_order
TUTTI_VIRTUAL_TEST(PriorityQueue, GivesTheLeastItemFirst) {
  PriorityQueue<int> queue;
  for (const int item : {1, 3, 2}) co_await queue.put(item);
  Log items;
  while (!queue.empty()) items.push_back(co_await queue.get());
  EXPECT_EQ(items, (Log{1, 2, 3}));
}

TEST(PriorityQueue, ComparesAsItIsTold) {
  using Job = std::pair<int, std::unique_ptr<int>>;
  const auto more_urgent = [](const Job& a, const Job& b) { return a.first > b.first; };
  PriorityQueue<Job, decltype(more_urgent)> queue(0, more_urgent);
  for (const int urgency : {2, 9, 4}) queue.put_nowait({urgency, std::make_unique<int>(urgency)});
  Log order;
  while (!queue.empty()) order.push_back(*queue.get_nowait().second);
  EXPECT_EQ(order, (Log{9, 4, 2}));
}

}  // namespace

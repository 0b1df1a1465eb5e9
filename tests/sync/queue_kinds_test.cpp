// SPDX-License-Identifier: MIT
// What Queue, LifoQueue and PriorityQueue must do alike: join, shutdown, iteration.
#include <string>

#include <tutti/base/error.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/task/task_group.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::Coro;
using tutti::QueueShutDown;
using tutti::ValueError;

// Each test is a template of coroutines, run for the three kinds.
#define FOR_EACH_KIND(Name)                                                    \
  template <template <class> class Q>                                          \
  Coro<> Name();                                                               \
  TUTTI_VIRTUAL_TEST(Queue, Name) { co_await ::Name<tutti::Queue>(); }         \
  TUTTI_VIRTUAL_TEST(LifoQueue, Name) { co_await ::Name<tutti::LifoQueue>(); } \
  TUTTI_VIRTUAL_TEST(PriorityQueue, Name) { co_await ::Name<Priority>(); }     \
  template <template <class> class Q>                                          \
  Coro<> Name()

template <class T>
using Priority = tutti::PriorityQueue<T>;

template <template <class> class Q>
Coro<> expect_shut_down(Q<std::string>& queue) {
  CO_ASSERT_THROW(co_await queue.put("data"), QueueShutDown);
  CO_ASSERT_THROW(queue.put_nowait("data"), QueueShutDown);
  CO_ASSERT_THROW((void)co_await queue.get(), QueueShutDown);
  CO_ASSERT_THROW((void)queue.get_nowait(), QueueShutDown);
  const std::optional<std::string> next = co_await queue.next();
  EXPECT_FALSE(next.has_value());
}

// ---- join: test_queues._QueueJoinTestMixin ----

// test_task_done_underflow
FOR_EACH_KIND(RefusesMoreTaskDonesThanItems) {
  Q<int> queue;
  CO_ASSERT_THROW(queue.task_done(), ValueError);
}

// test_task_done
FOR_EACH_KIND(IsJoinedWhenAllItemsAreDone) {
  Q<int> queue;
  for (int i = 0; i < 100; ++i) queue.put_nowait(i);
  int sum = 0;
  bool running = true;
  // Two workers get items and call task_done after each.
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      group.create_task([&]() -> Coro<> {
        while (running) {
          sum += co_await queue.get();
          queue.task_done();
        }
      });
    }
    co_await queue.join();
    EXPECT_EQ(sum, 99 * 100 / 2);
    running = false;
    for (int i = 0; i < 2; ++i) queue.put_nowait(0);
  });
}

// test_join_empty_queue
FOR_EACH_KIND(IsJoinedAtOnceWhenNothingWasPutIn) {
  Q<int> queue;
  co_await queue.join();
  co_await queue.join();
}

// ---- shutdown: test_queues._QueueShutdownTestMixin ----

// test_format
FOR_EACH_KIND(SaysThatItWasShutDown) {
  Q<std::string> queue;
  queue.shutdown();
  EXPECT_TRUE(queue.to_string().ends_with(" maxsize=0 shutdown>")) << queue.to_string();
  co_return;
}

// test_shutdown_empty
FOR_EACH_KIND(ShutsDownWhileItIsEmpty) {
  Q<std::string> queue;
  auto getter = tutti::create_task(queue.get());
  co_await one_tick();

  queue.shutdown(false);  // unfinished: 0 -> 0
  EXPECT_EQ(queue.qsize(), 0U);
  co_await queue.join();
  co_await one_tick();
  EXPECT_TRUE(getter.done());
  CO_ASSERT_THROW((void)co_await getter, QueueShutDown);
  co_await expect_shut_down<Q>(queue);
}

// test_shutdown_nonempty
FOR_EACH_KIND(GivesItsItemsAfterAShutDown) {
  Q<std::string> queue(1);
  queue.put_nowait("data");
  auto join = tutti::create_task(queue.join());
  auto putter = tutti::create_task(queue.put("data2"));
  co_await one_tick();
  EXPECT_FALSE(putter.done());

  queue.shutdown(false);  // unfinished: 1 -> 1
  EXPECT_EQ(queue.qsize(), 1U);
  co_await one_tick();
  EXPECT_TRUE(putter.done());
  CO_ASSERT_THROW(co_await putter, QueueShutDown);
  EXPECT_EQ(co_await queue.get(), "data");
  co_await one_tick();
  EXPECT_FALSE(join.done());
  co_await expect_shut_down<Q>(queue);

  queue.task_done();
  co_await one_tick();
  EXPECT_TRUE(join.done());
  co_await join;
  CO_ASSERT_THROW(queue.task_done(), ValueError);
}

// test_shutdown_immediate
FOR_EACH_KIND(DropsItsItemsInAnImmediateShutDown) {
  Q<std::string> queue;
  queue.put_nowait("data");
  auto join = tutti::create_task(queue.join());

  queue.shutdown(true);  // unfinished: 1 -> 0
  EXPECT_EQ(queue.qsize(), 0U);
  co_await one_tick();
  EXPECT_TRUE(join.done());
  co_await join;
  co_await expect_shut_down<Q>(queue);
  CO_ASSERT_THROW(queue.task_done(), ValueError);
}

// test_shutdown_immediate_with_unfinished
FOR_EACH_KIND(WaitsForItemsInWorkAfterAnImmediateShutDown) {
  Q<std::string> queue;
  queue.put_nowait("data");
  queue.put_nowait("data");
  auto join = tutti::create_task(queue.join());
  EXPECT_EQ(co_await queue.get(), "data");

  queue.shutdown(true);  // unfinished: 2 -> 1
  EXPECT_EQ(queue.qsize(), 0U);
  co_await one_tick();
  EXPECT_FALSE(join.done());
  co_await expect_shut_down<Q>(queue);

  queue.task_done();
  CO_ASSERT_THROW(queue.task_done(), ValueError);
  co_await one_tick();
  EXPECT_TRUE(join.done());
  co_await join;
}

// Of several waiters, and twice.
FOR_EACH_KIND(WakesAllWhoWaitWhenItIsShutDown) {
  Q<int> queue;
  auto t1 = tutti::create_task(queue.get());
  auto t2 = tutti::create_task(queue.get());
  auto t3 = tutti::create_task(queue.get());
  co_await one_tick();
  t1.cancel();
  queue.shutdown();
  queue.shutdown(true);
  const auto [r1, r2, r3] = co_await tutti::gather(tutti::return_exceptions, t1, t2, t3);
  EXPECT_TRUE(tutti::holds<tutti::CancelledError>(r1.error()));
  EXPECT_TRUE(tutti::holds<QueueShutDown>(r2.error()));
  EXPECT_TRUE(tutti::holds<QueueShutDown>(r3.error()));
}

// ---- iteration ----

FOR_EACH_KIND(IsIteratedUntilItWasShutDownAndIsEmpty) {
  Q<int> queue(2);
  int sum = 0;
  auto consumer = tutti::create_task([&]() -> Coro<> {
    while (auto item = co_await queue.next()) {
      sum += *item;
      queue.task_done();
    }
  });
  for (int i = 1; i <= 10; ++i) co_await queue.put(i);
  EXPECT_FALSE(consumer.done());
  queue.shutdown();
  co_await consumer;
  EXPECT_EQ(sum, 55);
  co_await queue.join();
}

}  // namespace

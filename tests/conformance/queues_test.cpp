// SPDX-License-Identifier: MIT
// CPython's test_queues, first part: getting and putting.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <tutti/sync/event.hpp>
#include <tutti/sync/queue.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using Items = std::vector<int>;

CONFORMANCE(test_queues, QueueBasicTests, test_str) {
  Queue<int> queue;
  EXPECT_TRUE(queue.to_string().starts_with("<Queue")) << queue.to_string();

  const auto getter = create_task(queue.get());
  co_await turn();
  EXPECT_TRUE(contains(queue.to_string(), "getters[1]")) << queue.to_string();
  queue.put_nowait(0);
  EXPECT_EQ(co_await getter, 0);

  Queue<int> bounded(1);
  bounded.put_nowait(1);
  const auto putter = create_task(bounded.put(2));
  co_await turn();
  EXPECT_TRUE(contains(bounded.to_string(), "putters[1]")) << bounded.to_string();
  (void)bounded.get_nowait();
  co_await putter;

  Queue<int> with_item;
  with_item.put_nowait(1);
  EXPECT_TRUE(contains(with_item.to_string(), "items[1]")) << with_item.to_string();
}

CONFORMANCE(test_queues, QueueBasicTests, test_empty) {
  Queue<int> queue;
  EXPECT_TRUE(queue.empty());
  co_await queue.put(1);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_TRUE(queue.empty());
}

CONFORMANCE(test_queues, QueueBasicTests, test_full) {
  Queue<int> queue;
  EXPECT_FALSE(queue.full());
  Queue<int> bounded(1);
  co_await bounded.put(1);
  EXPECT_TRUE(bounded.full());
}

template <class Q>
Coro<Items> order_of(Q& queue) {
  for (const int i : {1, 3, 2}) co_await queue.put(i);
  Items items;
  for (int i = 0; i < 3; ++i) items.push_back(co_await queue.get());
  co_return items;
}

CONFORMANCE(test_queues, QueueBasicTests, test_order) {
  Queue<int> queue;
  EXPECT_EQ(co_await order_of(queue), (Items{1, 3, 2}));
}

CONFORMANCE(test_queues, LifoQueueTests, test_order) {
  LifoQueue<int> queue;
  EXPECT_EQ(co_await order_of(queue), (Items{2, 3, 1}));
}

CONFORMANCE(test_queues, PriorityQueueTests, test_order) {
  PriorityQueue<int> queue;
  EXPECT_EQ(co_await order_of(queue), (Items{1, 2, 3}));
}

CONFORMANCE(test_queues, QueueBasicTests, test_maxsize) {
  Queue<int> queue(2);
  EXPECT_EQ(queue.maxsize(), 2U);
  Items have_been_put;
  const auto task = create_task([&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      co_await queue.put(i);
      have_been_put.push_back(i);
    }
  });
  co_await turn();
  co_await turn();
  EXPECT_EQ(have_been_put, (Items{0, 1}));
  EXPECT_EQ(co_await queue.get(), 0);
  co_await turn();
  EXPECT_EQ(have_been_put, (Items{0, 1, 2}));
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_EQ(co_await queue.get(), 2);
  EXPECT_TRUE(task.done());
}

CONFORMANCE(test_queues, QueueGetTests, test_blocking_get) {
  Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(co_await queue.get(), 1);
}

CONFORMANCE(test_queues, QueueGetTests, test_get_with_putters) {
  Queue<int> queue(1);
  co_await queue.put(1);
  const auto putter = create_task(queue.put(2));
  co_await turn();
  EXPECT_FALSE(putter.done());
  EXPECT_EQ(co_await queue.get(), 1);
  co_await turn();
  EXPECT_TRUE(putter.done());
  EXPECT_NO_THROW(putter.result());
}

CONFORMANCE(test_queues, QueueGetTests, test_blocking_get_wait) {
  Queue<int> queue;
  Event started;
  bool finished = false;
  const auto task = create_task([&]() -> Coro<int> {
    started.set();
    const int item = co_await queue.get();
    finished = true;
    co_return item;
  });
  co_await started.wait();
  EXPECT_FALSE(finished);
  get_running_loop().call_later(10ms, [&] { queue.put_nowait(1); });
  EXPECT_EQ(co_await task, 1);
  EXPECT_TRUE(finished);
}

CONFORMANCE_OUTSIDE(test_queues, QueueGetTests, test_nonblocking_get) {
  Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
}

CONFORMANCE_OUTSIDE(test_queues, QueueGetTests, test_nonblocking_get_exception) {
  Queue<int> queue;
  EXPECT_THROW((void)queue.get_nowait(), QueueEmpty);
}

CONFORMANCE(test_queues, QueueGetTests, test_get_cancelled_race) {
  Queue<string> queue;
  const auto t1 = create_task(queue.get());
  const auto t2 = create_task(queue.get());
  co_await turn();
  t1.cancel();
  co_await turn();
  EXPECT_TRUE(t1.done());
  co_await queue.put("a");
  co_await turn();
  EXPECT_EQ(co_await t2, "a");
}

CONFORMANCE(test_queues, QueueGetTests, test_get_with_waiting_putters) {
  Queue<string> queue(1);
  const auto a = create_task(queue.put("a"));
  const auto b = create_task(queue.put("b"));
  EXPECT_EQ(co_await queue.get(), "a");
  EXPECT_EQ(co_await queue.get(), "b");
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.done());
}

CONFORMANCE(test_queues, QueueGetTests, test_why_are_getters_waiting) {
  Queue<int> queue(1);
  Items items;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      for (int i = 0; i < 5; ++i) co_await queue.put(i);
    });
    group.create_task([&]() -> Coro<> {
      for (int i = 0; i < 5; ++i) items.push_back(co_await queue.get());
    });
    co_return;
  });
  EXPECT_EQ(items, (Items{0, 1, 2, 3, 4}));
}

CONFORMANCE(test_queues, QueueGetTests, test_cancelled_getters_not_being_held_in_self_getters) {
  Queue<int> queue(5);
  EXPECT_THROW(co_await wait_for(queue.get(), 100ms), TimeoutError);
  EXPECT_FALSE(contains(queue.to_string(), "getters")) << queue.to_string();
}

CONFORMANCE(test_queues, QueuePutTests, test_blocking_put) {
  Queue<int> queue;
  co_await queue.put(1);
  EXPECT_EQ(co_await queue.get(), 1);
}

CONFORMANCE(test_queues, QueuePutTests, test_blocking_put_wait) {
  Queue<int> queue(1);
  Event started;
  bool finished = false;
  get_running_loop().call_later(10ms, [&] { (void)queue.get_nowait(); });
  const auto task = create_task([&]() -> Coro<> {
    started.set();
    co_await queue.put(1);
    co_await queue.put(2);
    finished = true;
  });
  co_await started.wait();
  EXPECT_FALSE(finished);
  co_await task;
  EXPECT_TRUE(finished);
}

CONFORMANCE_OUTSIDE(test_queues, QueuePutTests, test_nonblocking_put) {
  Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
}

CONFORMANCE(test_queues, QueuePutTests, test_get_cancel_drop_one_pending_reader) {
  Queue<int> queue;
  const auto reader = create_task(queue.get());
  co_await turn();
  queue.put_nowait(1);
  queue.put_nowait(2);
  reader.cancel();
  EXPECT_THROW(co_await reader, CancelledError);
  EXPECT_EQ(co_await queue.get(), 1);  // not 2
}

CONFORMANCE(test_queues, QueuePutTests, test_get_cancel_drop_many_pending_readers) {
  Queue<int> queue;
  std::multiset<int> results;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    const auto reader1 = group.create_task(queue.get());
    const auto reader2 = group.create_task(queue.get());
    const auto reader3 = group.create_task(queue.get());
    co_await turn();
    queue.put_nowait(1);
    queue.put_nowait(2);
    reader1.cancel();
    EXPECT_THROW(co_await reader1, CancelledError);
    results.insert(co_await reader3);
    results.insert(co_await reader2);
  });
  EXPECT_EQ(results, (std::multiset<int>{1, 2}));
}

CONFORMANCE(test_queues, QueuePutTests, test_put_cancel_drop) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  const auto writer = create_task(queue.put(2));
  co_await turn();
  EXPECT_EQ(queue.get_nowait(), 1);
  writer.cancel();
  EXPECT_THROW(co_await writer, CancelledError);
  co_await create_task(queue.put(2));
  EXPECT_EQ(queue.get_nowait(), 2);
  EXPECT_EQ(queue.qsize(), 0U);
}

CONFORMANCE_OUTSIDE(test_queues, QueuePutTests, test_nonblocking_put_exception) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  EXPECT_THROW(queue.put_nowait(2), QueueFull);
}

CONFORMANCE(test_queues, QueuePutTests, test_put_cancelled) {
  Queue<int> queue;
  const auto task = create_task([&]() -> Coro<> { co_await queue.put(1); });
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_TRUE(task.done());
  EXPECT_NO_THROW(task.result());
}

CONFORMANCE(test_queues, QueuePutTests, test_put_cancelled_race) {
  Queue<string> queue(1);
  const auto a = create_task(queue.put("a"));
  const auto b = create_task(queue.put("b"));
  const auto c = create_task(queue.put("X"));
  co_await turn();
  EXPECT_TRUE(a.done());
  EXPECT_FALSE(b.done());
  c.cancel();
  co_await turn();
  EXPECT_TRUE(c.done());
  EXPECT_EQ(queue.get_nowait(), "a");
  co_await turn();
  EXPECT_EQ(queue.get_nowait(), "b");
  co_await b;
}

CONFORMANCE(test_queues, QueuePutTests, test_put_with_waiting_getters) {
  Queue<string> queue;
  const auto task = create_task(queue.get());
  co_await turn();
  co_await queue.put("a");
  EXPECT_EQ(co_await task, "a");
}

// Room for two more is room for two that wait.
CONFORMANCE(test_queues, QueuePutTests, test_why_are_putters_waiting) {
  Queue<int> queue(2);
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      co_await turn();
      const std::size_t count = queue.qsize();
      EXPECT_EQ(count, 2U);
      for (std::size_t i = 0; i < count; ++i) (void)queue.get_nowait();
    });
    for (int i = 0; i < 4; ++i) group.create_task(queue.put(i));
    co_return;
  });
  EXPECT_EQ(queue.qsize(), 2U);
}

CONFORMANCE(test_queues, QueuePutTests, test_cancelled_puts_not_being_held_in_self_putters) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  const auto task = create_task(queue.put(1));
  co_await turn();
  EXPECT_TRUE(contains(queue.to_string(), "putters[1]")) << queue.to_string();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(contains(queue.to_string(), "putters")) << queue.to_string();
}

CONFORMANCE(test_queues, QueuePutTests, test_cancelled_put_silence_value_error_exception) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  const auto task = create_task(queue.put(1));
  co_await turn();
  (void)queue.get_nowait();  // takes the putter from the line
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
}

}  // namespace
}  // namespace tutti::conformance

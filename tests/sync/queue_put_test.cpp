// SPDX-License-Identifier: MIT
// Queue, seen by those who put.
#include <chrono>
#include <string>

#include <tutti/sync/queue.hpp>
#include <tutti/task/task_group.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using namespace std::chrono_literals;
using tutti::CancelledError;
using tutti::Coro;
using tutti::Queue;
using tutti::QueueFull;

// test_queues.QueuePutTests.test_blocking_put_wait
TUTTI_VIRTUAL_TEST(Queue, WaitsForRoom) {
  Queue<int> queue(1);
  bool finished = false;
  tutti::get_running_loop().call_later(10ms, [&] { (void)queue.get_nowait(); });
  auto task = tutti::create_task([&]() -> Coro<> {
    co_await queue.put(1);
    co_await queue.put(2);
    finished = true;
  });
  co_await one_tick();
  EXPECT_FALSE(finished);
  co_await task;
  EXPECT_TRUE(finished);
}

// test_queues.QueuePutTests.test_put_cancel_drop
TUTTI_VIRTUAL_TEST(Queue, PutsNothingWhenAWokenPutterIsCancelled) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto writer = tutti::create_task(queue.put(2));
  co_await one_tick();
  EXPECT_EQ(queue.get_nowait(), 1);
  writer.cancel();
  CO_ASSERT_THROW(co_await writer, CancelledError);
  co_await queue.put(2);
  EXPECT_EQ(queue.get_nowait(), 2);
  EXPECT_EQ(queue.qsize(), 0U);
}

// test_queues.QueuePutTests.test_nonblocking_put_exception
TEST(Queue, RefusesToTakeMoreThanItsBound) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  EXPECT_THROW(queue.put_nowait(2), QueueFull);
  EXPECT_EQ(queue.qsize(), 1U);
}

// test_queues.QueuePutTests.test_put_cancelled
TUTTI_VIRTUAL_TEST(Queue, DoesNotHoldUpAPutWhileThereIsRoom) {
  Queue<int> queue;
  auto task = tutti::create_task([&]() -> Coro<bool> {
    co_await queue.put(1);
    co_return true;
  });
  EXPECT_EQ(co_await queue.get(), 1);
  CO_ASSERT_TRUE(task.done());
  EXPECT_TRUE(task.result());
}

// test_queues.QueuePutTests.test_put_cancelled_race
TUTTI_VIRTUAL_TEST(Queue, PassesACancelledPutterOver) {
  Queue<std::string> queue(1);
  auto put_a = tutti::create_task(queue.put("a"));
  auto put_b = tutti::create_task(queue.put("b"));
  auto put_c = tutti::create_task(queue.put("X"));
  co_await one_tick();
  EXPECT_TRUE(put_a.done());
  EXPECT_FALSE(put_b.done());

  put_c.cancel();
  co_await one_tick();
  EXPECT_TRUE(put_c.done());
  EXPECT_EQ(queue.get_nowait(), "a");
  co_await one_tick();
  EXPECT_EQ(queue.get_nowait(), "b");
  co_await put_b;
}

// test_queues.QueuePutTests.test_put_with_waiting_getters
TUTTI_VIRTUAL_TEST(Queue, WakesWhoWaitsToGetWhenAnItemIsPut) {
  Queue<std::string> queue;
  auto task = tutti::create_task(queue.get());
  co_await one_tick();
  co_await queue.put("a");
  EXPECT_EQ(co_await task, "a");
}

// test_queues.QueuePutTests.test_why_are_putters_waiting
TUTTI_VIRTUAL_TEST(Queue, LetsAsManyPutAsHaveRoom) {
  Queue<int> queue(2);
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      co_await one_tick();
      for (std::size_t count = queue.qsize(); count > 0; --count) (void)queue.get_nowait();
    });
    for (int i = 0; i < 4; ++i) group.create_task(queue.put(i));
    co_return;
  });
  EXPECT_EQ(queue.qsize(), 2U);
}

// test_queues.QueuePutTests.test_cancelled_puts_not_being_held_in_self_putters
TUTTI_VIRTUAL_TEST(Queue, ForgetsAPutterThatIsCancelled) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto task = tutti::create_task(queue.put(1));
  co_await one_tick();
  EXPECT_TRUE(has(queue.to_string(), "putters[1]"));
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(has(queue.to_string(), "putters"));
}

// test_queues.QueuePutTests.test_cancelled_put_silence_value_error_exception
TUTTI_VIRTUAL_TEST(Queue, CancelsAPutterThatWasWokenButHasNotRun) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto task = tutti::create_task(queue.put(1));
  co_await one_tick();
  (void)queue.get_nowait();
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(queue.empty());
}

// Group 40: the wake-up of a cancelled putter is the next one's.
TUTTI_VIRTUAL_TEST(Queue, GivesTheRoomOfAWokenPutterThatIsCancelledToTheNextOne) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto first = tutti::create_task(queue.put(1));
  auto second = tutti::create_task(queue.put(2));
  co_await one_tick();
  (void)queue.get_nowait();
  first.cancel();
  co_await second;
  EXPECT_TRUE(first.cancelled());
  EXPECT_EQ(queue.get_nowait(), 2);
}

}  // namespace

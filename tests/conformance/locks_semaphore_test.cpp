// SPDX-License-Identifier: MIT
// CPython's test_locks: Semaphore, and the first part of Barrier.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <tutti/sync/barrier.hpp>
#include <tutti/sync/semaphore.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using Log = std::vector<int>;

Coro<> acquire_and_log(Semaphore& semaphore, Log& log, int number) {
  co_await semaphore.acquire();
  log.push_back(number);
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire) {
  Semaphore semaphore(3);
  Log result;
  co_await semaphore.acquire();
  co_await semaphore.acquire();
  EXPECT_FALSE(semaphore.locked());
  const auto t1 = create_task(acquire_and_log(semaphore, result, 1));
  const auto t2 = create_task(acquire_and_log(semaphore, result, 2));
  const auto t3 = create_task(acquire_and_log(semaphore, result, 3));
  co_await turn();
  EXPECT_EQ(result, Log{1});
  EXPECT_TRUE(semaphore.locked());
  EXPECT_TRUE(contains(semaphore.to_string(), "waiters:2")) << semaphore.to_string();

  const auto t4 = create_task(acquire_and_log(semaphore, result, 4));
  semaphore.release();
  semaphore.release();
  co_await turn();
  EXPECT_EQ(result.size(), 3U);
  EXPECT_TRUE(semaphore.locked());
  EXPECT_TRUE(contains(semaphore.to_string(), "waiters:1")) << semaphore.to_string();
  EXPECT_TRUE(t1.done());
  EXPECT_EQ(t2.done() + t3.done() + t4.done(), 2);
  semaphore.release();
  co_await gather(t2, t3, t4);
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_cancel) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  const auto task = create_task(semaphore.acquire());
  get_running_loop().call_soon([=] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(contains(semaphore.to_string(), "waiters")) << semaphore.to_string();
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_cancel_before_awoken) {
  Semaphore semaphore(0);
  const auto t1 = create_task(semaphore.acquire());
  const auto t2 = create_task(semaphore.acquire());
  const auto t3 = create_task(semaphore.acquire());
  const auto t4 = create_task(semaphore.acquire());
  co_await turn();
  t1.cancel();
  t2.cancel();
  semaphore.release();
  co_await turn();
  co_await turn();
  EXPECT_TRUE(t3.done());
  EXPECT_FALSE(t4.done());
  t3.cancel();
  t4.cancel();
  co_await turn();
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_hang) {
  Semaphore semaphore(0);
  const auto t1 = create_task(semaphore.acquire());
  const auto t2 = create_task(semaphore.acquire());
  co_await turn();
  t1.cancel();
  semaphore.release();
  co_await turn();
  co_await turn();
  EXPECT_TRUE(semaphore.locked());
  EXPECT_TRUE(t2.done());
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_no_hang) {
  Semaphore semaphore(1);
  std::optional<Task<>> t2;
  const auto t1 = create_task([&]() -> Coro<> {
    {
      const auto guard = co_await semaphore.scoped();
      co_await turn();
    }
    t2->cancel();
  });
  t2 = create_task([&]() -> Coro<> {
    const auto guard = co_await semaphore.scoped();
    ADD_FAILURE() << "must not get it";
  });
  const auto [r1, r2] = co_await gather(return_exceptions, t1, *t2);
  EXPECT_TRUE(r1.has_value());
  EXPECT_TRUE(is_cancelled(r2.error()));
  co_await wait_for(semaphore.acquire(), 1s);
}

CONFORMANCE(test_locks, SemaphoreTests, test_release_not_acquired) {
  BoundedSemaphore semaphore;
  EXPECT_THROW(semaphore.release(), ValueError);
  co_return;
}

CONFORMANCE(test_locks, SemaphoreTests, test_release_no_waiters) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  EXPECT_TRUE(semaphore.locked());
  semaphore.release();
  EXPECT_FALSE(semaphore.locked());
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_fifo_order) {
  Semaphore semaphore(1);
  std::vector<std::string> result;
  const auto coro = [&](std::string tag) -> Coro<> {
    for (const std::string round : {"_1", "_2"}) {
      co_await semaphore.acquire();
      result.push_back(tag + round);
      co_await sleep(10ms);
      semaphore.release();
    }
  };
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task(coro("c1"));
    group.create_task(coro("c2"));
    group.create_task(coro("c3"));
    co_return;
  });
  EXPECT_EQ(result, (std::vector<std::string>{"c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"}));
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_fifo_order_2) {
  Semaphore semaphore(1);
  Log result;
  const auto t1 = create_task(acquire_and_log(semaphore, result, 1));
  const auto t2 = create_task([&]() -> Coro<> {
    co_await semaphore.acquire();
    result.push_back(2);
    semaphore.release();
    co_await semaphore.acquire();
    result.push_back(4);
  });
  const auto t3 = create_task(acquire_and_log(semaphore, result, 3));
  co_await turn();
  semaphore.release();
  semaphore.release();
  co_await gather(t1, t2, t3);
  EXPECT_EQ(result, (Log{1, 2, 3, 4}));
}

CONFORMANCE(test_locks, SemaphoreTests, test_acquire_fifo_order_3) {
  Semaphore semaphore(0);
  Log result;
  const auto t1 = create_task(acquire_and_log(semaphore, result, 1));
  const auto t2 = create_task(acquire_and_log(semaphore, result, 2));
  const auto t3 = create_task(acquire_and_log(semaphore, result, 3));
  co_await turn();
  t1.cancel();
  co_await turn();
  semaphore.release();
  semaphore.release();
  co_await gather(return_exceptions, t1, t2, t3);
  EXPECT_EQ(result, (Log{2, 3}));
}

// A task that gets a permit wakes the others for which there are some: in the order of the queue, before anything that comes later.
CONFORMANCE(test_locks, SemaphoreTests, test_acquire_fifo_order_4) {
  Semaphore semaphore(0);
  Log result;
  std::optional<Task<>> t4;
  const auto t1 = create_task([&]() -> Coro<> {
    co_await semaphore.acquire();
    t4 = create_task([&]() -> Coro<> {
      result.push_back(4);
      co_return;
    });
    result.push_back(1);
  });
  const auto t2 = create_task([&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) semaphore.release();
    EXPECT_TRUE(semaphore.locked());  // the first one has not run yet
    co_await semaphore.acquire();
    result.push_back(2);
  });
  const auto t3 = create_task([&]() -> Coro<> {
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    result.push_back(3);
  });
  co_await turn();
  EXPECT_TRUE(contains(semaphore.to_string(), "waiters:3")) << semaphore.to_string();
  co_await turn();
  co_await gather(t1, t2, t3, *t4);
  EXPECT_EQ(result, (Log{1, 2, 3, 4}));
}

CONFORMANCE(test_locks, BarrierTests, test_barrier) {
  const Barrier barrier(5);
  EXPECT_FALSE(Awaitable<Barrier&>);
  EXPECT_TRUE(contains(barrier.to_string(), "filling")) << barrier.to_string();
  co_return;
}

CONFORMANCE(test_locks, BarrierTests, test_repr) {
  Barrier barrier(5);
  std::vector<Task<std::size_t>> waiters;
  const auto add = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) waiters.push_back(create_task(barrier.wait()));
  };
  EXPECT_TRUE(contains(barrier.to_string(), "filling")) << barrier.to_string();
  add(2);
  co_await turn();
  EXPECT_TRUE(contains(barrier.to_string(), "waiters:2/5")) << barrier.to_string();
  EXPECT_TRUE(contains(barrier.to_string(), "filling")) << barrier.to_string();
  add(barrier.parties() - barrier.n_waiting());
  co_await turn();
  EXPECT_TRUE(contains(barrier.to_string(), "draining")) << barrier.to_string();
  add(2);
  co_await turn();
  co_await barrier.reset();
  EXPECT_TRUE(contains(barrier.to_string(), "resetting")) << barrier.to_string();
  add(2);
  co_await turn();
  co_await barrier.abort();
  EXPECT_TRUE(contains(barrier.to_string(), "broken")) << barrier.to_string();
  EXPECT_TRUE(barrier.broken());
  co_await gather(return_exceptions, waiters);
}

CONFORMANCE(test_locks, BarrierTests, test_barrier_parties) {
  EXPECT_THROW(Barrier(0), ValueError);
  EXPECT_THROW(Barrier(-4), ValueError);
  EXPECT_EQ(Barrier(5).parties(), 5U);
  co_return;
}

}  // namespace
}  // namespace tutti::conformance

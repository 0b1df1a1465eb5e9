// SPDX-License-Identifier: MIT
// CPython's test_queues, second part: join and shutdown, for each kind of queue.
#include <string>

#include <tutti/sync/queue.hpp>
#include <tutti/task/task_group.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

template <template <class> class Test>
Coro<> for_each_kind() {
  co_await Test<Queue<int>>::run();
  co_await Test<LifoQueue<int>>::run();
  co_await Test<PriorityQueue<int>>::run();
}

template <class Q>
struct TaskDoneUnderflow {
  static Coro<> run() {
    Q queue;
    EXPECT_THROW(queue.task_done(), ValueError);
    co_return;
  }
};
CONFORMANCE(test_queues, _QueueJoinTestMixin, test_task_done_underflow) { co_await for_each_kind<TaskDoneUnderflow>(); }

template <class Q>
struct TaskDone {
  static Coro<> run() {
    Q queue;
    for (int i = 0; i < 100; ++i) queue.put_nowait(i);
    int accumulator = 0;
    bool running = true;
    const auto work = [&]() -> Coro<> {
      while (running) {
        accumulator += co_await queue.get();
        queue.task_done();
      }
    };
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task(work);
      group.create_task(work);
      co_await queue.join();
      EXPECT_EQ(accumulator, 4950);
      running = false;
      queue.put_nowait(0);
      queue.put_nowait(0);
    });
  }
};
CONFORMANCE(test_queues, _QueueJoinTestMixin, test_task_done) { co_await for_each_kind<TaskDone>(); }

template <class Q>
struct JoinEmptyQueue {
  static Coro<> run() {
    Q queue;
    co_await queue.join();
    co_await queue.join();
  }
};
CONFORMANCE(test_queues, _QueueJoinTestMixin, test_join_empty_queue) { co_await for_each_kind<JoinEmptyQueue>(); }

template <class Q>
Coro<> expect_shut_down(Q& queue) {
  EXPECT_THROW(co_await queue.put(7), QueueShutDown);
  EXPECT_THROW(queue.put_nowait(7), QueueShutDown);
  EXPECT_THROW(co_await queue.get(), QueueShutDown);
  EXPECT_THROW((void)queue.get_nowait(), QueueShutDown);
}

template <class Q>
struct ShutdownEmpty {
  static Coro<> run() {
    Q queue;
    const auto get = create_task(queue.get());
    co_await turn();
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 0U);
    co_await queue.join();
    co_await turn();
    EXPECT_TRUE(get.done());
    EXPECT_THROW(co_await get, QueueShutDown);
    co_await expect_shut_down(queue);
  }
};
CONFORMANCE(test_queues, _QueueShutdownTestMixin, test_shutdown_empty) { co_await for_each_kind<ShutdownEmpty>(); }

template <class Q>
struct ShutdownNonempty {
  static Coro<> run() {
    Q queue(1);
    queue.put_nowait(1);
    const auto join = create_task(queue.join());
    const auto put = create_task(queue.put(2));
    co_await turn();
    EXPECT_FALSE(put.done());
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 1U);
    co_await turn();
    EXPECT_TRUE(put.done());
    EXPECT_THROW(co_await put, QueueShutDown);
    EXPECT_EQ(co_await queue.get(), 1);
    co_await turn();
    EXPECT_FALSE(join.done());
    co_await expect_shut_down(queue);
    queue.task_done();
    co_await turn();
    EXPECT_TRUE(join.done());
    EXPECT_THROW(queue.task_done(), ValueError);
  }
};
CONFORMANCE(test_queues, _QueueShutdownTestMixin, test_shutdown_nonempty) {
  co_await for_each_kind<ShutdownNonempty>();
}

template <class Q>
struct ShutdownImmediate {
  static Coro<> run() {
    Q queue;
    queue.put_nowait(1);
    const auto join = create_task(queue.join());
    queue.shutdown(true);
    EXPECT_EQ(queue.qsize(), 0U);
    co_await turn();
    EXPECT_TRUE(join.done());
    co_await expect_shut_down(queue);
    EXPECT_THROW(queue.task_done(), ValueError);
  }
};
CONFORMANCE(test_queues, _QueueShutdownTestMixin, test_shutdown_immediate) {
  co_await for_each_kind<ShutdownImmediate>();
}

template <class Q>
struct ShutdownImmediateWithUnfinished {
  static Coro<> run() {
    Q queue;
    queue.put_nowait(1);
    queue.put_nowait(1);
    const auto join = create_task(queue.join());
    EXPECT_EQ(co_await queue.get(), 1);
    queue.shutdown(true);
    EXPECT_EQ(queue.qsize(), 0U);
    co_await turn();
    EXPECT_FALSE(join.done());
    co_await expect_shut_down(queue);
    queue.task_done();
    EXPECT_THROW(queue.task_done(), ValueError);
    co_await turn();
    EXPECT_TRUE(join.done());
  }
};
CONFORMANCE(test_queues, _QueueShutdownTestMixin, test_shutdown_immediate_with_unfinished) {
  co_await for_each_kind<ShutdownImmediateWithUnfinished>();
}

// Python's `_format()` is what stands behind the type's name in `to_string()`.
std::string format_of(const std::string& text) { return text.substr(text.find(' ') + 1); }

template <class Q>
struct FormatOfUnfinished {
  static Coro<> run() {
    Q queue;
    EXPECT_EQ(format_of(queue.to_string()), "maxsize=0>");
    for (int i = 0; i < 2; ++i) queue.put_nowait(i);
    for (int i = 0; i < 2; ++i) (void)queue.get_nowait();
    EXPECT_EQ(format_of(queue.to_string()), "maxsize=0 tasks=2>");
    co_return;
  }
};
CONFORMANCE(test_queues, _QueueJoinTestMixin, test_format) { co_await for_each_kind<FormatOfUnfinished>(); }

template <class Q>
struct FormatOfShutDown {
  static Coro<> run() {
    Q queue;
    queue.shutdown();
    EXPECT_EQ(format_of(queue.to_string()), "maxsize=0 shutdown>");
    co_return;
  }
};
CONFORMANCE(test_queues, _QueueShutdownTestMixin, test_format) { co_await for_each_kind<FormatOfShutDown>(); }

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// What crosses threads in CPython's test_tasks, test_futures, test_threads and test_free_threading.
#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tutti/loop/context.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task_group.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

// ---- test_tasks.RunCoroutineThreadsafeTests ----

// CPython's sleeps for a while and adds; this one waits for `blocker` or, without one, an iteration.
struct Add {
  bool fail = false;
  bool cancel = false;
  bool block = false;

  // Of a copy: the thread that asked for it may be gone before it runs.
  static Coro<int> run(Add how, int a, int b) {
    if (how.block) co_await forever();
    co_await turn();
    if (how.fail) throw RuntimeError("Fail!");
    if (how.cancel) {
      current_task()->cancel();
      co_await turn();
    }
    co_return a + b;
  }
};

// In a thread: has `add` run on `loop`, waits for the result, and cancels what did not end in time.
int call_from_thread(EventLoop& loop, Add add, std::optional<Duration> timeout = std::nullopt) {
  const auto future = run_coroutine_threadsafe(Add::run(add, 1, 2), loop);
  try {
    return future.result(timeout);
  } catch (...) {
    if (!future.done()) future.cancel();
    throw;
  }
}

CONFORMANCE(test_tasks, RunCoroutineThreadsafeTests, test_run_coroutine_threadsafe) {
  EventLoop& loop = get_running_loop();
  EXPECT_EQ(co_await run_in_executor([&] { return call_from_thread(loop, {}); }), 3);
}

CONFORMANCE(test_tasks, RunCoroutineThreadsafeTests, test_run_coroutine_threadsafe_with_exception) {
  EventLoop& loop = get_running_loop();
  const auto error = co_await error_of(run_in_executor([&] { return call_from_thread(loop, {.fail = true}); }));
  EXPECT_EQ(message_in<RuntimeError>(error), "Fail!");
}

CONFORMANCE(test_tasks, RunCoroutineThreadsafeTests, test_run_coroutine_threadsafe_with_timeout) {
  EventLoop& loop = get_running_loop();
  const auto call = [&] { return call_from_thread(loop, {.block = true}, Duration::zero()); };
  EXPECT_THROW(co_await run_in_executor(call), TimeoutError);
  co_await briefly();
  co_await briefly();
  EXPECT_EQ(all_tasks(), std::vector{*current_task()});  // the coroutine was cancelled
}

CONFORMANCE(test_tasks, RunCoroutineThreadsafeTests, test_run_coroutine_threadsafe_task_cancelled) {
  EventLoop& loop = get_running_loop();
  EXPECT_THROW(co_await run_in_executor([&] { return call_from_thread(loop, {.cancel = true}); }), CancelledError);
}

CONFORMANCE(test_tasks, RunCoroutineThreadsafeTests, test_run_coroutine_threadsafe_task_factory_exception) {
  EventLoop& loop = get_running_loop();
  const auto call = run_in_executor([&] { return call_from_thread(loop, {}); });
  loop.set_task_factory([](EventLoop&, TaskOptions&) { throw ZeroDivisionError(); });
  std::exception_ptr error;
  try {
    co_await call;
  } catch (...) {
    error = std::current_exception();
  }
  loop.set_task_factory({});
  EXPECT_TRUE(holds<ZeroDivisionError>(error));
  const auto reports = testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].exception, error);
}

CONFORMANCE(test_tasks, RunCoroutineThreadsafeTests, test_run_coroutine_threadsafe_and_cancel) {
  EventLoop& loop = get_running_loop();
  const auto future = run_coroutine_threadsafe(sleeper(10s), loop);
  co_await turn();
  const auto tasks = all_tasks();
  CO_ASSERT_EQ(tasks.size(), 2U);
  future.cancel();
  co_await turn();
  EXPECT_TRUE(tasks.back().cancelled());
  EXPECT_TRUE(future.cancelled());
}

// ---- test_futures.BaseFutureTests ----

struct CallInThread {
  concurrent::Future<std::pair<string, std::thread::id>> future;
  std::thread thread{[result = future] { result.set_result(std::pair(string("oi"), std::this_thread::get_id())); }};
  CallInThread() = default;
  CallInThread(const CallInThread&) = delete;
  CallInThread& operator=(const CallInThread&) = delete;
  ~CallInThread() { thread.join(); }
};

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_wrap_future) {
  const auto loop = new_test_loop();
  const CallInThread call;
  const auto [text, id] = loop->run_until_complete(wrap_future(call.future, *loop));
  EXPECT_EQ(text, "oi");
  EXPECT_NE(id, std::this_thread::get_id());
}

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_wrap_future_without_loop) {
  const CallInThread call;
  EXPECT_THROW((void)wrap_future(call.future), RuntimeError);
}

CONFORMANCE(test_futures, BaseFutureTests, test_wrap_future_use_running_loop) {
  const CallInThread call;
  const auto future = wrap_future(call.future);
  EXPECT_EQ(&future.get_loop(), &get_running_loop());
  co_await future;
}

// ---- test_threads ----

CONFORMANCE(test_threads, ToThreadTests, test_to_thread) {
  EXPECT_EQ(co_await to_thread([] { return 40 + 2; }), 42);
}

CONFORMANCE(test_threads, ToThreadTests, test_to_thread_exception) {
  const auto error = co_await error_of(to_thread([] { throw RuntimeError("test"); }));
  EXPECT_EQ(message_in<RuntimeError>(error), "test");
}

CONFORMANCE(test_threads, ToThreadTests, test_to_thread_once) {
  std::atomic<int> calls = 0;
  co_await to_thread([&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

CONFORMANCE(test_threads, ToThreadTests, test_to_thread_concurrent) {
  std::atomic<int> calls = 0;
  std::vector<Future<>> futures;
  for (int i = 0; i < 10; ++i) futures.push_back(to_thread([&] { ++calls; }));
  co_await gather(futures);
  EXPECT_EQ(calls, 10);
}

CONFORMANCE(test_threads, ToThreadTests, test_to_thread_args_kwargs) {
  string text;
  bool something = false;
  const auto function = [&](string argument, bool flag) {
    text = std::move(argument);
    something = flag;
  };
  co_await to_thread([&] { function("test", true); });
  EXPECT_EQ(text, "test");
  EXPECT_TRUE(something);
}

ContextVar<string> bird("bird", "");

CONFORMANCE(test_threads, ToThreadTests, test_to_thread_contextvars) {
  bird.set("parrot");
  EXPECT_EQ(co_await to_thread([] { return bird.get(); }), "parrot");
}

// ---- test_free_threading, with tasks as usual and with eager ones ----

template <class F>
void run_with_each_factory(F main) {
  for (const bool eager : {false, true}) {
    Runner runner;
    if (eager) runner.get_loop().set_task_factory(eager_task_factory);
    runner.run(main);
  }
}

Coro<> expect_all_tasks() {
  EventLoop& loop = get_running_loop();
  const Future<> future;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    std::vector<AnyTask> expected{*current_task()};
    for (int i = 0; i < 100; ++i) {
      expected.emplace_back(group.create_task([](Future<> waited) -> Coro<> { co_await waited; }(future)));
    }
    const std::vector<AnyTask> all = all_tasks(loop);
    EXPECT_EQ(all.size(), 101U);
    for (const AnyTask& task : all) {
      EXPECT_EQ(&task.get_loop(), &loop);
      EXPECT_FALSE(task.done());
      EXPECT_NE(std::find(expected.begin(), expected.end(), task), expected.end());
    }
    EXPECT_EQ(&current_task()->get_loop(), &loop);
    future.set_result();
    co_return;
  });
}

CONFORMANCE_OUTSIDE(test_free_threading, TestFreeThreading, test_all_tasks_race) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i) threads.emplace_back([] { run_with_each_factory(expect_all_tasks); });
  for (std::thread& thread : threads) thread.join();
}

// The last handle of a task goes on another thread than the task's, after the end of that.
CONFORMANCE_OUTSIDE(test_free_threading, TestFreeThreading, test_task_different_thread_finalized) {
  std::optional<AnyTask> task;
  std::thread([&] {
    run_with_each_factory([&]() -> Coro<> {
      task = current_task();
      co_return;
    });
  }).join();
  EXPECT_TRUE(task->done());
  task.reset();
}

CONFORMANCE_OUTSIDE(test_free_threading, TestFreeThreading, test_run_coroutine_threadsafe) {
  run_with_each_factory([]() -> Coro<> {
    EventLoop& loop = get_running_loop();
    std::atomic<int> sum = 0;
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      for (int i = 0; i < 10; ++i) {
        group.create_task(to_thread([&] { sum += run_coroutine_threadsafe(give_after(1ms, 42), loop).result(); }));
      }
      co_return;
    });
    EXPECT_EQ(sum, 420);
  });
}

CONFORMANCE_OUTSIDE(test_free_threading, TestFreeThreading, test_run_coroutine_threadsafe_exception) {
  run_with_each_factory([]() -> Coro<> {
    EventLoop& loop = get_running_loop();
    const auto fail = []() -> Coro<> {
      co_await turn();
      throw ValueError("test");
    };
    std::vector<Future<>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(to_thread([&] { run_coroutine_threadsafe(fail(), loop).result(); }));
    const auto results = co_await gather(return_exceptions, calls);
    EXPECT_EQ(results.size(), 10U);
    for (const auto& result : results) EXPECT_EQ(message_in<ValueError>(result.error()), "test");
  });
}

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// CPython's test_eager_task_factory, and the small files test_pep492 and test_context.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/context.hpp>
#include <tutti/sync/condition.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/sync/semaphore.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/staggered.hpp>
#include <tutti/task/task_group.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

#define CONFORMANCE_EAGER(file, suite, name)                  \
  static ::tutti::Coro<> file##_##suite##_##name##_eagerly(); \
  CONFORMANCE(file, suite, name) {                            \
    get_running_loop().set_task_factory(eager_task_factory);  \
    co_await file##_##suite##_##name##_eagerly();             \
  }                                                           \
  static ::tutti::Coro<> file##_##suite##_##name##_eagerly()

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_eager_task_factory_set) {
  EXPECT_TRUE(get_running_loop().get_task_factory());
  int runs = 0;
  const Task<> task = get_running_loop().create_task([&]() -> Coro<> {
    ++runs;
    co_return;
  });
  EXPECT_EQ(runs, 1);
  co_await task;
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_await_future_during_eager_step) {
  const Future<string> future;
  const auto task = create_task([&]() -> Coro<> {
    future.set_result("my message");
    co_return;
  });
  EXPECT_TRUE(task.done());
  EXPECT_EQ(co_await future, "my message");
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_eager_completion) {
  const auto task = create_task(give<string>("hello"));
  EXPECT_TRUE(task.done());
  EXPECT_EQ(co_await task, "hello");
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_block_after_eager_step) {
  const auto task = create_task(give_after<string>(100ms, "finished after blocking"));
  EXPECT_FALSE(task.done());
  EXPECT_EQ(co_await task, "finished after blocking");
  EXPECT_TRUE(task.done());
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_cancellation_after_eager_completion) {
  const auto task = create_task(give<string>("finished without blocking"));
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(co_await task, "finished without blocking");
  EXPECT_FALSE(task.cancelled());
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_cancellation_after_eager_step_blocks) {
  const auto task = create_task(give_after<string>(100ms, "finished after blocking"));
  task.cancel("cancellation message");
  EXPECT_GT(task.cancelling(), 0U);
  EXPECT_EQ(message_in<CancelledError>(co_await error_of(task)), "cancellation message");
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_current_task) {
  const auto outer = current_task();
  std::optional<AnyTask> captured;
  const auto task = create_task([&]() -> Coro<> {
    captured = current_task();
    co_await sleep(100ms);
    EXPECT_EQ(current_task(), captured);
  });
  EXPECT_EQ(captured, AnyTask(task));
  EXPECT_EQ(current_task(), outer);
  co_await task;
}

bool is_in(const AnyTask& task, const std::vector<AnyTask>& tasks) {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_all_tasks_with_eager_completion) {
  std::vector<AnyTask> captured;
  const auto task = create_task([&]() -> Coro<> {
    captured = all_tasks();
    co_return;
  });
  EXPECT_TRUE(is_in(task, captured));
  EXPECT_FALSE(is_in(task, all_tasks()));
  co_return;
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_all_tasks_with_blocking) {
  std::vector<AnyTask> captured;
  const Future<> future1;
  const Future<> future2;
  const auto task = create_task([&]() -> Coro<> {
    captured = all_tasks();
    co_await future1;
    future2.set_result();
  });
  EXPECT_TRUE(is_in(task, captured));
  EXPECT_TRUE(is_in(task, all_tasks()));
  future1.set_result();
  co_await future2;
  EXPECT_FALSE(is_in(task, all_tasks()));
}

ContextVar<int> number("number", 0);

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_context_vars) {
  bool first_step = false;
  bool second_step = false;
  number.set(1);
  const auto task = create_task([&]() -> Coro<> {
    EXPECT_EQ(number.get(), 1);
    number.set(2);
    EXPECT_EQ(number.get(), 2);
    first_step = true;
    co_await sleep(100ms);
    EXPECT_EQ(number.get(), 2);
    number.set(3);
    EXPECT_EQ(number.get(), 3);
    second_step = true;
  });
  EXPECT_TRUE(first_step);
  EXPECT_FALSE(second_step);
  EXPECT_EQ(number.get(), 1);
  co_await task;
  EXPECT_TRUE(second_step);
  EXPECT_EQ(number.get(), 1);
}

using Functions = std::vector<std::function<Coro<string>()>>;

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_staggered_race_with_eager_tasks) {
  const auto fail = []() -> Coro<string> {
    co_await turn();
    throw ValueError("no good");
  };
  const auto blocked = []() -> Coro<string> { co_return co_await Future<string>(); };
  const Functions functions{blocked, [] { return sleep(1s, string("sleep1")); }, fail};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, 250ms);
  EXPECT_EQ(winner, "sleep1");
  EXPECT_EQ(index, 1U);
  CO_ASSERT_EQ(exceptions.size(), 3U);
  EXPECT_TRUE(is_cancelled(exceptions[0]));
  EXPECT_EQ(exceptions[1], nullptr);
  EXPECT_TRUE(holds<ValueError>(exceptions[2]));
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_staggered_race_with_eager_tasks_no_delay) {
  const auto fail = []() -> Coro<string> {
    throw ValueError("no good");
    co_return "";
  };
  const Functions functions{fail, [] { return sleep(1s, string("sleep1")); },
                            [] { return sleep(0s, string("sleep0")); }};
  const auto [winner, index, exceptions] = co_await staggered_race(functions, std::nullopt);
  EXPECT_EQ(winner, "sleep1");
  EXPECT_EQ(index, 1U);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_TRUE(holds<ValueError>(exceptions[0]));
  EXPECT_EQ(exceptions[1], nullptr);
}

Coro<> note_name(string& name) {
  name = current_task()->get_name();
  co_return;
}

CONFORMANCE_EAGER(test_eager_task_factory, CEagerTaskFactoryLoopTests, test_issue122332) {
  const auto task = create_task([]() -> Coro<> { co_return; });
  co_await task;
  EXPECT_EQ(task.get_coro(), 0U);
}

CONFORMANCE_EAGER(test_eager_task_factory, CEagerTaskFactoryLoopTests, test_name) {
  string name;
  const auto task = create_task(note_name(name), {.name = "test name"});
  EXPECT_EQ(name, "test name");
  co_await task;
}

CONFORMANCE_EAGER(test_eager_task_factory, EagerTaskFactoryLoopTests, test_eager_start_false) {
  string name;
  const auto task = create_task(note_name(name), {.name = "example", .eager_start = false});
  EXPECT_FALSE(task.done());
  EXPECT_EQ(name, "");
  co_await task;
  EXPECT_EQ(name, "example");
}

CONFORMANCE_OUTSIDE(test_eager_task_factory, DefaultTaskFactoryEagerStart, test_eager_start_true_with_default_factory) {
  string name;
  run(
      [&]() -> Coro<> {
        const auto task = get_running_loop().create_task(note_name(name), {.name = "example", .eager_start = true});
        EXPECT_TRUE(task.done());
        EXPECT_EQ(name, "example");
        co_await task;
      },
      {.loop_factory = new_test_loop});
}

Coro<int> awaitable_chain(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await awaitable_chain(depth - 1);
}

Coro<> recursive_taskgroups(int width, int depth) {
  if (depth == 0) co_return;
  co_await task_group([=](TaskGroup& group) -> Coro<> {
    for (int i = 0; i < width; ++i) group.create_task(recursive_taskgroups(width, depth - 1));
    co_return;
  });
}

Coro<> recursive_gather(int width, int depth) {
  if (depth == 0) co_return;
  std::vector<Coro<>> all;
  for (int i = 0; i < width; ++i) all.push_back(recursive_gather(width, depth - 1));
  co_await gather(all);
}

// How many tasks `coro` makes; of eager ones those count that did not start eagerly.
template <class T>
int count_tasks(bool eager, Coro<T> coro) {
  const auto loop = new_test_loop();
  int count = 0;
  loop->set_task_factory([&](EventLoop& owner, TaskOptions& options) {
    if (eager) eager_task_factory(owner, options);
    if (!options.eager_start.value_or(false)) ++count;
  });
  if constexpr (std::is_void_v<T>) {
    loop->run_until_complete(std::move(coro));
  } else {
    EXPECT_EQ(loop->run_until_complete(std::move(coro)), 100);
  }
  return count;
}

CONFORMANCE_OUTSIDE(test_eager_task_factory, BaseTaskCountingTests, test_awaitables_chain) {
  EXPECT_EQ(count_tasks(false, awaitable_chain(100)), 1);
  EXPECT_EQ(count_tasks(true, awaitable_chain(100)), 0);
}

CONFORMANCE_OUTSIDE(test_eager_task_factory, BaseTaskCountingTests, test_recursive_taskgroups) {
  EXPECT_EQ(count_tasks(false, recursive_taskgroups(5, 4)), 781);
  EXPECT_EQ(count_tasks(true, recursive_taskgroups(5, 4)), 0);
}

CONFORMANCE_OUTSIDE(test_eager_task_factory, BaseTaskCountingTests, test_recursive_gather) {
  EXPECT_EQ(count_tasks(false, recursive_gather(5, 4)), 781);
  EXPECT_EQ(count_tasks(true, recursive_gather(5, 4)), 0);
}

// ---- test_pep492 ----

template <class Lockable>
Coro<> hold(Lockable& lock) {
  co_await sleep(10ms);
  EXPECT_FALSE(lock.locked());
  {
    const auto guard = co_await lock.scoped();
    EXPECT_TRUE(lock.locked());
    co_await sleep(10ms);
    EXPECT_TRUE(lock.locked());
  }
  EXPECT_FALSE(lock.locked());
}

CONFORMANCE(test_pep492, LockTests, test_context_manager_async_with) {
  Lock lock;
  co_await hold(lock);
  Condition condition;
  co_await hold(condition);
  Semaphore semaphore;
  co_await hold(semaphore);
  BoundedSemaphore bounded;
  co_await hold(bounded);
}

CONFORMANCE(test_pep492, LockTests, test_context_manager_with_await) {
  EXPECT_FALSE(Awaitable<Lock&>);
  EXPECT_FALSE(Awaitable<Condition&>);
  EXPECT_FALSE(Awaitable<Semaphore&>);
  EXPECT_FALSE(Awaitable<BoundedSemaphore&>);
  co_return;
}

CONFORMANCE(test_pep492, CoroutineTests, test_iscoroutinefunction) {
  const auto function = []() -> Coro<> { co_return; };
  EXPECT_TRUE(CoroutineFunction<decltype(function)>);
  co_return;
}

CONFORMANCE_OUTSIDE(test_pep492, CoroutineTests, test_async_def_coroutines) {
  const auto foo = []() -> Coro<string> { co_return co_await give<string>("spam"); };
  const auto loop = new_test_loop();
  for (const bool debug : {false, true}) {
    loop->set_debug(debug);
    EXPECT_EQ(loop->run_until_complete(foo), "spam");
  }
}

CONFORMANCE(test_pep492, CoroutineTests, test_double_await) {
  auto coro = sleeper(100ms);
  const auto task = create_task(std::move(coro));
  co_await turn();
  EXPECT_THROW(co_await coro, RuntimeError);
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
}

// ---- test_context: what the decimal module keeps in a context variable ----

ContextVar<int> precision("precision", 28);

CONFORMANCE(test_context, DecimalContextTest, test_asyncio_task_decimal_context) {
  const auto quotients = [](Duration delay, int digits) -> Coro<std::pair<int, int>> {
    auto token = precision.set(digits);
    const int before = precision.get();
    co_await sleep(delay);
    const int after = precision.get();
    precision.reset(token);
    EXPECT_EQ(precision.get(), 28);
    co_return std::pair(before, after);
  };
  const auto [first, second] = co_await gather(quotients(100ms, 3), quotients(200ms, 6));
  EXPECT_EQ(first, std::pair(3, 3));
  EXPECT_EQ(second, std::pair(6, 6));
  EXPECT_EQ(precision.get(), 28);
}

}  // namespace
}  // namespace tutti::conformance

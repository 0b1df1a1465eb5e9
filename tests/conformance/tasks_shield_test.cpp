// SPDX-License-Identifier: MIT
// CPython's test_tasks: shield, and contexts of tasks.
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/context.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/shield.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_result) {
  const Future<int> inner;
  const auto outer = shield(inner);
  inner.set_result(42);
  EXPECT_EQ(co_await outer, 42);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_exception) {
  const Future<> inner;
  const auto outer = shield(inner);
  co_await briefly();
  const auto error = std::make_exception_ptr(RuntimeError("expected"));
  inner.set_exception(error);
  co_await briefly();
  EXPECT_EQ(outer.exception(), error);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_cancel_inner) {
  const Future<> inner;
  const auto outer = shield(inner);
  co_await briefly();
  inner.cancel();
  co_await briefly();
  EXPECT_TRUE(outer.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_cancel_outer) {
  const Future<> inner;
  const auto outer = shield(inner);
  co_await briefly();
  outer.cancel();
  co_await briefly();
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(inner.done());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_cancel_outer_result) {
  const Future<int> inner;
  const auto outer = shield(inner);
  co_await briefly();
  outer.cancel();
  co_await briefly();
  inner.set_result(1);
  co_await briefly();
  EXPECT_TRUE(testing::take_reports().empty());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_cancel_outer_exception) {
  const Future<> inner;
  const auto outer = shield(inner);
  co_await briefly();
  outer.cancel();
  co_await briefly();
  const auto error = std::make_exception_ptr(ValueError("foo"));
  inner.set_exception(error);
  co_await briefly();
  const auto reports = testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].exception, error);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_duplicate_log_once) {
  const Future<> inner;
  for (int i = 0; i < 2; ++i) {
    const auto outer = shield(inner);
    co_await briefly();
    outer.cancel();
    co_await briefly();
  }
  inner.set_exception(ValueError("foo"));
  co_await briefly();
  EXPECT_EQ(testing::take_reports().size(), 1U);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_shortcut) {
  const Future<int> future;
  future.set_result(42);
  EXPECT_EQ(co_await shield(future), 42);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_effect) {
  int proof = 0;
  const Future<> waiter;
  const auto outer = create_task([&]() -> Coro<> {
    co_await shield([&]() -> Coro<> {
      co_await waiter;
      proof += 1;
    });
    proof += 100;
  });
  co_await briefly();
  outer.cancel();
  EXPECT_THROW(co_await outer, CancelledError);
  waiter.set_result();
  co_await briefly();
  EXPECT_EQ(proof, 1);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_shield_gather) {
  const Future<int> child1;
  const Future<int> child2;
  const auto parent = gather(child1, child2);
  const auto outer = shield(parent);
  co_await briefly();
  outer.cancel();
  co_await briefly();
  EXPECT_TRUE(outer.cancelled());
  child1.set_result(1);
  child2.set_result(2);
  co_await briefly();
  EXPECT_EQ(parent.result(), (std::tuple{1, 2}));
}

CONFORMANCE(test_tasks, BaseTaskTests, test_gather_shield) {
  const Future<int> child1;
  const Future<int> child2;
  const auto inner1 = shield(child1);
  const auto inner2 = shield(child2);
  const auto parent = gather(inner1, inner2);
  co_await briefly();
  parent.cancel();  // cancels inner1 and inner2, but neither child1 nor child2
  co_await briefly();
  EXPECT_TRUE(is_cancelled(parent.exception()));
  EXPECT_TRUE(inner1.cancelled());
  EXPECT_TRUE(inner2.cancelled());
  child1.set_result(1);
  child2.set_result(2);
  co_await briefly();
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_shield_coroutine_without_loop) {
  auto inner = give(42);
  EXPECT_THROW((void)shield(std::move(inner)), RuntimeError);
  inner.close();
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_shield_coroutine_use_running_loop) {
  const auto loop = new_test_loop();
  const auto outer = loop->run_until_complete([]() -> Coro<Future<int>> { co_return shield(give(42)); });
  EXPECT_EQ(&outer.get_loop(), loop.get());
  EXPECT_EQ(loop->run_until_complete(outer), 42);
}

ContextVar<string> text("text", "nope");
ContextVar<int> number("number", -1);

CONFORMANCE(test_tasks, BaseTaskTests, test_context_1) {
  const auto sub = []() -> Coro<> {
    co_await sleep(10ms);
    EXPECT_EQ(text.get(), "nope");
    text.set("something else");
  };
  EXPECT_EQ(text.get(), "nope");
  const auto task = create_task(sub);
  text.set("yes");
  EXPECT_EQ(text.get(), "yes");
  co_await task;
  EXPECT_EQ(text.get(), "yes");
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_context_2) {
  const auto loop = new_test_loop();
  loop->run_until_complete([&]() -> Coro<> {
    EXPECT_EQ(text.get(), "nope");
    for (const string j : {"0", "1"}) {
      const Future<> future;
      future.add_done_callback([] { text.set("something else"); });  // not for the task
      text.set("yes" + j);
      loop->call_soon([=] { future.set_result(); });
      co_await future;
      EXPECT_EQ(text.get(), "yes" + j);
      for (const string i : {"0", "1", "2"}) {
        const string value = "yes" + i + "-" + j;
        text.set(value);
        co_await sleep(1ms);
        EXPECT_EQ(text.get(), value);
      }
    }
  });
  EXPECT_EQ(text.get(), "nope");
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_context_3) {
  const auto loop = new_test_loop();
  std::minstd_rand random(1);
  const auto sub = [&](int start) -> Coro<> {
    for (int i = 0; i < 10; ++i) {
      number.set(start + i);
      co_await sleep(std::chrono::milliseconds(1 + random() % 50));
      EXPECT_EQ(number.get(), start + i);
    }
  };
  loop->run_until_complete([&]() -> Coro<> {
    std::vector<Task<>> tasks;
    for (int i = 0; i < 100; ++i) tasks.push_back(create_task(sub(static_cast<int>(random() % 10))));
    co_await gather(tasks);
  });
  EXPECT_EQ(number.get(), -1);
}

// What two tasks see that are made by `create` in one context, one after the other.
template <class Create>
Coro<> expect_shared_context(Create create) {
  Context context = copy_context();
  const auto value = [&] { return context.run([] { return number.get(); }); };
  const auto set = [](int next) -> Coro<> {
    co_await turn();
    number.set(next);
  };
  EXPECT_EQ(value(), -1);
  co_await create(set(1), context);
  EXPECT_EQ(value(), 1);
  co_await create(set(2), context);
  EXPECT_EQ(value(), 2);
  EXPECT_EQ(number.get(), -1);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_context_4) {
  co_await expect_shared_context([](Coro<> coro, const Context& context) {
    return get_running_loop().create_task(std::move(coro), {.name = "in a context", .context = context});
  });
}

CONFORMANCE(test_tasks, BaseTaskTests, test_context_5) {
  co_await expect_shared_context(
      [](Coro<> coro, const Context& context) { return create_task(std::move(coro), {.context = context}); });
}

CONFORMANCE(test_tasks, BaseTaskTests, test_context_6) {
  co_await expect_shared_context([](Coro<> coro, const Context& context) {
    return get_running_loop().create_task(std::move(coro), {.context = context});
  });
}

CONFORMANCE(test_tasks, BaseTaskTests, test_get_context) {
  const Context context = copy_context();
  const auto task = create_task(
      []() -> Coro<> {
        number.set(7);
        co_return;
      },
      {.context = context});
  co_await task;
  EXPECT_EQ(task.get_context().run([] { return number.get(); }), 7);
  EXPECT_EQ(number.get(), -1);
}

}  // namespace
}  // namespace tutti::conformance

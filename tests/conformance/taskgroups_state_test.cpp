// SPDX-License-Identifier: MIT
// CPython's test_taskgroups, second part: tasks that make tasks, the states of a group, the count of cancellations.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <tutti/loop/context.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/try.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

struct MyError : std::runtime_error {
  MyError() : std::runtime_error("mine") {}
};

template <class Error>
Coro<> raise_after(Duration delay) {
  co_await sleep(delay);
  throw Error("late");
}
Coro<> crash_after(Duration delay) {
  co_await sleep(delay);
  throw ZeroDivisionError();
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_24) {
  const Elapsed elapsed;
  co_await task_group([](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      co_await sleep(100ms);
      group.create_task(sleeper(100ms));
      group.create_task(sleeper(200ms));
    });
    co_return;
  });
  EXPECT_EQ(elapsed(), 300ms);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_25) {
  int hydras = 0;
  std::function<Coro<>()> hydra;
  const auto error = co_await error_of(task_group([&](TaskGroup& group) -> Coro<> {
    hydra = [&]() -> Coro<> {
      ++hydras;
      co_await sleep(10ms);
      group.create_task(hydra());
      group.create_task(hydra());
    };
    group.create_task(hydra());
    group.create_task([&]() -> Coro<> {
      while (hydras < 10) co_await sleep(15ms);
      throw ZeroDivisionError();
    });
    co_return;
  }));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
  EXPECT_GE(hydras, 10);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_task_name) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    const auto task = group.create_task([]() -> Coro<> { co_await turn(); }, {.name = "yolo"});
    EXPECT_EQ(task.get_name(), "yolo");
    co_return;
  });
}

ContextVar<int> number("number", -1);

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_task_context) {
  const auto set = [](int value) -> Coro<> {
    co_await turn();
    number.set(value);
  };
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    Context context = copy_context();
    const auto value = [&] { return context.run([] { return number.get(); }); };
    EXPECT_EQ(value(), -1);
    co_await group.create_task(set(1), {.context = context});
    EXPECT_EQ(value(), 1);
    co_await group.create_task(set(2), {.context = context});
    EXPECT_EQ(value(), 2);
  });
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_no_create_task_after_failure) {
  bool refused = false;
  const auto error = co_await error_of(task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task(crash_after(1ms));
    group.create_task([&]() -> Coro<> {
      try {
        co_await sleep(1s);
      } catch (const CancelledError&) {
        EXPECT_THROW(group.create_task(crash_after(1ms)), RuntimeError);
        refused = true;
      }
    });
    co_return;
  }));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
  EXPECT_TRUE(refused);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_context_manager_exit_raises) {
  bool caught = false;
  co_await create_task([&]() -> Coro<> {
    const auto group = [](TaskGroup& tasks) -> Coro<> {
      tasks.create_task(raise<ValueError>());
      const auto raise_too = []() -> Coro<> { co_await raise<ValueError>(); };
      co_await finally_(sleeper(1s), raise_too);
    };
    co_await except_star<ValueError>(task_group(group), [&](const ExceptionGroup& errors) {
      EXPECT_EQ(current_task()->cancelling(), 0U);
      EXPECT_EQ(errors.exceptions().size(), 2U);
      caught = true;
    });
  });
  EXPECT_TRUE(caught);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_already_entered) {
  TaskGroup group;
  group.enter();
  EXPECT_TRUE(contains(message_in<RuntimeError>(error_of_call([&] { group.enter(); })), "has already been entered"));
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_double_enter) {
  TaskGroup group;
  group.enter();
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
  EXPECT_TRUE(contains(message_in<RuntimeError>(error_of_call([&] { group.enter(); })), "has already been entered"));
}

// Gives whether `group` closed a coroutine that it refused with a message that has this in it: destroyed un-awaited it would be
// reported, and the test fail.
void expect_refused(TaskGroup& group, const std::string& why) {
  const auto error = error_of_call([&] { return group.create_task(sleeper(0s)); });
  const std::string message = message_in<RuntimeError>(error);
  EXPECT_TRUE(contains(message, why)) << message;
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_finished) {
  TaskGroup group;
  group.enter();
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
  expect_refused(group, "is finished");
  EXPECT_TRUE(testing::take_reports().empty());
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_not_entered) {
  TaskGroup group;
  expect_refused(group, "has not been entered");
  co_return;
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_without_parent_task) {
  TaskGroup group;
  bool refused = false;
  get_running_loop().call_soon([&] {  // where no task runs
    EXPECT_THROW(group.enter(), RuntimeError);
    refused = true;
  });
  co_await turn();
  EXPECT_TRUE(refused);
  expect_refused(group, "has not been entered");
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_coro_closed_when_tg_closed) {
  TaskGroup* left = nullptr;
  std::optional<TaskGroup> group;
  group.emplace();
  group->enter();
  left = &*group;
  EXPECT_EQ(co_await group->exit(nullptr), nullptr);
  expect_refused(*left, "is finished");
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_cancelling_level_preserved) {
  bool caught = false;
  co_await except_star<RuntimeError>(task_group([](TaskGroup& group) -> Coro<> {
                                       group.create_task(raise_after<RuntimeError>(0s));
                                       co_return;
                                     }),
                                     [&](const ExceptionGroup&) { caught = true; });
  EXPECT_TRUE(caught);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_nested_groups_both_cancelled) {
  bool inner_caught = false;
  bool outer_caught = false;
  const auto outer_body = [&](TaskGroup& outer) -> Coro<> {
    const auto inner_body = [&](TaskGroup& inner) -> Coro<> {
      inner.create_task(raise_after<RuntimeError>(0s));
      outer.create_task(raise_after<ValueError>(0s));
      co_return;
    };
    co_await except_star<RuntimeError>(task_group(inner_body), [&](const ExceptionGroup&) { inner_caught = true; });
    EXPECT_EQ(current_task()->cancelling(), 1U);
  };
  co_await except_star<ValueError>(task_group(outer_body), [&](const ExceptionGroup&) { outer_caught = true; });
  EXPECT_TRUE(inner_caught);
  EXPECT_TRUE(outer_caught);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_error_and_cancel) {
  Event event;
  bool caught = false;
  const auto raise_error = [&]() -> Coro<> {
    event.set();
    co_await turn();
    throw RuntimeError("");
  };
  const auto inner = [&]() -> Coro<> {
    co_await except_star<RuntimeError>(task_group([&](TaskGroup& group) -> Coro<> {
                                         group.create_task(raise_error);
                                         co_await sleep(1s);
                                         ADD_FAILURE() << "the sleep in the group was not cancelled";
                                       }),
                                       [&](const ExceptionGroup&) {
                                         EXPECT_EQ(current_task()->cancelling(), 1U);
                                         caught = true;
                                       });
    EXPECT_EQ(current_task()->cancelling(), 1U);
    co_await sleep(1s);
    ADD_FAILURE() << "the sleep after the group was not cancelled";
  };
  const auto task = create_task(inner);
  co_await event.wait();
  EXPECT_EQ(task.cancelling(), 0U);
  task.cancel();
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(caught);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_name) {
  std::string name;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task(
        [&]() -> Coro<> {
          name = current_task()->get_name();
          co_return;
        },
        {.name = "example name"});
    co_return;
  });
  EXPECT_EQ(name, "example name");
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_cancels_task_if_created_during_creation) {
  bool ran = false;
  const auto error = co_await error_of(task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      group.create_task([]() -> Coro<> {
        throw MyError();
        co_return;
      });
      const auto two_turns = []() -> Coro<> {
        co_await turn();  // eager tasks are cancelled here
        co_await turn();  // lazy ones here
      };
      EXPECT_THROW(co_await two_turns(), CancelledError);
      ran = true;
    });
    co_return;
  }));
  EXPECT_TRUE(ran);
  EXPECT_TRUE(is_group_of<MyError>(error));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_cancellation_does_not_leak_out_of_tg) {
  const auto error = co_await error_of(task_group([](TaskGroup& group) -> Coro<> {
    group.create_task([]() -> Coro<> {
      throw MyError();
      co_return;
    });
    co_return;
  }));
  EXPECT_TRUE(is_group_of<MyError>(error));
  co_await turn();  // a cancellation that was left would come here
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

}  // namespace
}  // namespace tutti::conformance

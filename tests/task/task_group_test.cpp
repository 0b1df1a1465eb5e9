// SPDX-License-Identifier: MIT
// task_group: CPython's test_taskgroups.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/exception_group.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/wait.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// What a coroutine throws; null if nothing.
template <class A>
Coro<std::exception_ptr> thrown_by(A awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (...) {
    co_return std::current_exception();
  }
  co_return nullptr;
}

std::vector<std::string> texts(const std::exception_ptr& error) {
  std::vector<std::string> all;
  if (const auto* group = group_contents(error)) {
    for (const auto& one : group->exceptions()) all.push_back(describe(one));
  }
  return all;
}
using Texts = std::vector<std::string>;

Coro<> throw_when_cancelled(std::string text) {
  try {
    co_await forever();
  } catch (const CancelledError&) {
    throw ValueError(text);
  }
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_01
TUTTI_TEST(TaskGroup, WaitsForItsTasks) {
  std::optional<Task<int>> first;
  std::optional<Task<int>> second;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    first = group.create_task([]() -> Coro<int> {
      co_await turn();
      co_return 42;
    });
    second = group.create_task([]() -> Coro<int> {
      co_await turns(3);
      co_return 11;
    });
    co_return;
  });
  EXPECT_EQ(first->result(), 42);
  EXPECT_EQ(second->result(), 11);
}

TUTTI_TEST(TaskGroup, GivesTheResultOfItsBody) {
  EXPECT_EQ(co_await task_group([](TaskGroup& group) -> Coro<int> {
              auto task = group.create_task(noop(5));
              co_return 1 + co_await task;
            }),
            6);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_03
TUTTI_TEST(TaskGroup, IsNoErrorIfATaskIsCancelledAlone) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    auto task = group.create_task(forever());
    co_await turn();
    task.cancel();
  });
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_04
TUTTI_TEST(TaskGroup, CancelsItsTasksAndItsBodyWhenOneFails) {
  bool body_cancelled = false;
  bool sibling_cancelled = false;
  const auto error = co_await thrown_by(task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      std::exception_ptr cancelled;
      try {
        co_await forever();
      } catch (...) {
        cancelled = std::current_exception();
      }
      sibling_cancelled = is_cancelled(cancelled);
      std::rethrow_exception(cancelled);
    });
    group.create_task(raise_later<ValueError>("failed"));
    std::exception_ptr cancelled;
    try {
      co_await forever();
    } catch (...) {
      cancelled = std::current_exception();
    }
    body_cancelled = is_cancelled(cancelled);
    std::rethrow_exception(cancelled);
  }));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_EQ(texts(error), Texts{"ValueError: failed"});
  EXPECT_TRUE(body_cancelled);
  EXPECT_TRUE(sibling_cancelled);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_taskgroups.BaseTestTaskGroup.test_cancel_children_on_child_error
TUTTI_TEST(TaskGroup, CancelsTheOthersWhileItWaitsForThem) {
  std::optional<Task<>> sibling;
  const auto error = co_await thrown_by(task_group([&](TaskGroup& group) -> Coro<> {
    sibling = group.create_task(forever());
    group.create_task(raise_later());
    co_return;
  }));
  EXPECT_EQ(texts(error), Texts{"ValueError: raised"});
  EXPECT_TRUE(sibling->cancelled());
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_05, 09, 10: a body that fails cancels its tasks
TUTTI_TEST(TaskGroup, CancelsItsTasksWhenItsBodyFails) {
  std::optional<Task<>> task;
  const auto error = co_await thrown_by(task_group([&](TaskGroup& group) -> Coro<> {
    task = group.create_task(forever());
    co_await turn();
    throw RuntimeError("body");
  }));
  EXPECT_EQ(texts(error), Texts{"RuntimeError: body"});
  EXPECT_TRUE(task->cancelled());
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_19, oracle/semantics.py "TaskGroup order"; in order of creation by our design
TUTTI_TEST(TaskGroup, GivesErrorsInOrderOfCreationAndTheBodysLast) {
  const auto error = co_await thrown_by(task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task(throw_when_cancelled("1"));
    group.create_task(throw_when_cancelled("2"));
    group.create_task(raise_later<RuntimeError>("first to fail"));
    try {
      co_await forever();
    } catch (const CancelledError&) {
      throw RuntimeError("body");
    }
  }));
  EXPECT_EQ(texts(error),
            (Texts{"ValueError: 1", "ValueError: 2", "RuntimeError: first to fail", "RuntimeError: body"}));
}

// test_taskgroups.BaseTestTaskGroup.test_cancellation, test_taskgroup_06
TUTTI_TEST(TaskGroup, CancelledFromOutsideCancelsItsTasksAndPassesOn) {
  std::optional<Task<>> child;
  auto parent = create_task([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      child = group.create_task(forever());
      co_return;
    });
  });
  co_await turns(2);
  parent.cancel();
  EXPECT_THROW(co_await parent, CancelledError);
  EXPECT_TRUE(child->cancelled());
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_07, 15: cancelled in the body
TUTTI_TEST(TaskGroup, CancelledInItsBodyWaitsForItsTasks) {
  int ended = 0;
  auto parent = create_task([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      for (int i = 0; i < 2; ++i) {
        group.create_task([&]() -> Coro<> {
          std::exception_ptr error;
          try {
            co_await forever();
          } catch (...) {
            error = std::current_exception();
          }
          co_await turns(2);
          ++ended;
          std::rethrow_exception(error);
        });
      }
      co_await forever();
    });
  });
  co_await turns(2);
  parent.cancel();
  EXPECT_THROW(co_await parent, CancelledError);
  EXPECT_EQ(ended, 2);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_08, test_error_and_cancel
TUTTI_TEST(TaskGroup, ErrorsOfTasksWinOverACancellationFromOutside) {
  std::size_t requests = 0;
  auto parent = create_task([&]() -> Coro<> {
    const auto error = co_await thrown_by(task_group([](TaskGroup& group) -> Coro<> {
      group.create_task(throw_when_cancelled("cleanup failed"));
      co_return;
    }));
    EXPECT_EQ(texts(error), Texts{"ValueError: cleanup failed"});
    requests = current_task()->cancelling();
    co_await turn();  // it is cancelled again: the request is still there
  });
  co_await turns(2);
  parent.cancel();
  EXPECT_THROW(co_await parent, CancelledError);
  EXPECT_EQ(requests, 1U);
}

// test_taskgroups.BaseTestTaskGroup.test_cancelling_level_preserved
TUTTI_TEST(TaskGroup, KeepsTheNumberOfCancelRequests) {
  const auto error = co_await thrown_by(task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(raise());
    co_await turn();
  }));
  EXPECT_EQ(texts(error), Texts{"ValueError: raised"});
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_11, 12, 14: groups nest
TUTTI_TEST(TaskGroup, NestsItsErrorsAsItNests) {
  const auto error = co_await thrown_by(task_group([](TaskGroup& outer) -> Coro<> {
    outer.create_task([]() -> Coro<> {
      co_await task_group([](TaskGroup& inner) -> Coro<> {
        inner.create_task(raise<ValueError>("inner"));
        co_return;
      });
    });
    co_return;
  }));
  const auto* group = group_contents(error);
  CO_ASSERT_NE(group, nullptr);
  CO_ASSERT_EQ(group->exceptions().size(), 1U);
  EXPECT_EQ(texts(group->exceptions()[0]), Texts{"ValueError: inner"});
}

// test_taskgroups.BaseTestTaskGroup.test_nested_groups_both_cancelled
TUTTI_TEST(TaskGroup, CancelledThroughTwoGroupsEndsBoth) {
  std::optional<Task<>> inner_task;
  std::optional<Task<>> outer_task;
  auto parent = create_task([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& outer) -> Coro<> {
      outer_task = outer.create_task(forever());
      co_await task_group([&](TaskGroup& inner) -> Coro<> {
        inner_task = inner.create_task(forever());
        co_return;
      });
    });
  });
  co_await turns(3);
  parent.cancel();
  EXPECT_THROW(co_await parent, CancelledError);
  EXPECT_TRUE(inner_task->cancelled());
  EXPECT_TRUE(outer_task->cancelled());
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_20, 20a
TUTTI_TEST(TaskGroup, LetsSystemExitOfItsBodyOutAsItIs) {
  std::optional<Task<>> task;
  const auto error = co_await thrown_by(task_group([&](TaskGroup& group) -> Coro<> {
    task = group.create_task(throw_when_cancelled("lost"));
    co_await turn();
    throw SystemExit(3);
  }));
  EXPECT_TRUE(holds<SystemExit>(error));
  EXPECT_TRUE(task->done());
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_21a: another BaseException makes a BaseExceptionGroup
TUTTI_TEST(TaskGroup, MakesABaseExceptionGroupOfWhatIsNoError) {
  const auto error = co_await thrown_by(task_group([](TaskGroup& group) -> Coro<> {
    group.create_task([]() -> Coro<> {
      throw BaseException("neither");
      co_return;
    });
    co_return;
  }));
  EXPECT_TRUE(holds<BaseExceptionGroup>(error));
  EXPECT_FALSE(holds<std::exception>(error));
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_23, 24: tasks may add tasks while the group waits
TUTTI_TEST(TaskGroup, TakesNewTasksFromItsTasks) {
  int ran = 0;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      co_await turns(2);
      group.create_task([&]() -> Coro<> {
        co_await turn();
        ++ran;
      });
      ++ran;
    });
    co_return;
  });
  EXPECT_EQ(ran, 2);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_25, test_taskgroup_no_create_task_after_failure
TUTTI_TEST(TaskGroup, RefusesTasksWhileItShutsDown) {
  const auto error = co_await thrown_by(task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(raise());
    try {
      co_await forever();
    } catch (const CancelledError&) {
      EXPECT_THROW(group.create_task(noop()), RuntimeError);  // and closes the coroutine: no report
      throw;
    }
  }));
  EXPECT_EQ(texts(error), Texts{"ValueError: raised"});
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_finished, test_coro_closed_when_tg_closed
TUTTI_TEST(TaskGroup, RefusesTasksBeforeAndAfter) {
  TaskGroup group;
  EXPECT_THROW(group.create_task(noop()), RuntimeError);
  group.enter();
  EXPECT_THROW(group.enter(), RuntimeError);
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
  EXPECT_THROW(group.create_task(noop()), RuntimeError);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_double_enter, test_taskgroup_without_parent_task
TUTTI_TEST(TaskGroup, NeedsATask) {
  const Future<> called;
  get_running_loop().call_soon([called] {
    TaskGroup group;
    EXPECT_THROW(group.enter(), RuntimeError);
    called.set_result();
  });
  co_await called;
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_context_manual / name
TUTTI_TEST(TaskGroup, PassesTheOptionsOfATask) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    auto task = group.create_task(noop(), {.name = "yolo"});
    EXPECT_EQ(task.get_name(), "yolo");
    co_await task;
  });
}

// test_taskgroups.TestEagerTaskTaskGroup
TUTTI_TEST(TaskGroup, TakesEagerTasksThatEndAtOnce) {
  const auto error = co_await thrown_by(task_group([](TaskGroup& group) -> Coro<> {
    EXPECT_EQ(group.create_task(noop(3), {.eager_start = true}).result(), 3);
    auto failed = group.create_task(raise<ValueError>("eager"), {.eager_start = true});
    EXPECT_TRUE(failed.done());
    EXPECT_THROW(co_await forever(), CancelledError);       // where the body waits next
    EXPECT_THROW(group.create_task(noop()), RuntimeError);  // shutting down by now
  }));
  EXPECT_EQ(texts(error), Texts{"ValueError: eager"});
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_taskgroups.BaseTestTaskGroup.test_cancellation_does_not_leak_out_of_tg
TUTTI_TEST(TaskGroup, DoesNotLeakItsOwnCancellation) {
  const auto error = co_await thrown_by(task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(raise());
    co_await turns(3);
  }));
  EXPECT_EQ(texts(error), Texts{"ValueError: raised"});
  co_await turns(3);  // nothing comes after
}

TUTTI_TEST(TaskGroup, LetsItsTasksReferToTheCallersFrame) {
  std::vector<int> seen;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      group.create_task([&seen, i]() -> Coro<> {
        co_await turns(i);
        seen.push_back(i);
      });
    }
    co_return;
  });
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
}

// ---- exception groups ----

TEST(ExceptionGroup, SplitsByTypeInItsNesting) {
  const auto inner = make_exception_group(
      "inner", {std::make_exception_ptr(ValueError("v")), std::make_exception_ptr(RuntimeError("r"))});
  const auto outer = make_exception_group("outer", {std::make_exception_ptr(OSError(5, "read x")), inner});
  const auto* group = group_contents(outer);
  ASSERT_NE(group, nullptr);
  const auto [values, rest] = group->split<ValueError>();
  ASSERT_NE(group_contents(values), nullptr);
  EXPECT_EQ(group_contents(values)->message(), "outer");
  EXPECT_EQ(texts(group_contents(values)->exceptions()[0]), Texts{"ValueError: v"});
  EXPECT_EQ(group_contents(rest)->exceptions().size(), 2U);
  EXPECT_EQ(group->subgroup<FileNotFoundError>(), nullptr);
}

TEST(ExceptionGroup, SaysWhatItHolds) {
  const ExceptionGroup group("two",
                             {std::make_exception_ptr(ValueError("a")), std::make_exception_ptr(RuntimeError("b"))});
  EXPECT_STREQ(group.what(), "two (2 sub-exceptions: ValueError: a; RuntimeError: b)");
  EXPECT_THROW(ExceptionGroup("none", {}), ValueError);
}

}  // namespace
}  // namespace tutti::tests

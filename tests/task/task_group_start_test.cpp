// SPDX-License-Identifier: MIT
// TaskGroup::start as Trio's Nursery.start, and TaskGroup::cancel as CPython's tests of 3.15.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/exception_group.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

using Log = std::vector<std::string>;

// ---- start ----

TUTTI_TEST(TaskGroupStart, GivesTheValueOfStartedWhileTheTaskGoesOn) {
  Log log;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    const int port = co_await group.start([&](TaskStatus<int>& status) -> Coro<> {
      log.emplace_back("binds");
      co_await turns(2);
      EXPECT_FALSE(status.is_started());
      status.started(8080);
      EXPECT_TRUE(status.is_started());
      co_await turns(3);
      log.emplace_back("serves");
    });
    EXPECT_EQ(port, 8080);
    log.emplace_back("knows the port");
  });
  EXPECT_EQ(log, (Log{"binds", "knows the port", "serves"}));
}

Coro<> plain_service(TaskStatus<>& status) {
  co_await turn();
  status.started();
}

TUTTI_TEST(TaskGroupStart, TakesFunctionsMoveOnlyValuesReferencesAndGenericLambdas) {
  int number = 7;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    co_await group.start(plain_service);
    auto owned = co_await group.start([](TaskStatus<std::unique_ptr<int>>& status) -> Coro<> {
      status.started(std::make_unique<int>(5));
      co_await turn();
    });
    CO_ASSERT_TRUE(owned);
    EXPECT_EQ(*owned, 5);
    int& same = co_await group.start([&](TaskStatus<int&>& status) -> Coro<> {
      status.started(number);
      co_return;
    });
    EXPECT_EQ(&same, &number);
    EXPECT_EQ(co_await group.start<std::string>([](auto& status) -> Coro<> {
      status.started("generic");
      co_return;
    }),
              "generic");
  });
}

TUTTI_TEST(TaskGroupStart, NamesTheTask) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    EXPECT_EQ(co_await group.start(
                  [](TaskStatus<std::string>& status) -> Coro<> {
                    status.started(current_task()->get_name());
                    co_return;
                  },
                  {.name = "server"}),
              "server");
  });
}

TUTTI_TEST(TaskGroupStart, ThrowsWhatTheTaskThrowsBeforeItHasStartedAndTheGroupGoesOn) {
  bool sibling_ended = false;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      co_await turns(10);
      sibling_ended = true;
    });
    const auto failing = [](TaskStatus<int>&) -> Coro<> {
      co_await turn();
      throw OSError(13, "bind :80");
    };
    EXPECT_THROW((void)co_await group.start(failing), OSError);
    EXPECT_EQ(current_task()->cancelling(), 0U);
  });
  EXPECT_TRUE(sibling_ended);
}

TUTTI_TEST(TaskGroupStart, ThrowsIfTheTaskEndsWithoutHavingStarted) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    EXPECT_EQ(co_await message_of<RuntimeError>(
                  group.start([](TaskStatus<>&) -> Coro<> { co_await turn(); }, {.name = "mute"})),
              "TaskGroup: task 'mute' has ended without calling started()");
  });
}

TUTTI_TEST(TaskGroupStart, CountsAFailureAfterTheStartAsTheGroups) {
  EXPECT_THROW(co_await task_group([](TaskGroup& group) -> Coro<> {
                 co_await group.start([](TaskStatus<>& status) -> Coro<> {
                   status.started();
                   co_await turns(3);
                   throw ValueError("later");
                 });
                 co_await forever();
               }),
               ExceptionGroup);
}

TUTTI_TEST(TaskGroupStart, RefusesASecondStarted) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    co_await group.start([](TaskStatus<>& status) -> Coro<> {
      status.started();
      EXPECT_THROW(status.started(), RuntimeError);
      co_return;
    });
  });
}

TUTTI_TEST(TaskGroupStart, PassesOnThatTheTaskWasCancelledBeforeItHadStarted) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    const auto gives_up = [](TaskStatus<>&) -> Coro<> {
      current_task()->cancel();
      co_await turn();
    };
    EXPECT_THROW(co_await group.start(gives_up), CancelledError);
  });
}

TUTTI_TEST(TaskGroupStart, CancelledWhileItWaitsCancelsTheTaskAndWaitsForIt) {
  Log log;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    auto caller = create_task([&]() -> Coro<> {
      try {
        co_await group.start([&](TaskStatus<>& status) -> Coro<> {
          std::exception_ptr error;
          try {
            co_await forever();
          } catch (...) {
            error = std::current_exception();
          }
          co_await turns(2);
          status.started();  // nobody waits any more
          log.emplace_back("cleaned up");
          std::rethrow_exception(error);
        });
      } catch (const CancelledError&) {
        log.emplace_back("left");
        throw;
      }
    });
    co_await turns(3);
    caller.cancel();
    EXPECT_THROW(co_await caller, CancelledError);
  });
  EXPECT_EQ(log, (Log{"cleaned up", "left"}));
}

TUTTI_TEST(TaskGroupStart, ThrowsWhatTheTaskThrowsWhenItIsCancelledWithItsCaller) {
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    auto caller = create_task([&]() -> Coro<> {
      co_await group.start([&](TaskStatus<>&) -> Coro<> {
        try {
          co_await forever();
        } catch (const CancelledError&) {
          throw ValueError("while it was cancelled");
        }
      });
    });
    co_await turns(3);
    caller.cancel();
    EXPECT_EQ(co_await message_of<ValueError>(caller), "while it was cancelled");
  });
}

TUTTI_TEST(TaskGroupStart, CancelledBeforeItsCallerHasRunStartsNothing) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    bool begun = false;
    auto caller = create_task([&]() -> Coro<> {
      co_await group.start([&](TaskStatus<>& status) -> Coro<> {
        begun = true;
        status.started();
        co_return;
      });
    });
    caller.cancel();
    EXPECT_THROW(co_await caller, CancelledError);
    EXPECT_FALSE(begun);
  });
}

TUTTI_TEST(TaskGroupStart, CancelledInTheTickOfTheStartCancelsTheTask) {
  bool cancelled = false;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    std::optional<Task<int>> caller;
    caller = create_task([&]() -> Coro<int> {
      co_return co_await group.start([&](TaskStatus<int>& status) -> Coro<> {
        co_await turn();
        status.started(1);
        caller->cancel();  // its wake-up is on its way
        try {
          co_await forever();
        } catch (const CancelledError&) {
          cancelled = true;
          throw;
        }
      });
    });
    EXPECT_THROW(co_await *caller, CancelledError);
    EXPECT_TRUE(cancelled);
  });
}

TUTTI_TEST(TaskGroupStart, CancelledAfterTheStartLeavesTheTaskAlone) {
  bool ended = false;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    auto caller = create_task([&]() -> Coro<> {
      co_await group.start([&](TaskStatus<>& status) -> Coro<> {
        status.started();
        co_await turns(10);
        ended = true;
      });
      co_await forever();
    });
    co_await turns(6);
    caller.cancel();
    EXPECT_THROW(co_await caller, CancelledError);
  });
  EXPECT_TRUE(ended);
}

TUTTI_TEST(TaskGroupStart, IsRefusedByAGroupThatHasEnded) {
  TaskGroup group;
  group.enter();
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
  EXPECT_THROW(co_await group.start(plain_service), RuntimeError);
}

TUTTI_TEST(TaskGroupStart, MayStartEagerly) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    const auto at_once = [](TaskStatus<int>& status) -> Coro<> {
      status.started(3);
      co_return;
    };
    EXPECT_EQ(co_await group.start(at_once, {.eager_start = true}), 3);
  });
}

// ---- cancel ----

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_stop_children
TUTTI_TEST(TaskGroupCancel, CancelsAllTasksAndEndsWithoutAnError) {
  int cancelled = 0;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      group.create_task([&]() -> Coro<> {
        try {
          co_await forever();
        } catch (const CancelledError&) {
          ++cancelled;
          throw;
        }
      });
    }
    co_await turn();
    group.cancel();
  });
  EXPECT_EQ(cancelled, 3);
  EXPECT_EQ(current_task()->cancelling(), 0U);
  co_await turn();  // nothing is left of it
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_stop_body
TUTTI_TEST(TaskGroupCancel, CutsOffTheBody) {
  int count = 0;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    ++count;
    group.cancel();
    co_await turn();
    ++count;
  });
  EXPECT_EQ(count, 1);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

TUTTI_TEST(TaskGroupCancel, MayComeFromATaskOfTheGroup) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(forever());
    group.create_task([&group]() -> Coro<> {
      co_await turns(2);
      group.cancel();
    });
    co_await forever();
  });
}

TUTTI_TEST(TaskGroupCancel, MayComeWhileTheGroupWaitsForItsTasks) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(forever());
    get_running_loop().call_later(1ms, [&group] { group.cancel(); });
    co_return;
  });
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_stop_idempotent
TUTTI_TEST(TaskGroupCancel, HasNoEffectTheSecondTimeOrAfterTheEnd) {
  TaskGroup group;
  group.enter();
  group.create_task(forever());
  group.cancel();
  group.cancel();
  EXPECT_EQ(current_task()->cancelling(), 1U);
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
  group.cancel();
  EXPECT_EQ(current_task()->cancelling(), 0U);
  co_await turn();
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_stop_before_enter
TUTTI_TEST(TaskGroupCancel, BeforeTheGroupIsEnteredCancelsItThen) {
  TaskGroup group;
  group.cancel();
  group.enter();
  EXPECT_THROW((void)group.create_task(forever()), RuntimeError);
  std::exception_ptr error;
  try {
    co_await turn();
  } catch (...) {
    error = std::current_exception();
  }
  EXPECT_TRUE(is_cancelled(error));
  EXPECT_EQ(co_await group.exit(error), nullptr);
}

// test_taskgroups.BaseTestTaskGroup.test_taskgroup_stop_after_error
TUTTI_TEST(TaskGroupCancel, DoesNotHideErrors) {
  std::exception_ptr errors;
  try {
    co_await task_group([](TaskGroup& group) -> Coro<> {
      group.create_task([]() -> Coro<> {
        try {
          co_await forever();
        } catch (const CancelledError&) {
          throw ValueError("on the way out");
        }
      });
      co_await turn();
      group.cancel();
    });
  } catch (...) {
    errors = std::current_exception();
  }
  CO_ASSERT_TRUE(group_contents(errors));
  EXPECT_TRUE(group_contents(errors)->subgroup<ValueError>());
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

// CPython gh-155433: the request that is left is not the group's.
TUTTI_TEST(TaskGroupCancel, DoesNotSwallowACancellationFromOutside) {
  auto task = create_task(task_group([](TaskGroup& group) -> Coro<> {
    group.create_task([]() -> Coro<> {
      try {
        co_await forever();
      } catch (const CancelledError&) {
      }
      co_await turns(5);
    });
    co_await turn();
    group.cancel();
  }));
  co_await turns(4);  // the group waits for its task
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
}

TUTTI_TEST(TaskGroupCancel, RefusesNewTasks) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    group.cancel();
    EXPECT_THROW((void)group.create_task(noop()), RuntimeError);
    co_return;
  });
}

TUTTI_TEST(TaskGroupCancel, CancelsAnEagerTaskThatCancelsItsGroup) {
  std::optional<Task<>> task;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    task = group.create_task(
        [&group]() -> Coro<> {
          group.cancel();
          co_await forever();
        },
        {.eager_start = true});
    co_return;
  });
  EXPECT_TRUE(task->cancelled());
}

TUTTI_TEST(TaskGroupCancel, CannotGiveTheResultOfABodyThatItCutOff) {
  EXPECT_EQ(co_await message_of<RuntimeError>(task_group([](TaskGroup& group) -> Coro<int> {
              group.cancel();
              co_await turn();
              co_return 1;
            })),
            "task_group: the group was cancelled before its body had a result");
  EXPECT_EQ(co_await task_group([](TaskGroup& group) -> Coro<int> {
              group.create_task(forever());
              group.cancel();
              co_return 1;  // it had one
            }),
            1);
}

TUTTI_TEST(TaskGroupCancel, EndsATaskThatIsBeingStarted) {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    get_running_loop().call_soon([&group] { group.cancel(); });
    co_await group.start([](TaskStatus<>&) -> Coro<> { co_await forever(); });
    ADD_FAILURE() << "it cannot have started";
  });
}

}  // namespace
}  // namespace tutti::tests

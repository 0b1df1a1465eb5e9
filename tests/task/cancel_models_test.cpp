// SPDX-License-Identifier: MIT
// Where level-triggered cancel scopes meet the edge-triggered Task::cancel, timeouts and task groups: the rules of docs/cancellation.md.
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/exception_group.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/staggered.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

using Log = std::vector<std::string>;

// ---- Task::cancel ----

TUTTI_VIRTUAL_TEST(CancelModels, TaskCancelPassesThroughAScope) {
  CancelScope scope;
  auto task = create_task([&]() -> Coro<> { co_await scope.run(forever); });
  co_await turn();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(scope.cancel_called());
}

TUTTI_VIRTUAL_TEST(CancelModels, TaskCancelPassesThroughEachKindOfScope) {
  const TimePoint later = get_running_loop().time() + 1h;
  const std::vector<Task<>> tasks = {create_task([]() -> Coro<> { co_await cancel_scope(forever); }),
                                     create_task([]() -> Coro<> { co_await move_on_after(1h, forever); }),
                                     create_task([later]() -> Coro<> { co_await move_on_at(later, forever); }),
                                     create_task([]() -> Coro<> { co_await fail_after(1h, forever); }),
                                     create_task([later]() -> Coro<> { co_await fail_at(later, forever); })};
  co_await turn();
  for (const auto& task : tasks) task.cancel();
  for (const auto& task : tasks) CO_ASSERT_THROW(co_await task, CancelledError);
}

TUTTI_VIRTUAL_TEST(CancelModels, TaskCancelPassesThroughACancelledScopeToo) {
  for (const bool scope_first : {false, true}) {
    CancelScope scope;
    bool came_out = false;
    auto task = create_task([&]() -> Coro<> {
      co_await scope.run(forever);
      came_out = true;
    });
    co_await turn();
    if (scope_first) scope.cancel();
    task.cancel("edge");
    if (!scope_first) scope.cancel();
    EXPECT_THROW(co_await task, CancelledError);
    EXPECT_FALSE(came_out);
    EXPECT_FALSE(scope.cancelled_caught());
  }
}

TUTTI_VIRTUAL_TEST(CancelModels, TaskCancelGoesThroughAShield) {
  auto task = create_task([]() -> Coro<> { co_await cancel_scope(forever, {.shield = true}); });
  co_await turn();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
}

TUTTI_VIRTUAL_TEST(CancelModels, AScopeDoesNotCountAsARequest) {
  co_await cancel_scope([](CancelScope& scope) -> Coro<> {
    scope.cancel();
    EXPECT_THROW(co_await turn(), CancelledError);
    EXPECT_EQ(current_task()->cancelling(), 0U);
    EXPECT_EQ(current_task()->uncancel(), 0U);  // takes nothing back
    EXPECT_THROW(co_await turn(), CancelledError);
  });
}

TUTTI_VIRTUAL_TEST(CancelModels, ARequestThatWasSwallowedBeforeDoesNotHinderAScope) {
  auto task = create_task([]() -> Coro<bool> {
    try {
      co_await forever();
    } catch (const CancelledError&) {  // and no uncancel()
    }
    co_return co_await move_on_after(1s, forever);
  });
  co_await turn();
  task.cancel();
  EXPECT_FALSE(co_await task);
  EXPECT_EQ(task.cancelling(), 1U);
}

TUTTI_VIRTUAL_TEST(CancelModels, ARequestThatWasSwallowedInsideMakesTheScopePassItOn) {
  auto task = create_task([]() -> Coro<> {
    co_await move_on_after(1s, []() -> Coro<> {
      try {
        co_await forever();
      } catch (const CancelledError&) {  // and no uncancel()
      }
      co_await forever();
    });
  });
  co_await turn();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
}

TUTTI_VIRTUAL_TEST(CancelModels, ATaskThatIsAwaitedIsAskedOnceForEachAwait) {
  auto slow_to_end = create_task([]() -> Coro<int> {
    try {
      co_await forever();
    } catch (const CancelledError&) {
    }
    co_await sleep(1h);
    co_return 5;
  });
  CancelScope scope;
  get_running_loop().call_later(1s, [&] { scope.cancel(); });
  EXPECT_EQ(co_await scope.run([&]() -> Coro<int> { co_return co_await slow_to_end; }), 5);  // its answer counts
  EXPECT_EQ(slow_to_end.cancelling(), 1U);
}

TUTTI_VIRTUAL_TEST(CancelModels, ATaskMadeInsideOfAScopeIsNotInIt) {
  std::optional<Task<int>> task;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    task = create_task([]() -> Coro<int> {
      co_await sleep(10s);
      co_return 1;
    });
    co_await forever();
  }));
  EXPECT_EQ(co_await *task, 1);
}

TUTTI_VIRTUAL_TEST(CancelModels, GatherAndShieldDoAsForTaskCancel) {
  auto inner = create_task([]() -> Coro<int> {
    co_await sleep(10s);
    co_return 1;
  });
  int ended = 0;
  const auto child = [&]() -> Coro<> {
    try {
      co_await forever();
    } catch (const CancelledError&) {
      ++ended;
      throw;
    }
  };
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    try {
      co_await gather(child, child);
    } catch (const CancelledError&) {
      EXPECT_EQ(ended, 2);
    }
    co_await shield(inner);
  }));
  EXPECT_EQ(co_await inner, 1);
}

// ---- timeout, wait_for ----

TUTTI_VIRTUAL_TEST(CancelModels, ATimeoutInsideOfAScopeThrowsThroughIt) {
  CancelScope scope;
  EXPECT_THROW((void)co_await scope.run([]() -> Coro<> { co_await timeout(1s, forever); }), TimeoutError);
  EXPECT_FALSE(scope.cancel_called());
}

TUTTI_VIRTUAL_TEST(CancelModels, AScopeInsideOfATimeoutLetsItsCancellationPass) {
  bool came_out = false;
  EXPECT_THROW(co_await timeout(1s,
                                [&]() -> Coro<> {
                                  co_await move_on_after(5s, forever);
                                  came_out = true;
                                }),
               TimeoutError);
  EXPECT_FALSE(came_out);
  EXPECT_EQ(current_task()->cancelling(), 0U);
  EXPECT_THROW(co_await wait_for(move_on_after(5s, forever), 1s), TimeoutError);
}

TUTTI_VIRTUAL_TEST(CancelModels, OfAScopeAndATimeoutInsideThatExpireTogetherTheScopeWins) {
  bool timed_out = false;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    try {
      co_await timeout(1s, forever);
    } catch (const TimeoutError&) {
      timed_out = true;
    }
  }));
  EXPECT_FALSE(timed_out);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

TUTTI_VIRTUAL_TEST(CancelModels, OfATimeoutAndAScopeInsideThatExpireTogetherTheTimeoutWins) {
  bool moved_on = false;
  EXPECT_THROW(co_await timeout(1s,
                                [&]() -> Coro<> {
                                  co_await move_on_after(1s, forever);
                                  moved_on = true;
                                }),
               TimeoutError);
  EXPECT_FALSE(moved_on);
}

// ---- task groups ----

TUTTI_VIRTUAL_TEST(CancelModels, TheTasksOfAGroupAreInTheScopeAroundIt) {
  int waits = 0;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task([&]() -> Coro<> {
        for (int i = 0; i < 3; ++i) {
          try {
            co_await forever();
          } catch (const CancelledError&) {
            ++waits;  // each one throws
          }
        }
      });
      EXPECT_EQ(current_effective_deadline(), co_await group.create_task([]() -> Coro<std::optional<TimePoint>> {
        co_return current_effective_deadline();
      }));
    });
  }));
  EXPECT_EQ(waits, 3);
}

TUTTI_VIRTUAL_TEST(CancelModels, ATaskOfAGroupAlwaysGetsToItsFirstWait) {
  bool begun = false;
  co_await cancel_scope([&](CancelScope& scope) -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task([&]() -> Coro<> {
        begun = true;
        co_await turn();
        ADD_FAILURE() << "it must not come here";
      });
      scope.cancel();  // Task::cancel would keep it from beginning
      co_return;
    });
  });
  EXPECT_TRUE(begun);
}

TUTTI_VIRTUAL_TEST(CancelModels, AGroupWaitsForWhatItsTasksShieldWithoutTurningRound) {
  const TimePoint begin = get_running_loop().time();
  const std::uint64_t iterations = get_running_loop().iterations();
  Log log;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task([&]() -> Coro<> {
        std::exception_ptr error;
        try {
          co_await forever();
        } catch (...) {
          error = std::current_exception();
        }
        co_await cancel_scope([]() -> Coro<> { co_await sleep(1h); }, {.shield = true});
        log.emplace_back("cleaned up");
        std::rethrow_exception(error);
      });
      co_return;
    });
  }));
  EXPECT_EQ(log, Log{"cleaned up"});
  EXPECT_EQ(get_running_loop().time(), begin + 1s + 1h);
  EXPECT_LT(get_running_loop().iterations() - iterations, 30U);
}

TUTTI_VIRTUAL_TEST(CancelModels, AScopeInsideOfATaskOfTheGroupConcernsThatTaskOnly) {
  Log log;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      co_await move_on_after(1s, forever);
      log.emplace_back("moved on");
    });
    group.create_task([&]() -> Coro<> {
      co_await sleep(2s);
      log.emplace_back("slept");
    });
    co_return;
  });
  EXPECT_EQ(log, (Log{"moved on", "slept"}));
}

TUTTI_VIRTUAL_TEST(CancelModels, ErrorsOfAGroupPassThroughACancelledScope) {
  CancelScope scope;
  EXPECT_THROW((void)co_await scope.run([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task([]() -> Coro<> {
        try {
          co_await forever();
        } catch (const CancelledError&) {
          throw ValueError("on the way out");
        }
      });
      co_await turn();
      scope.cancel();
    });
  }),
               ExceptionGroup);
  EXPECT_EQ(current_task()->cancelling(), 0U);
  co_await turn();
}

TUTTI_VIRTUAL_TEST(CancelModels, AFailureInAGroupDoesNotDisturbTheScopesAround) {
  EXPECT_TRUE(co_await move_on_after(1h, []() -> Coro<> {
    EXPECT_THROW(co_await task_group([](TaskGroup& group) -> Coro<> {
                   group.create_task(raise_later());
                   group.create_task([]() -> Coro<> { co_await move_on_after(1h, forever); });
                   co_await move_on_after(1h, forever);
                 }),
                 ExceptionGroup);
    co_await turn();
  }));
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

TUTTI_VIRTUAL_TEST(CancelModels, TaskGroupCancelIsEdgeTriggeredAndGoesThroughScopes) {
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    group.create_task([]() -> Coro<> {
      co_await cancel_scope(forever, {.shield = true});
      ADD_FAILURE() << "it must not come here";
    });
    co_await turn();
    group.cancel();
  });
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

TUTTI_VIRTUAL_TEST(CancelModels, TaskGroupCancelInACancelledScopeLeavesTheScopeToo) {
  EXPECT_FALSE(co_await cancel_scope([&](CancelScope& scope) -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task(forever());
      co_await turn();
      scope.cancel();
      group.cancel();
      co_await turn();
    });
    ADD_FAILURE() << "it must not come here";
  }));
  EXPECT_EQ(current_task()->cancelling(), 0U);
  co_await turn();
}

TUTTI_VIRTUAL_TEST(CancelModels, AStartInACancelledScopeWaitsForItsTask) {
  Log log;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      try {
        co_await group.start([&](TaskStatus<>&) -> Coro<> {
          try {
            co_await forever();
          } catch (const CancelledError&) {
            log.emplace_back("task");
            throw;
          }
        });
      } catch (const CancelledError&) {
        log.emplace_back("caller");
        throw;
      }
    });
  }));
  EXPECT_EQ(log, (Log{"task", "caller"}));
}

TUTTI_VIRTUAL_TEST(CancelModels, TheTasksOfAGroupOutliveItsScopeInOrderIfThatIsLeftFirst) {
  // Not what anybody should write, but nothing dangles.
  TaskGroup group;
  {
    CancelScope scope;
    scope.enter();
    group.enter();
    group.create_task([]() -> Coro<> { co_await sleep(1s); });
    co_await turn();
    EXPECT_EQ(scope.exit(nullptr), nullptr);
  }
  EXPECT_EQ(co_await group.exit(nullptr), nullptr);
}

TUTTI_VIRTUAL_TEST(CancelModels, ARaceInACancelledScopeWaitsForItsContendersWithoutTurningRound) {
  const std::uint64_t iterations = get_running_loop().iterations();
  bool cleaned_up = false;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    const auto contender = [&]() -> Coro<int> {
      try {
        co_await forever();
      } catch (const CancelledError&) {
      }
      co_await sleep(1h);
      cleaned_up = true;
      co_return 0;
    };
    (void)co_await staggered_race(std::vector{contender}, 1s);
  }));
  EXPECT_TRUE(cleaned_up);
  EXPECT_LT(get_running_loop().iterations() - iterations, 30U);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Cancel scopes by themselves: what Trio's test_run and anyio's test_taskgroups ask of them.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/task/async_generator.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task_group.hpp>

#include "task/helpers.hpp"
#include "task/scope_support.hpp"

namespace tutti::tests {
namespace {

// ---- level-triggered ----

TUTTI_VIRTUAL_TEST(CancelScope, ThrowsAtEachWaitUntilItIsLeft) {
  EXPECT_EQ(co_await cancel_scope([](CancelScope& scope) -> Coro<int> {
              EXPECT_EQ(co_await count_cancelled(4), 0);
              scope.cancel();
              EXPECT_EQ(co_await count_cancelled(5), 5);
              co_return 7;
            }),
            7);
  EXPECT_EQ(co_await count_cancelled(4), 0);
}

TUTTI_VIRTUAL_TEST(CancelScope, EndsTasksThatAwaitEachOther) {
  std::optional<Task<>> first;
  std::optional<Task<>> second;
  std::optional<Task<>> bystander;
  EXPECT_FALSE(co_await cancel_scope([&](CancelScope& scope) -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      first = group.create_task([&]() -> Coro<> { co_await *second; }, {.name = "first"});
      second = group.create_task([&]() -> Coro<> { co_await *first; }, {.name = "second"});
      bystander = group.create_task(sleep(1h));
      co_await turns(3);
      scope.cancel();
    });
  }));
  EXPECT_TRUE(first->cancelled());
  EXPECT_TRUE(second->cancelled());
  EXPECT_TRUE(bystander->cancelled());
}

TUTTI_VIRTUAL_TEST(CancelScope, RefusesAnAwaitThatClosesACircle) {
  std::optional<Task<>> second;
  std::string message;
  const Task<> first = create_task(
      [&]() -> Coro<> {
        co_await turns(2);
        CancelScope scope;
        co_await scope.run([&]() -> Coro<> {
          scope.cancel();
          message = co_await message_of<RuntimeError>(*second);
        });
      },
      {.name = "first"});
  second = create_task([&]() -> Coro<> { co_await first; });
  co_await *second;
  EXPECT_EQ(message, "cancel: task 'first' waits for itself");
}

TUTTI_VIRTUAL_TEST(CancelScope, EndsItsOwnCancelledError) {
  CancelScope scope;
  EXPECT_FALSE(co_await scope.run([&]() -> Coro<> {
    scope.cancel();
    co_await sleep(1h);
    ADD_FAILURE() << "it must not come here";
  }));
  EXPECT_TRUE(scope.cancel_called());
  EXPECT_TRUE(scope.cancelled_caught());
  EXPECT_EQ(current_task()->cancelling(), 0U);
  co_await turn();
}

TUTTI_VIRTUAL_TEST(CancelScope, CatchesNothingIfItsBodyEndsByItself) {
  CancelScope scope;
  EXPECT_TRUE(co_await scope.run([&]() -> Coro<> {
    scope.cancel();
    co_return;
  }));
  EXPECT_TRUE(scope.cancel_called());
  EXPECT_FALSE(scope.cancelled_caught());
  EXPECT_EQ(co_await cancel_scope([]() -> Coro<std::string> { co_return "result"; }), "result");
}

TUTTI_VIRTUAL_TEST(CancelScope, LetsOtherExceptionsPass) {
  CancelScope scope;
  EXPECT_EQ(co_await message_of<ValueError>(scope.run([&]() -> Coro<> {
              scope.cancel();
              try {
                co_await sleep(1h);
              } catch (const CancelledError&) {
                throw ValueError("while it was cancelled");
              }
            })),
            "while it was cancelled");
  EXPECT_FALSE(scope.cancelled_caught());
  co_await turn();
}

TUTTI_VIRTUAL_TEST(CancelScope, CancelsAWaitFromAnotherTaskOrACallback) {
  CancelScope scope;
  get_running_loop().call_later(1s, [&] { scope.cancel("by a callback"); });
  std::string message;
  EXPECT_FALSE(co_await scope.run([&]() -> Coro<> {
    try {
      co_await forever();
    } catch (const CancelledError& error) {
      message = error.message();
      throw;
    }
  }));
  EXPECT_EQ(message, "by a callback");
}

TUTTI_VIRTUAL_TEST(CancelScope, GivesItsReasonAtEachWait) {
  co_await cancel_scope([](CancelScope& scope) -> Coro<> {
    scope.cancel("enough");
    scope.cancel("too late");  // only the first one counts
    EXPECT_EQ(co_await message_of<CancelledError>(sleep(1h)), "enough");
    EXPECT_EQ(co_await message_of<CancelledError>(turn()), "enough");
    EXPECT_EQ(co_await message_of<CancelledError>(Future<>()), "enough");
  });
}

TUTTI_VIRTUAL_TEST(CancelScope, LetsAnAwaitPassThatNeedNotWait) {
  co_await cancel_scope([](CancelScope& scope) -> Coro<> {
    scope.cancel();
    Future<int> done;
    done.set_result(5);
    EXPECT_EQ(co_await done, 5);
    EXPECT_EQ(co_await noop(6), 6);
  });
}

// Trio: a task that was resumed with a value is never cancelled.
TUTTI_VIRTUAL_TEST(CancelScope, LosesNoResultThatWasThereAlready) {
  Future<int> future;
  CancelScope scope;
  get_running_loop().call_soon([&] {
    future.set_result(5);
    scope.cancel();  // in the same tick; Task::cancel would lose the result
  });
  int got = 0;
  EXPECT_FALSE(co_await scope.run([&]() -> Coro<> {
    got = co_await future;
    co_await turn();
  }));
  EXPECT_EQ(got, 5);
}

TUTTI_VIRTUAL_TEST(CancelScope, CancelledBeforeItIsEnteredIsSoFromTheBeginning) {
  CancelScope scope;
  scope.cancel("before");
  bool begun = false;
  EXPECT_FALSE(co_await scope.run([&]() -> Coro<> {
    begun = true;
    EXPECT_EQ(co_await message_of<CancelledError>(turn()), "before");
    co_await turn();
  }));
  EXPECT_TRUE(begun);
}

TUTTI_VIRTUAL_TEST(CancelScope, CancelledAfterItWasLeftDoesNothing) {
  CancelScope scope;
  EXPECT_TRUE(co_await scope.run([]() -> Coro<> { co_await turn(); }));
  scope.cancel();
  EXPECT_FALSE(scope.cancel_called());
  co_await turn();
}

TUTTI_TEST(CancelScope, WorksOnEachBackEndsOperations) {
  CancelScope scope;
  get_running_loop().call_later(1ms, [&] { scope.cancel(); });
  EXPECT_FALSE(co_await scope.run([]() -> Coro<> { co_await sleep(1h); }));
}

// ---- deadlines ----

TUTTI_VIRTUAL_TEST(CancelScope, IsCancelledWhenItsDeadlinePasses) {
  const TimePoint begin = get_running_loop().time();
  CancelScope scope({.deadline = begin + 5s});
  EXPECT_EQ(scope.deadline(), begin + 5s);
  EXPECT_FALSE(co_await scope.run([]() -> Coro<> { co_await sleep(1h); }));
  EXPECT_EQ(get_running_loop().time(), begin + 5s);
  EXPECT_TRUE(scope.cancelled_caught());
}

TUTTI_VIRTUAL_TEST(CancelScope, WithAPastDeadlineIsCancelledFromTheBeginning) {
  EXPECT_FALSE(co_await move_on_after(0s, []() -> Coro<> { co_await turn(); }));
  EXPECT_FALSE(co_await move_on_at(get_running_loop().time() - 1s, []() -> Coro<> { co_await turn(); }));
  EXPECT_TRUE(co_await move_on_after(0s, []() -> Coro<> { co_return; }));
}

TUTTI_VIRTUAL_TEST(CancelScope, TakesAnotherDeadlineAtAnyTime) {
  const TimePoint begin = get_running_loop().time();
  EXPECT_TRUE(co_await move_on_after(1s, [&](CancelScope& scope) -> Coro<> {
    scope.set_deadline(begin + 10s);
    co_await sleep(5s);
    scope.set_deadline(std::nullopt);
    co_await sleep(1h);
    scope.set_deadline(get_running_loop().time() + 1s);
    EXPECT_EQ(co_await count_cancelled(2), 0);
    EXPECT_THROW(co_await sleep(1h), CancelledError);
    scope.set_deadline(std::nullopt);  // too late
    EXPECT_THROW(co_await turn(), CancelledError);
  }));
  EXPECT_FALSE(co_await cancel_scope([&](CancelScope& scope) -> Coro<> {
    scope.set_deadline(begin);  // it has passed
    EXPECT_TRUE(scope.cancel_called());
    co_await turn();
  }));
}

TUTTI_VIRTUAL_TEST(CancelScope, WhoseDeadlineIsDueWhenItIsLeftForgetsIt) {
  // The timer and the task are due at the same time, the task's first.
  CancelScope scope;
  co_await sleep(1s);
  const TimePoint when = get_running_loop().time() + 1s;
  EXPECT_TRUE(co_await scope.run([&]() -> Coro<> {
    Future<> due;
    get_running_loop().call_at(when, [&] { due.set_result(); });
    scope.set_deadline(when + 1ns);
    co_await due;
  }));
  co_await sleep(10s);
  EXPECT_FALSE(scope.cancel_called());
}

TUTTI_VIRTUAL_TEST(CurrentEffectiveDeadline, IsTheEarliestUpToTheFirstShield) {
  const TimePoint now = get_running_loop().time();
  EXPECT_EQ(current_effective_deadline(), std::nullopt);
  co_await move_on_after(10s, [&]() -> Coro<> {
    EXPECT_EQ(current_effective_deadline(), now + 10s);
    co_await move_on_after(20s, [&]() -> Coro<> {
      EXPECT_EQ(current_effective_deadline(), now + 10s);
      co_return;
    });
    co_await move_on_after(30s,
                           [&](CancelScope& scope) -> Coro<> {
                             EXPECT_EQ(current_effective_deadline(), now + 30s);
                             scope.set_shield(false);
                             EXPECT_EQ(current_effective_deadline(), now + 10s);
                             scope.cancel();
                             EXPECT_EQ(current_effective_deadline(), TimePoint::min());
                             co_return;
                           },
                           {.shield = true});
    co_await cancel_scope([&]() -> Coro<> {
      EXPECT_EQ(current_effective_deadline(), now + 10s);
      co_return;
    });
  });
  EXPECT_EQ(current_effective_deadline(), std::nullopt);
}

// ---- the four functions ----

TUTTI_VIRTUAL_TEST(MoveOnAfter, GivesTheResultOrNothing) {
  const auto in_time = []() -> Coro<std::unique_ptr<int>> {
    co_await sleep(1s);
    co_return std::make_unique<int>(3);
  };
  EXPECT_EQ(**co_await move_on_after(2s, in_time), 3);
  EXPECT_FALSE(co_await move_on_after(500ms, in_time));
  EXPECT_EQ(**co_await move_on_after(std::nullopt, in_time), 3);
  int number = 4;
  const auto same = co_await move_on_after(1s, [&]() -> Coro<int&> { co_return number; });
  EXPECT_EQ(&*same, &number);
}

TUTTI_VIRTUAL_TEST(MoveOnAfter, CountsFromTheBeginningOfItsBody) {
  auto later = move_on_after(1s, []() -> Coro<> { co_await sleep(500ms); });
  co_await sleep(10s);
  EXPECT_TRUE(co_await later);
}

TUTTI_VIRTUAL_TEST(FailAfter, GivesTheResultOrThrowsTimeoutError) {
  const auto in_time = []() -> Coro<std::string> {
    co_await sleep(1s);
    co_return "in time";
  };
  EXPECT_EQ(co_await fail_after(2s, in_time), "in time");
  EXPECT_THROW((void)co_await fail_after(500ms, in_time), TimeoutError);
  EXPECT_THROW(co_await fail_at(get_running_loop().time(), []() -> Coro<> { co_await turn(); }), TimeoutError);
  EXPECT_EQ(co_await message_of<TimeoutError>(fail_after(500ms, in_time)), "fail_after: timed out after 0.5 s");
  EXPECT_EQ(co_await message_of<TimeoutError>(fail_at(get_running_loop().time(), in_time)), "fail_at: timed out");
  EXPECT_EQ(co_await message_of<TimeoutError>(fail_after(1h,
                                                         [](CancelScope& scope) -> Coro<> {
                                                           scope.cancel();
                                                           co_await turn();
                                                         })),
            "fail_after: timed out")
      << "the hour is not over";
  co_await fail_after(std::nullopt, []() -> Coro<> { co_await sleep(1h); });
  int number = 4;
  EXPECT_EQ(&co_await fail_after(1s, [&]() -> Coro<int&> { co_return number; }), &number);
}

// ---- misuse ----

TUTTI_VIRTUAL_TEST(CancelScope, IsEnteredOnceAndLeftInOrderByItsTask) {
  CancelScope scope;
  EXPECT_THROW((void)scope.exit(nullptr), RuntimeError);
  scope.enter();
  EXPECT_THROW(scope.enter(), RuntimeError);
  CancelScope inner;
  inner.enter();
  EXPECT_THROW((void)scope.exit(nullptr), RuntimeError);
  co_await create_task([&]() -> Coro<> {
    EXPECT_THROW((void)inner.exit(nullptr), RuntimeError);
    co_return;
  });
  EXPECT_EQ(inner.exit(nullptr), nullptr);
  EXPECT_EQ(scope.exit(nullptr), nullptr);
  EXPECT_THROW((void)scope.exit(nullptr), RuntimeError);
  EXPECT_THROW((void)co_await scope.run([]() -> Coro<> { co_return; }), RuntimeError);
}

TEST(CancelScope, NeedsATask) {
  CancelScope scope;
  EXPECT_THROW(scope.enter(), RuntimeError);
  EXPECT_THROW((void)current_effective_deadline(), RuntimeError);
}

TUTTI_VIRTUAL_TEST(CancelScope, ThatIsDestroyedBeforeOneInsideOfItLeavesThatInOrder) {
  CancelScope inner;
  co_await cancel_scope([&](CancelScope& around) -> Coro<> {
    {
      CancelScope scope;
      scope.enter();
      inner.enter();
    }
    EXPECT_EQ(co_await count_cancelled(2), 0);
    around.cancel();
    EXPECT_EQ(co_await count_cancelled(2), 2);
    EXPECT_EQ(inner.exit(nullptr), nullptr);
  });
}

TEST(CancelScope, IsTakenDownWithALoopThatIsClosedOverIt) {
  const auto loop = new_event_loop();
  loop->set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  CancelScope* scope = nullptr;
  loop->create_task([&]() -> Coro<> {
    co_await move_on_after(1h, [&](CancelScope& present) -> Coro<> {
      scope = &present;
      co_await forever();
    });
  });
  loop->run_until_complete([]() -> Coro<> { co_await turn(); });
  EXPECT_NE(scope, nullptr);
  loop->close();
}

TEST(CancelScope, MayOutliveItsLoop) {
  CancelScope scope({.deadline = TimePoint::max()});
  {
    const auto loop = new_event_loop();
    loop->set_exception_handler([](EventLoop&, const ExceptionContext&) {});
    loop->create_task([&]() -> Coro<> { (void)co_await scope.run(forever); });
    loop->run_until_complete([]() -> Coro<> { co_await turn(); });
    loop->close();
  }
  scope.cancel();
  EXPECT_TRUE(scope.cancel_called());
  EXPECT_FALSE(scope.cancelled_caught());
}

TUTTI_VIRTUAL_TEST(CancelScope, MayOutliveATaskThatDidNotLeaveIt) {
  CancelScope scope({.deadline = get_running_loop().time() + 1s});
  co_await create_task([&]() -> Coro<> {
    scope.enter();
    co_return;
  });
  EXPECT_EQ(co_await create_task([]() -> Coro<int> { co_return co_await count_cancelled(2); }), 0);
  co_await sleep(10s);
  EXPECT_TRUE(scope.cancel_called());
}

TUTTI_VIRTUAL_TEST(CancelScope, ReachesIntoAnAsyncGenerator) {
  const auto numbers = []() -> AsyncGenerator<int> {
    for (int i = 0;; ++i) {
      co_await sleep(1s);
      co_yield i;
    }
  };
  auto generator = numbers();
  int last = -1;
  EXPECT_FALSE(co_await move_on_after(3500ms, [&]() -> Coro<> {
    while (auto item = co_await generator.next()) last = *item;
  }));
  EXPECT_EQ(last, 2);
  EXPECT_TRUE(generator.ended());
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Coroutines and tasks: how they start, what they give, what they refuse.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tutti/task/run.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// ---- coroutines ----

TUTTI_TEST(Coro, RunsOnlyWhenItIsAwaited) {
  bool ran = false;
  const auto body = [&]() -> Coro<> {
    ran = true;
    co_return;
  };
  auto coro = body();
  co_await turn();
  EXPECT_FALSE(ran);
  co_await std::move(coro);
  EXPECT_TRUE(ran);
}

Coro<int&> reference_to(int& target) { co_return target; }
Coro<std::unique_ptr<int>> owner_of(int value) { co_return std::make_unique<int>(value); }

TUTTI_TEST(Coro, GivesValuesReferencesAndWhatOnlyMoves) {
  EXPECT_EQ(co_await noop(5), 5);
  int target = 0;
  (co_await reference_to(target)) = 7;
  EXPECT_EQ(target, 7);
  EXPECT_EQ(*co_await owner_of(9), 9);
}

TUTTI_TEST(Coro, PassesExceptionsThroughEachAwait) {
  const auto middle = []() -> Coro<int> {
    co_await raise("deep down");
    co_return 1;
  };
  const auto outer = [&]() -> Coro<int> { co_return co_await middle() + 1; };
  EXPECT_EQ(co_await message_of<ValueError>(outer()), "deep down");
}

// test_coroutines: "cannot reuse already awaited coroutine"
TUTTI_TEST(Coro, IsAwaitedOnce) {
  auto coro = noop();
  co_await coro;
  EXPECT_EQ(co_await message_of<RuntimeError>(std::move(coro)), "cannot reuse an already awaited coroutine");
}

// CPython warns "coroutine ... was never awaited"
TUTTI_TEST(Coro, ThatIsNeverAwaitedIsReportedWithItsPlace) {
  const auto body = []() -> Coro<> { co_return; };
  const auto line = std::source_location::current().line() - 1;
  {
    [[maybe_unused]] const auto unused = body();
  }
  const auto reports = testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].message, "coroutine was never awaited");
  EXPECT_NE(std::string(reports[0].location.file_name()).find("task_test.cpp"), std::string::npos);
  EXPECT_EQ(reports[0].location.line(), line);
}

TUTTI_TEST(Coro, MayBeClosedInsteadWithoutAReport) {
  auto witness = std::make_shared<int>(0);
  const auto body = [](std::shared_ptr<int>) -> Coro<> { co_return; };
  auto coro = body(witness);
  EXPECT_EQ(witness.use_count(), 2);
  coro.close();
  EXPECT_EQ(witness.use_count(), 1);
  co_return;
}

TUTTI_TEST(Coro, AwaitsAMillionChildrenWithoutAStackOverflow) {
  long sum = 0;
  get_running_loop().slow_callback_duration = 1h;
  for (int i = 0; i < 1'000'000; ++i) sum += co_await noop(1);
  EXPECT_EQ(sum, 1'000'000);
}

Coro<long> depth(int left) {
  if (left == 0) co_return 0;
  co_return 1 + co_await depth(left - 1);
}

TUTTI_TEST(Coro, AwaitsAHundredThousandLevelsDeep) { EXPECT_EQ(co_await depth(100'000), 100'000); }

Coro<> throw_from(int left) {
  if (left == 0) throw ValueError("bottom");
  co_await throw_from(left - 1);
}

TUTTI_TEST(Coro, ThrowsThroughAThousandLevels) {
  EXPECT_EQ(co_await message_of<ValueError>(throw_from(1000)), "bottom");
}

// ---- tasks ----

// test_tasks::BaseTaskTests.test_task_basics
TUTTI_TEST(Task, RunsACoroutineByItself) {
  const auto inner1 = []() -> Coro<int> { co_return 42; };
  const auto inner2 = []() -> Coro<int> { co_return 1000; };
  const auto outer = [=]() -> Coro<int> {
    const int a = co_await inner1();
    const int b = co_await inner2();
    co_return a + b;
  };
  EXPECT_EQ(co_await create_task(outer), 1042);
}

TUTTI_TEST(Task, StartsInTheNextIteration) {
  bool ran = false;
  auto task = create_task([&]() -> Coro<> {
    ran = true;
    co_return;
  });
  EXPECT_FALSE(ran);
  co_await turn();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(task.done());
  co_await task;
}

TUTTI_TEST(Task, RunsOnWithoutAHandle) {
  bool ran = false;
  {
    (void)create_task([&]() -> Coro<> {
      co_await turns(3);
      ran = true;
    });
  }
  co_await turns(6);
  EXPECT_TRUE(ran);
}

TUTTI_TEST(Task, KeepsTheLambdaAliveThatMakesItsCoroutine) {
  auto witness = std::make_shared<int>(3);
  auto task = create_task([witness]() -> Coro<int> {
    co_await turn();
    co_return *witness;
  });
  std::weak_ptr<int> seen = witness;
  witness.reset();
  EXPECT_EQ(co_await task, 3);
  EXPECT_TRUE(seen.expired());
}

TUTTI_TEST(Task, GivesReferencesAndWhatOnlyMoves) {
  int target = 0;
  auto reference = create_task(reference_to(target));
  (co_await reference) = 3;
  EXPECT_EQ(target, 3);
  auto owner = create_task(owner_of(4));
  EXPECT_EQ(*co_await owner, 4);
}

TUTTI_TEST(Task, ThrowsTheSameExceptionAtEachAwait) {
  auto task = create_task(raise("x"));
  std::vector<const void*> seen;
  for (int i = 0; i < 2; ++i) {
    try {
      co_await task;
    } catch (const ValueError& error) {
      seen.push_back(&error);
    }
  }
  CO_ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], seen[1]);
}

// test_tasks::BaseTaskTests.test_bare_create_named_task
TUTTI_TEST(Task, HasAName) {
  auto task = create_task(noop(), {.name = "No name"});
  EXPECT_EQ(task.get_name(), "No name");
  task.set_name("yes");
  EXPECT_EQ(task.get_name(), "yes");
  co_await task;
}

// test_tasks::BaseTaskTests.test_task_repr_autogenerated
TUTTI_TEST(Task, HasANumberIfItHasNoName) {
  auto one = create_task(noop());
  auto two = create_task(noop());
  EXPECT_EQ(one.get_name().substr(0, 5), "Task-");
  const auto number = [](const Task<int>& task) { return std::stoul(task.get_name().substr(5)); };
  EXPECT_EQ(number(one) + 1, number(two));
  co_await one;
  co_await two;
}

// test_tasks::BaseTaskTests.test_get_coro
TUTTI_TEST(Task, HasACoroutineUntilItIsDone) {
  auto task = create_task(noop());
  EXPECT_NE(task.get_coro(), 0U);
  co_await task;
  EXPECT_EQ(task.get_coro(), 0U);
}

TUTTI_TEST(Task, HasALoop) {
  auto task = create_task(noop());
  EXPECT_EQ(&task.get_loop(), &get_running_loop());
  co_await task;
}

// test_base_events::BaseEventLoopTests.test_create_task
TUTTI_TEST(Task, IsMadeByItsLoopToo) {
  auto task = get_running_loop().create_task(noop(3), {.name = "by the loop"});
  EXPECT_EQ(task.get_name(), "by the loop");
  EXPECT_EQ(co_await task, 3);
}

// test_tasks::BaseTaskTests.test_task_awaits_on_itself
TUTTI_TEST(Task, DoesNotAwaitItself) {
  std::optional<Task<>> task;
  task = create_task([&]() -> Coro<> { co_await *task; }, {.name = "narcissus"});
  EXPECT_EQ(co_await message_of<RuntimeError>(*task), "task 'narcissus' awaits itself");
}

// test_tasks::BaseTaskTests.test_other_loop_future
TUTTI_TEST(Task, DoesNotAwaitAFutureOfAnotherLoop) {
  EventLoop other;
  const Future<> foreign(other);
  auto task = create_task([&]() -> Coro<> { co_await foreign; });
  EXPECT_THROW(co_await task, RuntimeError);
}

TEST(Task, NeedsARunningLoop) {
  testing::ReportCollector reports;
  EXPECT_THROW((void)create_task(noop()), RuntimeError);
  EXPECT_THROW((void)all_tasks(), RuntimeError);
  EXPECT_TRUE(reports.take().empty());  // the coroutine is closed, not forgotten
}

// ---- current_task and all_tasks ----

// test_tasks::BaseTaskTests.test_current_task; BaseCurrentLoopTests.test_current_task_no_running_loop
TUTTI_TEST(CurrentTask, IsTheOneThatRuns) {
  std::optional<AnyTask> inside;
  auto task = create_task([&]() -> Coro<> {
    inside = current_task();
    co_return;
  });
  co_await task;
  EXPECT_TRUE(inside == AnyTask(task));
  EXPECT_FALSE(current_task() == inside);
}

// test_tasks::BaseTaskTests.test_current_task_with_interleaving_tasks
TUTTI_TEST(CurrentTask, FollowsTasksThatTakeTurns) {
  const auto body = []() -> Coro<bool> {
    const auto before = current_task();
    co_await turns(3);
    co_return before == current_task();
  };
  auto one = create_task(body), two = create_task(body);
  EXPECT_TRUE(co_await one);
  EXPECT_TRUE(co_await two);
}

TUTTI_TEST(CurrentTask, IsNobodyInACallback) {
  std::optional<bool> some;
  get_running_loop().call_soon([&] { some = current_task().has_value(); });
  co_await turn();
  EXPECT_EQ(some, false);
}

TEST(CurrentTask, NeedsARunningLoop) { EXPECT_THROW((void)current_task(), RuntimeError); }

// test_tasks::BaseTaskIntrospectionTests
TUTTI_TEST(AllTasks, AreThoseThatAreNotDoneInTheOrderOfTheirCreation) {
  const Future<> gate;
  const auto body = [&]() -> Coro<> { co_await gate; };
  auto one = create_task(body), two = create_task(body);
  auto quick = create_task(noop());
  co_await turn();
  auto all = all_tasks();
  CO_ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[0] == *current_task());
  EXPECT_TRUE(all[1] == AnyTask(one));
  EXPECT_TRUE(all[2] == AnyTask(two));
  EXPECT_EQ(all_tasks(get_running_loop()).size(), 3U);
  gate.set_result();
  co_await one;
  co_await two;
  co_await quick;
  EXPECT_EQ(all_tasks().size(), 1U);
}

// ---- ensure_future ----

// test_tasks::BaseTaskTests.test_ensure_future_coroutine, _future, _task, _awaitable
TUTTI_TEST(EnsureFuture, MakesATaskOfACoroutineAndLeavesFuturesAlone) {
  auto task = ensure_future(noop(1));
  EXPECT_TRUE(ensure_future(task) == task);
  const Future<int> future;
  EXPECT_TRUE(ensure_future(future) == future);
  EXPECT_EQ(co_await ensure_future([] { return noop(2); }), 2);
  co_await ensure_future(sleep(0s));
  EXPECT_EQ(co_await task, 1);
}

// ---- task factories ----

// test_base_events::BaseEventLoopTests.test_set_task_factory, test_create_named_task_with_custom_factory
TUTTI_TEST(TaskFactory, SeesAndChangesTheOptions) {
  auto& loop = get_running_loop();
  EXPECT_FALSE(loop.get_task_factory());
  loop.set_task_factory([](EventLoop&, TaskOptions& options) { options.name += "!"; });
  EXPECT_TRUE(loop.get_task_factory());
  auto task = create_task(noop(), {.name = "name"});
  EXPECT_EQ(task.get_name(), "name!");
  loop.set_task_factory({});
  EXPECT_FALSE(loop.get_task_factory());
  co_await task;
}

// test_base_events::BaseEventLoopTests.test_create_task_error_closes_coro
TUTTI_TEST(TaskFactory, ThatThrowsMakesCreateTaskCloseTheCoroutine) {
  auto witness = std::make_shared<int>(0);
  const auto body = [](std::shared_ptr<int>) -> Coro<> { co_return; };
  get_running_loop().set_task_factory([](EventLoop&, TaskOptions&) { throw ValueError("no more tasks"); });
  EXPECT_THROW((void)create_task(body(witness)), ValueError);
  get_running_loop().set_task_factory({});
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(all_tasks().size(), 1U);
  EXPECT_TRUE(testing::take_reports().empty());
  co_return;
}

// ---- contexts ----

ContextVar<int> variable("variable", 0);

// test_tasks::BaseTaskTests.test_context_1: a task has a copy of the context in which it was made
TUTTI_TEST(TaskContext, IsACopyOfItsCreators) {
  variable.set(1);
  auto task = create_task([]() -> Coro<int> {
    const int before = variable.get();
    co_await turn();
    variable.set(99);
    co_return before;
  });
  variable.set(2);
  EXPECT_EQ(co_await task, 1);
  EXPECT_EQ(variable.get(), 2);
}

// test_tasks::BaseTaskTests.test_context_4, test_context_5
TUTTI_TEST(TaskContext, IsKeptFromOneStepToTheNext) {
  const auto body = [](int own) -> Coro<bool> {
    for (int i = 0; i < 5; ++i) {
      variable.set(own + i);
      co_await turn();
      if (variable.get() != own + i) co_return false;
    }
    co_return true;
  };
  auto one = create_task(body(100)), two = create_task(body(200));
  EXPECT_TRUE(co_await one);
  EXPECT_TRUE(co_await two);
  EXPECT_EQ(variable.get(), 0);
}

// test_tasks::BaseTaskTests.test_context_6; test_base_events create_task(context=)
TUTTI_TEST(TaskContext, MayBeGiven) {
  Context context;
  context.run([] { variable.set(5); });
  auto task = create_task(
      []() -> Coro<int> {
        const int before = variable.get();
        co_await turn();
        variable.set(6);
        co_return before;
      },
      {.context = context});
  EXPECT_EQ(co_await task, 5);
  context.run([] { EXPECT_EQ(variable.get(), 6); });
  EXPECT_EQ(variable.get(), 0);
}

TUTTI_TEST(TaskContext, CanBeAskedFor) {
  auto task = create_task([]() -> Coro<> {
    variable.set(8);
    co_await turn();
  });
  co_await task;
  task.get_context().run([] { EXPECT_EQ(variable.get(), 8); });
}

TUTTI_TEST(TaskContext, IsSharedWithACoroutineThatIsAwaited) {
  const auto child = []() -> Coro<> {
    variable.set(3);
    co_return;
  };
  co_await child();
  EXPECT_EQ(variable.get(), 3);
}

// test_futures2: a done callback runs in the context in which it was added
TUTTI_TEST(TaskContext, OfADoneCallbackIsACopyOfTheOneInWhichItWasAdded) {
  auto task = create_task(turn());
  variable.set(4);
  int seen = -1;
  task.add_done_callback([&] {
    seen = variable.get();
    variable.set(77);
  });
  variable.set(5);
  co_await task;
  co_await turn();
  EXPECT_EQ(seen, 4);
  EXPECT_EQ(variable.get(), 5);
}

TUTTI_TEST(TaskContext, DoesNotLeakIntoCallbacksOfTheLoop) {
  auto task = create_task([]() -> Coro<> {
    variable.set(1);
    co_await turns(2);
  });
  co_await turn();
  int seen = -1;
  get_running_loop().call_soon([&] { seen = variable.get(); });
  co_await task;
  EXPECT_EQ(seen, 0);
}

// ---- KeyboardInterrupt and SystemExit ----

// test_tasks::BaseTaskTests.test_baseexception_during_cancel
TEST(Task, ThatThrowsSystemExitKeepsItAndLetsItOutOfTheLoop) {
  testing::ReportCollector reports;
  EventLoop loop;
  auto task = loop.create_task([]() -> Coro<> {
    try {
      co_await sleep(10h);
    } catch (const CancelledError&) {
    }
    throw SystemExit(2);
  });
  loop.stop();
  loop.run_forever();
  task.cancel();
  EXPECT_FALSE(task.done());
  EXPECT_THROW(loop.run_forever(), SystemExit);
  EXPECT_TRUE(task.done());
  EXPECT_FALSE(task.cancelled());
  EXPECT_TRUE(holds<SystemExit>(task.exception()));
  EXPECT_TRUE(reports.problems().empty());
}

TEST(Task, ThatThrowsKeyboardInterruptLetsItOutOfTheLoop) {
  EventLoop loop;
  auto task = loop.create_task(raise<KeyboardInterrupt>("stop"));
  EXPECT_THROW(loop.run_forever(), KeyboardInterrupt);
  EXPECT_TRUE(holds<KeyboardInterrupt>(task.exception()));
  loop.stop();
  loop.run_forever();
}

// ---- the end of a loop ----

// test_tasks::BaseTaskTests.test_log_destroyed_pending_task
TEST(Task, ThatIsPendingWhenItsLoopIsClosedIsDestroyedAndReported) {
  testing::ReportCollector reports;
  auto witness = std::make_shared<int>(0);
  std::optional<Task<>> task;
  {
    EventLoop loop;
    loop.set_debug(true);
    testing::ReportCollector::watch(loop);
    const auto body = [](std::shared_ptr<int>) -> Coro<> { co_await sleep(10h); };
    task = loop.create_task(body(witness), {.name = "orphan"});
    loop.stop();
    loop.run_forever();
    EXPECT_EQ(witness.use_count(), 2);
  }
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_TRUE(task->done());
  const auto found = reports.take();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].message, "task was destroyed but it is pending");
  EXPECT_EQ(found[0].source, "task 'orphan'");
}

TEST(TaskAtTheEndOfItsLoop, IsDestroyedBeforeTheOneThatMadeIt) {
  testing::ReportCollector collector;
  std::string order;
  struct Note {
    std::string& order;
    const char* name;
    ~Note() { order += name; }
  };
  {
    EventLoop loop;
    testing::ReportCollector::watch(loop);
    (void)loop.create_task([&]() -> Coro<> {
      const Note outer{order, "outer "};
      const auto task = create_task([&]() -> Coro<> {
        const Note inner{order, "inner "};
        co_await forever();
      });
      co_await task;
    });
    loop.run_until_complete(turns(2));
  }
  EXPECT_EQ(order, "inner outer ");
  EXPECT_EQ(collector.take().size(), 2U);
}

TEST(Task, OfEachKindOfWaitSurvivesTheEndOfTheLoop) {
  testing::ReportCollector reports;
  {
    EventLoop loop;
    testing::ReportCollector::watch(loop);
    const Future<> future(loop);
    auto waits_for_future = loop.create_task([=]() -> Coro<> { co_await future; });
    auto waits_for_task = loop.create_task([=]() -> Coro<> { co_await waits_for_future; });
    auto sleeps = loop.create_task(sleep(1h));
    auto ready = loop.create_task(turns(100));
    loop.stop();
    loop.run_forever();
    auto never_started = loop.create_task(noop());
  }
  EXPECT_EQ(reports.take().size(), 5U);
}

TUTTI_TEST(SlowStep, OfATaskIsLoggedWithItsNameAndPlace) {
  auto& loop = get_running_loop();
  const auto line = std::source_location::current().line() + 1;
  auto task = create_task(turn(), {.name = "slow one"});
  loop.slow_callback_duration = 0s;
  co_await turn();
  loop.slow_callback_duration = 1h;
  co_await task;
  std::string found;
  for (const std::string& text : testing::take_log()) {
    if (text.find("executing task 'slow one' took ") != std::string::npos) found = text;
  }
  EXPECT_NE(found.find("task_test.cpp:" + std::to_string(line)), std::string::npos) << found;
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Eager tasks: the first step runs inside create_task.
#include <optional>
#include <string>

#include <tutti/task/gather.hpp>
#include <tutti/task/task_group.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

class EagerTasks : public testing::Fixture {
 protected:
  void SetUp() { get_running_loop().set_task_factory(eager_task_factory); }
};

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_eager_task_factory_set
TUTTI_TEST_F(EagerTasks, AreMadeByAFactory) {
  EXPECT_TRUE(get_running_loop().get_task_factory());
  co_return;
}

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_eager_completion
TUTTI_TEST_F(EagerTasks, AreDoneAtOnceIfTheyDoNotBlock) {
  auto task = create_task(noop(3));
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.result(), 3);
  EXPECT_EQ(co_await task, 3);
}

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_block_after_eager_step
TUTTI_TEST_F(EagerTasks, GoOnInTheLoopWhereTheyBlock) {
  std::string out;
  auto task = create_task([&]() -> Coro<> {
    out += "a";
    co_await turn();
    out += "c";
  });
  out += "b";
  EXPECT_FALSE(task.done());
  co_await task;
  EXPECT_EQ(out, "abc");
}

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_eager_cancellation... cancellation_after_eager_completion
TUTTI_TEST_F(EagerTasks, AreNotCancelledOnceTheyAreDone) {
  auto task = create_task(noop());
  EXPECT_FALSE(task.cancel());
  EXPECT_FALSE(task.cancelled());
  co_await task;
}

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_cancellation_after_eager_step_blocks
TUTTI_TEST_F(EagerTasks, AreCancelledWhereTheyBlock) {
  auto task = create_task(forever());
  EXPECT_FALSE(task.done());
  task.cancel();
  EXPECT_FALSE(task.done());
  EXPECT_THROW(co_await task, CancelledError);
}

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_current_task
TUTTI_TEST_F(EagerTasks, AreTheCurrentTaskInTheirFirstStep) {
  const AnyTask parent = *current_task();
  std::optional<AnyTask> inside;
  auto task = create_task([&]() -> Coro<> {
    inside = current_task();
    co_return;
  });
  EXPECT_TRUE(inside == AnyTask(task));
  EXPECT_TRUE(current_task() == parent);
  co_await task;
}

// test_eager_task_factory::EagerTaskFactoryLoopTests.test_all_tasks_with_eager_completion, _with_blocking
TUTTI_TEST_F(EagerTasks, AreAmongAllTasksOnlyWhileTheyArePending) {
  std::size_t inside = 0;
  auto quick = create_task([&]() -> Coro<> {
    inside = all_tasks().size();
    co_return;
  });
  EXPECT_EQ(inside, 2U);
  EXPECT_EQ(all_tasks().size(), 1U);
  auto blocked = create_task(turn());
  EXPECT_EQ(all_tasks().size(), 2U);
  co_await blocked;
  co_await quick;
}

// test_eager_task_factory: an exception in the first step belongs to the task
TUTTI_TEST_F(EagerTasks, KeepTheExceptionOfTheirFirstStep) {
  auto task = create_task(raise("eager"));
  EXPECT_TRUE(task.done());
  EXPECT_EQ(co_await message_of<ValueError>(task), "eager");
}

// base_futures: callbacks go through the loop, for eager tasks too
TUTTI_TEST_F(EagerTasks, CallTheirDoneCallbacksThroughTheLoop) {
  bool called = false;
  auto task = create_task(noop());
  task.add_done_callback([&] { called = true; });
  EXPECT_FALSE(called);
  co_await turn();
  EXPECT_TRUE(called);
}

// test_eager_task_factory: contexts
TUTTI_TEST_F(EagerTasks, RunTheirFirstStepInTheirOwnContext) {
  static ContextVar<int> variable("variable", 0);
  variable.set(1);
  auto task = create_task([]() -> Coro<int> {
    const int before = variable.get();
    variable.set(2);
    co_return before;
  });
  EXPECT_EQ(task.result(), 1);
  EXPECT_EQ(variable.get(), 1);
  co_return;
}

TUTTI_TEST_F(EagerTasks, MayNestDeeply) {
  std::string out;
  auto task = create_task([&]() -> Coro<> {
    out += "a";
    auto inner = create_task([&]() -> Coro<> {
      out += "b";
      auto innermost = create_task([&]() -> Coro<> {
        out += "c";
        co_return;
      });
      out += innermost.done() ? "d" : "?";
      co_await turn();
      out += "f";
    });
    out += "e";
    co_await inner;
    out += "g";
  });
  co_await task;
  EXPECT_EQ(out, "abcdefg");
}

TUTTI_TEST_F(EagerTasks, GatherAtOnce) {
  auto all = gather(noop(1), noop(2));
  EXPECT_TRUE(all.done());
  const auto [one, two] = co_await all;
  EXPECT_EQ(one + two, 3);
}

// test_taskgroups::BaseTestTaskGroup, eager child failing inside create_task
TUTTI_TEST_F(EagerTasks, ThatFailInAGroupCancelItsBody) {
  bool went_on = false;
  EXPECT_THROW(co_await task_group([&](TaskGroup& group) -> Coro<> {
                 group.create_task(raise());
                 co_await sleep(1000s);
                 went_on = true;
               }),
               ExceptionGroup);
  EXPECT_FALSE(went_on);
}

// create_task(eager_start=True), 3.14
TUTTI_TEST(EagerStart, IsAnOptionToo) {
  auto eager = create_task(noop(), {.eager_start = true});
  EXPECT_TRUE(eager.done());
  auto lazy = create_task(noop());
  EXPECT_FALSE(lazy.done());
  co_await lazy;
  co_await eager;
}

// asyncio starts eagerly only while the loop is running
TEST(EagerStart, WaitsForTheLoopToRun) {
  EventLoop loop;
  auto task = loop.create_task(noop(), {.eager_start = true});
  EXPECT_FALSE(task.done());
  loop.stop();
  loop.run_forever();
  EXPECT_TRUE(task.done());
}

}  // namespace
}  // namespace tutti::tests

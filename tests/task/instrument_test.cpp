// SPDX-License-Identifier: MIT
// Instruments: who is told what the loop does.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/context.hpp>
#include <tutti/task/instrument.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/testing/reports.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

using Log = std::vector<std::string>;

/// Writes down what happens to tasks whose names begin with a small letter.
class Recorder : public Instrument {
 public:
  Log log;
  int waits = 0;
  std::optional<Duration> limit;

  void task_spawned(const AnyTask& task) override { note("spawned ", task); }
  void before_task_step(const AnyTask& task) override { note("before ", task); }
  void after_task_step(const AnyTask& task) override { note("after ", task); }
  void task_exited(const AnyTask& task) override { note(task.cancelled() ? "cancelled " : "exited ", task); }
  void before_io_wait(std::optional<Duration> present) override {
    ++waits;
    limit = present;
  }

 private:
  void note(std::string what, const AnyTask& task) {
    const std::string name = task.get_name();
    if (name[0] >= 'a' && name[0] <= 'z') log.push_back(what + name);
  }
};

TUTTI_TEST(Instrument, SeesATaskFromItsBeginningToItsEnd) {
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  co_await create_task(turns(1), {.name = "task"});
  EXPECT_EQ(recorder->log,
            (Log{"spawned task", "before task", "after task", "before task", "after task", "exited task"}));
  EXPECT_TRUE(remove_instrument(*recorder));
  EXPECT_FALSE(remove_instrument(*recorder));
  recorder->log.clear();
  co_await create_task(turns(1), {.name = "later"});
  EXPECT_EQ(recorder->log, Log{});
}

TUTTI_TEST(Instrument, SeesTheStepsOfATaskThatWasThereBefore) {
  auto task = create_task(turns(2), {.name = "old"});
  co_await turn();
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  co_await task;
  EXPECT_EQ(recorder->log, (Log{"before old", "after old", "before old", "after old", "exited old"}));
}

TUTTI_TEST(Instrument, SeesATaskThatIsCancelledBeforeItBegins) {
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  auto task = create_task(forever(), {.name = "task"});
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_EQ(recorder->log, (Log{"spawned task", "before task", "after task", "cancelled task"}));
}

TUTTI_TEST(Instrument, SeesTheFirstStepOfAnEagerTaskInsideOfItsMakers) {
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  co_await create_task([]() -> Coro<> { co_await create_task(noop(), {.name = "eager", .eager_start = true}); },
                       {.name = "maker"});
  EXPECT_EQ(recorder->log, (Log{"spawned maker", "before maker", "spawned eager", "before eager", "after eager",
                                "exited eager", "after maker", "exited maker"}));
}

TUTTI_VIRTUAL_TEST(Instrument, SeesHowLongTheLoopMayWait) {
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  co_await turn();
  const int before = recorder->waits;
  co_await sleep(1s);
  EXPECT_GT(recorder->waits, before);
  EXPECT_TRUE(recorder->limit);
}

TUTTI_TEST(Instrument, IsRemovedIfItThrowsAndTheOthersStay) {
  class Failing : public Instrument {
    void before_task_step(const AnyTask&) override { throw ValueError("not today"); }
  };
  const auto failing = std::make_shared<Failing>();
  const auto recorder = std::make_shared<Recorder>();
  testing::expect_report("before_task_step of an instrument threw, it was removed: ValueError: not today");
  add_instrument(failing);
  add_instrument(recorder);
  co_await create_task(noop(), {.name = "task"});
  EXPECT_EQ(recorder->log, (Log{"spawned task", "before task", "after task", "exited task"}));
  EXPECT_FALSE(remove_instrument(*failing));
}

TUTTI_TEST(Instrument, MayRemoveItselfAndAddOthers) {
  class Once : public Instrument {
   public:
    explicit Once(std::shared_ptr<Instrument> next) : next_(std::move(next)) {}
    void task_spawned(const AnyTask&) override {
      remove_instrument(*this);
      add_instrument(std::move(next_));
    }

   private:
    std::shared_ptr<Instrument> next_;
  };
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(std::make_shared<Once>(recorder));
  co_await create_task(noop(), {.name = "task"});
  EXPECT_EQ(recorder->log.back(), "exited task");
}

TUTTI_TEST(Instrument, IsInstalledOnce) {
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  EXPECT_THROW(add_instrument(recorder), ValueError);
  EXPECT_THROW(add_instrument(nullptr), ValueError);
  co_return;
}

TUTTI_TEST(Instrument, SeesTheEndOfATaskThatLeavesNoHandle) {
  const auto recorder = std::make_shared<Recorder>();
  add_instrument(recorder);
  create_task(noop(), {.name = "task"});
  co_await turns(2);
  EXPECT_EQ(recorder->log.back(), "exited task");
}

TUTTI_TEST(Instrument, LeavesNothingInTheContextsOfTasks) {
  static ContextVar<int> variable("instrument_test", 0);
  class Setting : public Instrument {
    void before_task_step(const AnyTask&) override { variable.set(variable.get() + 1); }
  };
  add_instrument(std::make_shared<Setting>());
  EXPECT_EQ(co_await create_task([]() -> Coro<int> { co_return variable.get(); }), 0);
  co_await turn();
  EXPECT_EQ(variable.get(), 0);
}

TEST(Instrument, SeesATaskThatLeavesTheLoop) {
  const auto recorder = std::make_shared<Recorder>();
  Runner runner;
  add_instrument(recorder, runner.get_loop());
  EXPECT_THROW(runner.run([]() -> Coro<> {
    create_task(
        []() -> Coro<> {
          throw SystemExit(3);
          co_return;
        },
        {.name = "task"});
    co_await forever();
  }),
               SystemExit);
  EXPECT_EQ(recorder->log, (Log{"spawned task", "before task", "after task", "exited task"}));
}

TEST(Instrument, NeedsALoopThatIsOpen) {
  EXPECT_THROW(add_instrument(std::make_shared<Recorder>()), RuntimeError);
  const auto loop = new_event_loop();
  add_instrument(std::make_shared<Recorder>(), *loop);
  loop->close();
  EXPECT_THROW(add_instrument(std::make_shared<Recorder>(), *loop), RuntimeError);
}

}  // namespace
}  // namespace tutti::tests

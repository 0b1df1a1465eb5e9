// SPDX-License-Identifier: MIT
// Corners where the core was wrong once.
#include <memory>
#include <optional>

#include <tutti/loop/context.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/timeout.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// What a frame owns may cancel the very task whose frame it is, when a loop is closed over it.
TEST(ClosedLoop, MayBeClosedOverATaskThatIsCancelledByWhatItOwns) {
  struct Owner {
    std::optional<Task<>> task;
    ~Owner() {
      if (task) task->cancel();
    }
  };
  testing::ReportCollector reports;
  EventLoop loop;
  testing::ReportCollector::watch(loop);
  {
    auto owner = std::make_shared<Owner>();
    owner->task = loop.create_task([](std::shared_ptr<Owner> kept) -> Coro<> {
      co_await sleep(1h);
      EXPECT_NE(kept, nullptr);
    }(owner));
  }
  loop.call_soon([&loop] { loop.stop(); });
  loop.run_forever();
  loop.close();
  EXPECT_EQ(reports.take().size(), 1U);
}

// A future may outlive its loop: in Python call_soon then raises; here those who waited are gone with the loop.
TEST(ClosedLoop, IsNotTouchedByAFutureThatIsCompletedAfterIt) {
  std::optional<Future<int>> future;
  const auto kept = std::make_shared<int>();
  {
    EventLoop loop;
    future.emplace(loop);
    future->add_done_callback([kept](const auto&) { ADD_FAILURE() << "called without a loop"; });
  }
  future->set_result(3);
  EXPECT_EQ(future->result(), 3);
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_THROW(future->add_done_callback([](const auto&) {}), RuntimeError);
}

TEST(ClosedLoop, LetsAGatherAndTheFuturesItWaitsForGo) {
  const auto kept = std::make_shared<int>();
  {
    EventLoop loop;
    const Future<> never(loop);
    never.add_done_callback([kept](const auto&) {});
    gather(never).add_done_callback([kept](const auto&) {});
    EXPECT_EQ(kept.use_count(), 3);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

TUTTI_TEST(Sleep, OfTheLongestTimeThereIsDoesNotOverflow) {
  EXPECT_THROW(co_await wait_for(sleep(Duration::max()), 1ms), TimeoutError);
  EXPECT_EQ(co_await timeout(Duration::max(), [] { return noop(3); }), 3);
}

TUTTI_TEST(EventLoop, CallsWhatIsDueSinceTheBeginningOfTime) {
  const Future<> called;
  get_running_loop().call_at(TimePoint::min(), [called] { called.set_result(); });
  co_await called;
}

TUTTI_TEST(EagerTask, ThatAsksToLeaveGivesTheCurrentTaskBack) {
  EXPECT_THROW(create_task(
                   []() -> Coro<> {
                     throw SystemExit(1);
                     co_return;
                   },
                   {.eager_start = true}),
               SystemExit);
  EXPECT_TRUE(current_task().has_value());
  co_await turn();
  (void)testing::take_reports();
}

TUTTI_TEST(TaskContext, AskedForInsideTheTaskHasWhatItHasSet) {
  static ContextVar<int> variable("edge");
  co_await create_task([]() -> Coro<> {
    variable.set(7);
    EXPECT_EQ(current_task()->get_context().run([] { return variable.get(-1); }), 7);
    co_await turn();
    EXPECT_EQ(variable.get(-1), 7);
  });
}

struct CopyThrows {
  CopyThrows() = default;
  CopyThrows(CopyThrows&&) = default;
  CopyThrows(const CopyThrows&) { throw ValueError("copy"); }
  CopyThrows& operator=(const CopyThrows&) = delete;
  CopyThrows& operator=(CopyThrows&&) = delete;
  ~CopyThrows() = default;
};

TUTTI_TEST(Shield, OfAResultThatCannotBeCopiedThrowsWhatTheCopyThrows) {
  auto inner = create_task([]() -> Coro<CopyThrows> {
    co_await turn();
    co_return CopyThrows();
  });
  EXPECT_THROW(co_await shield(inner), ValueError);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Futures: states, results, callbacks, and the report of an exception that nobody looked at.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// test_futures::BaseFutureTests.test_initial_state
TUTTI_TEST(Future, IsPendingAtFirst) {
  const Future<int> future;
  EXPECT_FALSE(future.done());
  EXPECT_FALSE(future.cancelled());
  EXPECT_EQ(&future.get_loop(), &get_running_loop());
  future.cancel();
  EXPECT_TRUE(future.cancelled());
  co_return;
}

// test_futures::BaseFutureTests.test_constructor_without_loop, test_constructor_positional
TEST(Future, NeedsALoop) {
  EXPECT_THROW(Future<int>(), RuntimeError);
  EventLoop loop;
  EXPECT_EQ(&Future<int>(loop).get_loop(), &loop);
  EXPECT_EQ(&loop.create_future<int>().get_loop(), &loop);
}

// test_futures::BaseFutureTests.test_cancel
TUTTI_TEST(Future, ThatIsCancelledTakesNoResult) {
  const Future<int> future;
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_THROW((void)future.result(), CancelledError);
  EXPECT_THROW((void)future.exception(), CancelledError);
  EXPECT_THROW(future.set_result(1), InvalidStateError);
  EXPECT_THROW(future.set_exception(ValueError("late")), InvalidStateError);
  EXPECT_FALSE(future.cancel());
  co_return;
}

// test_futures::BaseFutureTests.test_result
TUTTI_TEST(Future, HasItsResultOnce) {
  const Future<int> future;
  EXPECT_THROW((void)future.result(), InvalidStateError);
  future.set_result(42);
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_EQ(future.result(), 42);
  EXPECT_EQ(future.result(), 42);
  EXPECT_EQ(future.exception(), nullptr);
  EXPECT_THROW(future.set_result(43), InvalidStateError);
  EXPECT_THROW(future.set_exception(ValueError("late")), InvalidStateError);
  EXPECT_FALSE(future.cancel());
  co_return;
}

// test_futures::BaseFutureTests.test_exception
TUTTI_TEST(Future, HasItsExceptionOnce) {
  const Future<int> future;
  EXPECT_THROW((void)future.exception(), InvalidStateError);
  const auto error = std::make_exception_ptr(ValueError("wrong"));
  future.set_exception(error);
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_THROW((void)future.result(), ValueError);
  EXPECT_EQ(future.exception(), error);
  EXPECT_THROW(future.set_result(1), InvalidStateError);
  EXPECT_THROW(future.set_exception(error), InvalidStateError);
  EXPECT_FALSE(future.cancel());
  co_return;
}

// test_futures::BaseFutureTests.test_yield_from_twice
TUTTI_TEST(Future, MayBeAwaitedTwice) {
  const Future<std::string> future;
  future.set_result("value");
  EXPECT_EQ(co_await future, "value");
  EXPECT_EQ(co_await future, "value");
}

// oracle/semantics.py, "await twice": the very same exception object comes out of each await
TUTTI_TEST(Future, ThrowsTheSameExceptionAtEachAwait) {
  const Future<> future;
  future.set_exception(ValueError("once"));
  std::vector<const void*> seen;
  for (int i = 0; i < 2; ++i) {
    try {
      co_await future;
    } catch (const ValueError& error) {
      seen.push_back(&error);
    }
  }
  CO_ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], seen[1]);
}

// test_futures::BaseFutureTests.test_future_cancel_message_getter
TUTTI_TEST(Future, PassesTheMessageOfItsCancellationOn) {
  const Future<> future;
  future.cancel("my message");
  EXPECT_EQ(co_await message_of<CancelledError>(future), "my message");
  EXPECT_EQ(co_await message_of<CancelledError>(future), "my message");
}

TUTTI_TEST(Future, IsCancelledWithoutAMessageToo) {
  const Future<> future;
  future.cancel();
  EXPECT_EQ(co_await message_of<CancelledError>(future), "");
}

TUTTI_TEST(Future, WakesAllWhoWaitInTheOrderInWhichTheyCame) {
  const Future<int> future;
  std::string out;
  const auto waiter = [&](char name) -> Coro<> {
    const int value = co_await future;
    out += name + std::to_string(value);
  };
  auto a = create_task([&] { return waiter('a'); });
  auto b = create_task([&] { return waiter('b'); });
  co_await turn();
  future.set_result(7);
  EXPECT_EQ(out, "");
  co_await b;
  EXPECT_EQ(out, "a7b7");
}

TUTTI_TEST(Future, HoldsReferencesAndWhatOnlyMoves) {
  int target = 1;
  const Future<int&> reference;
  reference.set_result(target);
  (co_await reference) = 5;
  EXPECT_EQ(target, 5);
  const Future<std::unique_ptr<int>> owner;
  owner.set_result(std::make_unique<int>(6));
  EXPECT_EQ(*co_await owner, 6);
}

// ---- callbacks ----

// test_futures::BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_result
TUTTI_TEST(FutureCallbacks, RunThroughTheLoopInTheirOrder) {
  const Future<std::string> future;
  std::string out;
  future.add_done_callback([&](const Future<std::string>& done) { out += "1" + done.result(); });
  future.add_done_callback([&] { out += "2"; });
  EXPECT_EQ(out, "");
  future.set_result("foo");
  EXPECT_EQ(out, "");
  co_await turn();
  EXPECT_EQ(out, "1foo2");
}

// test_futures::BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_exception
TUTTI_TEST(FutureCallbacks, RunForAnExceptionToo) {
  const Future<> future;
  std::exception_ptr seen;
  future.add_done_callback([&](const Future<>& done) { seen = done.exception(); });
  const auto error = std::make_exception_ptr(ValueError("wrong"));
  future.set_exception(error);
  co_await turn();
  EXPECT_EQ(seen, error);
}

TUTTI_TEST(Future, CallsBackInTheContextThatWasGiven) {
  static ContextVar<int> variable("variable", 0);
  Context context;
  const Future<> future;
  future.add_done_callback([] { variable.set(variable.get() + 1); }, context);
  future.add_done_callback([](const Future<>&) { variable.set(variable.get() + 10); }, context);
  const auto task = create_task(noop(1));
  task.add_done_callback([](const Task<int>&) { variable.set(variable.get() + 100); }, context);
  AnyTask(task).add_done_callback([](const AnyTask& done) { variable.set(variable.get() + (done.done() ? 1000 : 0)); },
                                  context);
  future.set_result();
  co_await task;
  co_await turns(2);
  EXPECT_EQ(variable.get(), 0);
  context.run([] { EXPECT_EQ(variable.get(), 1111); });
}

// test_futures: add_done_callback on a future that is done goes through call_soon
TUTTI_TEST(FutureCallbacks, OfADoneFutureComeInTheNextIteration) {
  const Future<> future;
  future.set_result();
  bool called = false;
  future.add_done_callback([&] { called = true; });
  EXPECT_FALSE(called);
  co_await turn();
  EXPECT_TRUE(called);
}

// test_futures::BaseFutureDoneCallbackTests.test_remove_done_callback
TUTTI_TEST(FutureCallbacks, CanBeRemoved) {
  const Future<> future;
  std::string out;
  const auto first = future.add_done_callback([&] { out += "1"; });
  future.add_done_callback([&] { out += "2"; });
  const auto third = future.add_done_callback([&] { out += "3"; });
  EXPECT_EQ(future.remove_done_callback(first), 1U);
  EXPECT_EQ(future.remove_done_callback(first), 0U);
  EXPECT_EQ(future.remove_done_callback(third), 1U);
  future.set_result();
  co_await turn();
  EXPECT_EQ(out, "2");
}

// test_futures::BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_1
TUTTI_TEST(FutureCallbacks, MayRemoveOthersThatAreOnTheirWayAlready) {
  const Future<> future;
  std::string out;
  CallbackToken second;
  future.add_done_callback([&] {
    out += "1";
    EXPECT_EQ(future.remove_done_callback(second), 0U);
  });
  second = future.add_done_callback([&] { out += "2"; });
  future.set_result();
  co_await turn();
  EXPECT_EQ(out, "12");
}

// test_futures::BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_2
TUTTI_TEST(FutureCallbacks, MayAddOthers) {
  const Future<> future;
  std::string out;
  future.add_done_callback([&] {
    out += "1";
    future.add_done_callback([&] { out += "2"; });
  });
  future.set_result();
  co_await turn();
  EXPECT_EQ(out, "1");
  co_await turn();
  EXPECT_EQ(out, "12");
}

TUTTI_TEST(FutureCallbacks, ThatThrowAreReportedAndTheOthersRun) {
  const Future<> future;
  bool called = false;
  future.add_done_callback([] { throw ValueError("from a callback"); });
  future.add_done_callback([&] { called = true; });
  future.set_result();
  co_await turn();
  EXPECT_TRUE(called);
  testing::expect_report("exception in done callback; future: ValueError: from a callback");
}

TUTTI_TEST(FutureCallbacks, KeepTheFutureAliveUntilTheyRan) {
  std::string out;
  {
    const Future<int> future;
    future.add_done_callback([&](const Future<int>& done) { out = std::to_string(done.result()); });
    future.set_result(8);
  }
  co_await turn();
  EXPECT_EQ(out, "8");
}

TUTTI_TEST(FutureCallbacks, GoWithAFutureThatNeverGetsDone) {
  auto witness = std::make_shared<int>(0);
  {
    const Future<> future;
    future.add_done_callback([witness] {});
    EXPECT_EQ(witness.use_count(), 2);
  }
  EXPECT_EQ(witness.use_count(), 1);
  co_return;
}

// ---- exceptions that nobody retrieved ----

// test_futures::BaseFutureTests.test_tb_logger_abandoned, _not_called_after_cancel, _result_unretrieved, _result_retrieved
TUTTI_TEST(NeverRetrieved, IsNotSaidOfAFutureWithoutAnException) {
  {
    const Future<> abandoned;
  }
  {
    const Future<> cancelled;
    cancelled.cancel();
  }
  {
    const Future<int> unretrieved;
    unretrieved.set_result(1);
  }
  {
    const Future<int> retrieved;
    retrieved.set_result(1);
    EXPECT_EQ(retrieved.result(), 1);
  }
  EXPECT_TRUE(testing::take_reports().empty());
  co_return;
}

// test_futures::BaseFutureTests.test_tb_logger_exception_unretrieved, test_future_exception_never_retrieved
TUTTI_TEST(NeverRetrieved, IsReportedWhenTheLastHandleGoes) {
  {
    const Future<> future;
    future.set_exception(ValueError("lost"));
    {
      const Future<> other = future;
    }
    EXPECT_TRUE(testing::take_reports().empty());
  }
  const auto reports = testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].message, "future exception was never retrieved");
  EXPECT_EQ(describe(reports[0].exception), "ValueError: lost");
}

// test_futures::BaseFutureTests.test_tb_logger_exception_retrieved
TUTTI_TEST(NeverRetrieved, IsNotSaidOnceExceptionWasCalled) {
  {
    const Future<> future;
    future.set_exception(ValueError("seen"));
    EXPECT_NE(future.exception(), nullptr);
  }
  EXPECT_TRUE(testing::take_reports().empty());
  co_return;
}

// test_futures::BaseFutureTests.test_tb_logger_exception_result_retrieved
TUTTI_TEST(NeverRetrieved, IsNotSaidOnceTheResultThrewIt) {
  {
    const Future<> future;
    future.set_exception(ValueError("seen"));
    EXPECT_THROW(future.result(), ValueError);
  }
  EXPECT_TRUE(testing::take_reports().empty());
  co_return;
}

TUTTI_TEST(NeverRetrieved, IsNotSaidIfACancellationWonAgainstTheException) {
  {
    const Future<> future;
    auto waiting = create_task([future]() -> Coro<> { co_await future; });
    co_await turn();
    future.set_exception(ValueError("lost to the task, but it was awake"));
    waiting.cancel();
    CO_ASSERT_THROW(co_await waiting, CancelledError);
  }
  EXPECT_TRUE(testing::take_reports().empty());
}

// test_futures::BaseFutureTests.test_future_exception_never_retrieved, for a task
TUTTI_TEST(NeverRetrieved, IsReportedForATaskWithItsNameAndPlace) {
  {
    (void)create_task(raise(), {.name = "loser"});
  }
  co_await turns(2);
  const auto reports = testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].message, "task exception was never retrieved");
  EXPECT_EQ(reports[0].source, "task 'loser'");
  EXPECT_NE(std::string(reports[0].location.file_name()).find("future_test.cpp"), std::string::npos);
  EXPECT_NE(reports[0].location.line(), 0U);
}

// test_futures::BaseFutureTests.test_future_source_traceback
TUTTI_TEST(NeverRetrieved, IsReportedForAFutureWithItsPlace) {
  std::source_location before;
  {
    before = std::source_location::current();
    const Future<> future;
    future.set_exception(ValueError("lost"));
  }
  const auto reports = testing::take_reports();
  CO_ASSERT_EQ(reports.size(), 1U);
  EXPECT_STREQ(reports[0].location.file_name(), before.file_name());
  EXPECT_EQ(reports[0].location.line(), before.line() + 1);
}

// test_base_events::BaseEventLoopTests.test_run_until_complete_loop_orphan_future_close_loop
TEST(NeverRetrieved, IsSaidInTheLogWhenTheLoopHasGone) {
  testing::ReportCollector reports;
  std::optional<Future<>> orphan;
  {
    EventLoop loop;
    orphan.emplace(loop);
    orphan->set_exception(ValueError("orphaned"));
  }
  orphan.reset();
  const auto found = reports.take();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].message, "future exception was never retrieved; future: ValueError: orphaned");
}

// ---- what a task is not ----

// test_tasks::SetMethodsTest.test_set_result_causes_invalid_state, test_set_exception_causes_invalid_state
TUTTI_TEST(Task, SetsItsResultItself) {
  auto task = create_task(noop());
  EXPECT_THROW(task.set_result(2), RuntimeError);
  EXPECT_THROW(task.set_exception(ValueError("no")), RuntimeError);
  EXPECT_EQ(co_await task, 1);
}

}  // namespace
}  // namespace tutti::tests

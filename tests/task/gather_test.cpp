// SPDX-License-Identifier: MIT
// gather: CPython's test_tasks, GatherTestsBase and its heirs.
#include <functional>
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <vector>

#include <tutti/loop/policy.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/shield.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

Coro<int> after(int turns_before, int value) {
  co_await turns(turns_before);
  co_return value;
}

// test_tasks.GatherTestsBase.test_one_success, _check_success
TUTTI_TEST(Gather, GivesTheResultsInTheOrderOfTheArguments) {
  auto [a, b, c] = co_await gather(after(3, 1), after(1, 2), after(2, 3));
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, 2);
  EXPECT_EQ(c, 3);
}

TUTTI_TEST(Gather, TakesCoroutinesCallablesTasksAndFutures) {
  const Future<std::string> future;
  get_running_loop().call_soon([future] { future.set_result("future"); });
  auto [a, b, c, d] = co_await gather(noop(1), [] { return noop(2); }, create_task(noop(3)), future);
  EXPECT_EQ(a + b + c, 6);
  EXPECT_EQ(d, "future");
}

struct Tree : std::map<std::string, Tree> {};
static_assert(detail::is_copyable<Tree>);
static_assert(!detail::is_copyable<std::optional<std::vector<std::unique_ptr<int>>>>);
static_assert(!detail::is_copyable<Outcome<std::vector<std::unique_ptr<int>>>>);
static_assert(detail::is_copyable<std::reference_wrapper<std::unique_ptr<int>>>);

Coro<std::unique_ptr<int>> owned(int value) { co_return std::make_unique<int>(value); }

TUTTI_TEST(Gather, OverARangeMovesResultsThatCannotBeCopied) {
  const std::vector<int> values{1, 2};
  auto all = co_await gather(values | std::views::transform(owned));
  EXPECT_EQ(*all[0] + *all[1], 3);
  auto outcomes = co_await gather(return_exceptions, values | std::views::transform(owned));
  EXPECT_EQ(*std::move(outcomes[1]).value(), 2);
  auto [vectors, one] = co_await gather(gather(values | std::views::transform(owned)), owned(5));
  EXPECT_EQ(*vectors[0] + *one, 6);
}

TUTTI_TEST(Gather, OverARangeGivesAVector) {
  const auto doubled = [](int value) -> Coro<int> { co_return 2 * value; };
  const std::vector<int> numbers{1, 2, 3};
  EXPECT_EQ(co_await gather(numbers | std::views::transform(doubled)), (std::vector<int>{2, 4, 6}));
}

TUTTI_TEST(Gather, HandsVoidReferencesAndMoveOnlyResultsOver) {
  int value = 0;
  auto [nothing, reference, owner] = co_await gather(
      turns(1), [&]() -> Coro<int&> { co_return value; },
      []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(4); });
  EXPECT_EQ(nothing, std::monostate());
  EXPECT_EQ(&reference.get(), &value);
  EXPECT_EQ(*owner, 4);
}

// test_tasks.FutureGatherTests.test_constructor_empty_sequence, CoroutineGatherTests.test_constructor_empty…
TUTTI_TEST(Gather, OfNothingIsDone) {
  const auto future = gather();
  EXPECT_TRUE(future.done());
  co_await future;
  EXPECT_TRUE((co_await gather(std::vector<Future<int>>())).empty());
}

// test_tasks.FutureGatherTests.test_constructor_empty_sequence_without_loop
TEST(Gather, OfNothingNeedsALoop) { EXPECT_THROW((void)gather(), RuntimeError); }

// test_tasks.FutureGatherTests.test_constructor_heterogenous_futures
TUTTI_TEST(Gather, OfFuturesOfTwoLoopsIsAnError) {
  const auto other = new_event_loop();
  const Future<int> here;
  const Future<int> there(*other);
  EXPECT_THROW((void)gather(here, there), ValueError);
  co_return;
}

// test_tasks.GatherTestsBase.test_one_exception
TUTTI_TEST(Gather, ThrowsTheFirstExceptionAndLetsTheOthersRun) {
  const Future<int> a;
  const Future<int> b;
  const auto both = gather(a, b);
  b.set_exception(ValueError("b"));
  EXPECT_THROW(co_await both, ValueError);
  EXPECT_FALSE(a.done());
  EXPECT_FALSE(a.cancelled());
  a.set_result(1);
}

// test_tasks.CoroutineGatherTests.test_exception_marking
TUTTI_TEST(Gather, CountsLaterExceptionsAsRetrieved) {
  const auto two = gather(raise_later<ValueError>("first"), []() -> Coro<> {
    co_await turns(3);
    throw ValueError("second");
  });
  EXPECT_THROW(co_await two, ValueError);
  co_await turns(5);  // the test would fail on the report
}

// test_tasks.GatherTestsBase.test_return_exceptions
TUTTI_TEST(Gather, GivesExceptionsAsResultsIfAsked) {
  auto [a, b, c] = co_await gather(return_exceptions, noop(1), raise<ValueError>("b"), noop(3));
  EXPECT_EQ(a.value(), 1);
  EXPECT_FALSE(b.has_value());
  EXPECT_TRUE(holds<ValueError>(b.error()));
  EXPECT_THROW(b.value(), ValueError);
  EXPECT_EQ(c.value(), 3);
  EXPECT_EQ(c.error(), nullptr);
}

TUTTI_TEST(Gather, GivesExceptionsAsResultsOverARange) {
  const auto odd = [](int value) -> Coro<int> {
    if (value % 2 == 0) throw ValueError("even");
    co_return value;
  };
  const auto all = co_await gather(return_exceptions, std::views::iota(1, 5) | std::views::transform(odd));
  CO_ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].value(), 1);
  EXPECT_TRUE(holds<ValueError>(all[1].error()));
}

// test_tasks.FutureGatherTests.test_one_cancellation
TUTTI_TEST(Gather, FailsWithCancelledErrorIfAChildIsCancelled) {
  const Future<int> a;
  const Future<int> b;
  const auto both = gather(a, b);
  a.cancel();
  EXPECT_THROW(co_await both, CancelledError);
  EXPECT_FALSE(both.cancelled());
  EXPECT_FALSE(b.done());
  b.set_result(1);
}

// test_tasks.FutureGatherTests.test_result_exception_one_cancellation
TUTTI_TEST(Gather, GivesACancelledChildAsAResultIfAsked) {
  const Future<int> a;
  const Future<int> b;
  const auto both = gather(return_exceptions, a, b);
  a.cancel();
  b.set_result(2);
  auto [first, second] = co_await both;
  EXPECT_TRUE(is_cancelled(first.error()));
  EXPECT_EQ(second.value(), 2);
}

// test_tasks.CoroutineGatherTests.test_cancellation_broadcast
TUTTI_TEST(Gather, CancelledCancelsItsChildren) {
  auto a = create_task(forever());
  auto b = create_task(forever());
  auto outer = create_task([a, b]() -> Coro<> { co_await gather(a, b); });
  co_await turns(2);
  EXPECT_TRUE(outer.cancel());
  EXPECT_THROW(co_await outer, CancelledError);
  EXPECT_TRUE(a.cancelled());
  EXPECT_TRUE(b.cancelled());
}

// oracle/semantics.py: gather(re=True).cancel
TUTTI_TEST(Gather, CancelledIsCancelledAlsoIfExceptionsAreResults) {
  int cancelled = 0;
  const auto child = [&]() -> Coro<> {
    std::exception_ptr error;
    try {
      co_await sleep(1h);
    } catch (...) {
      error = std::current_exception();
      ++cancelled;
    }
    std::rethrow_exception(error);
  };
  auto outer = create_task([&]() -> Coro<> { co_await gather(return_exceptions, child(), child()); });
  co_await turns(2);
  outer.cancel();
  EXPECT_THROW(co_await outer, CancelledError);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_EQ(cancelled, 2);
}

TUTTI_TEST(Gather, CancelledIsCancelledAlsoIfAChildFailsInstead) {
  const auto child = []() -> Coro<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
    }
    throw ValueError("in the cleanup");
  };
  const auto task = create_task(child);
  const auto all = gather(return_exceptions, child, task);
  co_await turns(2);
  EXPECT_TRUE(all.cancel());
  CO_ASSERT_THROW(co_await all, CancelledError);
  EXPECT_TRUE(holds<ValueError>(task.exception()));
}

// test_tasks.GatherTestsBase.test_cancel_gather_1
TUTTI_TEST(Gather, CancelledWhenAllChildrenAreDoneIsTooLate) {
  const Future<int> a;
  const auto one = gather(a);
  a.set_result(1);
  EXPECT_FALSE(one.cancel());
  EXPECT_FALSE(one.cancelled());
  auto [value] = co_await one;
  EXPECT_EQ(value, 1);
}

// test_tasks.CoroutineGatherTests.test_duplicate_coroutines: a coroutine is a value here, so a task stands for it
TUTTI_TEST(Gather, RunsADuplicateOnce) {
  int runs = 0;
  auto task = create_task([&]() -> Coro<int> {
    ++runs;
    co_return 7;
  });
  auto [a, b, c] = co_await gather(task, noop(1), task);
  EXPECT_EQ(a + b + c, 15);
  EXPECT_EQ(runs, 1);
}

// test_tasks.GatherTestsBase.test_return_exceptions, with all done before
TUTTI_TEST(Gather, OfDoneFuturesTakesTheFirstFailureInOrder) {
  const Future<int> a;
  const Future<int> b;
  a.set_exception(ValueError("a"));
  b.set_exception(RuntimeError("b"));
  const auto both = gather(a, b);
  EXPECT_TRUE(both.done());
  EXPECT_THROW(co_await both, ValueError);
}

// oracle/ticks.py: gather order
TUTTI_TEST(Gather, RunsItsChildrenInTurns) {
  std::string order;
  const auto child = [&](char name) -> Coro<> {
    order += {'s', name};
    co_await turn();
    order += {'e', name};
  };
  co_await gather(child('1'), child('2'), child('3'));
  EXPECT_EQ(order, "s1s2s3e1e2e3");
}

TUTTI_TEST(Gather, GoesOnWhenItsFutureIsDropped) {
  int done = 0;
  const auto child = [&]() -> Coro<> {
    co_await turn();
    ++done;
  };
  (void)gather(child(), child());
  co_await turns(5);
  EXPECT_EQ(done, 2);
}

TUTTI_TEST(Gather, OfManyGivesAll) {
  const auto all =
      co_await gather(std::views::iota(0, 5000) | std::views::transform([](int i) { return after(i % 3, i); }));
  CO_ASSERT_EQ(all.size(), 5000U);
  for (int i = 0; i < 5000; ++i) CO_ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// map_concurrently, map_as_completed.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/sync/map_concurrently.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/timeout.hpp>

#include "sync/helpers.hpp"

namespace {

using namespace sync_test;
using namespace std::chrono_literals;
using tutti::AsyncGenerator;
using tutti::CancelledError;
using tutti::Coro;
using tutti::create_task;
using tutti::map_as_completed;
using tutti::map_concurrently;
using tutti::return_exceptions;
using tutti::ValueError;

Coro<int> twice(int number) {
  co_await one_tick();
  co_return 2 * number;
}

Coro<int> refuse_two(int number) {
  co_await one_tick();
  if (number == 2) throw ValueError("two");
  co_return number;
}

Coro<> forever() { co_await tutti::Future<>(); }

AsyncGenerator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) {
    co_await one_tick();
    co_yield i;
  }
}

/// Ends after as many milliseconds as it is told; counts how many run.
struct Worker {
  int running = 0;
  int most = 0;
  int cancelled = 0;
  auto operator()() {
    return [this](int milliseconds) -> Coro<int> {
      most = std::max(most, ++running);
      struct End {
        Worker& worker;
        ~End() { --worker.running; }
      } const end{*this};
      try {
        co_await tutti::sleep(std::chrono::milliseconds(milliseconds));
      } catch (const CancelledError&) {
        ++cancelled;
        throw;
      }
      co_return milliseconds;
    };
  }
};

// ---- map_concurrently ----

TUTTI_VIRTUAL_TEST(MapConcurrently, GivesAllResultsInTheOrderOfTheItems) {
  Worker worker;
  EXPECT_EQ(co_await map_concurrently(Log{30, 10, 20}, worker()), (Log{30, 10, 20}));
  EXPECT_EQ(worker.most, 3);
  EXPECT_EQ(co_await map_concurrently(Log{}, worker()), Log{});
}

TUTTI_VIRTUAL_TEST(MapConcurrently, CallsAtMostLimitAtATime) {
  Worker worker;
  EXPECT_EQ(co_await map_concurrently(Log{30, 10, 20, 5, 5}, worker(), {.limit = 2}), (Log{30, 10, 20, 5, 5}));
  EXPECT_EQ(worker.most, 2);
}

TUTTI_TEST(MapConcurrently, TakesAGeneratorAndAsksItOnlyWhenThereIsRoom) {
  int asked = 0;
  tutti::Future<> go_on;
  const auto source = [&]() -> AsyncGenerator<int> {
    for (int i = 1; i <= 5; ++i) {
      ++asked;
      co_yield i;
    }
  };
  auto all = create_task(map_concurrently(source(),
                                          [&](int number) -> Coro<int> {
                                            co_await tutti::shield(go_on);
                                            co_return number;
                                          },
                                          {.limit = 2}));
  for (int i = 0; i < 5; ++i) co_await one_tick();
  EXPECT_EQ(asked, 2);
  go_on.set_result();
  EXPECT_EQ(co_await all, (Log{1, 2, 3, 4, 5}));
}

TUTTI_TEST(MapConcurrently, TakesWhatIsOnlyMovedAndFunctionsThatTakeReferences) {
  std::vector<std::unique_ptr<int>> items;
  items.push_back(std::make_unique<int>(1));
  items.push_back(std::make_unique<int>(2));
  const auto results =
      co_await map_concurrently(std::move(items), [](const std::unique_ptr<int>& item) -> Coro<std::unique_ptr<int>> {
        co_await one_tick();  // the item is still there
        co_return std::make_unique<int>(10 * *item);
      });
  CO_ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(*results[1], 20);
  int sum = 0;
  co_await map_concurrently(Log{1, 2}, [&sum](int number) -> Coro<> {
    sum += number;
    co_return;
  });
  EXPECT_EQ(sum, 3);
}

TUTTI_VIRTUAL_TEST(MapConcurrently, ThrowsTheFirstErrorAsItIsAfterCancellingTheRest) {
  Worker worker;
  const auto body = [run = worker()](int number) mutable -> Coro<int> {
    if (number == 2) {
      co_await tutti::sleep(1ms);
      throw ValueError("two");
    }
    co_return co_await run(1000);
  };
  EXPECT_THROW((void)co_await map_concurrently(Log{1, 2, 3, 4}, body, {.limit = 3}), ValueError);
  EXPECT_EQ(worker.cancelled, 2);  // the fourth was never called
  EXPECT_EQ(worker.running, 0);
  EXPECT_EQ(tutti::current_task()->cancelling(), 0U);
  co_await one_tick();
}

TUTTI_TEST(MapConcurrently, ThrowsAnErrorOfItsSource) {
  const auto source = []() -> AsyncGenerator<int> {
    co_yield 1;
    throw ValueError("the source");
  };
  bool cancelled = false;
  const auto call = [&](int) -> Coro<int> {
    try {
      co_await forever();
    } catch (const CancelledError&) {
      cancelled = true;
      throw;
    }
    co_return 0;
  };
  EXPECT_THROW((void)co_await map_concurrently(source(), call), ValueError);
  EXPECT_FALSE(cancelled);  // it had not begun
  EXPECT_EQ(tutti::current_task()->cancelling(), 0U);
}

TUTTI_TEST(MapConcurrently, GivesExceptionsAsOutcomesIfAsked) {
  const auto outcomes = co_await map_concurrently(return_exceptions, Log{1, 2, 3}, refuse_two, {.limit = 2});
  CO_ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].value(), 1);
  EXPECT_THROW((void)outcomes[1].value(), ValueError);
  EXPECT_EQ(outcomes[2].value(), 3);
}

TUTTI_TEST(MapConcurrently, FailsIfACallIsCancelledByItself) {
  const auto call = [](int) -> Coro<int> {
    tutti::Future<int> future;
    future.cancel();
    co_return co_await future;
  };
  EXPECT_THROW((void)co_await map_concurrently(Log{1}, call), CancelledError);
  const auto outcomes = co_await map_concurrently(return_exceptions, Log{1}, call);
  EXPECT_TRUE(tutti::is_cancelled(outcomes.at(0).error()));
}

TUTTI_TEST(MapConcurrently, RefusesALimitOfZero) {
  EXPECT_THROW((void)co_await map_concurrently(Log{1}, twice, {.limit = 0}), ValueError);
}

TUTTI_VIRTUAL_TEST(MapConcurrently, CancelledCancelsAllCallsAndWaitsForThem) {
  Worker worker;
  auto all = create_task(map_concurrently(Log{1000, 1000, 1000}, worker(), {.limit = 2}));
  for (int i = 0; i < 3; ++i) co_await one_tick();
  all.cancel();
  EXPECT_THROW(co_await all, CancelledError);
  EXPECT_EQ(worker.cancelled, 2);
  auto unstarted = create_task(map_concurrently(Log{1000}, worker()));
  unstarted.cancel();
  EXPECT_THROW(co_await unstarted, CancelledError);
  EXPECT_EQ(worker.cancelled, 2);
}

TUTTI_VIRTUAL_TEST(MapConcurrently, CancelledWhileItWaitsForItsSourceClosesThat) {
  bool closed = false;
  const auto source = [&]() -> AsyncGenerator<int> {
    struct End {
      bool& closed;
      ~End() { closed = true; }
    } const end{closed};
    co_yield 1;
    co_await forever();
  };
  auto all = create_task(map_concurrently(source(), twice));
  for (int i = 0; i < 3; ++i) co_await one_tick();
  all.cancel();
  EXPECT_THROW(co_await all, CancelledError);
  EXPECT_TRUE(closed);
}

TUTTI_VIRTUAL_TEST(MapConcurrently, CancelledInTheTickInWhichItEndsLosesTheResults) {
  std::optional<tutti::Task<Log>> all;
  all = create_task(map_concurrently(Log{1, 2}, [&](int number) -> Coro<int> {
    co_await one_tick();
    if (number == 2) all->cancel();
    co_return number;
  }));
  EXPECT_THROW(co_await *all, CancelledError);
}

// ---- map_as_completed ----

TUTTI_VIRTUAL_TEST(MapAsCompleted, GivesTheFastestFirst) {
  Worker worker;
  EXPECT_EQ(co_await tutti::collect(map_as_completed(Log{30, 10, 20}, worker())), (Log{10, 20, 30}));
  EXPECT_EQ(co_await tutti::collect(map_as_completed(Log{}, worker())), Log{});
  EXPECT_EQ(co_await tutti::collect(map_as_completed(Log{30, 10, 5, 1}, worker(), {.limit = 2})), (Log{10, 5, 1, 30}));
}

TUTTI_TEST(MapAsCompleted, IsAStepOfAPipe) {
  EXPECT_EQ(co_await tutti::collect(Log{1, 2, 3} | map_as_completed(twice, {.limit = 2}) |
                                    tutti::afilter([](int number) { return number != 4; })),
            (Log{2, 6}));
  EXPECT_EQ(co_await tutti::collect(count_to(3) | map_as_completed(twice, {})), (Log{2, 4, 6}));
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, CallsNothingMoreWhileNobodyTakesTheResults) {
  int called = 0;
  auto results = map_as_completed(Log{1, 2, 3, 4, 5, 6, 7, 8},
                                  [&called](int number) -> Coro<int> {
                                    ++called;
                                    co_return number;
                                  },
                                  {.limit = 2, .buffer = 1});
  EXPECT_EQ(called, 0);
  EXPECT_EQ(co_await results.next(), 1);
  co_await tutti::sleep(1s);
  EXPECT_EQ(called, 4);  // one was taken, one lies in the buffer, two wait to hand theirs over
  EXPECT_EQ(co_await results.next(), 2);
  co_await tutti::sleep(1s);
  EXPECT_EQ(called, 5);
  EXPECT_EQ((co_await tutti::collect(results)).size(), 6U);
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, ThrowsTheFirstErrorAfterWhatWasReady) {
  auto results = map_as_completed(Log{1, 2, 3}, refuse_two, {.limit = 1, .buffer = 3});
  EXPECT_EQ(co_await results.next(), 1);
  EXPECT_THROW((void)co_await results.next(), ValueError);
  EXPECT_EQ(co_await results.next(), std::nullopt);
}

TUTTI_TEST(MapAsCompleted, GivesExceptionsAsOutcomesIfAsked) {
  int good = 0;
  int bad = 0;
  auto outcomes = map_as_completed(return_exceptions, count_to(3), refuse_two, {.limit = 2});
  while (auto outcome = co_await outcomes.next()) ++(*outcome ? good : bad);
  EXPECT_EQ(good, 2);
  EXPECT_EQ(bad, 1);
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, LeftEarlyCancelsAllCallsAndWaitsForThem) {
  Worker worker;
  auto results = map_as_completed(Log{1, 1000, 1000}, worker(), {.limit = 3});
  EXPECT_EQ(co_await results.next(), 1);
  EXPECT_EQ(worker.running, 2);
  co_await results.aclose();
  EXPECT_EQ(worker.running, 0);
  EXPECT_EQ(worker.cancelled, 2);
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, LeftEarlyWithOutcomesEndsToo) {
  Worker worker;
  auto results = map_as_completed(return_exceptions, Log{1, 2, 3, 1000}, worker());
  EXPECT_EQ((co_await results.next())->value(), 1);
  co_await tutti::sleep(10ms);  // two wait to hand over their results
  co_await results.aclose();
  EXPECT_EQ(worker.cancelled, 1);
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, WhoseHandleGoesIsClosed) {
  Worker worker;
  {
    auto results = map_as_completed(Log{1, 1000}, worker());
    EXPECT_EQ(co_await results.next(), 1);
  }
  co_await tutti::sleep(10ms);
  EXPECT_EQ(worker.running, 0);
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, CancelledWhileItWaitsForAResultCancelsAllCalls) {
  Worker worker;
  auto results = map_as_completed(Log{1000, 1000}, worker());
  auto next = create_task([&]() -> Coro<> { (void)co_await results.next(); });
  co_await tutti::sleep(1ms);
  next.cancel();
  EXPECT_THROW(co_await next, CancelledError);
  EXPECT_EQ(worker.cancelled, 2);
  EXPECT_TRUE(results.ended());
}

TUTTI_VIRTUAL_TEST(MapAsCompleted, WithATimeoutForEachResultCancelsNobodyElse) {
  Worker worker;
  auto results = map_as_completed(Log{5, 1000}, worker());
  co_await tutti::timeout(100ms, [&]() -> Coro<> { EXPECT_EQ(co_await results.next(), 5); });
  EXPECT_THROW(co_await tutti::timeout(100ms, [&]() -> Coro<> { (void)co_await results.next(); }), tutti::TimeoutError);
  EXPECT_EQ(worker.cancelled, 1);
}

}  // namespace

// SPDX-License-Identifier: MIT
// CapacityLimiter: what Trio's test_sync asks for.
#include <optional>
#include <utility>
#include <vector>

#include <tutti/sync/capacity_limiter.hpp>

#include "sync/helpers.hpp"

namespace {

using namespace sync_test;
using tutti::CancelledError;
using tutti::CapacityLimiter;
using tutti::Coro;
using tutti::create_task;
using tutti::RuntimeError;
using tutti::WouldBlock;

// trio test_CapacityLimiter
TUTTI_TEST(CapacityLimiter, LendsOneTokenToEachBorrower) {
  CapacityLimiter limiter(2);
  EXPECT_EQ(limiter.total_tokens(), 2U);
  const int ann = 0;
  const int bob = 0;
  const int eve = 0;
  limiter.acquire_on_behalf_of_nowait(&ann);
  EXPECT_EQ(limiter.borrowed_tokens(), 1U);
  EXPECT_EQ(limiter.available_tokens(), 1U);
  EXPECT_THROW(limiter.acquire_on_behalf_of_nowait(&ann), RuntimeError);
  EXPECT_THROW(co_await limiter.acquire_on_behalf_of(&ann), RuntimeError);
  co_await limiter.acquire_on_behalf_of(&bob);
  EXPECT_THROW(limiter.acquire_on_behalf_of_nowait(&eve), WouldBlock);
  EXPECT_THROW(limiter.release_on_behalf_of(&eve), RuntimeError);
  limiter.release_on_behalf_of(&ann);
  limiter.acquire_on_behalf_of_nowait(&eve);
  EXPECT_EQ(limiter.available_tokens(), 0U);
  EXPECT_THROW(limiter.release_on_behalf_of(&ann), RuntimeError);
}

TUTTI_TEST(CapacityLimiter, LendsToTheTaskThatAsks) {
  CapacityLimiter limiter(1);
  co_await limiter.acquire();
  EXPECT_THROW(co_await limiter.acquire(), RuntimeError);
  EXPECT_THROW(limiter.acquire_nowait(), RuntimeError);
  auto other = create_task([&]() -> Coro<> {
    EXPECT_THROW(limiter.release(), RuntimeError);
    EXPECT_THROW(limiter.acquire_nowait(), WouldBlock);
    auto token = co_await limiter.scoped();
    EXPECT_TRUE(token);
  });
  co_await one_tick();
  EXPECT_EQ(limiter.statistics().tasks_waiting, 1U);
  limiter.release();
  co_await other;
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(CapacityLimiter, TakesATokenBackAtTheEndOfAScope) {
  CapacityLimiter limiter(2);
  const int ann = 0;
  {
    auto token = co_await limiter.scoped();
    auto other = co_await limiter.scoped_on_behalf_of(&ann);
    EXPECT_EQ(limiter.borrowed_tokens(), 2U);
    other.release();
    other.release();
    EXPECT_FALSE(other);
    EXPECT_EQ(limiter.borrowed_tokens(), 1U);
    // The token is the task's, wherever the guard goes.
    co_await create_task([token = std::move(token)]() mutable -> Coro<> {
      token.release();
      co_return;
    });
    EXPECT_EQ(limiter.borrowed_tokens(), 0U);
  }
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(CapacityLimiter, ServesThoseWhoWaitInTheirOrder) {
  CapacityLimiter limiter(1);
  Log log;
  std::vector<tutti::Task<>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(create_task([&limiter, &log, i]() -> Coro<> {
      auto token = co_await limiter.scoped();
      log.push_back(i);
      co_await one_tick();
    }));
  }
  for (auto& task : tasks) co_await task;
  EXPECT_EQ(log, (Log{0, 1, 2}));
}

TUTTI_TEST(CapacityLimiter, RefusesABorrowerThatWaitsAlready) {
  CapacityLimiter limiter(0);
  const int ann = 0;
  auto waiting = create_task([&]() -> Coro<> { co_await limiter.acquire_on_behalf_of(&ann); });
  co_await one_tick();
  EXPECT_THROW(co_await limiter.acquire_on_behalf_of(&ann), RuntimeError);
  limiter.set_total_tokens(1);
  co_await waiting;
  limiter.release_on_behalf_of(&ann);
}

// trio test_CapacityLimiter_change_total_tokens
TUTTI_TEST(CapacityLimiter, TakesAnotherTotalAtAnyTime) {
  CapacityLimiter limiter(2);
  const int borrowers[5] = {};
  std::vector<tutti::Task<>> tasks;
  for (const int& borrower : borrowers) {
    tasks.push_back(create_task([&]() -> Coro<> { co_await limiter.acquire_on_behalf_of(&borrower); }));
  }
  const auto expect = [&](std::size_t borrowed, std::size_t available, std::size_t waiting) {
    const auto counts = limiter.statistics();
    EXPECT_EQ(counts.borrowed_tokens, borrowed);
    EXPECT_EQ(counts.borrowers.size(), borrowed);
    EXPECT_EQ(counts.tasks_waiting, waiting);
    EXPECT_EQ(limiter.available_tokens(), available);
  };
  co_await one_tick();
  expect(2, 0, 3);
  limiter.set_total_tokens(4);
  expect(4, 0, 1);
  limiter.set_total_tokens(1);  // three too many are out
  limiter.release_on_behalf_of(&borrowers[0]);
  limiter.release_on_behalf_of(&borrowers[1]);
  expect(2, 0, 1);
  limiter.set_total_tokens(std::nullopt);
  EXPECT_EQ(limiter.available_tokens(), std::nullopt);
  EXPECT_EQ(limiter.statistics().tasks_waiting, 0U);
  for (auto& task : tasks) co_await task;
  EXPECT_EQ(limiter.borrowed_tokens(), 3U);
}

TUTTI_TEST(CapacityLimiter, NeedsNoIterationIfThereIsAToken) {
  CapacityLimiter limiter(1);
  EXPECT_EQ(co_await tutti::testing::ticks([&]() -> Coro<> { auto token = co_await limiter.scoped(); }), 0U);
}

TUTTI_TEST(CapacityLimiter, MakesWhoComesLaterQueueBehindThoseWhoWereWoken) {
  CapacityLimiter limiter(1);
  const int ann = 0;
  co_await limiter.acquire();
  auto waiting = create_task([&]() -> Coro<> { auto token = co_await limiter.scoped(); });
  co_await one_tick();
  limiter.release();
  EXPECT_THROW(limiter.acquire_on_behalf_of_nowait(&ann), WouldBlock);
  co_await waiting;
}

TUTTI_TEST(CapacityLimiter, KnowsATaskThatHasEndedWithAToken) {
  CapacityLimiter limiter(2);
  co_await create_task([&]() -> Coro<> { co_await limiter.acquire(); });
  for (int i = 0; i < 20; ++i) {  // none of them gets its address
    co_await create_task([&]() -> Coro<> { auto token = co_await limiter.scoped(); });
  }
  EXPECT_EQ(limiter.borrowed_tokens(), 1U);
}

// ---- cancellation ----

TUTTI_TEST(CapacityLimiterCancel, WhileItWaitsLeavesTheLine) {
  CapacityLimiter limiter(1);
  co_await limiter.acquire();
  auto first = create_task([&]() -> Coro<> { auto token = co_await limiter.scoped(); });
  auto second = create_task([&]() -> Coro<> { auto token = co_await limiter.scoped(); });
  co_await one_tick();
  first.cancel();
  limiter.release();
  EXPECT_THROW(co_await first, CancelledError);
  co_await second;
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(CapacityLimiterCancel, BeforeTheFirstStepBorrowsNothing) {
  CapacityLimiter limiter(1);
  auto task = create_task([&]() -> Coro<> { co_await limiter.acquire(); });
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(CapacityLimiterCancel, WithATokenOnItsWayGivesThatToTheNextInLine) {
  CapacityLimiter limiter(1);
  co_await limiter.acquire();
  auto first = create_task([&]() -> Coro<> { auto token = co_await limiter.scoped(); });
  auto second = create_task([&]() -> Coro<> { auto token = co_await limiter.scoped(); });
  co_await one_tick();
  limiter.release();
  first.cancel();  // in the same tick
  EXPECT_THROW(co_await first, CancelledError);
  co_await second;
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(CapacityLimiterCancel, OfThoseWhoseLimiterIsGone) {
  std::optional<CapacityLimiter> limiter(0);
  auto task = create_task([&]() -> Coro<> { co_await limiter->acquire(); });
  co_await one_tick();
  limiter.reset();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
}

TEST(CapacityLimiter, BelongsToTheLoopOnWhichATaskFirstWaited) {
  CapacityLimiter limiter(0);
  const auto wait = [&]() -> Coro<> {
    auto waiting = create_task([&]() -> Coro<> { co_await limiter.acquire(); });
    co_await one_tick();
    waiting.cancel();
    EXPECT_THROW(co_await waiting, CancelledError);
  };
  run_on_two_loops(wait, [&]() -> Coro<> { EXPECT_THROW(co_await limiter.acquire(), RuntimeError); });
}

}  // namespace

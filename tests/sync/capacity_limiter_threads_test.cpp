// SPDX-License-Identifier: MIT
// Calls in threads that hold tokens of a CapacityLimiter.
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <tutti/sync/capacity_limiter.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/thread_pool.hpp>

#include "sync/helpers.hpp"

namespace {

using namespace sync_test;
using tutti::CancelledError;
using tutti::CapacityLimiter;
using tutti::Coro;
using tutti::create_task;
using tutti::to_thread;

/// A thread that stands still until the test lets it go.
struct Gate {
  std::promise<void> begun;
  std::promise<void> open;
  void wait() {
    begun.set_value();
    open.get_future().wait();
  }
};

TUTTI_TEST(LimitedThread, RunsAtMostSoManyCallsAtATime) {
  CapacityLimiter limiter(2);
  std::atomic<int> running = 0;
  std::atomic<bool> too_many = false;
  const auto work = [&] {
    if (++running > 2) too_many = true;
    std::this_thread::yield();
    --running;
    return 1;
  };
  std::vector<Coro<int>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(to_thread(work, {.limiter = &limiter}));
  int sum = 0;
  for (const int one : co_await tutti::gather(std::move(calls))) sum += one;
  EXPECT_EQ(sum, 20);
  EXPECT_FALSE(too_many);
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(LimitedThread, GivesResultsAndErrorsAndTakesTheTokenBack) {
  CapacityLimiter limiter(1);
  EXPECT_EQ(*co_await to_thread([] { return std::make_unique<int>(3); }, {.limiter = &limiter}), 3);
  EXPECT_THROW(co_await to_thread([] { throw tutti::ValueError("there"); }, {.limiter = &limiter}), tutti::ValueError);
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
}

TUTTI_TEST(LimitedThread, TakesAnExecutor) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  co_await to_thread([] {}, {.executor = &pool});
  EXPECT_EQ(pool.threads(), 1U);
  CapacityLimiter limiter(1);
  EXPECT_EQ(co_await to_thread([] { return 1; }, {.limiter = &limiter, .executor = &pool}), 1);
}

TUTTI_TEST(LimitedThread, CancelledWhileItWaitsForATokenNeverRuns) {
  CapacityLimiter limiter(0);
  bool ran = false;
  auto call = create_task(to_thread([&] { ran = true; }, {.limiter = &limiter}));
  co_await one_tick();
  EXPECT_EQ(limiter.statistics().tasks_waiting, 1U);
  call.cancel();
  EXPECT_THROW(co_await call, CancelledError);
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
  EXPECT_FALSE(ran);
}

TUTTI_TEST(LimitedThread, CancelledBeforeItHasBegunNeverRunsAndGivesItsTokenBackAtOnce) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  CapacityLimiter limiter(1);
  Gate gate;
  bool ran = false;
  auto busy = create_task(to_thread([&] { gate.wait(); }, {.executor = &pool}));
  co_await one_tick();
  auto call = create_task(to_thread([&] { ran = true; }, {.limiter = &limiter, .executor = &pool}));
  co_await one_tick();
  EXPECT_EQ(limiter.borrowed_tokens(), 1U);
  call.cancel();
  EXPECT_THROW(co_await call, CancelledError);
  EXPECT_EQ(limiter.borrowed_tokens(), 0U);
  gate.open.set_value();
  co_await busy;
  co_await to_thread([] {}, {.executor = &pool});  // after it in the line
  EXPECT_FALSE(ran);
}

TUTTI_TEST(LimitedThread, CancelledWhileItRunsHoldsItsTokenUntilTheFunctionHasEnded) {
  CapacityLimiter limiter(1);
  Gate gate;
  auto call = create_task(to_thread([&] { gate.wait(); }, {.limiter = &limiter}));
  co_await to_thread([&] { gate.begun.get_future().wait(); });
  call.cancel();
  EXPECT_THROW(co_await call, CancelledError);
  EXPECT_EQ(limiter.borrowed_tokens(), 1U);
  auto next = create_task(to_thread([] { return 2; }, {.limiter = &limiter}));
  co_await one_tick();
  EXPECT_EQ(limiter.statistics().tasks_waiting, 1U);
  gate.open.set_value();
  EXPECT_EQ(co_await next, 2);
}

TUTTI_TEST(LimitedThread, MayOutliveItsLimiter) {
  const auto gate = std::make_shared<Gate>();  // the thread may be the last to leave it
  {
    CapacityLimiter limiter(1);
    auto call = create_task(to_thread([gate] { gate->wait(); }, {.limiter = &limiter}));
    co_await to_thread([gate] { gate->begun.get_future().wait(); });
    call.cancel();
    EXPECT_THROW(co_await call, CancelledError);
  }
  gate->open.set_value();
}

TEST(LimitedThread, MayOutliveItsLoop) {
  CapacityLimiter limiter(1);
  Gate gate;
  auto pool = std::make_unique<tutti::ThreadPoolExecutor>();
  {
    const auto loop = tutti::new_event_loop();
    loop->set_exception_handler([](tutti::EventLoop&, const tutti::ExceptionContext&) {});
    loop->create_task(to_thread([&] { gate.wait(); }, {.limiter = &limiter, .executor = pool.get()}));
    loop->run_until_complete([&]() -> Coro<> {
      co_await one_tick();
      gate.begun.get_future().wait();
    });
    loop->close();
  }
  gate.open.set_value();
  pool.reset();                              // waits for the thread
  EXPECT_EQ(limiter.borrowed_tokens(), 1U);  // nobody was there to take it back
}

}  // namespace

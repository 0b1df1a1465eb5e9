// SPDX-License-Identifier: MIT
#include <optional>
#include <utility>

#include <tutti/sync/event.hpp>

#include <tutti/base/error.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::CancelledError;
using tutti::Coro;
using tutti::Event;

// test_locks.EventTests.test_repr
TUTTI_VIRTUAL_TEST(Event, TellsItsStateAsText) {
  Event event;
  EXPECT_EQ(event.to_string(), "<Event [unset]>");
  auto waiter = tutti::create_task(event.wait());
  co_await one_tick();
  EXPECT_EQ(event.to_string(), "<Event [unset, waiters:1]>");
  event.set();
  co_await waiter;
  EXPECT_EQ(event.to_string(), "<Event [set]>");
}

// test_locks.EventTests.test_wait
TUTTI_VIRTUAL_TEST(Event, WakesAllInOrderAndDoesNotHoldUpWhoComesLater) {
  Event event;
  Log result;
  EXPECT_FALSE(event.is_set());
  const auto waiter = [&](int number) {
    return [&event, &result, number]() -> Coro<> {
      co_await event.wait();
      result.push_back(number);
    };
  };
  auto t1 = tutti::create_task(waiter(1));
  auto t2 = tutti::create_task(waiter(2));
  co_await one_tick();
  EXPECT_EQ(result, Log{});

  auto t3 = tutti::create_task(waiter(3));
  event.set();
  co_await one_tick();
  EXPECT_EQ(result, (Log{3, 1, 2}));
  EXPECT_TRUE(t1.done() && t2.done() && t3.done());
}

// test_locks.EventTests.test_wait_on_set
TUTTI_VIRTUAL_TEST(Event, DoesNotHoldUpAnyoneWhileItIsSet) {
  Event event;
  event.set();
  EXPECT_EQ(co_await tutti::testing::ticks([&] { return event.wait(); }), 0U);
}

// test_locks.EventTests.test_wait_cancel
TUTTI_VIRTUAL_TEST(Event, ForgetsAWaiterThatIsCancelled) {
  Event event;
  auto task = tutti::create_task(event.wait());
  tutti::get_running_loop().call_soon([task] { task.cancel(); });
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_EQ(event.to_string(), "<Event [unset]>");
}

// test_locks.EventTests.test_clear
TEST(Event, IsUnsetAfterClear) {
  Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
}

// test_locks.EventTests.test_clear_with_waiters; oracle/semantics.py "event set+clear still wakes"
TUTTI_VIRTUAL_TEST(Event, WakesThoseWhoWaitedWhenItWasSetAndClearedAtOnce) {
  Event event;
  Log result;
  auto task = tutti::create_task([&]() -> Coro<bool> {
    co_await event.wait();
    result.push_back(1);
    co_return true;
  });
  co_await one_tick();
  EXPECT_EQ(result, Log{});

  event.set();
  event.clear();
  EXPECT_FALSE(event.is_set());
  event.set();
  event.set();
  EXPECT_TRUE(has(event.to_string(), "waiters:1"));

  co_await one_tick();
  EXPECT_EQ(result, Log{1});
  EXPECT_EQ(event.to_string(), "<Event [set]>");
  CO_ASSERT_TRUE(task.done());
  EXPECT_TRUE(task.result());
}

TUTTI_VIRTUAL_TEST(Event, CancelsAWaiterThatWasWokenButHasNotRun) {
  Event event;
  auto task = tutti::create_task(event.wait());
  co_await one_tick();
  event.set();
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
}

TUTTI_VIRTUAL_TEST(Event, LetsThoseGoOnWhomItWokeBeforeItWasDestroyed) {
  std::optional<Event> event(std::in_place);
  auto woken = tutti::create_task(event->wait());
  auto cancelled = tutti::create_task(event->wait());
  co_await one_tick();
  event->set();
  cancelled.cancel();
  event.reset();
  co_await woken;
  CO_ASSERT_THROW(co_await cancelled, CancelledError);
}

TUTTI_VIRTUAL_TEST(Event, LeavesThoseWaitingWhoWaitWhenItIsDestroyed) {
  std::optional<Event> event(std::in_place);
  auto task = tutti::create_task(event->wait());
  co_await one_tick();
  event.reset();
  for (int i = 0; i < 10; ++i) co_await one_tick();
  EXPECT_FALSE(task.done());
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
}

TEST(Event, RefusesToWaitOnASecondLoop) {
  Event event;
  run_on_two_loops(
      [&event]() -> Coro<> {
        tutti::create_task(event.wait());
        co_await one_tick();
      },
      [&event]() -> Coro<> { CO_ASSERT_THROW(co_await event.wait(), tutti::RuntimeError); });
}

}  // namespace

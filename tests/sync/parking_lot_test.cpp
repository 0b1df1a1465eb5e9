// SPDX-License-Identifier: MIT
// ParkingLot: after Trio's test_parking_lot.
#include <memory>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/sync/parking_lot.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::CancelledError;
using tutti::Coro;
using tutti::ParkingLot;

auto parked(ParkingLot& lot, Log& log, int number) {
  return tutti::create_task([&lot, &log, number]() -> Coro<> {
    co_await lot.park();
    log.push_back(number);
  });
}

// test_parking_lot_basic
TUTTI_VIRTUAL_TEST(ParkingLot, WakesInTheOrderInWhichTheyCameAsManyAsItIsTold) {
  ParkingLot lot;
  Log log;
  EXPECT_EQ(lot.unpark(), 0U);  // for nobody, and for nobody later
  std::vector<tutti::Task<>> tasks;
  for (int i = 0; i < 4; ++i) tasks.push_back(parked(lot, log, i));
  co_await one_tick();
  EXPECT_EQ(lot.statistics().tasks_waiting, 4U);
  EXPECT_EQ(lot.unpark(), 1U);
  EXPECT_EQ(lot.statistics().tasks_waiting, 3U);
  co_await one_tick();
  EXPECT_EQ(log, (Log{0}));
  EXPECT_EQ(lot.unpark(2), 2U);
  EXPECT_EQ(lot.unpark_all(), 1U);
  co_await one_tick();
  EXPECT_EQ(log, (Log{0, 1, 2, 3}));
}

// test_parking_lot_cancel
TUTTI_VIRTUAL_TEST(ParkingLot, LetsACancelledTaskLeaveTheLine) {
  ParkingLot lot;
  Log log;
  auto first = parked(lot, log, 1);
  auto second = parked(lot, log, 2);
  auto third = parked(lot, log, 3);
  first.cancel();  // before it starts
  co_await one_tick();
  second.cancel();
  EXPECT_EQ(lot.unpark(), 1U);
  CO_ASSERT_THROW(co_await first, CancelledError);
  CO_ASSERT_THROW(co_await second, CancelledError);
  co_await third;
  EXPECT_EQ(log, (Log{3}));
}

TUTTI_VIRTUAL_TEST(ParkingLot, HandsOnAWakeUpWhoseTaskIsCancelledInTheSameIteration) {
  ParkingLot lot;
  Log log;
  auto first = parked(lot, log, 1);
  auto second = parked(lot, log, 2);
  co_await one_tick();
  lot.unpark();
  first.cancel();
  CO_ASSERT_THROW(co_await first, CancelledError);
  co_await second;
  EXPECT_EQ(log, (Log{2}));
}

TUTTI_VIRTUAL_TEST(ParkingLot, MayGoWhenItHasWokenAll) {
  auto lot = std::make_unique<ParkingLot>();
  Log log;
  auto woken = parked(*lot, log, 1);
  auto cancelled = parked(*lot, log, 2);
  co_await one_tick();
  lot->unpark_all();
  cancelled.cancel();
  lot.reset();
  co_await woken;
  CO_ASSERT_THROW(co_await cancelled, CancelledError);
  EXPECT_EQ(log, (Log{1}));
}

TUTTI_VIRTUAL_TEST(ParkingLot, LeavesThoseWhoWaitPendingWhenItIsDestroyed) {
  auto lot = std::make_unique<ParkingLot>();
  Log log;
  auto waiter = parked(*lot, log, 1);
  co_await one_tick();
  lot.reset();
  co_await one_tick();
  EXPECT_FALSE(waiter.done());
  waiter.cancel();
  CO_ASSERT_THROW(co_await waiter, CancelledError);
}

}  // namespace

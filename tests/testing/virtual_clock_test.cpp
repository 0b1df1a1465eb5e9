// SPDX-License-Identifier: MIT
// Virtual time: when it jumps, when it does not, and `wait_all_tasks_blocked`.
#include <chrono>
#include <string>
#include <vector>

#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::get_running_loop;
using tutti::sleep;
using tutti::testing::virtual_clock;
using tutti::testing::wait_all_tasks_blocked;

TUTTI_VIRTUAL_TEST(VirtualClock, SleepsAnHourInNoTime) {
  const auto begin = get_running_loop().time();
  co_await sleep(1h);
  EXPECT_EQ(get_running_loop().time() - begin, 1h);
}

TUTTI_VIRTUAL_TEST(VirtualClock, StandsStillWhileSomethingRuns) {
  const auto begin = get_running_loop().time();
  for (int i = 0; i < 1000; ++i) co_await sleep(0s);
  EXPECT_EQ(get_running_loop().time(), begin);
}

TUTTI_VIRTUAL_TEST(VirtualClock, WakesSleepersInTheOrderOfTheirDeadlines) {
  std::vector<int> order;
  const auto sleeper = [&](int hours) -> Coro<> {
    co_await sleep(std::chrono::hours(hours));
    order.push_back(hours);
  };
  auto c = tutti::create_task([&] { return sleeper(24 * 365); });
  auto a = tutti::create_task([&] { return sleeper(1); });
  auto b = tutti::create_task([&] { return sleeper(2); });
  co_await c;
  EXPECT_TRUE(a.done() && b.done());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 24 * 365}));
}

TUTTI_VIRTUAL_TEST(VirtualClock, JumpsExactlyToADeadline) {
  const auto begin = get_running_loop().time();
  co_await sleep(1ns);
  EXPECT_EQ(get_running_loop().time() - begin, 1ns);
  co_await sleep(123456789ns);
  EXPECT_EQ(get_running_loop().time() - begin, 123456790ns);
}

TUTTI_VIRTUAL_TEST(VirtualClock, MovesByHand) {
  virtual_clock().set_autojump(false);
  auto sleeper = tutti::create_task(sleep(10s));
  co_await wait_all_tasks_blocked();
  virtual_clock().advance(9s);
  co_await wait_all_tasks_blocked();
  EXPECT_FALSE(sleeper.done());
  virtual_clock().advance(1s);
  co_await wait_all_tasks_blocked();
  EXPECT_TRUE(sleeper.done());
}

TUTTI_TEST(VirtualClock, IsNotTheClockOfOtherTests) {
  EXPECT_THROW((void)virtual_clock(), tutti::RuntimeError);
  co_return;
}

TUTTI_TEST(WaitAllTasksBlocked, ReturnsWhenNothingIsReady) {
  std::string seen;
  const tutti::Future<> gate;
  auto task = tutti::create_task([&]() -> Coro<> {
    for (int i = 0; i < 5; ++i) {
      co_await sleep(0s);
      seen += '.';
    }
    co_await gate;
  });
  co_await wait_all_tasks_blocked();
  EXPECT_EQ(seen, ".....");
  gate.set_result();
  co_await task;
}

TUTTI_VIRTUAL_TEST(WaitAllTasksBlocked, GoesBeforeTheJump) {
  auto sleeper = tutti::create_task(sleep(1s));
  const auto begin = get_running_loop().time();
  co_await wait_all_tasks_blocked();
  EXPECT_EQ(get_running_loop().time(), begin);
  co_await sleeper;
}

TUTTI_TEST(WaitAllTasksBlocked, MayBeCancelled) {
  auto task = tutti::create_task([]() -> Coro<> { co_await wait_all_tasks_blocked(1h); });
  co_await sleep(0s);
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  co_await wait_all_tasks_blocked();
}

TUTTI_TEST(Ticks, CountsIterations) {
  EXPECT_EQ(co_await tutti::testing::ticks([]() -> Coro<> { co_return; }), 0U);
  EXPECT_EQ(co_await tutti::testing::ticks([] { return sleep(0s); }), 1U);
}

}  // namespace

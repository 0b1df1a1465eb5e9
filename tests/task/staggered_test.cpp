// SPDX-License-Identifier: MIT
// Staggered races. Tests that mirror one of CPython's (test_staggered.StaggeredTests) name it.
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/shield.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/staggered.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::CancelledError;
using tutti::Coro;
using tutti::holds;
using tutti::ValueError;
using Contenders = std::vector<std::function<Coro<std::string>()>>;

Coro<std::string> succeed(std::string result, tutti::Duration after = 0s) {
  if (after > 0s) co_await tutti::sleep(after);
  co_return result;
}

Coro<std::string> fail(std::string text, tutti::Duration after = 0s) {
  if (after > 0s) co_await tutti::sleep(after);
  throw ValueError(text);
}

TUTTI_VIRTUAL_TEST(StaggeredRace, OfNobodyHasNoWinner) {  // test_empty
  auto [result, index, exceptions] = co_await tutti::staggered_race(Contenders{});
  EXPECT_EQ(result, std::nullopt);
  EXPECT_EQ(index, std::nullopt);
  EXPECT_TRUE(exceptions.empty());
}

TUTTI_VIRTUAL_TEST(StaggeredRace, BeginsNoMoreThanItNeeds) {  // test_one_successful
  auto [result, index, exceptions] =
      co_await tutti::staggered_race(Contenders{[] { return succeed("0"); }, [] { return succeed("1"); }});
  EXPECT_EQ(result, "0");
  EXPECT_EQ(index, 0U);
  EXPECT_EQ(exceptions, std::vector<std::exception_ptr>{nullptr});
}

TUTTI_VIRTUAL_TEST(StaggeredRace, GoesOnWhenOneFails) {  // test_first_error_second_successful
  auto [result, index, exceptions] =
      co_await tutti::staggered_race(Contenders{[] { return fail("0"); }, [] { return succeed("1"); }}, 1h);
  EXPECT_EQ(result, "1");
  EXPECT_EQ(index, 1U);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_TRUE(holds<ValueError>(exceptions[0]));
  EXPECT_EQ(exceptions[1], nullptr);
}

TUTTI_VIRTUAL_TEST(StaggeredRace, GoesOnAfterTheDelay) {  // test_first_timeout_second_successful
  const auto begin = tutti::get_running_loop().time();
  auto [result, index, exceptions] =
      co_await tutti::staggered_race(Contenders{[] { return succeed("0", 10s); }, [] { return succeed("1"); }}, 100ms);
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 100ms);
  EXPECT_EQ(result, "1");
  EXPECT_EQ(index, 1U);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_TRUE(holds<CancelledError>(exceptions[0]));
}

TUTTI_VIRTUAL_TEST(StaggeredRace, LetsAnEarlierOneWinLater) {
  auto [result, index, exceptions] = co_await tutti::staggered_race(
      Contenders{[] { return succeed("0", 150ms); }, [] { return succeed("1", 10s); }, [] { return succeed("2"); }},
      100ms);
  EXPECT_EQ(result, "0");
  EXPECT_EQ(index, 0U);
  EXPECT_EQ(exceptions.size(), 2U);
}

TUTTI_VIRTUAL_TEST(StaggeredRace, StaggersByTheFailureOfTheLatestOnly) {
  std::vector<tutti::Duration> begun;
  const auto start = tutti::get_running_loop().time();
  const auto note = [&](tutti::Duration after) {
    begun.push_back(tutti::get_running_loop().time() - start);
    return fail("too slow", after);
  };
  auto [result, index, exceptions] = co_await tutti::staggered_race(
      Contenders{[&] { return note(150ms); }, [&] { return note(10s); }, [&] { return note(1ms); }}, 100ms);
  EXPECT_EQ(result, std::nullopt);
  EXPECT_EQ(begun, (std::vector<tutti::Duration>{0ms, 100ms, 200ms}));
  EXPECT_EQ(exceptions.size(), 3U);
}

TUTTI_VIRTUAL_TEST(StaggeredRace, TellsWhyNobodyWon) {  // test_none_successful
  auto [result, index, exceptions] =
      co_await tutti::staggered_race(Contenders{[] { return fail("0"); }, [] { return fail("1"); }});
  EXPECT_EQ(index, std::nullopt);
  CO_ASSERT_EQ(exceptions.size(), 2U);
  EXPECT_EQ(tutti::describe(exceptions[0]), "ValueError: 0");
  EXPECT_EQ(tutti::describe(exceptions[1]), "ValueError: 1");
}

TUTTI_VIRTUAL_TEST(StaggeredRace, HasOneWinner) {  // test_multiple_winners
  tutti::Future<> event;
  const auto wait = [](tutti::Future<> start, std::string name) -> Coro<std::string> {
    co_await tutti::shield(start);
    co_return name;
  };
  const auto set = [](tutti::Future<> start) -> Coro<std::string> {
    start.set_result();
    co_await tutti::Future<>();
    co_return "never";
  };
  auto [result, index, exceptions] = co_await tutti::staggered_race(
      Contenders{[&] { return wait(event, "0"); }, [&] { return wait(event, "1"); }, [&] { return set(event); }},
      100ms);
  EXPECT_EQ(result, "0");
  EXPECT_EQ(index, 0U);
  CO_ASSERT_EQ(exceptions.size(), 3U);
  EXPECT_EQ(exceptions[0], nullptr);
  EXPECT_TRUE(holds<CancelledError>(exceptions[1]));
  EXPECT_TRUE(holds<CancelledError>(exceptions[2]));
}

TUTTI_VIRTUAL_TEST(StaggeredRace, WaitsForThoseWhoResistTheirCancellation) {
  bool ended = false;
  const auto stubborn = [&]() -> Coro<std::string> {
    try {
      co_await tutti::sleep(1h);
    } catch (const CancelledError&) {
    }
    co_await tutti::sleep(1s);
    ended = true;
    co_return "stubborn";
  };
  auto [result, index, exceptions] =
      co_await tutti::staggered_race(Contenders{stubborn, [] { return succeed("1"); }}, 10ms);
  EXPECT_TRUE(ended);
  EXPECT_EQ(result, "1");
  EXPECT_TRUE(holds<CancelledError>(exceptions[0]));
}

TUTTI_VIRTUAL_TEST(StaggeredRace, PassesEachCancellationOn) {  // test_cancelled
  std::vector<std::string> log;
  const auto contender = [&]() -> Coro<std::string> {
    for (const char* name : {"cancelled 1", "cancelled 2"}) {
      try {
        co_await tutti::sleep(1h);
      } catch (const CancelledError&) {
        log.emplace_back(name);
      }
    }
    co_return "";
  };
  const auto race = [&]() -> Coro<> {
    try {
      co_await tutti::staggered_race(Contenders{contender});
    } catch (const CancelledError&) {
      log.emplace_back("cancelled 3");
      throw;
    }
  };
  auto task = tutti::create_task(race);
  co_await tutti::sleep(1s);
  task.cancel();
  co_await tutti::sleep(1s);
  EXPECT_FALSE(task.done());
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_EQ(log, (std::vector<std::string>{"cancelled 1", "cancelled 2", "cancelled 3"}));
}

TUTTI_VIRTUAL_TEST(StaggeredRace, MayBeCancelledBeforeItBeginsAndAsItEnds) {
  auto before = tutti::create_task(tutti::staggered_race(Contenders{[] { return succeed("0"); }}));
  before.cancel();
  EXPECT_THROW(co_await before, CancelledError);
  for (int turns = 1; turns < 6; ++turns) {
    auto task = tutti::create_task(tutti::staggered_race(Contenders{[] { return succeed("0"); }}));
    for (int i = 0; i < turns; ++i) co_await tutti::sleep(0s);
    task.cancel();
    try {
      EXPECT_EQ((co_await task).result, "0");
    } catch (const CancelledError&) {
    }
  }
}

TUTTI_VIRTUAL_TEST(StaggeredRace, EndsIfAContenderIsCancelledBeforeItStarts) {
  const auto race = tutti::create_task(tutti::staggered_race(Contenders{[] { return succeed("0"); }}));
  co_await tutti::sleep(0s);
  for (const tutti::AnyTask& task : tutti::all_tasks()) {
    if (task != *tutti::current_task() && task != tutti::AnyTask(race)) task.cancel();
  }
  auto [result, index, exceptions] = co_await race;
  EXPECT_EQ(result, std::nullopt);
  CO_ASSERT_EQ(exceptions.size(), 1U);
  EXPECT_TRUE(holds<CancelledError>(exceptions[0]));
}

TUTTI_VIRTUAL_TEST(StaggeredRace, TakesContendersWithoutAResult) {
  int calls = 0;
  const auto count = [&]() -> Coro<> {
    ++calls;
    co_return;
  };
  const auto outcome = co_await tutti::staggered_race(std::vector{count, count});
  EXPECT_TRUE(outcome.result.has_value());
  EXPECT_EQ(calls, 1);
}

}  // namespace

// SPDX-License-Identifier: MIT
// The timer queue against a simple model: a multimap from deadline to timer.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/loop/timer.hpp>

namespace tutti::tests {
namespace {

using namespace std::chrono_literals;
using lowlevel::Ready;
using lowlevel::ReadyQueue;
using lowlevel::Timer;
using lowlevel::TimerQueue;

class NumberedTimer final : public Timer {
 public:
  explicit NumberedTimer(int name) : number(name) {}
  void run() override {}
  bool cancel(std::string_view) override { return false; }
  int number;
};

constexpr TimePoint at(Duration since_start) { return TimePoint(1000h + since_start); }

std::vector<int> numbers(ReadyQueue& queue) {
  std::vector<int> found;
  while (Ready* entry = queue.pop()) found.push_back(static_cast<NumberedTimer*>(entry)->number);
  return found;
}

std::vector<int> expire(TimerQueue& timers, TimePoint now) {
  ReadyQueue due;
  timers.expire(now, due);
  return numbers(due);
}

TEST(TimerQueue, IsEmptyAtFirst) {
  TimerQueue timers;
  EXPECT_TRUE(timers.empty());
  EXPECT_FALSE(timers.next().has_value());
  EXPECT_TRUE(expire(timers, at(1h)).empty());
}

TEST(TimerQueue, GivesTimersInTheOrderOfTheirDeadlines) {
  TimerQueue timers;
  NumberedTimer a(1), b(2), c(3), d(4);
  timers.add(c, at(3h), at(0s));
  timers.add(a, at(1ns), at(0s));
  timers.add(d, at(24h * 3650), at(0s));
  timers.add(b, at(2s), at(0s));
  EXPECT_EQ(expire(timers, at(24h * 3650)), (std::vector<int>{1, 2, 3, 4}));
  EXPECT_TRUE(timers.empty());
}

TEST(TimerQueue, GivesEqualDeadlinesFirstInFirstOut) {
  TimerQueue timers;
  std::vector<std::unique_ptr<NumberedTimer>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_unique<NumberedTimer>(i));
    timers.add(*all.back(), at(90min), at(0s));
  }
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[static_cast<std::size_t>(i)] = i;
  EXPECT_TRUE(expire(timers, at(90min - 1ns)).empty());
  EXPECT_EQ(expire(timers, at(90min)), expected);
}

TEST(TimerQueue, GivesEqualDeadlinesFirstInFirstOutAlsoIfTheyWereAddedAtDifferentTimes) {
  TimerQueue timers;
  NumberedTimer first(1), second(2), third(3);
  timers.add(first, at(10h), at(0s));
  EXPECT_TRUE(expire(timers, at(9h)).empty());
  timers.add(second, at(10h), at(9h));
  EXPECT_TRUE(expire(timers, at(10h - 100us)).empty());
  timers.add(third, at(10h), at(10h - 100us));
  EXPECT_EQ(expire(timers, at(10h)), (std::vector<int>{1, 2, 3}));
}

TEST(TimerQueue, IsDueExactlyAtTheDeadline) {
  TimerQueue timers;
  NumberedTimer timer(1);
  timers.add(timer, at(123456789ns), at(0s));
  EXPECT_TRUE(expire(timers, at(123456788ns)).empty());
  EXPECT_TRUE(timer.pending());
  EXPECT_EQ(expire(timers, at(123456789ns)), (std::vector<int>{1}));
  EXPECT_FALSE(timer.pending());
  EXPECT_EQ(timer.when(), at(123456789ns));
}

TEST(TimerQueue, TakesDeadlinesInThePast) {
  TimerQueue timers;
  NumberedTimer late(1), later(2);
  timers.add(later, at(-1s), at(0s));
  timers.add(late, at(-1h), at(0s));
  EXPECT_LE(timers.next().value(), at(0s));
  EXPECT_EQ(expire(timers, at(0s)), (std::vector<int>{1, 2}));
}

TEST(TimerQueue, TakesDeadlinesACenturyAway) {
  TimerQueue timers;
  NumberedTimer century(1), soon(2);
  timers.add(century, at(24h * 36525), at(0s));
  timers.add(soon, at(1s), at(0s));
  EXPECT_EQ(expire(timers, at(24h * 36524)), (std::vector<int>{2}));
  EXPECT_EQ(expire(timers, at(24h * 36525)), (std::vector<int>{1}));
}

TEST(TimerQueue, ForgetsATimerThatIsRemoved) {
  TimerQueue timers;
  NumberedTimer near(1), far(2), twin(3);
  timers.add(near, at(1ns), at(0s));
  timers.add(far, at(1h), at(0s));
  timers.add(twin, at(1h), at(0s));
  EXPECT_TRUE(timers.remove(far));
  EXPECT_FALSE(timers.remove(far));
  EXPECT_TRUE(timers.remove(near));
  EXPECT_EQ(timers.size(), 1U);
  EXPECT_EQ(expire(timers, at(2h)), (std::vector<int>{3}));
  EXPECT_FALSE(timers.remove(twin));
}

TEST(TimerQueue, TakesATimerAgainThatHasExpired) {
  TimerQueue timers;
  NumberedTimer timer(1);
  for (int i = 1; i <= 5; ++i) {
    timers.add(timer, at(i * 1s), at((i - 1) * 1s));
    EXPECT_EQ(expire(timers, at(i * 1s)), (std::vector<int>{1}));
  }
}

TEST(TimerQueue, GivesAllTimersAwayWhenItIsCleared) {
  TimerQueue timers;
  std::vector<std::unique_ptr<NumberedTimer>> all;
  for (int i = 0; i < 64; ++i) {
    all.push_back(std::make_unique<NumberedTimer>(i));
    timers.add(*all.back(), at(1ns * i * i * i * (i % 3 == 0 ? 1 : 100000)), at(0s));
  }
  ReadyQueue given;
  timers.clear(given);
  auto found = numbers(given);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found.size(), 64U);
  EXPECT_EQ(std::unique(found.begin(), found.end()), found.end());
  EXPECT_TRUE(timers.empty());
  EXPECT_FALSE(timers.next().has_value());
}

TEST(TimerQueue, KeepsAMillionPendingTimersApart) {
  constexpr int count = 1'000'000;
  TimerQueue timers;
  std::vector<std::unique_ptr<NumberedTimer>> all;
  all.reserve(count);
  std::mt19937_64 random(42);
  for (int i = 0; i < count; ++i) {
    all.push_back(std::make_unique<NumberedTimer>(i));
    timers.add(*all.back(), at(1ms + 1us * static_cast<std::int64_t>(random() % 60'000'000)), at(0s));
  }
  EXPECT_EQ(timers.size(), static_cast<std::size_t>(count));
  for (auto& timer : all) {
    if (timer->number % 10 != 0) {
      EXPECT_TRUE(timers.remove(*timer));
    }
  }
  EXPECT_EQ(timers.size(), static_cast<std::size_t>(count) / 10);
  ReadyQueue due;
  timers.expire(at(1min + 1ms), due);
  TimePoint last = at(0s);
  int expired = 0;
  while (Ready* entry = due.pop()) {
    const auto& timer = static_cast<NumberedTimer&>(*entry);
    EXPECT_LE(last, timer.when());
    last = timer.when();
    ++expired;
  }
  EXPECT_EQ(expired, count / 10);
}

// ---- the model ----

struct Model {
  using Key = std::pair<TimePoint, std::uint64_t>;
  std::map<Key, NumberedTimer*> pending;
  std::map<NumberedTimer*, Key> keys;
  std::uint64_t order = 0;

  void add(NumberedTimer& timer, TimePoint when) {
    const Key key{when, order++};
    pending.emplace(key, &timer);
    keys[&timer] = key;
  }
  void remove(NumberedTimer& timer) {
    pending.erase(keys.at(&timer));
    keys.erase(&timer);
  }
  std::vector<int> expire(TimePoint now) {
    std::vector<int> due;
    while (!pending.empty() && pending.begin()->first.first <= now) {
      due.push_back(pending.begin()->second->number);
      remove(*pending.begin()->second);
    }
    return due;
  }
};

// How far away a deadline is, of all orders of magnitude.
Duration random_delay(std::mt19937_64& random) {
  const auto bits = static_cast<unsigned>(random() % 58);
  return Duration(static_cast<std::int64_t>(random() & ((std::uint64_t{1} << bits) - 1)));
}

class TimerQueueModel : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(TimerQueueModel, BehavesLikeASortedMap) {
  std::mt19937_64 random(GetParam());
  TimerQueue timers;
  Model model;
  TimePoint now = at(0s);
  std::vector<std::unique_ptr<NumberedTimer>> all;
  for (int i = 0; i < 300; ++i) all.push_back(std::make_unique<NumberedTimer>(i));

  for (int step = 0; step < 20000; ++step) {
    NumberedTimer& timer = *all[random() % all.size()];
    switch (random() % 4) {
      case 0:
      case 1:
        if (!timer.pending()) {
          const TimePoint when = random() % 8 == 0 ? now : now + random_delay(random);
          timers.add(timer, when, now);
          model.add(timer, when);
        }
        break;
      case 2:
        ASSERT_EQ(timers.remove(timer), model.keys.contains(&timer));
        if (model.keys.contains(&timer)) model.remove(timer);
        break;
      default: {
        // To the deadline that comes next, a little on, or far.
        if (const auto next = timers.next(); next && random() % 2 == 0) {
          ASSERT_LE(*next, std::max(model.pending.begin()->first.first, now));
          now = std::max(now, *next);
        } else {
          now += random_delay(random) / 64;
        }
        ASSERT_EQ(expire(timers, now), model.expire(now)) << "step " << step;
        break;
      }
    }
    ASSERT_EQ(timers.size(), model.pending.size());
    ASSERT_EQ(timers.next().has_value(), !model.pending.empty());
  }
  ReadyQueue rest;
  timers.clear(rest);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimerQueueModel, ::testing::Values(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U));

}  // namespace
}  // namespace tutti::tests

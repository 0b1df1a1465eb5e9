// SPDX-License-Identifier: MIT
// What callers write as a length of time, in nanoseconds.
#include <chrono>
#include <limits>

#include <gtest/gtest.h>

#include <tutti/base/clock.hpp>

namespace tutti::tests {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

TEST(ToDuration, ConvertsEveryUnit) {
  EXPECT_EQ(to_duration(1ns).count(), 1);
  EXPECT_EQ(to_duration(2us).count(), 2'000);
  EXPECT_EQ(to_duration(3ms).count(), 3'000'000);
  EXPECT_EQ(to_duration(4s).count(), 4'000'000'000);
  EXPECT_EQ(to_duration(1h), 3600s);
  EXPECT_EQ(to_duration(-5s), -5s);
}

TEST(ToDuration, ConvertsFractions) {
  EXPECT_EQ(to_duration(1.5s), 1500ms);
  EXPECT_EQ(to_duration(Seconds(-0.25)), -250ms);
  EXPECT_EQ(to_duration(std::chrono::duration<float, std::milli>(0.5F)), 500us);
  EXPECT_EQ(to_duration(Seconds(1e-12)), 0ns);
}

TEST(ToDuration, CutsWhatIsTooLong) {
  constexpr Duration longest{std::numeric_limits<Duration::rep>::max() / 2};
  EXPECT_EQ(to_duration(std::chrono::hours::max()), longest);
  EXPECT_EQ(to_duration(std::chrono::hours::min()), -longest);
  EXPECT_EQ(to_duration(Seconds(std::numeric_limits<double>::infinity())), longest);
  EXPECT_EQ(to_duration(Seconds(-std::numeric_limits<double>::infinity())), -longest);
  EXPECT_EQ(to_duration(std::chrono::seconds::max()), longest);
}

TEST(ToDuration, LeavesRoomToAddTheLongestToAMoment) {
  const TimePoint now = std::chrono::steady_clock::now();
  EXPECT_GT(now + to_duration(std::chrono::hours::max()), now);
}

TEST(ToDuration, RefusesWhatIsNotANumber) {
  EXPECT_THROW((void)to_duration(Seconds(std::numeric_limits<double>::quiet_NaN())), ValueError);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Debug mode of the loop: what it is switched on by, and slow callbacks.
#include <cstdlib>
#include <string>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

// test_base_events::BaseEventLoopTests.test_env_var_debug
TEST(DebugMode, ComesFromTheEnvironment) {
  const char* before = std::getenv("TUTTI_DEBUG");
  const std::string saved = before == nullptr ? "" : before;
  ::setenv("TUTTI_DEBUG", "1", 1);
  EXPECT_TRUE(EventLoop().get_debug());
  ::setenv("TUTTI_DEBUG", "0", 1);
  EXPECT_FALSE(EventLoop().get_debug());
  ::setenv("TUTTI_DEBUG", "", 1);
  EXPECT_FALSE(EventLoop().get_debug());
  ::unsetenv("TUTTI_DEBUG");
  EXPECT_FALSE(EventLoop().get_debug());
  if (before != nullptr) ::setenv("TUTTI_DEBUG", saved.c_str(), 1);
}

// test_base_events::BaseEventLoopTests.test_set_debug
TEST(DebugMode, MayBeSwitched) {
  EventLoop loop;
  loop.set_debug(true);
  EXPECT_TRUE(loop.get_debug());
  loop.set_debug(false);
  EXPECT_FALSE(loop.get_debug());
}

class SlowCallback : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Each, SlowCallback, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// test_base_events::BaseEventLoopTests.test_log_slow_callbacks
TEST_P(SlowCallback, IsLoggedWithItsPlace) {
  loop().set_debug(true);
  loop().slow_callback_duration = 0s;  // everything is slow
  const auto line = std::source_location::current().line() + 1;
  loop().call_soon([] {});
  run_briefly();
  const auto log = reports.take_log();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].find("loop: executing callback took "), 0U) << log[0];
  EXPECT_NE(log[0].find("debug_test.cpp:" + std::to_string(line)), std::string::npos) << log[0];
}

TEST_P(SlowCallback, IsNotLoggedIfItIsFastEnough) {
  loop().set_debug(true);
  loop().slow_callback_duration = 1h;
  loop().call_soon([] {});
  run_briefly();
  EXPECT_TRUE(reports.take_log().empty());
}

TEST_P(SlowCallback, IsNotLoggedWithoutDebugMode) {
  loop().set_debug(false);
  loop().slow_callback_duration = 0s;
  loop().call_soon([] {});
  run_briefly();
  EXPECT_TRUE(reports.take_log().empty());
}

}  // namespace
}  // namespace tutti::tests

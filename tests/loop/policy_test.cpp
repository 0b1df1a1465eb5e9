// SPDX-License-Identifier: MIT
// Policies: which loop a thread gets, and of which kind.
#include <memory>

#include <gtest/gtest.h>

#include <tutti/loop/policy.hpp>

namespace tutti::tests {
namespace {

/// Puts the default policy and no loop back, whatever a test does.
class PolicyTest : public ::testing::Test {
 protected:
  void TearDown() override {
    set_event_loop_policy(nullptr);
    set_event_loop(nullptr);
  }
};

// test_events::PolicyTests.test_get_event_loop (3.14: no loop is made on the way)
TEST_F(PolicyTest, HasNoLoopUntilOneIsSet) {
  EXPECT_THROW((void)get_event_loop(), RuntimeError);
  EventLoop loop;
  set_event_loop(&loop);
  EXPECT_EQ(&get_event_loop(), &loop);
  set_event_loop(nullptr);
  EXPECT_THROW((void)get_event_loop(), RuntimeError);
}

// test_events::GetEventLoopTestsMixin.test_get_event_loop_returns_running_loop
TEST_F(PolicyTest, GivesTheRunningLoopFirst) {
  EventLoop set, running;
  set_event_loop(&set);
  running.call_soon([&] {
    EXPECT_EQ(&get_event_loop(), &running);
    running.stop();
  });
  running.run_forever();
  EXPECT_EQ(&get_event_loop(), &set);
}

// test_events::PolicyTests.test_new_event_loop
TEST_F(PolicyTest, MakesNewLoops) {
  const auto one = new_event_loop();
  const auto two = new_event_loop();
  EXPECT_NE(one, two);
  EXPECT_FALSE(one->is_running());
}

class CountingPolicy final : public DefaultEventLoopPolicy {
 public:
  std::unique_ptr<EventLoop> new_event_loop() override {
    ++made;
    return std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_poll_backend()});
  }
  int made = 0;
};

// test_events::PolicyTests.test_set_event_loop_policy
TEST_F(PolicyTest, MayBeTheUsersOwn) {
  const auto policy = std::make_shared<CountingPolicy>();
  set_event_loop_policy(policy);
  EXPECT_EQ(get_event_loop_policy(), policy);
  EXPECT_EQ(new_event_loop()->backend().name(), "poll");
  EXPECT_EQ(policy->made, 1);
  set_event_loop_policy(nullptr);
  EXPECT_NE(get_event_loop_policy(), policy);
  (void)new_event_loop();
  EXPECT_EQ(policy->made, 1);
}

}  // namespace
}  // namespace tutti::tests

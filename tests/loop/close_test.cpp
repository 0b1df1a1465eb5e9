// SPDX-License-Identifier: MIT
// The end of an event loop, and of what lives in it.
#include <memory>
#include <string>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

class ClosedLoop : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Each, ClosedLoop, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// test_base_events::BaseClosedLoops.test_close
TEST_P(ClosedLoop, DoesNothingOnceItIsClosed) {
  EXPECT_FALSE(loop().is_closed());
  loop().close();
  EXPECT_TRUE(loop().is_closed());
  loop().close();
  EXPECT_THROW(loop().run_forever(), RuntimeError);
  EXPECT_THROW(loop().call_soon([] {}), RuntimeError);
  EXPECT_THROW(loop().call_later(1s, [] {}), RuntimeError);
  EXPECT_THROW(loop().call_at(loop().time(), [] {}), RuntimeError);
  EXPECT_THROW(loop().call_soon_threadsafe([] {}), RuntimeError);
}

TEST_P(ClosedLoop, IsNotClosedWhileItRuns) {
  loop().call_soon([&] { EXPECT_THROW(loop().close(), RuntimeError); });
  run_briefly();
  EXPECT_FALSE(loop().is_closed());
}

TEST_P(ClosedLoop, DropsCallbacksAndTimersWhenItIsClosed) {
  auto witness = std::make_shared<int>(0);
  loop().call_soon([witness] { ADD_FAILURE() << "called"; });
  loop().call_later(1h, [witness] { ADD_FAILURE() << "called"; });
  loop().call_soon_threadsafe([witness] { ADD_FAILURE() << "called"; });
  EXPECT_EQ(witness.use_count(), 4);
  loop().close();
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_P(ClosedLoop, IsAliveUntilItIsClosed) {
  EXPECT_TRUE(EventLoop::is_alive(&loop()));
  loop().close();
  EXPECT_FALSE(EventLoop::is_alive(&loop()));
}

TEST_P(ClosedLoop, RefusesThoseWhoComeThroughTheDoorTooLate) {
  const std::shared_ptr<lowlevel::Door> door = loop().door();
  bool called = false;
  EXPECT_TRUE(door->post([&] { called = true; }));
  run_briefly();
  EXPECT_TRUE(called);
  loop_.reset();
  EXPECT_FALSE(door->post([] { ADD_FAILURE() << "called"; }));
}

// ---- services ----

std::string service_log;

template <int Number>
class CountedService final : public lowlevel::Service {
 public:
  explicit CountedService(EventLoop&) { service_log += " made" + std::to_string(Number); }
  void close(EventLoop&) noexcept override { service_log += " closed" + std::to_string(Number); }
};

TEST_P(ClosedLoop, MakesAServiceOnceAndClosesTheLatestFirst) {
  service_log.clear();
  EXPECT_EQ(loop().find_service<CountedService<1>>(), nullptr);
  auto& one = loop().service<CountedService<1>>();
  loop().service<CountedService<2>>();
  EXPECT_EQ(&loop().service<CountedService<1>>(), &one);
  EXPECT_EQ(loop().find_service<CountedService<1>>(), &one);
  loop().close();
  EXPECT_EQ(service_log, " made1 made2 closed2 closed1");
}

}  // namespace
}  // namespace tutti::tests

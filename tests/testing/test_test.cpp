// SPDX-License-Identifier: MIT
// The testing module tested with itself: what a test must not leave behind, and how it says so.
#include <chrono>
#include <memory>
#include <string>

#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <unistd.h>

#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::testing::detail::Body;

/// The failures of a test with this body, as text.
std::string failures_of(Body body, const char* backend = "epoll") {
  ::testing::TestPartResultArray results;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    tutti::testing::detail::run_test("Inner.Test", backend, body, "inner.cpp", 7);
  }
  std::string text;
  for (int i = 0; i < results.size(); ++i) text += std::string(results.GetTestPartResult(i).message()) + "\n";
  return text;
}

Coro<> forever() { co_await tutti::Future<>(); }
Coro<> fail_with(std::string message) {
  co_await tutti::sleep(0s);
  throw tutti::ValueError(message);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(LoopTest, PassesWhenNothingIsLeftBehind) {
  EXPECT_EQ(failures_of([]() -> Coro<> { co_await tutti::create_task(tutti::sleep(0s)); }), "");
}

TEST(LoopTest, FailsWithATaskThatIsLeftPending) {
  const std::string text = failures_of([]() -> Coro<> {
    (void)tutti::create_task(forever(), {.name = "straggler"});
    co_return;
  });
  EXPECT_TRUE(contains(text, "task 'straggler' (created at ")) << text;
  EXPECT_TRUE(contains(text, "test_test.cpp:")) << text;
  EXPECT_TRUE(contains(text, "was left pending")) << text;
}

TEST(LoopTest, LetsTasksEndThatAreAboutTo) {
  EXPECT_EQ(failures_of([]() -> Coro<> {
              auto task = tutti::create_task(forever());
              co_await tutti::sleep(0s);
              task.cancel();
            }),
            "");
}

TEST(LoopTest, FailsWithAnExceptionThatNobodyRetrieved) {
  const std::string text = failures_of([]() -> Coro<> {
    {
      (void)tutti::create_task(fail_with("lost"), {.name = "loser"});
    }
    co_await tutti::sleep(0s);
    co_await tutti::sleep(0s);
    co_await tutti::sleep(0s);
  });
  EXPECT_TRUE(contains(text, "task exception was never retrieved; task 'loser'")) << text;
  EXPECT_TRUE(contains(text, "ValueError: lost")) << text;
}

TEST(LoopTest, FailsWithACoroutineThatNobodyAwaited) {
  const std::string text = failures_of([]() -> Coro<> {
    {
      [[maybe_unused]] const auto unused = forever();
    }
    co_return;
  });
  EXPECT_TRUE(contains(text, "coroutine was never awaited")) << text;
  EXPECT_TRUE(contains(text, "forever")) << text;
}

TEST(LoopTest, FailsWithADescriptorThatIsLeftOpen) {
  static int fd = -1;
  const std::string text = failures_of([]() -> Coro<> {
    fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    co_return;
  });
  ::close(fd);
  EXPECT_TRUE(contains(text, "(/dev/null) was left open")) << text;
}

TEST(LoopTest, FailsWithAnExceptionThatLeavesTheBody) {
  const std::string text = failures_of([]() -> Coro<> { co_await fail_with("out"); });
  EXPECT_TRUE(contains(text, "the test threw ValueError: out")) << text;
}

TEST(LoopTest, FailsWithTheListOfTasksWhenItTakesTooLong) {
  const std::string text = failures_of([]() -> Coro<> {
    tutti::testing::set_time_limit(1ms);
    (void)tutti::create_task(forever(), {.name = "the other"});
    co_await forever();
  });
  EXPECT_TRUE(contains(text, "the test took too long")) << text;
  EXPECT_TRUE(contains(text, "task 'the other'")) << text;
  EXPECT_FALSE(contains(text, "CancelledError")) << text;
}

TEST(LoopTest, TakesTooLongInVirtualTimeToo) {
  const std::string text = failures_of(
      []() -> Coro<> {
        tutti::testing::set_time_limit(1ms);
        for (;;) co_await tutti::sleep(1h);
      },
      nullptr);
  EXPECT_TRUE(contains(text, "the test took too long")) << text;
}

TEST(LoopTest, LeavesTheBodyAtAFatalFailure) {
  static bool went_on = false;
  const std::string text = failures_of([]() -> Coro<> {
    CO_ASSERT_EQ(1, 2) << "with a note";
    went_on = true;
  });
  EXPECT_TRUE(contains(text, "with a note")) << text;
  EXPECT_FALSE(went_on);
}

TEST(LoopTest, AcceptsAReportThatItExpected) {
  EXPECT_EQ(failures_of([]() -> Coro<> {
              tutti::testing::expect_report("never awaited");
              {
                [[maybe_unused]] const auto unused = forever();
              }
              co_return;
            }),
            "");
}

TEST(LoopTest, FailsIfTheExpectedReportDoesNotCome) {
  const std::string text = failures_of([]() -> Coro<> {
    tutti::testing::expect_report("never awaited");
    co_return;
  });
  EXPECT_TRUE(contains(text, "expected report did not come: never awaited")) << text;
}

TEST(LoopTest, HandsReportsOverToTheTest) {
  EXPECT_EQ(failures_of([]() -> Coro<> {
              tutti::get_running_loop().call_soon([] { throw tutti::ValueError("in a callback"); });
              co_await tutti::sleep(0s);
              const auto reports = tutti::testing::take_reports();
              if (reports.size() != 1 || reports[0].message != "exception in callback") ADD_FAILURE();
            }),
            "");
}

TUTTI_TEST(LoopTest, HasALoopInDebugMode) {
  EXPECT_TRUE(tutti::get_running_loop().get_debug());
  co_return;
}

TUTTI_TEST(LoopTest, TakesAwaitsInsideOfAssertions) {
  EXPECT_EQ(co_await tutti::sleep(0s, 5), 5);
  CO_ASSERT_TRUE(co_await tutti::sleep(0s, true));
  CO_ASSERT_LT(1, co_await tutti::sleep(0s, 2));
  CO_ASSERT_THROW(co_await fail_with("x"), tutti::ValueError);
  EXPECT_THROW(co_await fail_with("x"), tutti::ValueError);
  CO_ASSERT_NO_THROW(co_await tutti::sleep(0s));
  CO_ASSERT_STREQ("a", "a");
}

TEST(LoopTest, CanBeSkippedFromInside) {
  static bool went_on = false;
  const std::string text = failures_of([]() -> Coro<> {
    CO_SKIP() << "not here";
    went_on = true;
  });
  EXPECT_TRUE(contains(text, "not here")) << text;
  EXPECT_FALSE(went_on);
}

class PlainFixture : public tutti::testing::Fixture {
 protected:
  void SetUp() { value_ = 3; }
  int value_ = 0;
};

TUTTI_TEST_F(PlainFixture, RunsASetUpThatIsAFunction) {
  EXPECT_EQ(value_, 3);
  co_return;
}

class CoroutineFixture : public tutti::testing::Fixture {
 protected:
  Coro<> SetUp() {
    co_await tutti::sleep(0s);
    task_ = std::make_unique<tutti::Task<>>(tutti::create_task(forever()));
  }
  Coro<> TearDown() {
    task_->cancel();
    try {
      co_await *task_;
    } catch (const tutti::CancelledError&) {
    }
  }
  tutti::Future<> future_;  // needs the running loop
  std::unique_ptr<tutti::Task<>> task_;
};

TUTTI_TEST_F(CoroutineFixture, RunsASetUpThatIsACoroutine) {
  EXPECT_FALSE(task_->done());
  EXPECT_FALSE(future_.done());
  co_return;
}

TUTTI_VIRTUAL_TEST_F(CoroutineFixture, RunsInVirtualTime) {
  co_await tutti::sleep(1h);
  EXPECT_FALSE(task_->done());
}

}  // namespace

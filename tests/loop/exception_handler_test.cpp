// SPDX-License-Identifier: MIT
// Who hears of an exception that nobody can catch, and what happens if that one fails too.
#include <string>
#include <vector>

#include "loop/loop_fixture.hpp"

namespace tutti::tests {
namespace {

class ExceptionHandlerTest : public OnEachBackend {};
INSTANTIATE_TEST_SUITE_P(Each, ExceptionHandlerTest, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

// test_base_events::BaseEventLoopTests.test_set_exc_handler_custom; oracle/semantics.py, "cb exc"
TEST_P(ExceptionHandlerTest, HearsOfAnExceptionInACallbackAndTheLoopGoesOn) {
  std::vector<ExceptionContext> heard;
  EventLoop* on = nullptr;
  loop().set_exception_handler([&](EventLoop& where, const ExceptionContext& context) {
    on = &where;
    heard.push_back(context);
  });
  const auto here = std::source_location::current();
  loop().call_soon([] { throw ValueError("in a callback"); });
  bool called = false;
  loop().call_soon([&] { called = true; });
  run_briefly();
  EXPECT_TRUE(called);
  EXPECT_EQ(on, &loop());
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].message, "exception in callback");
  EXPECT_EQ(describe(heard[0].exception), "ValueError: in a callback");
  EXPECT_STREQ(heard[0].location.file_name(), here.file_name());
  EXPECT_EQ(heard[0].location.line(), here.line() + 1);
}

TEST_P(ExceptionHandlerTest, HearsOfACancelledErrorInACallback) {
  loop().call_soon([] { throw CancelledError("odd"); });
  run_briefly();
  reports.expect("exception in callback");
}

// test_base_events::BaseEventLoopTests.test_default_exc_handler_callback
TEST_P(ExceptionHandlerTest, LogsByDefault) {
  loop().set_exception_handler({});
  EXPECT_FALSE(loop().get_exception_handler());
  loop().call_soon([] { throw ValueError("logged"); });
  run_briefly();
  const auto log = reports.take_log();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_NE(log[0].find("loop: exception in callback; callback "), std::string::npos) << log[0];
  EXPECT_NE(log[0].find("ValueError: logged"), std::string::npos) << log[0];
  EXPECT_NE(log[0].find("exception_handler_test.cpp:"), std::string::npos) << log[0];
  (void)reports.take();
}

// test_base_events::BaseEventLoopTests.test_set_exc_handler_broken
TEST_P(ExceptionHandlerTest, ThatThrowsIsReportedByTheDefaultOneWithTheFirstReport) {
  loop().set_exception_handler([](EventLoop&, const ExceptionContext&) { throw RuntimeError("broken handler"); });
  loop().call_soon([] { throw ValueError("the cause"); });
  run_briefly();
  const auto log = reports.take_log();
  ASSERT_EQ(log.size(), 2U);
  EXPECT_NE(log[0].find("unhandled error in exception handler: RuntimeError: broken handler"), std::string::npos)
      << log[0];
  EXPECT_NE(log[1].find("ValueError: the cause"), std::string::npos) << log[1];
  (void)reports.take();
}

// test_base_events::BaseEventLoopTests.test_default_exc_handler_broken: a log that fails does not end the loop
TEST_P(ExceptionHandlerTest, SurvivesALogThatFails) {
  set_log_sink([](LogLevel, std::string_view, std::string_view) { throw RuntimeError("no space left"); });
  loop().set_exception_handler({});
  loop().call_soon([] { throw ValueError("nobody hears"); });
  bool called = false;
  loop().call_soon([&] { called = true; });
  run_briefly();
  EXPECT_TRUE(called);
  set_log_sink({});
}

TEST_P(ExceptionHandlerTest, MayLeaveTheLoopByAKeyboardInterrupt) {
  loop().set_exception_handler([](EventLoop&, const ExceptionContext&) { throw KeyboardInterrupt(); });
  loop().call_soon([] { throw ValueError("the cause"); });
  EXPECT_THROW(loop().run_forever(), KeyboardInterrupt);
}

TEST_P(ExceptionHandlerTest, MayReplaceItself) {
  int second = 0;
  loop().set_exception_handler([&](EventLoop& on, const ExceptionContext&) {
    on.set_exception_handler([&](EventLoop&, const ExceptionContext&) { ++second; });
  });
  loop().call_soon([] { throw ValueError("one"); });
  loop().call_soon([] { throw ValueError("two"); });
  run_briefly();
  EXPECT_EQ(second, 1);
}

// test_base_events: the handler runs in the context of the handle
TEST_P(ExceptionHandlerTest, RunsInTheContextOfTheCallback) {
  static ContextVar<int> variable("variable", 0);
  int seen = -1;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext&) { seen = variable.get(); });
  Context context;
  context.run([] { variable.set(7); });
  loop().call_soon([] { throw ValueError("x"); }, context);
  run_briefly();
  EXPECT_EQ(seen, 7);
}

TEST(ExceptionContext, IsOneLine) {
  ExceptionContext context{"it happened", std::make_exception_ptr(ValueError("why")), "task 'a'", {}};
  EXPECT_EQ(context.to_string(), "it happened; task 'a': ValueError: why");
  context.location = std::source_location::current();
  EXPECT_NE(context.to_string().find("exception_handler_test.cpp:"), std::string::npos);
}

}  // namespace
}  // namespace tutti::tests

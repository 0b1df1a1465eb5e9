// SPDX-License-Identifier: MIT
// The seam through which the library says something on its own.
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/base/log.hpp>

namespace tutti::tests {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { set_log_sink({}); }
};

TEST_F(LogTest, GoesToTheSink) {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel level, std::string_view category, std::string_view message) {
    lines.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(category) + " " + std::string(message));
  });
  log(LogLevel::debug, "net", "one");
  log(LogLevel::error, "http", "two");
  EXPECT_EQ(lines, (std::vector<std::string>{"0 net one", "3 http two"}));
}

TEST_F(LogTest, GoesToStandardErrorByDefaultFromWarningsOn) {
  ::testing::internal::CaptureStderr();
  log(LogLevel::debug, "net", "unseen");
  log(LogLevel::info, "net", "unseen");
  log(LogLevel::warning, "net", "odd");
  log(LogLevel::error, "loop", "bad");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning: tutti.net: odd\nerror: tutti.loop: bad\n");
}

TEST_F(LogTest, GoesBackToTheDefault) {
  int count = 0;
  set_log_sink([&](LogLevel, std::string_view, std::string_view) { ++count; });
  set_log_sink({});
  ::testing::internal::CaptureStderr();
  log(LogLevel::error, "net", "x");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "error: tutti.net: x\n");
  EXPECT_EQ(count, 0);
}

TEST_F(LogTest, WritesToStandardErrorWhatTheSinkItselfSays) {
  set_log_sink([](LogLevel, std::string_view, std::string_view message) {
    log(LogLevel::error, "sink", "cannot write \"" + std::string(message) + "\"");
  });
  ::testing::internal::CaptureStderr();
  log(LogLevel::error, "net", "x");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "error: tutti.sink: cannot write \"x\"\n");
}

TEST_F(LogTest, SurvivesASinkThatThrows) {
  set_log_sink([](LogLevel, std::string_view, std::string_view) { throw std::runtime_error("full"); });
  log(LogLevel::error, "net", "x");
}

}  // namespace
}  // namespace tutti::tests

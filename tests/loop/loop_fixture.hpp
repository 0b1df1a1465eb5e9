// SPDX-License-Identifier: MIT
// Tests of the loop itself: each runs on each back end, on a loop that the test drives.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/testing/reports.hpp>

namespace tutti::tests {

using namespace std::chrono_literals;

class OnEachBackend : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "uring" && !lowlevel::uring_available()) {
      GTEST_SKIP() << "this kernel does not let this process use io_uring";
    }
    loop_ = make_loop();
  }
  void TearDown() override {
    for (const std::string& problem : reports.problems()) ADD_FAILURE() << problem;
  }

  static std::unique_ptr<EventLoop> make_loop() {
    auto loop = std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_backend(GetParam())});
    testing::ReportCollector::watch(*loop);
    return loop;
  }
  EventLoop& loop() { return *loop_; }

  /// Runs exactly one iteration, without waiting.
  void run_briefly() {
    loop().stop();
    loop().run_forever();
  }

  testing::ReportCollector reports;
  std::unique_ptr<EventLoop> loop_;
};

}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Ends a test that takes too long, by its loop if that still turns, else by ending the process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <tutti/loop/event_loop.hpp>

namespace tutti::testing::detail {

class Watchdog {
 public:
  /// Calls `expired` on the loop's thread when the limit has passed. If then the watchdog lives on for `kGrace`, it ends the process.
  Watchdog(std::shared_ptr<lowlevel::Door> door, std::string test, Callback expired);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  void set_limit(Duration limit);

 private:
  static constexpr std::chrono::seconds kGrace{10};
  void watch();

  const std::shared_ptr<lowlevel::Door> door_;
  const std::string test_;
  Callback expired_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  Duration limit_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace tutti::testing::detail

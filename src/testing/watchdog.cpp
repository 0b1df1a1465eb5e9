// SPDX-License-Identifier: MIT
#include "testing/watchdog.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

namespace tutti::testing::detail {
namespace {

constexpr Duration kDefault = std::chrono::seconds(20);

std::optional<Duration> limit_from_environment() {
  const char* text = std::getenv("TUTTI_TEST_TIME_LIMIT");
  if (text == nullptr || *text == '\0') return std::nullopt;
  const double seconds = std::atof(text);
  return seconds > 0 ? to_duration(std::chrono::duration<double>(seconds)) : Duration(std::chrono::hours(24 * 365));
}

}  // namespace

Watchdog::Watchdog(std::shared_ptr<lowlevel::Door> door, std::string test, Callback expired)
    : door_(std::move(door)),
      test_(std::move(test)),
      expired_(std::move(expired)),
      limit_(limit_from_environment().value_or(kDefault)),
      thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::set_limit(Duration limit) {
  {
    const std::lock_guard lock(mutex_);
    if (!limit_from_environment()) limit_ = limit;
  }
  changed_.notify_all();
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!ended_ && std::chrono::steady_clock::now() < begin_ + limit_) changed_.wait_until(lock, begin_ + limit_);
  if (ended_) return;
  lock.unlock();
  door_->post(std::move(expired_));
  lock.lock();
  if (changed_.wait_for(lock, kGrace, [this] { return ended_; })) return;
  std::fprintf(stderr, "tutti: test %s took too long and could not be ended\n", test_.c_str());
  std::abort();
}

}  // namespace tutti::testing::detail

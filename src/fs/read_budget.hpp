// SPDX-License-Identifier: MIT
// How much the files of a loop may read at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <tutti/loop/event_loop.hpp>
#include <tutti/sync/lock.hpp>

namespace tutti::detail {

/// What is at hand is read without giving the loop back, up to this much in one iteration: a task that only reads hot
/// files must not keep the others from their turn.
class ReadBudget final : public lowlevel::Service {
 public:
  explicit ReadBudget(EventLoop& loop) noexcept : loop_(loop) {}

  [[nodiscard]] std::size_t left() noexcept {
    if (iteration_ != loop_.iterations()) {
      iteration_ = loop_.iterations();
      left_ = kPerIteration;
    }
    return left_;
  }
  /// Those who found nothing left stand in line here, and the first waits for the next iteration: else whoever took all
  /// of this one would be the first in the next one too.
  [[nodiscard]] Lock& line() noexcept { return line_; }
  void spend(std::size_t bytes) noexcept { left_ -= std::min(left_, std::max(bytes, kLeast)); }

 private:
  static constexpr std::size_t kPerIteration = std::size_t{256} * 1024;  // bytes; some 50 us
  static constexpr std::size_t kLeast = 4096;                            // what a call costs, however little it reads

  EventLoop& loop_;
  Lock line_;
  std::uint64_t iteration_ = 0;
  std::size_t left_ = 0;
};

}  // namespace tutti::detail

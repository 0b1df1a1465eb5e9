// SPDX-License-Identifier: MIT
// The open files of a loop, and how much they may do at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

struct FileLink {
  FileLink* previous = this;
  FileLink* following = this;

  void unlink() noexcept {
    previous->following = following;
    following->previous = previous;
    previous = following = this;
  }
};

class LoopFiles final : public lowlevel::Service {
 public:
  explicit LoopFiles(EventLoop& loop) noexcept : loop_(loop) {}
  void close(EventLoop& loop) noexcept override;
  void add(FileLink& file) noexcept;

  /// What is at hand is read without giving the loop back, up to this much in one iteration: a task that only reads hot
  /// files must not keep the others from their turn.
  [[nodiscard]] std::size_t allowance() noexcept {
    if (iteration_ != loop_.iterations()) {
      iteration_ = loop_.iterations();
      left_ = kPerIteration;
    }
    return left_;
  }
  void spend(std::size_t bytes) noexcept { left_ -= std::min(left_, std::max(bytes, kLeast)); }

 private:
  static constexpr std::size_t kPerIteration = std::size_t{256} * 1024;  // bytes; some 50 us
  static constexpr std::size_t kLeast = 4096;                            // what a call costs, however little it reads

  EventLoop& loop_;
  FileLink files_;
  std::uint64_t iteration_ = 0;
  std::size_t left_ = 0;
};

}  // namespace tutti::detail

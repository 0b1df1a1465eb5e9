// SPDX-License-Identifier: MIT
// An owner of a file descriptor.
#pragma once

#include <utility>

namespace tutti {

/// Owns one descriptor and closes it; empty when it owns none. Only moves.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int number) noexcept : number_(number) {}
  Fd(Fd&& other) noexcept : number_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  /// Gives the descriptor away.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
  /// Closes what is owned and takes `number` instead. *Source*: close(2).
  void reset(int number = -1) noexcept;

 private:
  int number_ = -1;
};

}  // namespace tutti

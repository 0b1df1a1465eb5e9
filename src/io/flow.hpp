// SPDX-License-Identifier: MIT
// What transports on descriptors share: when the writer is to pause, how much to read at once, what of several pieces is left.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/uio.h>

#include <tutti/base/bytes.hpp>
#include <tutti/base/error.hpp>
#include <tutti/io/byte_buffer.hpp>
#include <tutti/io/transport.hpp>

namespace tutti::detail {

/// The marks of a write buffer, and whether the writer was asked to pause.
class WriteMarks {
 public:
  [[nodiscard]] lowlevel::WriteBufferLimits limits() const noexcept { return limits_; }
  /// *Errors*: `ValueError` unless the low mark is at most the high one.
  void set(lowlevel::WriteBufferLimits limits) {
    if (limits.low > limits.high) {
      throw ValueError("set_write_buffer_limits: the low mark is above the high one");
    }
    limits_ = limits;
  }
  /// Whether the writer is to be asked to pause, now that `size` bytes are buffered; true once.
  [[nodiscard]] bool must_pause(std::size_t size) noexcept {
    if (paused_ || size <= limits_.high) return false;
    return paused_ = true;
  }
  /// Whether it is to be asked to go on; true once.
  [[nodiscard]] bool may_resume(std::size_t size) noexcept {
    if (!paused_ || size > limits_.low) return false;
    paused_ = false;
    return true;
  }

 private:
  lowlevel::WriteBufferLimits limits_;
  bool paused_ = false;
};

/// How much is read at once: as much as the traffic has needed lately.
class ReadBurst {
 public:
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool smallest() const noexcept { return size_ == kSmallest; }
  /// A read of `size()` bytes brought `count`.
  void adapt(std::uint32_t count) noexcept {
    if (count == size_) {
      size_ = std::min(size_ * kStep, kLargest);
    } else if (count < size_ / kStep) {
      size_ = std::max(size_ / kStep, kSmallest);
    }
  }

 private:
  static constexpr std::uint32_t kSmallest = 4 * 1024;
  static constexpr std::uint32_t kLargest = 64 * 1024;
  static constexpr std::uint32_t kStep = 4;
  std::uint32_t size_ = kSmallest;
};

/// The first of several pieces, as system calls take them.
struct Vectors {
  static constexpr std::size_t kMost = 64;  // far below IOV_MAX
  iovec items[kMost];
  std::size_t count = 0;

  explicit Vectors(std::span<const BytesView> pieces) noexcept {
    for (const BytesView piece : pieces.first(std::min(pieces.size(), kMost))) {
      items[count++] = {const_cast<char*>(piece.data()), piece.size()};
    }
  }
};

[[nodiscard]] inline std::size_t total_size(std::span<const BytesView> pieces) noexcept {
  std::size_t total = 0;
  for (const BytesView piece : pieces) total += piece.size();
  return total;
}

/// Adds `pieces` without their first `skip` bytes. *Errors*: `std::bad_alloc`; nothing was added then.
inline void append_rest(ByteBuffer& to, std::span<const BytesView> pieces, std::size_t skip) {
  if (const std::size_t total = total_size(pieces); total > skip) to.reserve(total - skip);
  for (const BytesView piece : pieces) {
    const std::size_t skipped = std::min(skip, piece.size());
    skip -= skipped;
    to.append(piece.substr(skipped));
  }
}

}  // namespace tutti::detail

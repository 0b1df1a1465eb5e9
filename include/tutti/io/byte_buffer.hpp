// SPDX-License-Identifier: MIT
// Memory for bytes on their way: filled at the end, emptied at the front, handed on whole.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include <tutti/base/bytes.hpp>

namespace tutti {

/// One block of memory with bytes in the middle. Only moves; owns nothing until it is filled.
class ByteBuffer {
 public:
  ByteBuffer() noexcept = default;
  /// Room for `capacity` bytes. *Errors*: `std::bad_alloc`.
  explicit ByteBuffer(std::size_t capacity);
  ByteBuffer(ByteBuffer&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  ByteBuffer& operator=(ByteBuffer other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    return *this;
  }
  ~ByteBuffer();

  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// The bytes; until the next change.
  [[nodiscard]] BytesView view() const noexcept { return {memory_ + begin_, size()}; }

  /// The memory behind the bytes; what was written there is added by `commit`.
  [[nodiscard]] MutableBytes room() noexcept { return {memory_ + end_, capacity_ - end_}; }
  void commit(std::size_t count) noexcept { end_ += count; }
  /// Makes `room()` at least `count` bytes; moves the bytes. *Errors*: `std::bad_alloc`.
  void reserve(std::size_t count);
  /// Adds a copy of `bytes`, which may not be its own. *Errors*: `std::bad_alloc`.
  void append(BytesView bytes);

  /// Removes the first `count` bytes, at most all. Once it is empty its memory is free again.
  void consume(std::size_t count) noexcept;
  /// Takes out the first `count` bytes, at most all.
  [[nodiscard]] std::string take(std::size_t count);
  void clear() noexcept { consume(size()); }

 private:
  char* memory_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
// What was read ahead of the position. A string, so that a large read is handed on without a copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <tutti/base/bytes.hpp>

namespace tutti::detail {

/// Filled at the end, emptied at the front. Memory that was written once is not cleared again.
class ReadBuffer {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] BytesView view() const noexcept { return BytesView(storage_).substr(begin_, size()); }

  /// Room behind the bytes, for at least `count`; `commit` says how many came.
  MutableBytes room(std::size_t count) {
    if (storage_.size() - end_ < count) {
      std::move(storage_.begin() + offset(begin_), storage_.begin() + offset(end_), storage_.begin());
      end_ -= std::exchange(begin_, 0);
      if (storage_.size() - end_ < count) storage_.resize(end_ + count);
    }
    return {storage_.data() + end_, storage_.size() - end_};
  }
  void commit(std::size_t count) noexcept { end_ += count; }

  void consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// The first `count` bytes, at most all, taken out.
  std::string take(std::size_t count) {
    count = std::min(count, size());
    if (begin_ == 0 && count == end_ && count > storage_.size() / 2) {
      storage_.resize(end_);
      begin_ = end_ = 0;
      return std::exchange(storage_, {});
    }
    std::string taken(view().substr(0, count));
    consume(count);
    return taken;
  }
  void clear() noexcept { begin_ = end_ = 0; }

  /// The memory, for a call that has it until `give_back`; bytes and room stay where they are in it.
  std::string lend() noexcept { return std::move(storage_); }
  void give_back(std::string&& memory) noexcept { storage_ = std::move(memory); }
  [[nodiscard]] std::size_t end() const noexcept { return end_; }

 private:
  static std::string::difference_type offset(std::size_t index) noexcept {
    return static_cast<std::string::difference_type>(index);
  }

  std::string storage_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/io/byte_buffer.hpp>

#include <algorithm>
#include <cstring>

#include <tutti/base/frame_pool.hpp>

namespace tutti {

ByteBuffer::ByteBuffer(std::size_t capacity)
    : memory_(static_cast<char*>(lowlevel::allocate_frame(capacity))), capacity_(capacity) {}

ByteBuffer::~ByteBuffer() {
  if (memory_ != nullptr) lowlevel::deallocate_frame(memory_, capacity_);
}

void ByteBuffer::reserve(std::size_t count) {
  if (capacity_ - end_ >= count) return;
  const std::size_t held = size();
  // Moving within the block costs less than a new one, if what moves is at most half of it: so it is amortised.
  if (capacity_ - held >= count && held <= capacity_ / 2) {
    std::memmove(memory_, memory_ + begin_, held);
    begin_ = 0;
    end_ = held;
    return;
  }
  ByteBuffer larger(std::max(held + count, held * 2));
  if (held != 0) std::memcpy(larger.memory_, memory_ + begin_, held);
  larger.end_ = held;
  *this = std::move(larger);
}

void ByteBuffer::append(BytesView bytes) {
  if (bytes.empty()) return;
  reserve(bytes.size());
  std::memcpy(memory_ + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

void ByteBuffer::consume(std::size_t count) noexcept {
  begin_ += std::min(count, size());
  if (begin_ == end_) begin_ = end_ = 0;
}

std::string ByteBuffer::take(std::size_t count) {
  std::string taken(view().substr(0, count));
  consume(taken.size());
  return taken;
}

}  // namespace tutti

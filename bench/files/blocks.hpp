// SPDX-License-Identifier: MIT
// The file that the programs here read: each block of 4 KiB begins with its own number, which is checked in each read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <sys/stat.h>

#include "../usage.hpp"

namespace bench {

inline constexpr std::size_t kBlock = 4096;
inline constexpr std::size_t kPiece = std::size_t{128} * 1024;  // of a sequential read or write

inline void number_block(char* block, std::uint64_t number) { std::memcpy(block, &number, sizeof number); }

inline void check_block(const char* block, std::uint64_t number) {
  if (std::memcmp(block, &number, sizeof number) != 0) stop("a block is wrong");
}

/// The blocks of a piece that begins at `offset`; a program that reads looks at each of them.
inline void check_blocks(const char* piece, std::size_t size, std::uint64_t offset) {
  for (std::size_t at = 0; at < size; at += kBlock) check_block(piece + at, (offset + at) / kBlock);
}
inline void number_blocks(char* piece, std::size_t size, std::uint64_t offset) {
  for (std::size_t at = 0; at < size; at += kBlock) number_block(piece + at, (offset + at) / kBlock);
}

/// Blocks in an order that all programs have in common.
class RandomBlocks {
 public:
  explicit RandomBlocks(std::uint64_t blocks) : blocks_(blocks) {}
  std::uint64_t next() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return state_ % blocks_;
  }

 private:
  std::uint64_t blocks_;
  std::uint64_t state_ = 88172645463325252ULL;
};

inline std::uint64_t size_of(const char* path) {
  struct stat status{};
  if (::stat(path, &status) != 0) stop("there is no such file");
  return static_cast<std::uint64_t>(status.st_size);
}

struct FreeMemory {
  void operator()(char* memory) const { std::free(memory); }
};
/// Memory as O_DIRECT wants it.
inline std::unique_ptr<char, FreeMemory> aligned_memory(std::size_t size) {
  return std::unique_ptr<char, FreeMemory>(static_cast<char*>(std::aligned_alloc(kBlock, size)));
}

}  // namespace bench

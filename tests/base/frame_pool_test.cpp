// SPDX-License-Identifier: MIT
// The recycling allocator of coroutine frames: alignment, sizes, and that no two living blocks overlap.
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/base/frame_pool.hpp>

namespace tutti::tests {
namespace {

using lowlevel::allocate_frame;
using lowlevel::deallocate_frame;

TEST(FramePool, AlignsEveryBlockToSixteen) {
  for (std::size_t size = 1; size < 10'000; size = size * 5 / 4 + 1) {
    void* block = allocate_frame(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U) << size;
    std::memset(block, 0x5a, size);
    deallocate_frame(block, size);
  }
}

TEST(FramePool, GivesABlockAgainThatWasFreed) {
#ifdef TUTTI_SYSTEM_FRAMES
  GTEST_SKIP() << "the sanitizer's own allocator serves frames";
#endif
  for (const std::size_t size : {1U, 16U, 17U, 1024U, 1025U, 8192U}) {
    void* first = allocate_frame(size);
    deallocate_frame(first, size);
    EXPECT_EQ(allocate_frame(size), first) << size;
    deallocate_frame(first, size);
  }
}

TEST(FramePool, ServesWhatIsTooLargeForItToo) {
  void* block = allocate_frame(1'000'000);
  std::memset(block, 1, 1'000'000);
  deallocate_frame(block, 1'000'000);
}

struct Block {
  unsigned char* memory;
  std::size_t size;
  unsigned char pattern;
};

bool intact(const Block& block) {
  for (std::size_t i = 0; i < block.size; ++i) {
    if (block.memory[i] != block.pattern) return false;
  }
  return true;
}

TEST(FramePool, NeverGivesTheSameMemoryTwice) {
  std::mt19937 random(7);
  std::vector<Block> living;
  for (int step = 0; step < 20'000; ++step) {
    if (living.size() < 500 && random() % 5 != 0) {
      const std::size_t size = 1 + random() % (random() % 10 == 0 ? 9000 : 600);
      const Block block{static_cast<unsigned char*>(allocate_frame(size)), size, static_cast<unsigned char>(random())};
      std::memset(block.memory, block.pattern, size);
      living.push_back(block);
    } else if (!living.empty()) {
      std::swap(living[random() % living.size()], living.back());
      ASSERT_TRUE(intact(living.back()));
      deallocate_frame(living.back().memory, living.back().size);
      living.pop_back();
    }
  }
  for (const Block& block : living) {
    EXPECT_TRUE(intact(block));
    deallocate_frame(block.memory, block.size);
  }
}

struct Pooled : lowlevel::PoolAllocated {
  int value = 3;
};

TEST(FramePool, ServesWhatDerivesFromPoolAllocated) {
  const auto object = std::make_unique<Pooled>();
  EXPECT_EQ(object->value, 3);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Frames that are freed on another thread than the one that made them, and threads that end.
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/base/frame_pool.hpp>

namespace tutti::tests {
namespace {

using lowlevel::allocate_frame;
using lowlevel::deallocate_frame;

TEST(FramePoolThreads, TakeBlocksFromEachOther) {
  constexpr std::size_t count = 2000;
  std::vector<void*> blocks(count);
  std::thread maker([&] {
    for (std::size_t i = 0; i < count; ++i) {
      blocks[i] = allocate_frame(16 + i % 512);
      std::memset(blocks[i], 1, 16 + i % 512);
    }
  });
  maker.join();
  std::thread freer([&] {
    for (std::size_t i = 0; i < count; ++i) deallocate_frame(blocks[i], 16 + i % 512);
  });
  freer.join();
}

#ifndef TUTTI_SYSTEM_FRAMES
TEST(FramePoolThreads, InheritWhatAThreadHadThatOnlyFreed) {
  constexpr std::size_t size = 976;  // a size that nobody else uses here
  void* block = nullptr;
  std::thread([&] { block = allocate_frame(size); }).join();
  std::thread([&] { deallocate_frame(block, size); }).join();
  void* again = nullptr;
  std::thread([&] {
    again = allocate_frame(size);
    deallocate_frame(again, size);
  }).join();
  EXPECT_EQ(again, block);
}
#endif

TEST(FramePoolThreads, WorkAtTheSameTime) {
  std::vector<std::thread> threads;
  for (unsigned char number = 0; number < 4; ++number) {
    threads.emplace_back([number] {
      std::vector<unsigned char*> living;
      for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 100; ++i) {
          living.push_back(static_cast<unsigned char*>(allocate_frame(128)));
          std::memset(living.back(), number, 128);
        }
        for (unsigned char* block : living) {
          EXPECT_EQ(block[0], number);
          EXPECT_EQ(block[127], number);
          deallocate_frame(block, 128);
        }
        living.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tutti::tests

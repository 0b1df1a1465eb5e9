// SPDX-License-Identifier: MIT
// Memory for coroutine frames and tasks: a recycling allocator for each thread.
//
// Frames are many, small, short-lived and of few sizes. A free list for each size, without locks, costs 3 ns where
// malloc costs 20 to 130 and page faults 1800. Blocks may be freed on another thread than the one that made them: they
// then serve that thread. A thread that ends gives its lists to the next one that needs memory.
//
// A library that was built under AddressSanitizer takes each block from the system, so that each use after free is seen. Its users
// are told by TUTTI_SYSTEM_FRAMES, which CMake's target and pkg-config define: all of a program must do the same, and a
// program that does not is refused by the linker. A sanitized program may use an ordinary library; that one has its pool.
#pragma once

#include <cstddef>
#include <new>

namespace tutti::detail {

struct FramePool {
  struct Block {
    Block* next;
  };
  static constexpr std::size_t kSmallest = 16;     // bytes; also the alignment of every block
  static constexpr std::size_t kFineLimit = 1024;  // up to here a class every 16 bytes,
  static constexpr std::size_t kCoarse = 1024;     // from here one every 1024,
  static constexpr std::size_t kLimit = 8192;      // and beyond this the system's allocator
  static constexpr std::size_t kClasses = 1 + kFineLimit / kSmallest + kLimit / kCoarse;

  Block* free[kClasses];
  char* bump;
  char* end;
  bool known;  // the thread's end is taken care of

  static constexpr std::size_t class_of(std::size_t size) noexcept {
    return size <= kFineLimit ? (size + kSmallest - 1) / kSmallest : kFineLimit / kSmallest + (size - 1) / kCoarse;
  }
  static constexpr std::size_t rounded(std::size_t size) noexcept {
    const std::size_t step = size <= kFineLimit ? kSmallest : kCoarse;
    return (size + step - 1) / step * step;
  }
};

// initial-exec: one instruction to reach it, also from a shared library (loaded at start, not later).
extern constinit thread_local FramePool frame_pool __attribute__((tls_model("initial-exec")));

void* allocate_frame_slow(std::size_t size);
void deallocate_large_frame(void* block, std::size_t size) noexcept;
void join_frame_pool() noexcept;

#ifdef TUTTI_SYSTEM_FRAMES
extern const char frames_are_the_systems;
[[gnu::used]] inline constexpr const char* frames = &frames_are_the_systems;
#else
extern const char frames_are_pooled;
[[gnu::used]] inline constexpr const char* frames = &frames_are_pooled;
#endif

}  // namespace tutti::detail

namespace tutti::lowlevel {

/// Memory for `size` bytes, aligned to 16. *Errors*: `std::bad_alloc`.
inline void* allocate_frame(std::size_t size) {
#ifdef TUTTI_SYSTEM_FRAMES
  return ::operator new(size);
#else
  if (size <= detail::FramePool::kLimit) [[likely]] {
    detail::FramePool& pool = detail::frame_pool;
    auto*& list = pool.free[detail::FramePool::class_of(size)];
    if (auto* block = list) [[likely]] {
      list = block->next;
      return block;
    }
    const std::size_t rounded = detail::FramePool::rounded(size);
    if (static_cast<std::size_t>(pool.end - pool.bump) >= rounded) {
      void* block = pool.bump;
      pool.bump += rounded;
      return block;
    }
  }
  return detail::allocate_frame_slow(size);
#endif
}

/// Gives back what `allocate_frame` gave for the same size; on any thread.
inline void deallocate_frame(void* memory, std::size_t size) noexcept {
#ifdef TUTTI_SYSTEM_FRAMES
  ::operator delete(memory, size);
#else
  if (size > detail::FramePool::kLimit) [[unlikely]]
    return detail::deallocate_large_frame(memory, size);
  auto*& list = detail::frame_pool.free[detail::FramePool::class_of(size)];
  // A thread that only frees, for one; looked at where a list begins, so that it costs next to nothing.
  if (list == nullptr && !detail::frame_pool.known) [[unlikely]]
    detail::join_frame_pool();
  auto* block = static_cast<detail::FramePool::Block*>(memory);
  block->next = list;
  list = block;
#endif
}

/// Base of what lives in this memory.
struct PoolAllocated {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { deallocate_frame(memory, size); }
};

}  // namespace tutti::lowlevel

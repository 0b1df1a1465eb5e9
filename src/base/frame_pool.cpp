// SPDX-License-Identifier: MIT
#include <tutti/base/frame_pool.hpp>

#include <algorithm>
#include <mutex>
#include <sys/mman.h>

namespace tutti::detail {

constinit thread_local FramePool frame_pool{};

#ifdef TUTTI_SYSTEM_FRAMES
const char frames_are_the_systems = 0;
#else
const char frames_are_pooled = 0;
#endif

namespace {

constexpr std::size_t kFirstSlab = std::size_t{64} * 1024;
constexpr std::size_t kLargestSlab = std::size_t{1024} * 1024;

// What ended threads left. Never destroyed: threads may end after main() did.
struct Orphans {
  std::mutex mutex;
  FramePool::Block* free[FramePool::kClasses] = {};
};
Orphans& orphans() {
  static auto* const pool = new Orphans;
  return *pool;
}

void splice(FramePool::Block*& to, FramePool::Block*& from) noexcept {
  if (from == nullptr) return;
  FramePool::Block* last = from;
  while (last->next != nullptr) last = last->next;
  last->next = to;
  to = from;
  from = nullptr;
}

// Cuts the unused rest of a slab into blocks, so that no byte of it is lost.
void recycle_rest(FramePool& pool) noexcept {
  while (static_cast<std::size_t>(pool.end - pool.bump) >= FramePool::kSmallest) {
    const std::size_t size = std::min(static_cast<std::size_t>(pool.end - pool.bump), FramePool::kFineLimit);
    auto* block = reinterpret_cast<FramePool::Block*>(pool.bump);
    auto*& list = pool.free[FramePool::class_of(size)];
    block->next = list;
    list = block;
    pool.bump += size;
  }
}

struct ThreadEnd {
  std::size_t next_slab = kFirstSlab;

  ThreadEnd() {
    frame_pool.known = true;
    Orphans& left = orphans();
    const std::lock_guard lock(left.mutex);
    for (std::size_t i = 0; i < FramePool::kClasses; ++i) splice(frame_pool.free[i], left.free[i]);
  }
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    recycle_rest(frame_pool);
    Orphans& left = orphans();
    const std::lock_guard lock(left.mutex);
    for (std::size_t i = 0; i < FramePool::kClasses; ++i) splice(left.free[i], frame_pool.free[i]);
  }
};

void grow(FramePool& pool, ThreadEnd& thread) {
  const std::size_t size = thread.next_slab;
  void* slab = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (slab == MAP_FAILED) throw std::bad_alloc();
  // All pages at once cost a fraction of one fault each; kernels before 5.14 refuse, and then they come one by one.
  if (size > kFirstSlab) (void)::madvise(slab, size, MADV_POPULATE_WRITE);
  recycle_rest(pool);
  pool.bump = static_cast<char*>(slab);
  pool.end = pool.bump + size;
  thread.next_slab = std::min(size * 2, kLargestSlab);
}

// Made at a thread's first contact with the pool, so that what it holds at its end is not lost.
ThreadEnd& this_thread() {
  thread_local ThreadEnd thread;
  return thread;
}

}  // namespace

void* allocate_frame_slow(std::size_t size) {
  if (size > FramePool::kLimit) return ::operator new(size);
  ThreadEnd& thread = this_thread();
  FramePool& pool = frame_pool;
  if (pool.free[FramePool::class_of(size)] == nullptr &&
      static_cast<std::size_t>(pool.end - pool.bump) < FramePool::rounded(size)) {
    grow(pool, thread);
  }
  return lowlevel::allocate_frame(size);
}

void join_frame_pool() noexcept {
  frame_pool.known = true;
  (void)this_thread();
}

void deallocate_large_frame(void* block, std::size_t size) noexcept { ::operator delete(block, size); }

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// The practical floor: the least that a single-threaded C++20 coroutine loop can do and still be one.
//
// It has tasks that can be joined, immediate awaits, timers, exceptions that travel, and frames from a recycling
// allocator. It has no cancellation, no I/O, no names, no contexts, no threads, no results of tasks, no diagnostics.
// What Tutti costs above it is the price of those.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <time.h>
#include <utility>
#include <vector>

#include "measure.hpp"

namespace floor_loop {

// Free lists for sizes in steps of 64 bytes, filled from slabs of 64 KiB. Nothing goes back to the system.
struct FramePool {
  struct Node {
    Node* next;
  };
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kClasses = 16;
  static constexpr std::size_t kSlab = 65536;

  Node* free[kClasses] = {};
  char* bump = nullptr;
  char* end = nullptr;

  static std::size_t class_of(std::size_t size) { return (size + kStep - 1) / kStep; }

  void* allocate(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= kClasses) return ::operator new(size);
    if (Node* node = free[index]) [[likely]] {
      free[index] = node->next;
      return node;
    }
    const std::size_t rounded = index * kStep;
    if (static_cast<std::size_t>(end - bump) < rounded) {
      bump = static_cast<char*>(::operator new(kSlab));
      end = bump + kSlab;
    }
    void* block = bump;
    bump += rounded;
    return block;
  }

  void deallocate(void* block, std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= kClasses) return ::operator delete(block);
    auto* node = static_cast<Node*>(block);
    node->next = free[index];
    free[index] = node;
  }
};
inline constinit thread_local FramePool frame_pool;

struct PoolAllocated {
  static void* operator new(std::size_t size) { return frame_pool.allocate(size); }
  static void operator delete(void* block, std::size_t size) { frame_pool.deallocate(block, size); }
};

// What can be run; lives in the awaiter or in the promise.
struct Ready {
  Ready* next = nullptr;
  std::coroutine_handle<> handle;
};

struct Timer {
  std::uint64_t when;
  Ready* ready;
};

class Loop {
 public:
  void push(Ready* ready) {
    ready->next = nullptr;
    *tail_ = ready;
    tail_ = &ready->next;
  }

  // The timers are a heap of which each node has four children.
  void add_timer(std::uint64_t when, Ready* ready) {
    const Timer timer{when, ready};
    heap_.push_back(timer);
    std::size_t at = heap_.size() - 1;
    while (at > 0) {
      const std::size_t parent = (at - 1) / 4;
      if (heap_[parent].when <= when) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = timer;
  }

  // As asyncio's iteration: what is ready now, then the timers that are due.
  void run() {
    while (head_ != nullptr || !heap_.empty()) {
      Ready* ready = std::exchange(head_, nullptr);
      tail_ = &head_;
      while (ready != nullptr) {
        Ready* next = ready->next;
        ready->handle.resume();
        ready = next;
      }
      if (!heap_.empty()) process_timers();
    }
  }

 private:
  void process_timers() {
    std::uint64_t now = bench::now_ns();
    if (head_ == nullptr && heap_.front().when > now) {
      const std::uint64_t left = heap_.front().when - now;
      const timespec time{static_cast<time_t>(left / 1'000'000'000ULL), static_cast<long>(left % 1'000'000'000ULL)};
      nanosleep(&time, nullptr);
      now = bench::now_ns();
    }
    while (!heap_.empty() && heap_.front().when <= now) push(pop_timer());
  }

  Ready* pop_timer() {
    Ready* first = heap_.front().ready;
    const Timer last = heap_.back();
    heap_.pop_back();
    const std::size_t size = heap_.size();
    if (size == 0) return first;
    std::size_t at = 0;
    for (std::size_t child = 1; child < size; child = 4 * at + 1) {
      const std::size_t end = child + 4 < size ? child + 4 : size;
      std::size_t least = child;
      for (std::size_t other = child + 1; other < end; ++other) {
        if (heap_[other].when < heap_[least].when) least = other;
      }
      if (heap_[least].when >= last.when) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = last;
    return first;
  }

  Ready* head_ = nullptr;
  Ready** tail_ = &head_;
  std::vector<Timer> heap_;
};
inline constinit Loop* current = nullptr;

template <class T>
class Coro;

struct CoroPromiseBase : PoolAllocated {
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      return handle.promise().continuation;
    }
    void await_resume() noexcept {}
  };

  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { exception = std::current_exception(); }

  std::coroutine_handle<> continuation = std::noop_coroutine();
  std::exception_ptr exception;
};

template <class T>
struct CoroPromise : CoroPromiseBase {
  Coro<T> get_return_object();
  void return_value(T given) { value = given; }
  T result() {
    if (exception) std::rethrow_exception(exception);
    return value;
  }
  T value;
};

// Lazy; an await is a symmetric transfer into it, its end one out of it.
template <class T>
class [[nodiscard]] Coro {
 public:
  using promise_type = CoroPromise<T>;
  explicit Coro(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Coro(Coro&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Coro& operator=(Coro&&) = delete;
  ~Coro() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
        handle.promise().continuation = awaiting;
        return handle;
      }
      T await_resume() { return handle.promise().result(); }
    };
    return Awaiter{handle_};
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Coro<T> CoroPromise<T>::get_return_object() {
  return Coro<T>{std::coroutine_handle<CoroPromise>::from_promise(*this)};
}

// Run by the loop; one awaiter may join it.
class Task {
 public:
  struct promise_type : PoolAllocated {
    struct Final {
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> handle) noexcept {
        promise_type& promise = handle.promise();
        promise.done = true;
        if (promise.joiner != nullptr) current->push(promise.joiner);
        if (promise.detached) handle.destroy();
      }
      void await_resume() noexcept {}
    };

    Task get_return_object() { return Task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Final final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { exception = std::current_exception(); }

    Ready ready;
    Ready* joiner = nullptr;
    std::coroutine_handle<> awaiting;  // who waits here: nothing reads it but a debugger
    bool done = false;
    bool detached = false;
    std::exception_ptr exception;
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (!handle_) return;
    if (done()) {
      handle_.destroy();
    } else {
      handle_.promise().detached = true;
    }
  }

  bool done() const { return handle_.promise().done; }

  void start() {
    Ready& ready = handle_.promise().ready;
    ready.handle = handle_;
    current->push(&ready);
  }

  auto operator co_await() & noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      Ready ready = {};
      bool await_ready() noexcept { return handle.promise().done; }
      void await_suspend(std::coroutine_handle<> awaiting) noexcept {
        ready.handle = awaiting;
        handle.promise().joiner = &ready;
        handle.promise().awaiting = awaiting;
      }
      void await_resume() {
        if (handle.promise().exception) std::rethrow_exception(handle.promise().exception);
      }
    };
    return Awaiter{handle_};
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

struct Yield {
  Ready ready = {};
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) noexcept {
    ready.handle = awaiting;
    current->push(&ready);
  }
  void await_resume() noexcept {}
};

struct Sleep {
  std::uint64_t ns;
  Ready ready = {};
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    ready.handle = awaiting;
    current->add_timer(bench::now_ns() + ns, &ready);
  }
  void await_resume() noexcept {}
};

// Runs the loop until the task has ended.
inline void run(Task task) {
  Loop loop;
  current = &loop;
  task.start();
  loop.run();
  current = nullptr;
  if (!task.done()) {
    std::fputs("the task has not ended\n", stderr);
    std::exit(1);
  }
}

}  // namespace floor_loop

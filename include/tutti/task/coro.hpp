// SPDX-License-Identifier: MIT
// Coro<T>: what an `async def` returns.
//
// `co_await child()` is a direct call: the child's frame is made, control moves to it and comes back, without the loop and
// without the stack growing (symmetric transfer). Where the compiler makes no tail calls (sanitizers, no optimisation)
// control goes through a trampoline instead: the awaiting coroutine leaves the next one in `current.next` and returns to
// the task's step, which resumes it. Both kinds of code may meet in one program.
//
// Each frame knows where it stands in the source (see call_graph.hpp): its function and, where code is not optimised anyway or
// TUTTI_AWAIT_LINES is defined as true, the line of its last `co_await`, else that of the function: noting each await costs
// about 4 % of one that does nothing else.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include <tutti/base/frame_pool.hpp>
#include <tutti/base/place.hpp>
#include <tutti/task/task_state.hpp>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define TUTTI_TRAMPOLINE true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TUTTI_TRAMPOLINE true
#endif
#endif
#ifndef TUTTI_TRAMPOLINE
#define TUTTI_TRAMPOLINE false
#endif
#ifndef TUTTI_AWAIT_LINES
#define TUTTI_AWAIT_LINES TUTTI_TRAMPOLINE
#endif

namespace tutti {

template <class T = void>
class Coro;

namespace detail {

/// Hands control to another coroutine; what `await_suspend` returns.
template <bool Trampoline>
struct Transfer;

template <>
struct Transfer<false> {
  using type = std::coroutine_handle<>;
  static type to(std::coroutine_handle<> next) noexcept { return next; }
};
template <>
struct Transfer<true> {
  using type = void;
  static void to(std::coroutine_handle<> next) noexcept { current.next = next.address(); }
};

/// Reports a coroutine that ended its life before it was awaited.
void report_never_awaited(std::source_location where) noexcept;

/// The part of a promise that does not depend on the result. The parameters keep code with and without trampoline apart.
///
/// It is packed to 12 bytes, since the byte in which a compiler notes where a coroutine is suspended comes right behind a promise: so a
/// small frame is 32 bytes.
class PromiseBase : public lowlevel::PoolAllocated {
 public:
  // Lazily started.
  std::suspend_always initial_suspend(std::source_location where = std::source_location::current()) noexcept {
    place_ = where;
    return {};
  }
  template <bool Lines = TUTTI_AWAIT_LINES, class A>
  A&& await_transform(A&& awaitable, std::source_location where = std::source_location::current()) noexcept {
    if constexpr (Lines) place_.move_to(where);
    return static_cast<A&&>(awaitable);
  }

  template <bool Trampoline>
  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return Transfer<Trampoline>::to(self.promise().continuation());
    }
    void await_resume() const noexcept {}
  };
  template <bool Trampoline = TUTTI_TRAMPOLINE>
  FinalAwaiter<Trampoline> final_suspend() const noexcept {
    return {};
  }

  void unhandled_exception() noexcept;

  [[nodiscard]] std::coroutine_handle<> continuation() const noexcept {
    return std::coroutine_handle<>::from_address(continuation_);
  }
  void set_continuation(std::coroutine_handle<> next) noexcept { continuation_ = next.address(); }
  /// Where it stands in the source.
  [[nodiscard]] Place place() const noexcept { return place_; }

 protected:
  /// The call graph tells generators from other coroutines.
  void mark_generator() noexcept { place_.mark(); }
  PromiseBase() noexcept {}  // NOLINT: the continuation is set before it is needed
  ~PromiseBase() = default;

 private:
  [[gnu::packed]] void* continuation_;
  Place place_;
};
static_assert(sizeof(PromiseBase) == sizeof(void*) + 4 && alignof(PromiseBase) == 4);
/// Where the promise of each coroutine stands in its frame, whatever its type.
inline constexpr std::size_t kPromiseOffset = 2 * sizeof(void*);

template <class T>
class CoroPromise : public PromiseBase {
  static_assert(alignof(StoredT<T>) <= kPromiseOffset,
                "a coroutine cannot return what is aligned to more than 16 bytes");

 public:
  CoroPromise() noexcept {}  // NOLINT(modernize-use-equals-default): a union member
  CoroPromise(const CoroPromise&) = delete;
  CoroPromise& operator=(const CoroPromise&) = delete;
  ~CoroPromise() {
    if constexpr (!kTrivial) {
      if (has_value_) value_.~Value();
    }
  }

  Coro<T> get_return_object() noexcept;

  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    if constexpr (std::is_reference_v<T>) {
      value_ = std::addressof(static_cast<T>(value));
    } else {
      ::new (static_cast<void*>(std::addressof(value_))) Value(std::forward<U>(value));
    }
    if constexpr (!kTrivial) has_value_ = true;
  }

  T take() {
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(*value_);
    } else {
      return std::move(value_);
    }
  }
  /// As it is stored in a task.
  StoredT<T>&& stored() noexcept { return std::move(value_); }

 private:
  using Value = StoredT<T>;
  static constexpr bool kTrivial = std::is_trivially_destructible_v<Value>;
  struct Nothing {};

  union {
    Value value_;
  };
  [[no_unique_address]] std::conditional_t<kTrivial, Nothing, bool> has_value_{};
};

template <>
class CoroPromise<void> : public PromiseBase {
 public:
  Coro<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

template <class T, bool Trampoline>
class CoroAwaiter;

}  // namespace detail

/// A coroutine that was called and not yet run. Lazy: it runs when it is awaited, or wrapped in a task. Move-only; awaited once.
///
/// *Lifetime*: parameters taken by reference must outlive the coroutine; take values in what becomes a task. A lambda with captures
/// must outlive the coroutine that its call makes: hand the lambda itself to Tutti, which keeps it alive.
/// *Cancellation*: a cancelled task gets `CancelledError` at the innermost await, and it leaves through here.
template <class T>
class [[nodiscard]] Coro {
 public:
  using promise_type = detail::CoroPromise<T>;
  using value_type = T;

  Coro(Coro&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coro& operator=(Coro&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Coro() {
    if (handle_) {
      detail::report_never_awaited(handle_.promise().place().get());
      handle_.destroy();
    }
  }

  /// Runs it to its end; gives what it returns, throws what it throws. *Errors*: `RuntimeError` if it was awaited before.
  template <bool Trampoline = TUTTI_TRAMPOLINE>
  detail::CoroAwaiter<T, Trampoline> operator co_await() noexcept {
    return detail::CoroAwaiter<T, Trampoline>(std::exchange(handle_, nullptr));
  }

  /// Gives it up without running it, and without a warning. Arguments are released.
  void close() noexcept {
    if (auto handle = std::exchange(handle_, nullptr)) handle.destroy();
  }
  /// Where the coroutine stands in the source.
  [[nodiscard]] std::source_location where() const noexcept {
    return handle_ ? handle_.promise().place().get() : std::source_location();
  }
  /// For task types: takes the frame over.
  [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept { return std::exchange(handle_, nullptr); }

 private:
  friend promise_type;
  explicit Coro(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

[[noreturn]] void throw_awaited_twice();

template <class T, bool Trampoline>
class CoroAwaiter {
 public:
  explicit CoroAwaiter(std::coroutine_handle<CoroPromise<T>> child) noexcept : child_(child) {}
  CoroAwaiter(const CoroAwaiter&) = delete;
  CoroAwaiter& operator=(const CoroAwaiter&) = delete;
  ~CoroAwaiter() {
    if (child_) child_.destroy();
  }

  [[nodiscard]] bool await_ready() const {
    if (!child_) [[unlikely]]
      throw_awaited_twice();
    return false;
  }
  typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<> parent) noexcept {
    child_.promise().set_continuation(parent);
    return Transfer<Trampoline>::to(child_);
  }
  T await_resume() {
    if (current.failed) [[unlikely]]
      rethrow_failure();
    return child_.promise().take();
  }

 private:
  std::coroutine_handle<CoroPromise<T>> child_;
};

template <class T>
Coro<T> CoroPromise<T>::get_return_object() noexcept {
  return Coro<T>(std::coroutine_handle<CoroPromise>::from_promise(*this));
}
inline Coro<void> CoroPromise<void>::get_return_object() noexcept {
  return Coro<void>(std::coroutine_handle<CoroPromise>::from_promise(*this));
}

template <class X>
inline constexpr bool is_coro = false;
template <class T>
inline constexpr bool is_coro<Coro<T>> = true;

}  // namespace detail
}  // namespace tutti

// SPDX-License-Identifier: MIT
// AsyncGenerator<T>: what an `async def` with `yield` in it returns.
//
// As in coro.hpp control moves between the generator and whoever asks it for the next item without the loop, and without the
// stack growing. The part that does not depend on the types is AsyncGeneratorState (async_generator_state.hpp).
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <tutti/base/optional_ref.hpp>
#include <tutti/task/async_generator_state.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

template <class T, class Sent = void>
class AsyncGenerator;

namespace detail {

struct NothingSent {};
template <class Sent>
using SentSlot = std::conditional_t<std::is_void_v<Sent>, NothingSent, std::optional<Sent>>;

template <class T, class Sent>
class AsyncGeneratorPromise final : public PromiseBase {
 public:
  using Item = Maybe<T>;

  std::suspend_always initial_suspend(std::source_location where = std::source_location::current()) noexcept {
    const std::suspend_always suspend = PromiseBase::initial_suspend(where);
    mark_generator();
    return suspend;
  }

  template <bool Trampoline>
  class YieldAwaiter {
   public:
    explicit YieldAwaiter(AsyncGeneratorPromise& promise) noexcept : promise_(promise) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<>) const noexcept {
      return Transfer<Trampoline>::to(promise_.continuation());
    }
    SentSlot<Sent> await_resume() const
      requires(!std::is_void_v<Sent>)
    {
      promise_.state_->check_thrown();
      SentSlot<Sent> sent = std::move(promise_.sent_);
      promise_.sent_.reset();
      return sent;
    }
    void await_resume() const
      requires std::is_void_v<Sent>
    {
      promise_.state_->check_thrown();
    }

   private:
    AsyncGeneratorPromise& promise_;
  };

  AsyncGenerator<T, Sent> get_return_object();
  template <class U = T, bool Trampoline = TUTTI_TRAMPOLINE>
    requires std::is_constructible_v<T, U&&>
  YieldAwaiter<Trampoline> yield_value(U&& value) {
    if constexpr (std::is_reference_v<T>) {
      item_ = Item(static_cast<T>(value));
    } else {
      item_.emplace(std::forward<U>(value));
    }
    return YieldAwaiter<Trampoline>(*this);
  }
  void return_void() const noexcept {}

  Item take() {
    Item item = std::move(item_);
    item_ = std::nullopt;
    return item;
  }
  void send(SentSlot<Sent>&& sent) { sent_ = std::move(sent); }

 private:
  AsyncGeneratorState* state_ = nullptr;  // owns this frame
  Item item_;
  [[no_unique_address]] SentSlot<Sent> sent_;
};

/// Runs a generator to its next item, or its end.
template <class T, class Sent, GeneratorCall Call, bool Trampoline>
class [[nodiscard]] AsyncGeneratorAwaiter final : public GeneratorRun {
 public:
  using Promise = AsyncGeneratorPromise<T, Sent>;
  using Item = typename Promise::Item;

  AsyncGeneratorAwaiter(Ref<AsyncGeneratorState> state, std::coroutine_handle<Promise> frame) noexcept
      : GeneratorRun(std::move(state)), frame_(frame) {}
  AsyncGeneratorAwaiter(Ref<AsyncGeneratorState> state, std::coroutine_handle<Promise> frame, SentSlot<Sent> sent)
      : GeneratorRun(std::move(state)), frame_(frame), sent_(std::move(sent)) {}
  AsyncGeneratorAwaiter(Ref<AsyncGeneratorState> state, std::coroutine_handle<Promise> frame, std::exception_ptr error)
      : GeneratorRun(std::move(state), std::move(error)), frame_(frame) {}

  [[nodiscard]] bool await_ready() { return !admit(Call); }
  typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<> parent) {
    if constexpr (Call == GeneratorCall::send) frame_.promise().send(std::move(sent_));
    return Transfer<Trampoline>::to(enter(parent));
  }
  Item await_resume() {
    if (leave()) return frame_.promise().take();
    return std::nullopt;
  }

 private:
  std::coroutine_handle<Promise> frame_;
  [[no_unique_address]] SentSlot<Sent> sent_;
};

/// Runs it to its end by `GeneratorExit`.
template <bool Trampoline>
class [[nodiscard]] AsyncGeneratorCloser final : public GeneratorRun {
 public:
  using GeneratorRun::GeneratorRun;
  [[nodiscard]] bool await_ready() { return !admit(GeneratorCall::close); }
  typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<> parent) {
    return Transfer<Trampoline>::to(enter(parent));
  }
  void await_resume() { leave_closed(); }
};

}  // namespace detail

/// A coroutine that gives items one by one: its body may `co_await` anything and `co_yield` a `T` (a value, also move-only, or a
/// reference). `while (auto item = co_await generator.next())` is Python's `async for`. With a type `Sent` each `co_yield` gives
/// what `asend` was called with: `std::optional<Sent>`, empty if it was resumed by `next()`. Copies are handles of one generator.
///
/// An exception that leaves the body leaves the call that runs it, and ends the generator.
/// *Lifetime*: parameters as for `Coro`. When the last handle goes while the generator stands at a `co_yield`, its `aclose()` is
/// scheduled as a task of its loop, for its destructors and handlers may have to await; the end of `run()` waits for that,
/// and closes all other generators that are left. One that was never asked for an item is just destroyed.
/// *Cancellation*: arrives where the body awaits.
/// *Concurrency*: belongs to the loop that first runs it; one call at a time. *Source*: PEP 525.
template <class T, class Sent>
class [[nodiscard]] AsyncGenerator {
  static_assert(!std::is_void_v<T> && !std::is_rvalue_reference_v<T>, "a generator gives values or lvalue references");
  static_assert(!std::is_reference_v<Sent>, "what is sent is sent by value");

 public:
  using promise_type = detail::AsyncGeneratorPromise<T, Sent>;
  using value_type = T;
  /// What `next()` gives: `std::optional<T>`, or `OptionalRef<T>` for references.
  using Item = typename promise_type::Item;

  /// The next item; empty when the generator has ended, and ever after. Costs no iteration if the body does not wait.
  /// *Errors*: what the body throws; `RuntimeError` if another call runs the generator.
  template <bool Trampoline = TUTTI_TRAMPOLINE>
  detail::AsyncGeneratorAwaiter<T, Sent, detail::GeneratorCall::next, Trampoline> next() const {
    return {state_, frame_};
  }
  /// The same, and `value` is what the `co_yield` that it stands at gives. *Errors*: also `RuntimeError` if it was not started.
  template <bool Trampoline = TUTTI_TRAMPOLINE, class S = Sent>
    requires(!std::is_void_v<S>)
  detail::AsyncGeneratorAwaiter<T, Sent, detail::GeneratorCall::send, Trampoline> asend(S value) const {
    return {state_, frame_, detail::SentSlot<Sent>(std::move(value))};
  }
  /// Throws `error` at the `co_yield` that it stands at; gives the next item if the body goes on. A generator that was not started
  /// ends with it; one that has ended gives nothing. *Errors*: as `next`.
  template <bool Trampoline = TUTTI_TRAMPOLINE>
  detail::AsyncGeneratorAwaiter<T, Sent, detail::GeneratorCall::raise, Trampoline> athrow(
      std::exception_ptr error) const {
    return {state_, frame_, std::move(error)};
  }
  template <bool Trampoline = TUTTI_TRAMPOLINE, class Error>
    requires(!std::same_as<std::remove_cvref_t<Error>, std::exception_ptr>)
  detail::AsyncGeneratorAwaiter<T, Sent, detail::GeneratorCall::raise, Trampoline> athrow(Error error) const {
    return athrow<Trampoline>(std::make_exception_ptr(std::move(error)));
  }
  /// Ends it: throws `GeneratorExit` at the `co_yield` that it stands at, and waits for the body to end. Nothing happens if it
  /// has ended. *Errors*: what else leaves the body; `RuntimeError` if it yields again, or another call runs it.
  template <bool Trampoline = TUTTI_TRAMPOLINE>
  detail::AsyncGeneratorCloser<Trampoline> aclose() const {
    return detail::AsyncGeneratorCloser<Trampoline>(state_);
  }

  /// Whether a call runs it now (Python: `ag_running`).
  [[nodiscard]] bool running() const noexcept { return state_->running(); }
  /// Whether its body has ended (Python: `ag_frame is None`).
  [[nodiscard]] bool ended() const noexcept { return state_->ended(); }
  friend bool operator==(const AsyncGenerator& a, const AsyncGenerator& b) noexcept { return a.state_ == b.state_; }
  /// For combinators.
  [[nodiscard]] const detail::Ref<detail::AsyncGeneratorState>& state() const noexcept { return state_; }

 private:
  friend promise_type;
  AsyncGenerator(detail::Ref<detail::AsyncGeneratorState> state, std::coroutine_handle<promise_type> frame) noexcept
      : state_(std::move(state)), frame_(frame) {}

  detail::Ref<detail::AsyncGeneratorState> state_;
  std::coroutine_handle<promise_type> frame_;  // only to be touched while `state_` says that it is there
};

/// Closes all generators of `loop` (the running one) that were started and have not ended; waits for those on their way as well.
/// `run()` and `Runner::close` do that. *Errors*: what a closing throws goes to the exception handler. *Cancellation*: arrives where
/// the bodies that are left wait. *Source*: asyncio's loop.shutdown_asyncgens.
Coro<> shutdown_asyncgens(EventLoop& loop);
Coro<> shutdown_asyncgens();

namespace detail {

template <class T, class Sent>
AsyncGenerator<T, Sent> AsyncGeneratorPromise<T, Sent>::get_return_object() {
  const auto frame = std::coroutine_handle<AsyncGeneratorPromise>::from_promise(*this);
  state_ = new AsyncGeneratorState(frame, *this);
  return AsyncGenerator<T, Sent>(Ref<AsyncGeneratorState>::adopt(state_), frame);
}

}  // namespace detail
}  // namespace tutti

// SPDX-License-Identifier: MIT
// Future<T>: a result that will be there later. Both ends in one handle, as in Python.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tutti/base/copyable.hpp>
#include <tutti/base/error.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/future_state.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti {

/// Names a callback that was added to a future, to remove it.
struct CallbackToken {
  std::uint64_t number = 0;
};

namespace detail {

/// The value of a future that is done without failure. Copies it, so that all who ask get one; moves it out if it
/// cannot be copied, or if the caller, who is `last` to hold it, has the only reference.
template <class T>
T value_of(FutureState& future, bool last = true) {
  if constexpr (!std::is_void_v<T>) {
    auto& value = future.is_task() ? static_cast<Typed<T, TaskState>&>(future).value()
                                   : static_cast<Typed<T, FutureState>&>(future).value();
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(*value);
    } else if constexpr (is_copyable<T>) {
      if (last && future.unique()) return std::move(value);
      return value;
    } else {
      return std::move(value);
    }
  }
}

/// What a future in the form of a `Handle` has its users' callback called by.
template <class Handle, class F>
auto done_callback(F callback) {
  return [function = std::move(callback)](FutureState& state) mutable {
    if constexpr (std::is_invocable_v<F&, Handle>) {
      function(Handle(Ref<FutureState>(&state)));
    } else {
      function();
    }
  };
}

/// Waits for a future inside a task.
class FutureAwaiterBase : public lowlevel::Suspension {
 public:
  FutureAwaiterBase(const FutureAwaiterBase&) = delete;
  FutureAwaiterBase& operator=(const FutureAwaiterBase&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return future_->done(); }
  void await_suspend(std::coroutine_handle<> handle) {
    TaskState& task = awaiting_task();
    if (&future_->loop() != &task.loop() || static_cast<FutureState*>(&task) == future_.get()) [[unlikely]] {
      refuse(task);
    }
    task_ = &task;
    waiting_ = true;
    future_->add_waiter(*this);
    task.suspend(handle, this);
  }

  void run() override {
    waiting_ = false;
    task_->step();
  }
  void drop() noexcept override { waiting_ = false; }
  bool cancel(std::string_view message) override { return future_->cancel(message); }
  [[nodiscard]] TaskState* task() const noexcept { return task_; }

 protected:
  explicit FutureAwaiterBase(Ref<FutureState> future) noexcept : future_(std::move(future)) {}
  ~FutureAwaiterBase() {
    if (waiting_) [[unlikely]]
      leave();
  }
  void resume() {
    if (task_ != nullptr && task_->must_cancel()) [[unlikely]] {
      future_->mark_retrieved();  // as in asyncio: whoever was woken has looked, though the cancellation wins
      task_->throw_cancelled();
    }
    future_->check_success();
  }

  Ref<FutureState> future_;

 private:
  [[noreturn]] void refuse(TaskState& task) const;
  void leave() noexcept;

  TaskState* task_ = nullptr;
  bool waiting_ = false;
};

template <class T>
class FutureAwaiter final : public FutureAwaiterBase {
 public:
  explicit FutureAwaiter(Ref<FutureState> future) noexcept : FutureAwaiterBase(std::move(future)) {}
  T await_resume() {
    resume();
    return value_of<T>(*future_);
  }
};

}  // namespace detail

/// A result that is there or will be. Copies are handles of the same future; it belongs to one loop and its thread.
///
/// `co_await future` waits for it and gives the result or throws the exception; a future that is done costs no iteration.
/// *Cancellation*: cancelling a task that waits for a future cancels the future (`shield` prevents that).
/// A failure that nobody retrieves is reported when the last handle goes. *Source*: asyncio.Future.
template <class T = void>
class Future {
 public:
  using value_type = T;

  /// A new future of the running loop, or else of the thread's (`get_event_loop`). *Errors*: `RuntimeError` if there is none.
  Future(std::source_location where =  // NOLINT(google-explicit-constructor): the default one
         std::source_location::current())
      : Future(get_event_loop(), where) {}
  /// A new future of `loop`.
  explicit Future(EventLoop& loop, std::source_location where = std::source_location::current())
      : state_(detail::Ref<detail::FutureState>::adopt(new detail::PlainFuture<T>(loop))) {
    if (loop.get_debug()) [[unlikely]]
      state_->extras().created = where;
  }
  /// A handle of an existing one, which must be of type `T`.
  explicit Future(detail::Ref<detail::FutureState> state) noexcept : state_(std::move(state)) {}

  /// *Errors*: `InvalidStateError` if it is done.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U &&>)
  void set_result(U&& value) const {
    state_->check_pending();
    if constexpr (std::is_reference_v<T>) {
      typed().emplace(std::addressof(static_cast<T>(value)));
    } else {
      typed().emplace(std::forward<U>(value));
    }
    state_->finish();
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    state_->check_pending();
    state_->finish();
  }
  /// *Errors*: `InvalidStateError` if it is done.
  void set_exception(std::exception_ptr error) const {
    if (state_->is_task()) throw RuntimeError("a task does not support set_exception");
    state_->set_exception(std::move(error));
  }
  template <class Error>
    requires(!std::same_as<std::remove_cvref_t<Error>, std::exception_ptr>)
  void set_exception(Error error) const {
    set_exception(std::make_exception_ptr(std::move(error)));
  }

  /// Cancels it: whoever waits gets `CancelledError` with `message`. For a task this is a request that the coroutine may refuse.
  /// False if it is done already.
  bool cancel(std::string_view message = {}) const { return state_->cancel(message); }
  [[nodiscard]] bool done() const noexcept { return state_->done(); }
  [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }
  /// The result: a copy, or moved out if it cannot be copied. *Errors*: its exception; `CancelledError`; `InvalidStateError` if it
  /// is not done.
  T result() const& {
    state_->check_success();
    return detail::value_of<T>(*state_, false);
  }
  /// The same from a handle that is given up: moved out if it was the last one.
  T result() && {
    state_->check_success();
    return detail::value_of<T>(*state_);
  }
  /// Its exception, null for a success. *Errors*: `CancelledError`; `InvalidStateError` if it is not done.
  [[nodiscard]] std::exception_ptr exception() const { return state_->exception(); }

  /// Calls `callback(future)` or `callback()` through the loop once it is done, in a copy of the current context, or in `context`.
  template <class F>
  CallbackToken add_done_callback(F callback) const {
    return {state_->add_callback(detail::done_callback<Future>(std::move(callback)))};
  }
  template <class F>
  CallbackToken add_done_callback(F callback, const Context& context) const {
    return {state_->add_callback_in(ContextAccess::state(context), detail::done_callback<Future>(std::move(callback)))};
  }
  /// Gives how many callbacks were removed: 0 if it ran already.
  std::size_t remove_done_callback(CallbackToken token) const noexcept { return state_->remove_callback(token.number); }
  [[nodiscard]] EventLoop& get_loop() const noexcept { return state_->loop(); }

  detail::FutureAwaiter<T> operator co_await() const& noexcept { return detail::FutureAwaiter<T>(state_); }
  detail::FutureAwaiter<T> operator co_await() && noexcept { return detail::FutureAwaiter<T>(std::move(state_)); }

  friend bool operator==(const Future& a, const Future& b) noexcept { return a.state_ == b.state_; }
  /// For combinators.
  [[nodiscard]] const detail::Ref<detail::FutureState>& state() const noexcept { return state_; }

 protected:
  detail::Typed<T, detail::FutureState>& typed() const {
    if (state_->is_task()) throw RuntimeError("a task does not support set_result");
    return static_cast<detail::Typed<T, detail::FutureState>&>(*state_);
  }

  detail::Ref<detail::FutureState> state_;
};

template <class T>
auto EventLoop::create_future(std::source_location where) {
  return Future<T>(*this, where);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// From the loop to threads and back: for what would hold up the loop.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/loop/context.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

namespace tutti {

/// An executor that lost the threads or processes that do its work. *Source*: concurrent.futures.BrokenExecutor.
class BrokenExecutor : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
  ~BrokenExecutor() override;
};

/// Work for an executor. Destroying one that was not run cancels it.
class Job {
 public:
  virtual ~Job();
  /// Does the work; on any thread, once.
  virtual void run() noexcept = 0;
  /// Says that it will not be done; instead of `run`.
  virtual void refuse(std::exception_ptr why) noexcept = 0;
};

/// Something that runs jobs elsewhere. *Source*: concurrent.futures.Executor.
class Executor {
 public:
  virtual ~Executor();
  /// Takes a job and returns; it is run later, or refused, or destroyed. *Errors*: `RuntimeError` after `shutdown`.
  /// *Concurrency*: from any thread.
  virtual void submit(std::unique_ptr<Job> job) = 0;
  /// Takes no more jobs. `wait`: returns when its threads have ended. `cancel_pending`: destroys the jobs that were not
  /// started.
  virtual void shutdown(bool wait = true, bool cancel_pending = false) = 0;
};

namespace detail {

/// A call on its way through an executor and back. Its two ends, the job and the loop's entry for it, share it.
class ExecutorCall {
 public:
  virtual ~ExecutorCall();
  /// On the executor's thread: calls the function and keeps what comes of it.
  virtual void work() = 0;
  /// On the loop's thread: hands the result over. `future` is pending.
  virtual void deliver(FutureState& future) = 0;
};

/// Submits `call` to `executor` (null: the loop's default one), to complete `future` of `loop` later.
void submit_call(EventLoop& loop, Executor* executor, Ref<FutureState> future, std::shared_ptr<ExecutorCall> call);

template <class F, class R>
class FunctionCall final : public ExecutorCall {
 public:
  explicit FunctionCall(F function) : function_(std::move(function)) {}

  void work() override {
    // The function goes before its result is there for the loop: its captures end on one thread.
    F function = std::move(*std::exchange(function_, std::nullopt));
    if constexpr (std::is_void_v<R>) {
      function();
    } else if constexpr (std::is_reference_v<R>) {
      result_ = std::addressof(function());
    } else {
      result_.emplace(function());
    }
  }
  void deliver(FutureState& future) override {
    auto& typed = static_cast<Typed<R, FutureState>&>(future);
    if constexpr (!std::is_void_v<R>) typed.emplace(std::move(*result_));
    typed.finish();
  }

 private:
  std::optional<F> function_;
  std::optional<std::conditional_t<std::is_void_v<R>, char, StoredT<R>>> result_;
};

template <class F>
auto call_in_executor(EventLoop& loop, Executor* executor, F&& function) {
  using Function = std::decay_t<F>;
  using R = std::invoke_result_t<Function&>;
  Future<R> future(loop);
  submit_call(loop, executor, future.state(), std::make_shared<FunctionCall<Function, R>>(std::forward<F>(function)));
  return future;
}

/// `function` with its arguments, all kept by value; called once.
template <class F, class... Args>
auto bind_call(F&& function, Args&&... args) {
  if constexpr (sizeof...(Args) == 0) {
    return std::decay_t<F>(std::forward<F>(function));
  } else {
    using R = std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>;
    return [function = std::decay_t<F>(std::forward<F>(function)),
            arguments = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable -> R {
      return std::apply([&](auto&... each) -> R { return detail::invoke(function, std::move(each)...); }, arguments);
    };
  }
}

}  // namespace detail

/// What `loop.run_in_executor(executor, function, args...)` calls; the header of each kind of executor has one.
template <class F, class... Args>
  requires std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>
auto submit_to(EventLoop& loop, Executor& executor, F&& function, Args&&... args) {
  return detail::call_in_executor(loop, &executor,
                                  detail::bind_call(std::forward<F>(function), std::forward<Args>(args)...));
}

/// Calls `function(args...)` in `executor`; gives a future of the running loop with its result or exception. *Errors*:
/// `RuntimeError` if the executor was shut down, or no loop runs. *Cancellation* of the future: a call that was not
/// started never runs; one that was runs on, and its result is dropped. *Lifetime*: `executor` until the call;
/// `function` and the arguments are moved or copied.
template <class F, class... Args>
auto run_in_executor(Executor& executor, F&& function, Args&&... args) {
  return submit_to(get_running_loop(), executor, std::forward<F>(function), std::forward<Args>(args)...);
}
/// The same in the loop's default executor: a `ThreadPoolExecutor`, made at the first call, unless another one was set.
template <class F>
auto run_in_executor(F&& function) {
  return detail::call_in_executor(get_running_loop(), nullptr, std::forward<F>(function));
}
template <class F>
auto EventLoop::run_in_executor(F&& function) {
  return detail::call_in_executor(*this, nullptr, std::forward<F>(function));
}
template <class E, class F, class... Args>
auto EventLoop::run_in_executor(E& executor, F&& function, Args&&... args) {
  return submit_to(*this, executor, std::forward<F>(function), std::forward<Args>(args)...);
}

namespace detail {

class ThreadCall;
std::shared_ptr<ThreadCall> make_thread_call(EventLoop& loop);
/// When `future` is cancelled, so is `call`.
void pass_cancellation_on(FutureState& future, std::shared_ptr<ThreadCall> call);

/// While it lives the thread works for `call`: see from_thread.hpp.
class ThreadCallScope {
 public:
  explicit ThreadCallScope(const std::shared_ptr<ThreadCall>& call) noexcept;
  ThreadCallScope(const ThreadCallScope&) = delete;
  ThreadCallScope& operator=(const ThreadCallScope&) = delete;
  ~ThreadCallScope();

 private:
  const std::shared_ptr<ThreadCall>* outer_;
};

/// Calls `function()` in `executor` (null: the default one), in a copy of the current context.
template <class F>
auto call_in_thread(Executor* executor, F function) {
  EventLoop& loop = get_running_loop();
  std::shared_ptr<ThreadCall> call = make_thread_call(loop);
  auto future = call_in_executor(
      loop, executor,
      [context = copy_context(), call, function = std::move(function)]() mutable -> std::invoke_result_t<F&> {
        const ThreadCallScope scope(call);
        return context.run(function);
      });
  pass_cancellation_on(*future.state(), std::move(call));
  return future;
}

}  // namespace detail

/// Calls `function(args...)` in the default executor, in a copy of the current context. It may call back by `from_thread::run`, and ask by
/// `from_thread::check_cancelled` whether anybody still waits for it. *Errors*: as `run_in_executor`. *Cancellation*: a call that no thread
/// has begun never runs; one that was begun runs on, and its result is dropped. *Source*: asyncio.to_thread.
template <class F, class... Args>
  requires std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>
auto to_thread(F&& function, Args&&... args) {
  return detail::call_in_thread(nullptr, detail::bind_call(std::forward<F>(function), std::forward<Args>(args)...));
}

/// Replaces the default executor of `loop`. *Errors*: `ValueError` for null.
void set_default_executor(EventLoop& loop, std::shared_ptr<Executor> executor);

/// Takes no more calls for the default executor of the running loop and waits until its threads have ended; after
/// `timeout` warns and leaves them to themselves. From then on `run_in_executor` without an executor throws
/// `RuntimeError`. A `Runner` does it with 5 minutes. *Cancellation*: leaves the threads to themselves, and may be called again.
/// *Source*: asyncio's loop.shutdown_default_executor.
[[nodiscard]] Coro<> shutdown_default_executor(std::optional<Duration> timeout = std::nullopt);

}  // namespace tutti

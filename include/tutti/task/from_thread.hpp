// SPDX-License-Identifier: MIT
// from_thread: from a function that `to_thread` runs back into the loop that waits for it.
//
//   co_await to_thread([&] {
//     for (const Row& row : read_all()) from_thread::run(send(row));   // blocks this thread, not the loop
//   });
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <tutti/task/awaitable.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/executor.hpp>

namespace tutti {

namespace detail {

/// A call in a thread, as seen from both sides. Its loop may be gone before it.
class ThreadCall {
 public:
  explicit ThreadCall(EventLoop& loop) : loop_(&loop), door_(loop.door()) {}
  ThreadCall(const ThreadCall&) = delete;
  ThreadCall& operator=(const ThreadCall&) = delete;

  /// The one that this thread works for. *Errors*: `RuntimeError` if there is none.
  [[nodiscard]] static const std::shared_ptr<ThreadCall>& present(const char* operation);

  /// In the thread. *Errors*: `CancelledError` if nobody waits for the call any more.
  void check() const {
    if (cancelled_.load(std::memory_order_acquire)) throw CancelledError();
  }
  /// In the thread: calls `callback` on the loop's. *Errors*: `RuntimeError` if it is closed.
  void post(Callback callback, const char* operation) const;

  // On the loop's thread:
  [[nodiscard]] EventLoop& loop() const noexcept { return *loop_; }
  /// The thread waits for this task: if the call is cancelled, so is the task.
  void adopt(std::shared_ptr<LoopEnd> task);
  void cancel();

 private:
  EventLoop* loop_;
  std::shared_ptr<lowlevel::Door> door_;
  std::atomic<bool> cancelled_{false};
  std::shared_ptr<LoopEnd> task_;  // touched on the loop's thread only
};

/// A thread that waits for its call: whoever cancels the call cancels the task.
class CallingThread {
 public:
  explicit CallingThread(std::shared_ptr<ThreadCall> call) noexcept : call_(std::move(call)) {}
  [[nodiscard]] EventLoop& loop() const noexcept { return call_->loop(); }
  void tie(ConcurrentState&, const std::shared_ptr<LoopEnd>& task) const { call_->adopt(task); }

 private:
  std::shared_ptr<ThreadCall> call_;
};

}  // namespace detail

namespace from_thread {

/// Runs a coroutine (or a callable that returns one) as a task of the loop that waits for the present thread's call, and blocks until
/// it is done; gives its result. The task runs in a copy of the thread's context. *Errors*: what the coroutine throws; `RuntimeError`
/// outside of `to_thread`, and if the loop is closed. *Cancellation*: when the task that waits for the call is cancelled, so is the
/// coroutine, and once that has ended this throws `CancelledError`; later calls throw it at once. A coroutine that ends by `CancelledError`
/// throws it here. A loop that is closed over it: the same. *Concurrency*: a thread that waits for the loop takes a place in its executor: do
/// not let all of them wait for one more. *Source*: anyio.from_thread.run.
template <class A>
decltype(auto) run(A&& awaitable) {
  static_assert(!detail::is_future<std::remove_cvref_t<A>>, "a future belongs to its loop's thread");
  auto coro = detail::to_coro(std::forward<A>(awaitable));
  using T = typename decltype(coro)::value_type;
  const concurrent::Future<T> future;
  try {
    const auto& call = detail::ThreadCall::present("from_thread::run");
    call->check();
    call->post(detail::Submission(detail::CallingThread(call), std::move(coro), future.state()), "from_thread::run");
  } catch (...) {
    coro.close();
    throw;
  }
  return future.result();
}

/// Calls `function()` on the loop's thread, and blocks until it has returned; gives its result. *Errors*, *Cancellation*: as `run`; a function
/// that has begun comes to its end. *Source*: anyio.from_thread.run_sync.
template <class F>
std::invoke_result_t<std::decay_t<F>&> run_sync(F&& function) {
  return run([function = std::decay_t<F>(std::forward<F>(
                  function))]() mutable -> Coro<std::invoke_result_t<std::decay_t<F>&>> { co_return function(); });
}

/// *Errors*: `CancelledError` if the task that waits for the present thread's call was cancelled: for long work that is to end then.
/// `RuntimeError` outside of `to_thread`. *Source*: anyio.from_thread.check_cancelled.
void check_cancelled();

}  // namespace from_thread
}  // namespace tutti

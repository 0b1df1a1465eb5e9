// SPDX-License-Identifier: MIT
// From main() into the loop and back: `run`, `Runner`, `run_until_complete`.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

namespace detail {

/// Runs the loop until `future` is done. *Errors*: `RuntimeError` if the loop was stopped before.
void run_until_done(EventLoop& loop, FutureState& future, bool own_task);

template <class T>
Task<T> make_main_task(EventLoop& loop, Coro<T>&& coro, const Context& context) {
  TaskOptions options{.context = context};
  const std::source_location where = loop.get_debug() ? coro.where() : std::source_location();
  return make_task(loop, std::move(coro), &options, where);
}

}  // namespace detail

template <class Awaitable>
auto EventLoop::run_until_complete(Awaitable&& awaitable) {
  check("run_until_complete");
  if (is_running()) throw RuntimeError("run_until_complete: this event loop is already running");
  auto future = ensure_future(std::forward<Awaitable>(awaitable), *this);
  if (&future.get_loop() != this) throw ValueError("run_until_complete: the future belongs to another event loop");
  detail::run_until_done(*this, *future.state(), !detail::is_future<std::remove_cvref_t<Awaitable>>);
  return std::move(future).result();
}

/// Options of `run` and `Runner`.
struct RunOptions {
  std::optional<bool> debug = {};  ///< absent: as TUTTI_DEBUG says
  LoopFactory loop_factory = {};   ///< empty: `new_event_loop()`
};

/// A loop and a context for several `run` calls in a row; leaving it cleans up whatever is left.
///
/// *Cancellation*: the first Ctrl-C cancels the main task, and `run` throws `KeyboardInterrupt` if it ends so; the second one
/// throws it out of the loop at once. That is so on the main thread, while SIGINT has its default handler. *Source*: asyncio.Runner.
class Runner {
 public:
  explicit Runner(RunOptions options = {});
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  /// `close()`; what that throws is logged.
  ~Runner();

  /// Runs a coroutine (or a callable that returns one, or anything awaitable) to its end. *Errors*: `RuntimeError` if a loop runs
  /// on this thread or the runner is closed; `KeyboardInterrupt`; what the coroutine throws.
  template <class A>
  auto run(A&& awaitable) {
    return run(std::forward<A>(awaitable), prepare());
  }
  /// The same in `context` instead of the runner's own.
  template <class A>
  auto run(A&& awaitable, const Context& context) {
    (void)prepare();
    auto task = detail::make_main_task(*loop_, detail::to_coro(std::forward<A>(awaitable)), context);
    run_main(static_cast<detail::TaskState&>(*task.state()));
    return std::move(task).result();
  }

  /// The loop; made at the first call of this or `run`.
  [[nodiscard]] EventLoop& get_loop() {
    (void)prepare();
    return *loop_;
  }
  /// Cancels all tasks and waits for them, reports their exceptions, closes async generators, shuts down the default executor, closes
  /// the loop. Idempotent.
  void close();

 private:
  enum class State { created, ready, closed };
  const Context& prepare();
  void run_main(detail::TaskState& task);

  RunOptions options_;
  State state_ = State::created;
  std::unique_ptr<EventLoop> loop_;
  std::optional<Context> context_;
};

/// Runs a coroutine on a new loop, and closes it: the door from `main()` into async code. *Errors*: `RuntimeError` if a loop runs on
/// this thread; what the coroutine throws. *Source*: asyncio.run.
template <class A>
auto run(A&& awaitable, RunOptions options = {}) {
  if (find_running_loop() != nullptr) {
    throw RuntimeError("run: cannot be called while an event loop runs on this thread");
  }
  Runner runner(std::move(options));
  return runner.run(std::forward<A>(awaitable));
}

}  // namespace tutti

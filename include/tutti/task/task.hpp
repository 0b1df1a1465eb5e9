// SPDX-License-Identifier: MIT
// Task<T>: a coroutine that runs on its own, and `create_task`, which makes it so.
#pragma once

#include <cstddef>
#include <cstdio>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/loop/event_loop.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti {

/// How a task is made.
struct TaskOptions {
  std::string name = {};                ///< empty: "Task-N"
  std::optional<Context> context = {};  ///< absent: a copy of the current one
  /// Whether the first step runs at once, inside `create_task`, if the loop is running; absent: as the task factory says, else
  /// it does not.
  std::optional<bool> eager_start = {};
  detail::ScopeNode* scope = nullptr;  ///< for `TaskGroup`: the cancel scope that the task is in
};

namespace detail {

template <class T>
class CoroTask final : public Typed<T, TaskState>, public lowlevel::PoolAllocated {
 public:
  CoroTask(EventLoop& loop, std::coroutine_handle<CoroPromise<T>> root) : Typed<T, TaskState>(loop, root) {
    root.promise().set_continuation(std::noop_coroutine());
  }

 private:
  ~CoroTask() override = default;
  void store_result() override {
    if constexpr (!std::is_void_v<T>) {
      auto root = std::coroutine_handle<CoroPromise<T>>::from_address(this->root().address());
      this->emplace(root.promise().stored());
    }
  }
};

[[nodiscard]] Context context_of(TaskState& task);
[[nodiscard]] std::vector<std::source_location> stack_of(const TaskState& task, std::optional<std::size_t> limit);
void print_stack(const TaskState& task, std::optional<std::size_t> limit, std::FILE* file);

/// *Errors*: `ValueError` if it belongs to another loop.
void check_future_loop(const FutureState& future, const EventLoop& loop);

/// Gives a new task its options and starts it. Destroys its coroutine, silently, if that fails.
void launch(TaskState& task, TaskOptions* options, std::source_location where);

}  // namespace detail

/// A coroutine that runs on a loop, and its future. Copies are handles of the same task; letting all of them go does not stop it.
///
/// *Cancellation*: `cancel()` makes the coroutine's innermost await throw `CancelledError`, once, in a later iteration; the
/// coroutine may catch it, clean up, and even go on. *Source*: asyncio.Task.
template <class T = void>
class Task : public Future<T> {
 public:
  /// A handle of an existing one, which must be a task of type `T`.
  explicit Task(detail::Ref<detail::FutureState> state) noexcept : Future<T>(std::move(state)) {}

  /// How many times `cancel()` was called less the calls of `uncancel()`.
  [[nodiscard]] std::size_t cancelling() const noexcept { return task().cancelling(); }
  /// Takes one request back; gives how many are left. At 0 a cancellation that was not delivered yet is dropped too.
  std::size_t uncancel() const noexcept { return task().uncancel(); }
  [[nodiscard]] std::string get_name() const { return task().name(); }
  void set_name(std::string name) const { task().set_name(std::move(name)); }
  /// The context it runs in.
  [[nodiscard]] Context get_context() const { return detail::context_of(task()); }
  /// An identity of its coroutine; 0 once it has ended.
  [[nodiscard]] std::uintptr_t get_coro() const noexcept { return task().coroutine_id(); }
  /// Where its coroutines stand in the source, the outermost first (see call_graph.hpp); of one that failed, those that the exception has
  /// left. At most `limit`: the innermost ones, of a failed task the outermost ones. *Source*: asyncio.Task.get_stack.
  [[nodiscard]] std::vector<std::source_location> get_stack(std::optional<std::size_t> limit = {}) const {
    return detail::stack_of(task(), limit);
  }
  /// Writes that to `file`; null: stderr.
  void print_stack(std::optional<std::size_t> limit = {}, std::FILE* file = nullptr) const {
    detail::print_stack(task(), limit, file);
  }

  /// Calls `callback(task)` or `callback()` through the loop once it is done, in a copy of the current context, or in `context`.
  template <class F>
  CallbackToken add_done_callback(F callback) const {
    return {this->state_->add_callback(detail::done_callback<Task>(std::move(callback)))};
  }
  template <class F>
  CallbackToken add_done_callback(F callback, const Context& context) const {
    return {
        this->state_->add_callback_in(ContextAccess::state(context), detail::done_callback<Task>(std::move(callback)))};
  }

 private:
  [[nodiscard]] detail::TaskState& task() const noexcept { return static_cast<detail::TaskState&>(*this->state_); }
};

/// A task whose result type is not known here: what `current_task` and `all_tasks` give.
class AnyTask {
 public:
  template <class T>
  AnyTask(const Task<T>& task) noexcept  // NOLINT(google-explicit-constructor): each task is one
      : state_(static_cast<detail::TaskState*>(task.state().get())) {}
  explicit AnyTask(detail::TaskState& state) noexcept : state_(&state) {}
  explicit AnyTask(const detail::Ref<detail::FutureState>& state) noexcept
      : state_(static_cast<detail::TaskState*>(state.get())) {}

  bool cancel(std::string_view message = {}) const { return state_->cancel(message); }
  [[nodiscard]] std::size_t cancelling() const noexcept { return state_->cancelling(); }
  std::size_t uncancel() const noexcept { return state_->uncancel(); }
  [[nodiscard]] bool done() const noexcept { return state_->done(); }
  [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }
  [[nodiscard]] std::exception_ptr exception() const { return state_->exception(); }
  [[nodiscard]] std::string get_name() const { return state_->name(); }
  void set_name(std::string name) const { state_->set_name(std::move(name)); }
  [[nodiscard]] Context get_context() const { return detail::context_of(*state_); }
  [[nodiscard]] EventLoop& get_loop() const noexcept { return state_->loop(); }
  [[nodiscard]] std::vector<std::source_location> get_stack(std::optional<std::size_t> limit = {}) const {
    return detail::stack_of(*state_, limit);
  }
  void print_stack(std::optional<std::size_t> limit = {}, std::FILE* file = nullptr) const {
    detail::print_stack(*state_, limit, file);
  }
  template <class F>
  CallbackToken add_done_callback(F callback) const {
    return {state_->add_callback(detail::done_callback<AnyTask>(std::move(callback)))};
  }
  template <class F>
  CallbackToken add_done_callback(F callback, const Context& context) const {
    return {
        state_->add_callback_in(ContextAccess::state(context), detail::done_callback<AnyTask>(std::move(callback)))};
  }
  friend bool operator==(const AnyTask& a, const AnyTask& b) noexcept { return a.state_ == b.state_; }
  [[nodiscard]] detail::TaskState& state() const noexcept { return *state_; }

 private:
  detail::Ref<detail::TaskState> state_;
};

namespace detail {

template <class T>
Task<T> make_task(EventLoop& loop, Coro<T>&& coro, TaskOptions* options, std::source_location where) {
  loop.check("create_task");
  auto task = Ref<FutureState>::adopt(new CoroTask<T>(loop, coro.release()));
  auto& state = static_cast<TaskState&>(*task);
  if (options == nullptr && !loop.get_task_factory() && loop.is_plain() &&
      (current_context == nullptr || current_context->empty())) {
    state.start(false);
  } else {
    launch(state, options, where);
  }
  return Task<T>(std::move(task));
}

}  // namespace detail

/// Runs `awaitable` (a coroutine, or a callable that returns one, which is kept alive) as a task of the running loop. Its first step is
/// in the next iteration. *Errors*: `RuntimeError` if no loop runs; what the task factory throws. The coroutine is closed then.
template <class A>
auto create_task(A&& awaitable, std::source_location where = std::source_location::current()) {
  static_assert(!detail::is_future<std::remove_cvref_t<A>>, "it is a task or future already: see ensure_future");
  return detail::make_task(get_running_loop(), detail::to_coro(std::forward<A>(awaitable)), nullptr, where);
}
template <class A>
auto create_task(A&& awaitable, TaskOptions options, std::source_location where = std::source_location::current()) {
  static_assert(!detail::is_future<std::remove_cvref_t<A>>, "it is a task or future already: see ensure_future");
  return detail::make_task(get_running_loop(), detail::to_coro(std::forward<A>(awaitable)), &options, where);
}

template <class A>
auto EventLoop::create_task(A&& awaitable, std::source_location where) {
  return detail::make_task(*this, detail::to_coro(std::forward<A>(awaitable)), nullptr, where);
}
template <class A>
auto EventLoop::create_task(A&& awaitable, TaskOptions options, std::source_location where) {
  return detail::make_task(*this, detail::to_coro(std::forward<A>(awaitable)), &options, where);
}

/// A future or task as it is; anything else awaitable, or a callable that returns it, as a new task of `loop`.
/// *Errors*: `ValueError` for a future of another loop.
template <class A>
auto ensure_future(A&& awaitable, EventLoop& loop) {
  using Plain = std::remove_cvref_t<A>;
  if constexpr (detail::is_future<Plain>) {
    detail::check_future_loop(*awaitable.state(), loop);
    return Plain(std::forward<A>(awaitable));
  } else {
    // Combinators call this: where the coroutine stands says more than where they do. Only debug mode looks at it.
    auto coro = detail::to_coro(std::forward<A>(awaitable));
    const std::source_location where = loop.get_debug() ? coro.where() : std::source_location();
    return detail::make_task(loop, std::move(coro), nullptr, where);
  }
}
/// The same on the running loop, or else the thread's (`get_event_loop`).
template <class A>
auto ensure_future(A&& awaitable) {
  using Plain = std::remove_cvref_t<A>;
  if constexpr (detail::is_future<Plain>) {
    return Plain(std::forward<A>(awaitable));
  } else {
    return ensure_future(std::forward<A>(awaitable), get_event_loop());
  }
}

/// The task that runs now; nothing in a callback. *Errors*: `RuntimeError` without a running loop.
[[nodiscard]] std::optional<AnyTask> current_task();
/// The same of `loop`; nothing if that does not run on this thread.
[[nodiscard]] std::optional<AnyTask> current_task(EventLoop& loop);
/// The tasks of a loop (the running one) that are not done, in order of creation. *Errors*: `RuntimeError` without a running loop.
[[nodiscard]] std::vector<AnyTask> all_tasks();
[[nodiscard]] std::vector<AnyTask> all_tasks(EventLoop& loop);

/// A task factory that starts each task eagerly that does not say otherwise: what does not wait is done when `create_task` returns.
void eager_task_factory(EventLoop& loop, TaskOptions& options);

}  // namespace tutti

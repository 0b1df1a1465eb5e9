// SPDX-License-Identifier: MIT
// Who awaits whom: the coroutines of a task, the tasks that wait for it, and so on up to those that nobody waits for.
//
// A frame is told by its function, file and line: the line of its last `co_await` where code is not optimised, else that of the
// function (TUTTI_AWAIT_LINES in coro.hpp chooses). Nothing is recorded for it while tasks run; all is found when it is asked for.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/event_loop.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

/// A coroutine in a call stack.
struct FrameCallGraphEntry {
  std::source_location location;    ///< line 0: a coroutine type that is not Tutti's, behind which nothing is known
  bool is_async_generator = false;  ///< else a `Coro`
};

/// A future or task, and who awaits it.
struct FutureCallGraph {
  std::optional<AnyTask> task;                  ///< nothing for a future that is no task
  const void* id = nullptr;                     ///< its identity
  std::vector<FrameCallGraphEntry> call_stack;  ///< of the task, innermost first
  std::vector<FutureCallGraph> awaited_by;      ///< in the order in which they came to wait
  bool is_running = false;                      ///< its step is under way, and only its outermost coroutine is known
  bool is_cycle = false;                        ///< it stands further up already: tasks that await each other
};

struct CallGraphOptions {
  std::size_t depth = 0;  ///< how many of the innermost frames of the running task to leave out
  std::optional<int> limit =
      {};                     ///< how many frames of each stack: the outermost ones; if negative, the innermost ones
  std::FILE* file = nullptr;  ///< where `print_call_graph` writes; null: stdout
};

namespace detail {

[[nodiscard]] FutureCallGraph capture_call_graph(FutureState& future, const CallGraphOptions& options);

/// Looks at the frame that awaits it, and goes on at once.
class OwnCallGraph {
 public:
  OwnCallGraph(const CallGraphOptions& options, std::source_location where) noexcept
      : options_(options), where_(where) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  /// *Errors*: `RuntimeError` outside of a task.
  bool await_suspend(std::coroutine_handle<> frame);

 protected:
  CallGraphOptions options_;
  FutureCallGraph graph_;

 private:
  std::source_location where_;
};

class [[nodiscard]] CaptureCallGraph final : public OwnCallGraph {
 public:
  using OwnCallGraph::OwnCallGraph;
  FutureCallGraph await_resume() { return std::move(graph_); }
};
class [[nodiscard]] FormatCallGraph final : public OwnCallGraph {
 public:
  using OwnCallGraph::OwnCallGraph;
  [[nodiscard]] std::string await_resume() const;
};
class [[nodiscard]] PrintCallGraph final : public OwnCallGraph {
 public:
  using OwnCallGraph::OwnCallGraph;
  void await_resume() const;
};

}  // namespace detail

/// The call graph of a task or future; on its loop's thread. Of a task whose step is under way only the outermost coroutine is told: to
/// see where you are, `co_await capture_call_graph()`. *Source*: asyncio.capture_call_graph.
template <class T>
[[nodiscard]] FutureCallGraph capture_call_graph(const Future<T>& future, const CallGraphOptions& options = {}) {
  return detail::capture_call_graph(*future.state(), options);
}
[[nodiscard]] inline FutureCallGraph capture_call_graph(const AnyTask& task, const CallGraphOptions& options = {}) {
  return detail::capture_call_graph(task.state(), options);
}
/// `co_await capture_call_graph()`: that of the running task, without an iteration. It begins with the function that awaits it, and the
/// line where it does. *Errors*: `RuntimeError` outside of a task.
[[nodiscard]] inline auto capture_call_graph(const CallGraphOptions& options = {},
                                             std::source_location where = std::source_location::current()) noexcept {
  return detail::CaptureCallGraph(options, where);
}

/// A call graph as text, in the form of asyncio's: a line for each task and each coroutine, indented below those whom it awaits.
[[nodiscard]] std::string format_call_graph(const FutureCallGraph& graph);
/// That of a task or future.
template <class T>
[[nodiscard]] std::string format_call_graph(const Future<T>& future, const CallGraphOptions& options = {}) {
  return format_call_graph(capture_call_graph(future, options));
}
[[nodiscard]] inline std::string format_call_graph(const AnyTask& task, const CallGraphOptions& options = {}) {
  return format_call_graph(capture_call_graph(task, options));
}
/// `co_await format_call_graph()`: that of the running task.
[[nodiscard]] inline auto format_call_graph(const CallGraphOptions& options = {},
                                            std::source_location where = std::source_location::current()) noexcept {
  return detail::FormatCallGraph(options, where);
}

/// Writes the call graph of a task or future to `options.file`.
template <class T>
void print_call_graph(const Future<T>& future, const CallGraphOptions& options = {}) {
  const std::string text = format_call_graph(future, options) + "\n";
  std::fputs(text.c_str(), options.file == nullptr ? stdout : options.file);
}
inline void print_call_graph(const AnyTask& task, const CallGraphOptions& options = {}) {
  const std::string text = format_call_graph(task, options) + "\n";
  std::fputs(text.c_str(), options.file == nullptr ? stdout : options.file);
}
/// `co_await print_call_graph()`: that of the running task.
[[nodiscard]] inline auto print_call_graph(const CallGraphOptions& options = {},
                                           std::source_location where = std::source_location::current()) noexcept {
  return detail::PrintCallGraph(options, where);
}

/// All tasks of a loop (the running one) that are not done, in order of creation: where each stands, and who awaits it. What to look at
/// when a program hangs. *Errors*: `RuntimeError` without a running loop.
[[nodiscard]] std::string format_all_tasks();
[[nodiscard]] std::string format_all_tasks(EventLoop& loop);
/// Writes that to `file`; null: stderr.
void print_all_tasks(std::FILE* file = nullptr);
void print_all_tasks(EventLoop& loop, std::FILE* file = nullptr);

}  // namespace tutti

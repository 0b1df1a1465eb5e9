// SPDX-License-Identifier: MIT
#include <tutti/task/call_graph.hpp>

#include <algorithm>
#include <array>

#include "task/frames.hpp"

namespace tutti {

namespace detail {
namespace {

using Path = std::vector<const FutureState*>;  // from the one that was asked for to where the search is

FutureCallGraph identify(FutureState& future) {
  FutureCallGraph graph;
  graph.id = &future;
  if (future.is_task()) graph.task = AnyTask(static_cast<TaskState&>(future));
  return graph;
}

void cut(std::vector<FrameCallGraphEntry>& innermost_first, std::optional<int> limit) {
  if (!limit) return;
  const std::size_t most = static_cast<std::size_t>(*limit < 0 ? -static_cast<long>(*limit) : *limit);
  if (innermost_first.size() <= most) return;
  if (*limit < 0) {
    innermost_first.resize(most);
  } else {
    innermost_first.erase(innermost_first.begin(), innermost_first.end() - static_cast<std::ptrdiff_t>(most));
  }
}

FutureCallGraph build(FutureState& future, std::optional<int> limit, Path& path);

void add_awaiting(FutureCallGraph& graph, FutureState& future, std::optional<int> limit, Path& path) {
  path.push_back(&future);
  for (TaskState* const task : future.awaited_by()) {
    if (std::find(path.begin(), path.end(), task) == path.end()) {
      graph.awaited_by.push_back(build(*task, limit, path));
    } else {
      graph.awaited_by.push_back(identify(*task));
      graph.awaited_by.back().is_cycle = true;
    }
  }
  path.pop_back();
}

FutureCallGraph build(FutureState& future, std::optional<int> limit, Path& path) {
  FutureCallGraph graph = identify(future);
  if (graph.task && limit != 0) {
    const auto& task = static_cast<const TaskState&>(future);
    graph.is_running = task.running();
    graph.call_stack = frames_of(task);
    cut(graph.call_stack, limit);
  }
  add_awaiting(graph, future, limit, path);
  return graph;
}

std::string title(const FutureCallGraph& graph) {
  std::array<char, 32> id{};
  std::snprintf(id.data(), id.size(), "id=%p", graph.id);
  return graph.task ? "Task(name='" + graph.task->get_name() + "', " + id.data() + ")"
                    : std::string("Future(") + id.data() + ")";
}

void render(const FutureCallGraph& graph, std::size_t level, std::string& text) {
  const std::string margin(4 * level, ' ');
  const auto add_line = [&](const std::string& line) { text += (text.empty() ? "" : "\n") + margin + line; };
  add_line("* " + title(graph) + (graph.is_cycle ? " (a cycle: see above)" : ""));
  if (!graph.call_stack.empty()) {
    add_line("  + Call stack:");
    if (graph.is_running) add_line("  |   (it runs now)");
    for (const FrameCallGraphEntry& frame : graph.call_stack) add_line("  |   " + format_frame(frame));
  }
  if (graph.awaited_by.empty()) return;
  add_line("  + Awaited by:");
  for (const FutureCallGraph& parent : graph.awaited_by) render(parent, level + 1, text);
}

}  // namespace

FutureCallGraph capture_call_graph(FutureState& future, const CallGraphOptions& options) {
  Path path;
  return build(future, options.limit, path);
}

bool OwnCallGraph::await_suspend(std::coroutine_handle<> frame) {
  TaskState& task = awaiting_task();
  graph_ = identify(task);
  if (options_.limit != 0) {
    graph_.call_stack = frames_from(task, frame);
    graph_.call_stack.front().location = where_;
    const std::size_t left_out = std::min(options_.depth, graph_.call_stack.size());
    graph_.call_stack.erase(graph_.call_stack.begin(),
                            graph_.call_stack.begin() + static_cast<std::ptrdiff_t>(left_out));
    cut(graph_.call_stack, options_.limit);
  }
  Path path;
  add_awaiting(graph_, task, options_.limit, path);
  return false;
}

std::string FormatCallGraph::await_resume() const { return format_call_graph(graph_); }

void PrintCallGraph::await_resume() const {
  const std::string text = format_call_graph(graph_) + "\n";
  std::fputs(text.c_str(), options_.file == nullptr ? stdout : options_.file);
}

std::vector<std::source_location> stack_of(const TaskState& task, std::optional<std::size_t> limit) {
  std::vector<std::source_location> places;
  if (task.failed()) {
    for (const Place place : task.find_extras()->trace) places.push_back(place.get());
  } else {
    for (const FrameCallGraphEntry& frame : frames_of(task)) places.push_back(frame.location);
  }
  // As in asyncio: of a stack the newest ones are left, of a trace the oldest ones.
  std::reverse(places.begin(), places.end());
  if (limit && places.size() > *limit) {
    const auto surplus = static_cast<std::ptrdiff_t>(places.size() - *limit);
    places.erase(task.failed() ? places.end() - surplus : places.begin(),
                 task.failed() ? places.end() : places.begin() + surplus);
  }
  return places;
}

void print_stack(const TaskState& task, std::optional<std::size_t> limit, std::FILE* file) {
  const auto places = stack_of(task, limit);
  std::string text = places.empty() ? "No stack for " : task.failed() ? "Traceback for " : "Stack for ";
  text += task.describe_self() + (places.empty() ? "\n" : " (most recent call last):\n");
  for (const auto& place : places) text += "  " + format_frame({place}) + "\n";
  if (task.failed()) text += describe(task.find_extras()->exception) + "\n";
  std::fputs(text.c_str(), file == nullptr ? stderr : file);
}

}  // namespace detail

std::string format_call_graph(const FutureCallGraph& graph) {
  std::string text;
  detail::render(graph, 0, text);
  return text;
}

std::string format_all_tasks() { return format_all_tasks(get_running_loop()); }

std::string format_all_tasks(EventLoop& loop) {
  const std::vector<AnyTask> tasks = all_tasks(loop);
  std::string text = std::to_string(tasks.size()) + (tasks.size() == 1 ? " task" : " tasks");
  for (const AnyTask& task : tasks) {
    FutureCallGraph graph = detail::identify(task.state());
    graph.is_running = task.state().running();
    graph.call_stack = detail::frames_of(task.state());
    text += "\n" + format_call_graph(graph);
    std::string names;
    for (detail::TaskState* const parent : task.state().awaited_by()) {
      names += (names.empty() ? "" : ", ") + parent->name();
    }
    if (!names.empty()) text += "\n  + Awaited by: " + names;
  }
  return text;
}

void print_all_tasks(std::FILE* file) { print_all_tasks(get_running_loop(), file); }

void print_all_tasks(EventLoop& loop, std::FILE* file) {
  const std::string text = format_all_tasks(loop) + "\n";
  std::fputs(text.c_str(), file == nullptr ? stderr : file);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/task/task.hpp>

#include <tutti/task/scope_node.hpp>

#include "instruments.hpp"

namespace tutti {
namespace detail {

Context context_of(TaskState& task) {
  if (!task.context()) {
    // While a step runs, what it has set is in the current context, which the task takes over at the step's end.
    if (&task == current.task) return ContextAccess::handle(Ref<ContextState>(&writable_context()));
    task.set_context(ContextAccess::state(Context()));
  }
  return ContextAccess::handle(task.context());
}

void check_future_loop(const FutureState& future, const EventLoop& loop) {
  if (&future.loop() != &loop) throw ValueError("ensure_future: the future belongs to a different loop");
}

void launch(TaskState& task, TaskOptions* options, std::source_location where) {
  EventLoop& loop = task.loop();
  TaskOptions defaults;
  TaskOptions& chosen = options == nullptr ? defaults : *options;
  if (loop.get_task_factory()) {
    try {
      loop.get_task_factory()(loop, chosen);
    } catch (...) {
      task.abandon();
      throw;
    }
  }
  if (!chosen.name.empty()) task.set_name(std::move(chosen.name));
  if (chosen.context) {
    task.set_context(ContextAccess::state(*chosen.context));
  } else if (auto copied = copy_current_context()) {
    task.set_context(std::move(copied));
  }
  if (loop.get_debug()) task.extras().created = where;
  if (chosen.scope != nullptr) ScopeNode::inherit(task, *chosen.scope);
  if (loop.watcher() != nullptr) {
    task.extras();  // its steps go the way on which the watcher is told
    Instruments::of(loop).spawned(task);
  }
  task.start(chosen.eager_start.value_or(false) && loop.is_running());
}

}  // namespace detail

std::optional<AnyTask> current_task() {
  if (detail::current.task == nullptr) {
    (void)get_running_loop();
    return std::nullopt;
  }
  return AnyTask(*detail::current.task);
}

std::optional<AnyTask> current_task(EventLoop& loop) {
  if (find_running_loop() != &loop || detail::current.task == nullptr) return std::nullopt;
  return AnyTask(*detail::current.task);
}

std::vector<AnyTask> all_tasks() { return all_tasks(get_running_loop()); }

std::vector<AnyTask> all_tasks(EventLoop& loop) {
  std::vector<AnyTask> tasks;
  detail::TaskRegistry::for_each(loop, [&](detail::TaskState& task) { tasks.emplace_back(task); });
  return tasks;
}

void eager_task_factory(EventLoop&, TaskOptions& options) {
  if (!options.eager_start) options.eager_start = true;
}

}  // namespace tutti

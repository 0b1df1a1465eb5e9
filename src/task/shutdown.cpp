// SPDX-License-Identifier: MIT
#include <tutti/task/shutdown.hpp>

#include <tutti/task/run.hpp>
#include <tutti/task/wait.hpp>

namespace tutti::detail {

std::vector<AnyTask> cancel_each_task(EventLoop& loop) {
  std::vector<AnyTask> tasks = all_tasks(loop);
  for (const AnyTask& task : tasks) task.cancel();
  return tasks;
}

Coro<> wait_for_each(const std::vector<AnyTask>& tasks) {
  std::vector<Ref<FutureState>> states;
  states.reserve(tasks.size());
  for (const AnyTask& task : tasks) states.emplace_back(&task.state());
  return wait_until(std::move(states), {});
}

void report_failures(EventLoop& loop, const std::vector<AnyTask>& tasks) {
  for (const AnyTask& task : tasks) {
    if (task.cancelled()) continue;
    if (std::exception_ptr error = task.exception()) {
      loop.call_exception_handler(
          {"unhandled exception during tutti::run() shutdown", error, task.state().describe_self(), {}});
    }
  }
}

void cancel_all_tasks(EventLoop& loop) {
  const std::vector<AnyTask> tasks = cancel_each_task(loop);
  if (tasks.empty()) return;
  loop.run_until_complete(wait_for_each(tasks));
  report_failures(loop, tasks);
}

Coro<> shutdown_services(EventLoop& loop) {
  auto* service = loop.find_service<ShutdownHooks>();
  for (std::size_t i = 0; service != nullptr && i < service->hooks.size(); ++i) {
    std::exception_ptr error;
    try {
      co_await service->hooks[i]->shutdown();
    } catch (...) {
      error = std::current_exception();
    }
    if (error) loop.call_exception_handler({"error while shutting down the event loop", error, {}, {}});
  }
}

}  // namespace tutti::detail

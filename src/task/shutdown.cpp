// SPDX-License-Identifier: MIT
#include <tutti/task/shutdown.hpp>

#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>

namespace tutti::detail {
namespace {

Coro<> wait_for_tasks(std::vector<AnyTask> tasks) {
  for (const AnyTask& task : tasks) {
    while (!task.done()) {
      const Future<> done;
      const CallbackToken token = task.add_done_callback([done] {
        if (!done.done()) done.set_result();
      });
      (void)token;
      co_await done;
    }
  }
}

}  // namespace

void cancel_all_tasks(EventLoop& loop) {
  const std::vector<AnyTask> tasks = all_tasks(loop);
  if (tasks.empty()) return;
  for (const AnyTask& task : tasks) task.cancel();
  loop.run_until_complete(wait_for_tasks(tasks));
  for (const AnyTask& task : tasks) {
    if (task.cancelled()) continue;
    if (std::exception_ptr error = task.exception()) {
      loop.call_exception_handler(
          {"unhandled exception during tutti::run() shutdown", error, task.state().describe_self(), {}});
    }
  }
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

// SPDX-License-Identifier: MIT
// What a runner does before it closes its loop.
#pragma once

#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/task.hpp>

namespace tutti::detail {

/// Cancels all tasks of `loop`; gives those that there were.
std::vector<AnyTask> cancel_each_task(EventLoop& loop);
/// Waits until all of them are done.
Coro<> wait_for_each(const std::vector<AnyTask>& tasks);
/// Tells the loop's exception handler with what they failed.
void report_failures(EventLoop& loop, const std::vector<AnyTask>& tasks);

/// Cancels all tasks of `loop` and runs it until they are done; reports the exceptions they end with.
void cancel_all_tasks(EventLoop& loop);

/// Something that needs the loop to end: async generators, the default executor.
class ShutdownHook {
 public:
  virtual Coro<> shutdown() = 0;

 protected:
  ~ShutdownHook() = default;
};

/// The hooks of a loop, in the order in which they are run.
class ShutdownHooks final : public lowlevel::Service {
 public:
  explicit ShutdownHooks(EventLoop&) {}
  std::vector<ShutdownHook*> hooks;
};

/// Runs them all; what one throws is reported and the next one runs.
Coro<> shutdown_services(EventLoop& loop);

}  // namespace tutti::detail

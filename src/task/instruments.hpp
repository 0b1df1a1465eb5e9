// SPDX-License-Identifier: MIT
// The instruments of one loop.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/instrument.hpp>

namespace tutti::detail {

/// Stands in `EventLoop::watcher` while it has instruments.
class Instruments final : public lowlevel::Service, public LoopWatcher {
 public:
  explicit Instruments(EventLoop& loop) noexcept : loop_(loop) {}

  void add(std::shared_ptr<Instrument> instrument);
  bool remove(const Instrument& instrument);
  void close(EventLoop&) noexcept override;

  /// Those of a loop that has some.
  static Instruments& of(EventLoop& loop) noexcept { return static_cast<Instruments&>(*loop.watcher()); }

  void spawned(TaskState& task) noexcept;
  void before_step(TaskState& task) noexcept;
  void after_step(TaskState& task) noexcept;
  void exited(TaskState& task) noexcept;
  void before_io_wait(std::optional<Duration> limit) noexcept override;
  void after_io_wait() noexcept override;

 private:
  template <class Function, class... Args>
  void call_each(const char* name, Function function, const Args&... args) noexcept;
  void drop(const Instrument& instrument, const char* function, const std::exception_ptr& error) noexcept;

  EventLoop& loop_;
  std::vector<std::shared_ptr<Instrument>> all_;
  Ref<ContextState> context_;
};

/// One step of a task: tells the instruments of its begin, and at the end of its life of the end, and of that of the task.
class WatchedStep {
 public:
  explicit WatchedStep(TaskState& task) : task_(&task) { Instruments::of(task.loop()).before_step(task); }
  WatchedStep(const WatchedStep&) = delete;
  WatchedStep& operator=(const WatchedStep&) = delete;
  ~WatchedStep();

 private:
  const Ref<TaskState> task_;
};

}  // namespace tutti::detail

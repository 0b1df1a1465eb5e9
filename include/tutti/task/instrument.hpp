// SPDX-License-Identifier: MIT
// Instruments: who is told what the loop does, for traces and figures.
#pragma once

#include <memory>
#include <optional>

#include <tutti/base/clock.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

/// Is told of each task's steps and of the loop's waiting. Override what you need; `add_instrument` installs one.
///
/// The functions are called by the loop, on its thread, in the order in which the instruments were added, and should be quick. They may
/// not await, nor run tasks, but may add and remove instruments. If one throws, that is logged and the instrument is removed.
/// `AnyTask::exception()` marks an exception as retrieved: an instrument that asks for it takes on the reporting. *Source*: trio.abc.Instrument.
class Instrument {
 public:
  virtual ~Instrument();
  /// A task was made. It has its name and options, and has not begun.
  virtual void task_spawned(const AnyTask& task);
  /// A step of a task begins: from one wait to the next. The first step of an eager task stands inside of a step of the task that makes it.
  virtual void before_task_step(const AnyTask& task);
  /// It has ended; also if `KeyboardInterrupt` or `SystemExit` left it.
  virtual void after_task_step(const AnyTask& task);
  /// A task is done. Not called for those that a closing loop destroys.
  virtual void task_exited(const AnyTask& task);
  /// The loop asks its back end for what has completed, and waits for it at most so long (absent: without a limit; zero: not at all).
  virtual void before_io_wait(std::optional<Duration> limit);
  /// It goes on.
  virtual void after_io_wait();
};

/// From now on `instrument` is told what `loop` (the running one) does. Tasks that are there already are not announced, but their steps are.
/// Without instruments nothing is measurably slower; with one, each step costs the calls. *Errors*: `ValueError` for null, and for
/// one that is installed already; `RuntimeError` if the loop is closed.
void add_instrument(std::shared_ptr<Instrument> instrument, EventLoop& loop);
void add_instrument(std::shared_ptr<Instrument> instrument);
/// It is told no more. False if it was not installed.
bool remove_instrument(const Instrument& instrument, EventLoop& loop);
bool remove_instrument(const Instrument& instrument);

}  // namespace tutti

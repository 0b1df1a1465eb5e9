// SPDX-License-Identifier: MIT
// Checkpoints: places where a task that computes, or that never has to wait, can be cancelled and lets others run.
#pragma once

#include <tutti/base/clock.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/sleep.hpp>

namespace tutti {

/// Lets all that is ready run once, and throws `CancelledError` if the task, or a scope around it, was cancelled: `sleep(0s)` by its purpose.
/// As in asyncio, an operation of Tutti that need not wait does neither. *Source*: trio.lowlevel.checkpoint.
[[nodiscard]] inline detail::SleepAwaiter checkpoint() { return sleep(Duration::zero()); }

/// Throws `CancelledError` if the task, or a scope around it, was cancelled; else it goes on at once, and nobody else runs.
/// *Errors*: `RuntimeError` outside of a task. *Source*: trio.lowlevel.checkpoint_if_cancelled.
[[nodiscard]] Coro<> checkpoint_if_cancelled();

/// Lets all that is ready run once, also in a cancelled scope. *Cancellation*: `Task::cancel` still throws.
/// *Source*: trio.lowlevel.cancel_shielded_checkpoint.
[[nodiscard]] Coro<> cancel_shielded_checkpoint();

}  // namespace tutti

// SPDX-License-Identifier: MIT
// The suspended coroutines of a task, found by following their continuations.
#pragma once

#include <coroutine>
#include <source_location>
#include <string>
#include <vector>

#include <tutti/base/place.hpp>
#include <tutti/task/call_graph.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti::detail {

/// The frames of `task` from `innermost` outwards.
[[nodiscard]] std::vector<FrameCallGraphEntry> frames_from(const TaskState& task, std::coroutine_handle<> innermost);
/// Those of a task that is suspended; of one that runs only the root; of one that is done none.
[[nodiscard]] std::vector<FrameCallGraphEntry> frames_of(const TaskState& task);
/// Where the coroutine stands that a suspended task goes on with.
[[nodiscard]] std::source_location innermost_place(const TaskState& task);

/// "File 'name', line 7, in async function".
[[nodiscard]] std::string format_frame(const FrameCallGraphEntry& frame);
/// One a line, for reports.
[[nodiscard]] std::string format_frames(const std::vector<FrameCallGraphEntry>& entries);
/// The same of the trace of an exception.
[[nodiscard]] std::string format_places(const std::vector<Place>& places);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include "task/frames.hpp"

#include <cstddef>

#include <tutti/task/coro.hpp>

#include "base/function_name.hpp"

namespace tutti::detail {
namespace {

const PromiseBase& promise_of(std::coroutine_handle<> frame) noexcept {
  return std::coroutine_handle<PromiseBase>::from_address(frame.address()).promise();
}

/// Any coroutine may await what is Tutti's: in another type's frame, which may be smaller than ours, nothing looks like a place.
[[gnu::no_sanitize_address]] Place place_in(std::coroutine_handle<> frame) noexcept {
  const char* const promise = static_cast<const char*>(frame.address()) + kPromiseOffset;
  return *reinterpret_cast<const Place*>(promise + sizeof(void*));  // behind the continuation
}

}  // namespace

std::vector<FrameCallGraphEntry> frames_from(const TaskState& task, std::coroutine_handle<> innermost) {
  std::vector<FrameCallGraphEntry> entries;
  for (std::coroutine_handle<> frame = innermost;; frame = promise_of(frame).continuation()) {
    const Place place = place_in(frame);
    entries.push_back({place.get(), place.marked()});
    if (frame == task.root() || entries.back().location.line() == 0) return entries;
  }
}

std::vector<FrameCallGraphEntry> frames_of(const TaskState& task) {
  if (!task.root()) return {};
  return frames_from(task, task.running() ? task.root() : task.innermost());
}

std::source_location innermost_place(const TaskState& task) { return place_in(task.innermost()).get(); }

std::string format_frame(const FrameCallGraphEntry& frame) {
  if (frame.location.line() == 0) return "(a coroutine of another kind)";
  return std::string("File '") + frame.location.file_name() + "', line " + std::to_string(frame.location.line()) +
         (frame.is_async_generator ? ", in async generator " : ", in async ") +
         readable_function_name(frame.location.function_name());
}

std::string format_frames(const std::vector<FrameCallGraphEntry>& entries) {
  constexpr std::size_t kMost = 32;
  std::string text;
  for (std::size_t i = 0; i < entries.size() && i < kMost; ++i) {
    if (i != 0) text += "\n";
    text += "  " + format_frame(entries[i]);
  }
  if (entries.size() > kMost) text += "\n  … and " + std::to_string(entries.size() - kMost) + " more";
  return text;
}

std::string format_places(const std::vector<Place>& places) {
  std::vector<FrameCallGraphEntry> entries;
  entries.reserve(places.size());
  for (const Place place : places) entries.push_back({place.get(), place.marked()});
  return format_frames(entries);
}

}  // namespace tutti::detail

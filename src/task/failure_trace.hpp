// SPDX-License-Identifier: MIT
// Which coroutines the exception that is on its way has left: what Python's traceback tells.
#pragma once

#include <cstddef>
#include <exception>
#include <vector>

#include <tutti/base/place.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

/// The places of the frames, innermost first. An exception belongs to the trace if the frame that it leaves is the one in which the last
/// one was awaited. If that one had caught it, and threw another one, which the allocator put at the same address, then the trace names
/// the inner frames of the first.
class FailureTrace {
 public:
  void note(PromiseBase& promise, const std::exception_ptr& error) noexcept;
  /// The trace of `error`; empty if it is not known.
  [[nodiscard]] std::vector<Place> of(const std::exception_ptr& error) const;

 private:
  static constexpr std::size_t kMost = 32;
  const void* error_ = nullptr;  // an identity only
  const void* next_ = nullptr;   // the frame that it goes into
  std::size_t count_ = 0;
  Place places_[kMost];
};
extern constinit thread_local FailureTrace failure_trace;

}  // namespace tutti::detail

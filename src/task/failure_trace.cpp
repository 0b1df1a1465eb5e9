// SPDX-License-Identifier: MIT
#include "task/failure_trace.hpp"

#include <coroutine>
#include <cstring>

namespace tutti::detail {

constinit thread_local FailureTrace failure_trace;

namespace {

const void* identity(const std::exception_ptr& error) noexcept {
  static_assert(sizeof error == sizeof(void*));
  const void* object = nullptr;
  std::memcpy(static_cast<void*>(&object), static_cast<const void*>(&error), sizeof object);
  return object;
}

}  // namespace

void FailureTrace::note(PromiseBase& promise, const std::exception_ptr& error) noexcept {
  const void* const frame = std::coroutine_handle<PromiseBase>::from_promise(promise).address();
  if (error_ != identity(error) || next_ != frame) count_ = 0;
  error_ = identity(error);
  next_ = promise.continuation().address();
  if (count_ < kMost) places_[count_++] = promise.place();
}

std::vector<Place> FailureTrace::of(const std::exception_ptr& error) const {
  if (error_ != identity(error)) return {};
  return {places_, places_ + count_};
}

}  // namespace tutti::detail

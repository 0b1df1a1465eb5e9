// SPDX-License-Identifier: MIT
#include "turns.hpp"

#include <cstddef>

#include <sys/resource.h>

namespace tutti::detail {

namespace {

// No descriptor is open at or above the limit; without this, a number made of garbage would cost gigabytes.
bool may_be_open(std::size_t fd) noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && fd < limit.rlim_cur;
}

}  // namespace

bool Turns::enter(Operation& operation) {
  const auto index = static_cast<std::size_t>(operation.fd);  // a negative one becomes huge
  if (side_of(operation) == Side::neither) return true;
  if (index >= lines_.size()) {
    if (operation.fd < 0 || !may_be_open(index)) return true;
    lines_.resize(index + 1);
  }
  OperationQueue& line = *line_of(operation);
  const bool first = line.empty();
  line.push(operation);
  return first;
}

Operation* Turns::leave(Operation& operation) noexcept {
  OperationQueue* line = line_of(operation);
  if (line == nullptr) return nullptr;
  const bool was_first = line->front() == &operation;
  line->remove(operation);
  return was_first ? line->front() : nullptr;
}

OperationQueue* Turns::line_of(const Operation& operation) noexcept {
  const auto index = static_cast<std::size_t>(operation.fd);
  const Side side = side_of(operation);
  if (side == Side::neither || index >= lines_.size()) return nullptr;
  return side == Side::reading ? &lines_[index].reading : &lines_[index].writing;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// A queue of operations inside a back end, through the link that each operation keeps for it.
#pragma once

#include <utility>

#include <tutti/loop/operation.hpp>

namespace tutti::detail {

using lowlevel::Opcode;
using lowlevel::Operation;

/// A FIFO that never owns, copies or allocates. An operation stands in at most one.
class OperationQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Operation* front() const noexcept { return first_; }

  void push(Operation& operation) noexcept {
    operation.backend.link = nullptr;
    (first_ == nullptr ? first_ : last_->backend.link) = &operation;
    last_ = &operation;
  }

  /// The first one, taken out; null if there is none.
  Operation* pop() noexcept {
    Operation* first = first_;
    if (first != nullptr) first_ = first->backend.link;
    return first;
  }

  /// False if `operation` is not here. O(n), and n is almost always 1: how many wait for the same thing.
  bool remove(Operation& operation) noexcept {
    Operation* previous = nullptr;
    for (Operation* at = first_; at != nullptr; previous = std::exchange(at, at->backend.link)) {
      if (at != &operation) continue;
      (previous == nullptr ? first_ : previous->backend.link) = at->backend.link;
      if (last_ == at) last_ = previous;
      return true;
    }
    return false;
  }

 private:
  Operation* first_ = nullptr;
  Operation* last_ = nullptr;  // valid only while first_ is
};

}  // namespace tutti::detail

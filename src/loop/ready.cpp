// SPDX-License-Identifier: MIT
#include <tutti/loop/ready.hpp>

namespace tutti::lowlevel {

bool ReadyQueue::remove(Ready& entry) noexcept {
  Ready* previous = nullptr;
  for (Ready* at = head_; at != nullptr; previous = at, at = at->next_) {
    if (at != &entry) continue;
    if (previous == nullptr) {
      head_ = at->next_;
    } else {
      previous->next_ = at->next_;
      if (tail_ == at) tail_ = previous;
    }
    return true;
  }
  return false;
}

}  // namespace tutti::lowlevel

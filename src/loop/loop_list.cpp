// SPDX-License-Identifier: MIT
#include "loop_list.hpp"

namespace tutti::detail {

LoopMember::LoopMember(EventLoop& loop) { loop.service<LoopList>().add(*this); }

void LoopMember::leave_loop() noexcept {
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = this;
}

void LoopList::add(LoopMember& member) noexcept {
  member.previous_ = head_.previous_;
  member.next_ = &head_;
  member.previous_->next_ = &member;
  head_.previous_ = &member;
}

void LoopList::close(EventLoop&) noexcept {
  while (head_.next_ != &head_) {
    LoopMember& member = *head_.next_;
    member.leave_loop();
    member.loop_closes();
  }
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// What a loop must let go of when it closes: sockets, pipes, child processes.
#pragma once

#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

/// Something with a descriptor that its loop must release when it closes.
class LoopMember {
 public:
  LoopMember(const LoopMember&) = delete;
  LoopMember& operator=(const LoopMember&) = delete;
  /// The loop is closing: cancels nothing and calls nobody, since the back end is about to end all operations by
  /// itself.
  virtual void loop_closes() noexcept = 0;

 protected:
  explicit LoopMember(EventLoop& loop);
  ~LoopMember() { leave_loop(); }
  void leave_loop() noexcept;

 private:
  friend class LoopList;
  explicit LoopMember(std::nullptr_t) noexcept {}
  LoopMember* previous_ = this;
  LoopMember* next_ = this;
};

/// All of them.
class LoopList final : public lowlevel::Service {
 public:
  explicit LoopList(EventLoop&) {}
  void close(EventLoop& loop) noexcept override;

  void add(LoopMember& member) noexcept;
  template <class Visit>
  void for_each(Visit visit) {
    for (LoopMember* member = head_.next_; member != &head_;) {
      LoopMember* const following = member->next_;
      visit(*member);
      member = following;
    }
  }

 private:
  struct Head final : LoopMember {
    Head() noexcept : LoopMember(nullptr) {}
    void loop_closes() noexcept override {}
  };
  Head head_;
};

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// Tasks in line: what the primitives of this layer are made of.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/ready.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti::detail {

class Waiter;

struct WaiterLink {
  WaiterLink* previous;
  WaiterLink* following;
};

/// Tasks that wait for one thing, in the order in which they came. As in asyncio, one that was woken or cancelled keeps its
/// place until it runs: whoever comes meanwhile sees it and queues behind it.
class WaiterList {
 public:
  constexpr WaiterList() noexcept : head_{&head_, &head_} {}
  WaiterList(const WaiterList&) = delete;
  WaiterList& operator=(const WaiterList&) = delete;
  /// Whoever still waits stays pending, until it is cancelled.
  ~WaiterList() {
    if (!empty()) [[unlikely]]
      orphan_all();
  }

  [[nodiscard]] bool empty() const noexcept { return head_.following == &head_; }
  [[nodiscard]] std::size_t size() const noexcept;
  /// Those that were neither woken nor cancelled.
  [[nodiscard]] std::size_t count_waiting() const noexcept;
  /// The first one; there must be one.
  [[nodiscard]] Waiter& front() const noexcept;
  /// The first one that was neither woken nor cancelled; null if there is none.
  [[nodiscard]] Waiter* first_waiting() const noexcept;
  /// Whether all were cancelled.
  [[nodiscard]] bool all_cancelled() const noexcept;
  /// Wakes the first `count` that are still waiting; gives how many there were.
  std::size_t wake(std::size_t count) noexcept;

  void push(Waiter& waiter) noexcept;
  /// Visits those that wait, in their order; `visit(Waiter&)` may take its waiter out.
  template <class Visit>
  void for_each_waiting(Visit visit);

 private:
  void orphan_all() noexcept;

  WaiterLink head_;
};

/// The loop that a primitive belongs to: the first one on which a task had to wait for it.
class LoopBound {
 public:
  /// *Errors*: `RuntimeError`, with `type` as the object, if `loop` is another one.
  void bind(EventLoop& loop, const char* type) {
    if (loop_ != loop.number()) [[unlikely]]
      bind_first(loop, type);
  }

 private:
  void bind_first(EventLoop& loop, const char* type);

  std::uint64_t loop_ = 0;  // its number; 0: none yet
};

/// A task that waits in a list; lives in the awaiting frame. What is asyncio's future in a deque.
class Waiter : public lowlevel::Suspension, private WaiterLink {
 public:
  Waiter& operator=(const Waiter&) = delete;

  [[nodiscard]] bool is_waiting() const noexcept { return state_ == State::waiting; }
  /// Whether it was cancelled while nobody had woken it.
  [[nodiscard]] bool was_cancelled() const noexcept { return state_ == State::cancelled; }

  /// The primitive was destroyed: it must not be touched any more.
  [[nodiscard]] bool is_orphan() const noexcept { return orphan_; }

  /// Makes the task ready. Only while it is waiting.
  void wake() noexcept {
    state_ = State::woken;
    schedule();
  }
  /// Leaves its list, if it is in one.
  void unlink() noexcept {
    previous->following = following;
    following->previous = previous;
    previous = following = this;
  }

  void run() override {
    scheduled_ = false;
    task_->step();
  }
  void drop() noexcept override { scheduled_ = false; }
  bool cancel(std::string_view message) override;

 protected:
  // The links, the task and the type are set when it waits, which mostly it does not.
  Waiter() noexcept {}  // NOLINT(modernize-use-equals-default,cppcoreguidelines-pro-type-member-init)
  Waiter(Waiter&&) noexcept : Waiter() {}  // before it is awaited
  ~Waiter() {
    if (state_ != State::idle) [[unlikely]]
      leave();
  }

  /// The body of `await_suspend`.
  void wait_in(WaiterList& list, LoopBound& bound, const char* type, std::coroutine_handle<> handle) {
    TaskState& task = awaiting_task();
    bound.bind(task.loop(), type);
    task_ = &task;
    type_ = type;
    enter(list);
    task.suspend(handle, this);
  }
  /// For `run`: waits on, at the end of `list`, instead of resuming the task. Not if `must_cancel`.
  void wait_again(WaiterList& list) noexcept {
    scheduled_ = false;
    unlink();
    enter(list);
  }
  [[nodiscard]] bool must_cancel() const noexcept { return task_->must_cancel(); }
  /// Whether `await_suspend` ran.
  [[nodiscard]] bool has_waited() const noexcept { return state_ != State::idle; }
  /// Leaves the list and throws what there is to throw: `CancelledError`, and `RuntimeError` for an orphan.
  void finish() {
    unlink();
    check();
    state_ = State::idle;
  }
  /// The same for who needs the primitive no more: once it was woken, that may be gone.
  void finish_woken() {
    orphan_ = false;
    finish();
  }

 private:
  friend class WaiterList;
  enum class State : unsigned char { idle, waiting, woken, cancelled };

  void enter(WaiterList& list) noexcept {
    state_ = State::waiting;
    list.push(*this);
  }
  void schedule() noexcept {
    scheduled_ = true;
    task_->loop().make_ready(*this);
  }
  void check();
  void leave() noexcept;

  TaskState* task_;
  const char* type_;
  State state_ = State::idle;
  bool scheduled_ = false;  // it stands in the loop's ready queue
  bool orphan_ = false;
};

inline void WaiterList::push(Waiter& waiter) noexcept {
  waiter.previous = head_.previous;
  waiter.following = &head_;
  head_.previous->following = &waiter;
  head_.previous = &waiter;
}

template <class Visit>
void WaiterList::for_each_waiting(Visit visit) {
  for (WaiterLink* link = head_.following; link != &head_;) {
    auto& waiter = static_cast<Waiter&>(*link);
    link = link->following;
    if (waiter.is_waiting()) visit(waiter);
  }
}

inline Waiter& WaiterList::front() const noexcept { return static_cast<Waiter&>(*head_.following); }

}  // namespace tutti::detail

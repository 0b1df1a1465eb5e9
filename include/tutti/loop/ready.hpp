// SPDX-License-Identifier: MIT
// What the loop runs: entries of the ready queue, and the queue itself. Both intrusive: no allocation.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace tutti::lowlevel {

/// Something that the loop runs once, in its turn. It lives where it is needed (mostly in a coroutine's
/// frame) and must stay alive while it stands in a queue.
class Ready {
 public:
  /// Called by the loop, after the entry has left the queue; may push the entry again or destroy it.
  virtual void run() = 0;
  /// Called instead when the loop closes and will not come to run it.
  virtual void drop() noexcept {}

 protected:
  Ready() noexcept = default;
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;
  ~Ready() = default;

 private:
  // An entry stands in one of these, never in two.
  friend class ReadyQueue;
  friend class WaitList;
  friend class TimerQueue;
  Ready* next_ = nullptr;
};

/// What a task waits for, and how to make it let go.
class Suspension : public Ready {
 public:
  /// Asks the thing waited for to end early. True: it will wake the task (in a later iteration, never inside
  /// this call), which finds the cancellation there. False: it is already on its way to waking the task.
  virtual bool cancel(std::string_view message) = 0;

 protected:
  ~Suspension() = default;
};

/// A FIFO of entries. Not a container: it never owns, copies or allocates.
class ReadyQueue {
 public:
  ReadyQueue() noexcept = default;
  ReadyQueue(ReadyQueue&& other) noexcept { append(other); }
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;
  ReadyQueue& operator=(ReadyQueue&&) = delete;
  ~ReadyQueue() = default;

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

  void push(Ready& entry) noexcept {
    entry.next_ = nullptr;
    if (head_ == nullptr) {
      head_ = &entry;
    } else {
      tail_->next_ = &entry;
    }
    tail_ = &entry;
  }

  /// Takes all of `other`'s entries behind its own; O(1).
  void append(ReadyQueue& other) noexcept {
    if (other.head_ == nullptr) return;
    if (head_ == nullptr) {
      head_ = other.head_;
    } else {
      tail_->next_ = other.head_;
    }
    tail_ = other.tail_;
    other.head_ = nullptr;
  }

  /// The first entry, taken out; null if there is none.
  Ready* pop() noexcept {
    Ready* first = head_;
    if (first != nullptr) head_ = first->next_;
    return first;
  }

  /// Takes `entry` out wherever it stands; O(n), for teardown. False if it is not here.
  bool remove(Ready& entry) noexcept;

 private:
  friend class WaitList;
  Ready* head_ = nullptr;
  Ready* tail_ = nullptr;  // valid only while head_ is
};

/// Entries that wait for one thing, in the order in which they came; one pointer wide.
class WaitList {
 public:
  WaitList() noexcept = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList() = default;

  [[nodiscard]] bool empty() const noexcept { return last_ == nullptr; }

  void push(Ready& entry) noexcept {
    if (last_ == nullptr) {
      entry.next_ = &entry;
    } else {
      entry.next_ = std::exchange(last_->next_, &entry);
    }
    last_ = &entry;
  }

  /// Moves all entries behind those of `queue`; O(1).
  void move_to(ReadyQueue& queue) noexcept {
    if (last_ == nullptr) return;
    Ready* const first = std::exchange(last_->next_, nullptr);
    (queue.head_ == nullptr ? queue.head_ : queue.tail_->next_) = first;
    queue.tail_ = std::exchange(last_, nullptr);
  }

  /// Calls `visit(Ready&)` for each entry, in order; it must not change the list.
  template <class Visit>
  void for_each(Visit visit) const {
    if (last_ == nullptr) return;
    Ready* entry = last_;
    do {
      entry = entry->next_;
      visit(*entry);
    } while (entry != last_);
  }

  /// Takes out the entries for which `match(Ready&)` holds; gives their number. O(n).
  template <class Match>
  std::size_t remove_if(Match match) {
    ReadyQueue all;
    move_to(all);
    std::size_t removed = 0;
    while (Ready* entry = all.pop()) {
      if (match(*entry)) {
        ++removed;
      } else {
        push(*entry);
      }
    }
    return removed;
  }

 private:
  Ready* last_ = nullptr;  // of a ring: the last one's next is the first
};

}  // namespace tutti::lowlevel

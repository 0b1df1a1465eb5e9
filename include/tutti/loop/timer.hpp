// SPDX-License-Identifier: MIT
// Timers: entries that become ready at a moment. Intrusive, so that a sleep needs no memory beyond its frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/loop/ready.hpp>

namespace tutti::lowlevel {

/// An entry of the timer queue. When it is due it becomes an entry of the ready queue.
class Timer : public Suspension {
 public:
  /// The deadline it was last added with.
  [[nodiscard]] TimePoint when() const noexcept { return TimePoint(Duration(when_)); }
  /// Whether it stands in a timer queue.
  [[nodiscard]] bool pending() const noexcept { return (link_ & 3U) != 0; }

 protected:
  Timer() noexcept = default;
  explicit Timer(TimePoint when) noexcept : when_(when.time_since_epoch().count()) {}
  ~Timer() = default;

  /// Two bits for the owner's own use while the timer is not pending (adding it clears them).
  [[nodiscard]] unsigned note() const noexcept { return pending() ? 0U : static_cast<unsigned>(link_ >> 2U); }
  void set_note(unsigned note) noexcept { link_ = std::uintptr_t{note} << 2U; }

 private:
  friend class TimerQueue;
  // Where it stands: tag 0, nowhere (the rest is the owner's note); 1, in a wheel's slot (the rest points to the
  // previous timer there); 2, in the run, 3, in the heap (the rest is its index).
  std::uintptr_t link_ = 0;
  std::int64_t when_ = 0;  // ns
};

/// All timers of a loop: a hierarchical timing wheel, and in front of it those due next in their exact order: by deadline, and
/// first-in first-out among equals.
///
/// Adding and removing cost O(1) however many are pending, since most timeouts never fire. A slot of the lowest wheel is
/// 2^20 ns wide (about 1 ms); when its time comes its timers are sorted and join the run, which is consumed from its front.
/// Those that are added for a time that the run covers already stand in a small heap beside it.
class TimerQueue {
 public:
  TimerQueue() noexcept = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// Adds a timer that is not pending; `now` is the loop's time.
  void add(Timer& timer, TimePoint when, TimePoint now);
  /// Takes it out. False if it was not pending.
  bool remove(Timer& timer) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// A moment not after the earliest deadline, at which `expire` should be called next; nothing if there is no timer.
  [[nodiscard]] std::optional<TimePoint> next() const noexcept;

  /// Moves the timers that are due at `now` to `due`, in order.
  void expire(TimePoint now, ReadyQueue& due);

  /// Moves all timers to `all`, due or not.
  void clear(ReadyQueue& all) noexcept;

 private:
  static constexpr int kLevels = 8;
  static constexpr int kSlotBits = 6;
  static constexpr std::size_t kSlots = 1U << kSlotBits;
  static constexpr int kTickBits = 20;

  struct Level {
    std::uint64_t occupied = 0;
    Timer* first[kSlots] = {};  // circular lists
  };
  struct Sorted {
    std::int64_t when;
    Timer* timer;  // null: removed
  };
  struct Near {
    std::int64_t when;
    std::uint64_t order;
    Timer* timer;
    friend bool operator<(const Near& a, const Near& b) noexcept {
      return a.when != b.when ? a.when < b.when : a.order < b.order;
    }
  };
  struct Expiry {
    int level;
    std::size_t slot;
    std::int64_t tick;  // when the slot begins
  };

  [[nodiscard]] std::optional<Expiry> next_slot() const noexcept;
  [[nodiscard]] int level_of(std::int64_t tick) const noexcept;
  void place(Timer& timer);
  void append_to_run(Timer& timer);
  void sort_run(std::size_t from);
  void skip_removed() noexcept;
  void take_due(std::int64_t present, ReadyQueue& due);
  [[nodiscard]] std::size_t in_wheels() const noexcept { return size_ - near_.size() - run_live_; }
  void push_near(Timer& timer);
  void remove_near(std::size_t index) noexcept;
  void set_near(std::size_t index, const Near& entry) noexcept;
  void sift_up(std::size_t index, const Near& entry) noexcept;
  void sift_down(std::size_t index, const Near& entry) noexcept;

  std::unique_ptr<Level[]> levels_;
  std::vector<Sorted> run_;
  std::size_t run_begin_ = 0;  // what stands before it was consumed
  std::size_t run_live_ = 0;
  std::vector<Near> near_;
  std::int64_t elapsed_ = 0;  // the tick up to which slots have been emptied
  std::uint64_t order_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tutti::lowlevel

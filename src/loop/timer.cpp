// SPDX-License-Identifier: MIT
#include <tutti/loop/timer.hpp>

#include <algorithm>
#include <bit>

namespace tutti::lowlevel {
namespace {

constexpr std::uintptr_t kInWheel = 1;
constexpr std::uintptr_t kInRun = 2;
constexpr std::uintptr_t kInHeap = 3;
constexpr std::uintptr_t kTag = 3;
constexpr std::size_t kArity = 4;

std::int64_t nanoseconds(TimePoint when) noexcept { return when.time_since_epoch().count(); }

}  // namespace

int TimerQueue::level_of(std::int64_t tick) const noexcept {
  // The highest bit in which the deadline differs from the present says how far away it is.
  const auto difference = static_cast<std::uint64_t>(tick ^ elapsed_) | (kSlots - 1);
  return std::min((63 - std::countl_zero(difference)) / kSlotBits, kLevels - 1);
}

void TimerQueue::add(Timer& timer, TimePoint when, TimePoint now) {
  if (levels_ == nullptr) levels_ = std::make_unique<Level[]>(kLevels);
  // With nothing in the wheels the present may be moved without emptying slots.
  if (in_wheels() == 0) elapsed_ = std::max(elapsed_, nanoseconds(now) >> kTickBits);
  timer.when_ = nanoseconds(when);
  place(timer);
  ++size_;
}

void TimerQueue::place(Timer& timer) {
  const std::int64_t tick = timer.when_ >> kTickBits;
  if (tick <= elapsed_) return push_near(timer);
  const int level = level_of(tick);
  const auto slot = static_cast<std::size_t>(tick >> (level * kSlotBits)) & (kSlots - 1);
  Level& wheel = levels_[static_cast<std::size_t>(level)];
  Timer*& first = wheel.first[slot];
  if (first == nullptr) {
    first = &timer;
    timer.next_ = &timer;
    timer.link_ = reinterpret_cast<std::uintptr_t>(&timer) | kInWheel;
    wheel.occupied |= std::uint64_t{1} << slot;
    return;
  }
  auto* last = reinterpret_cast<Timer*>(first->link_ & ~kTag);
  last->next_ = &timer;
  timer.next_ = first;
  timer.link_ = reinterpret_cast<std::uintptr_t>(last) | kInWheel;
  first->link_ = reinterpret_cast<std::uintptr_t>(&timer) | kInWheel;
}

bool TimerQueue::remove(Timer& timer) noexcept {
  const std::uintptr_t where = timer.link_ & kTag;
  if (where == 0) return false;
  --size_;
  if (where == kInHeap) {
    remove_near(timer.link_ >> 2U);
    timer.link_ = 0;
    return true;
  }
  if (where == kInRun) {
    run_[timer.link_ >> 2U].timer = nullptr;
    --run_live_;
    timer.link_ = 0;
    skip_removed();
    return true;
  }
  auto* previous = reinterpret_cast<Timer*>(timer.link_ & ~kTag);
  auto* following = static_cast<Timer*>(timer.next_);
  timer.link_ = 0;
  const std::int64_t tick = timer.when_ >> kTickBits;
  const int level = level_of(tick);
  const auto slot = static_cast<std::size_t>(tick >> (level * kSlotBits)) & (kSlots - 1);
  Level& wheel = levels_[static_cast<std::size_t>(level)];
  if (following == &timer) {
    wheel.first[slot] = nullptr;
    wheel.occupied &= ~(std::uint64_t{1} << slot);
    return true;
  }
  previous->next_ = following;
  following->link_ = reinterpret_cast<std::uintptr_t>(previous) | kInWheel;
  if (wheel.first[slot] == &timer) wheel.first[slot] = following;
  return true;
}

std::optional<TimerQueue::Expiry> TimerQueue::next_slot() const noexcept {
  if (in_wheels() == 0) return std::nullopt;
  // The lowest occupied level holds the earliest timers: a higher level begins where the lower one ends.
  for (int level = 0; level < kLevels; ++level) {
    const std::uint64_t occupied = levels_[static_cast<std::size_t>(level)].occupied;
    if (occupied == 0) continue;
    const int shift = level * kSlotBits;
    const auto here = static_cast<unsigned>(static_cast<std::uint64_t>(elapsed_) >> shift) & (kSlots - 1);
    const auto distance = static_cast<std::size_t>(std::countr_zero(std::rotr(occupied, static_cast<int>(here))));
    const std::int64_t begin = ((elapsed_ >> shift) + static_cast<std::int64_t>(distance)) << shift;
    return Expiry{level, (here + distance) & (kSlots - 1), begin};
  }
  return std::nullopt;
}

std::optional<TimePoint> TimerQueue::next() const noexcept {
  std::optional<std::int64_t> when;
  if (run_live_ != 0) when = run_[run_begin_].when;
  if (!near_.empty() && (!when || near_.front().when < *when)) when = near_.front().when;
  if (!when) {
    const auto slot = next_slot();
    if (!slot) return std::nullopt;
    when = slot->tick << kTickBits;
  }
  return TimePoint(Duration(*when));
}

void TimerQueue::append_to_run(Timer& timer) {
  timer.link_ = (run_.size() << 2U) | kInRun;
  run_.push_back({timer.when_, &timer});
  ++run_live_;
}

void TimerQueue::sort_run(std::size_t from) {
  const auto begin = run_.begin() + static_cast<std::ptrdiff_t>(from);
  // Mostly they were added in the order of their deadlines.
  if (std::is_sorted(begin, run_.end(), [](const Sorted& a, const Sorted& b) { return a.when < b.when; })) return;
  std::sort(begin, run_.end(), [](const Sorted& a, const Sorted& b) {
    return a.when != b.when ? a.when < b.when : a.timer->link_ < b.timer->link_;  // as they came, among equals
  });
  for (std::size_t i = from; i < run_.size(); ++i) run_[i].timer->link_ = (i << 2U) | kInRun;
}

// Keeps the first one of the run alive, so that its deadline is the earliest.
void TimerQueue::skip_removed() noexcept {
  if (run_live_ == 0) {
    run_.clear();
    run_begin_ = 0;
    return;
  }
  while (run_[run_begin_].timer == nullptr) ++run_begin_;
}

void TimerQueue::expire(TimePoint now, ReadyQueue& due) {
  const std::int64_t present = nanoseconds(now);
  const std::int64_t tick = present >> kTickBits;
  for (auto slot = next_slot(); slot && slot->tick <= tick; slot = next_slot()) {
    elapsed_ = std::max(elapsed_, slot->tick);
    Level& wheel = levels_[static_cast<std::size_t>(slot->level)];
    Timer* const first = std::exchange(wheel.first[slot->slot], nullptr);
    wheel.occupied &= ~(std::uint64_t{1} << slot->slot);
    const std::size_t sorted = run_.size();
    Timer* timer = first;
    do {
      auto* following = static_cast<Timer*>(timer->next_);
      // All that is in the run already is due before this slot begins.
      if ((timer->when_ >> kTickBits) <= elapsed_) {
        append_to_run(*timer);
      } else {
        place(*timer);
      }
      timer = following;
    } while (timer != first);
    sort_run(sorted);
    take_due(present, due);  // at once, so that the run stays short however late the loop is
  }
  elapsed_ = std::max(elapsed_, tick);
  take_due(present, due);
}

void TimerQueue::take_due(std::int64_t present, ReadyQueue& due) {
  while (run_live_ != 0 || !near_.empty()) {
    // What stands in the heap was added after what stands in the run: it goes second among equals.
    const bool from_run = run_live_ != 0 && (near_.empty() || run_[run_begin_].when <= near_.front().when);
    Timer& timer = from_run ? *run_[run_begin_].timer : *near_.front().timer;
    if (timer.when_ > present) break;
    if (from_run) {
      run_[run_begin_++].timer = nullptr;
      --run_live_;
      skip_removed();
    } else {
      remove_near(0);
    }
    timer.link_ = 0;
    --size_;
    due.push(timer);
  }
}

void TimerQueue::clear(ReadyQueue& all) noexcept {
  const auto give = [&](Timer& timer) {
    remove(timer);
    all.push(timer);
  };
  while (run_live_ != 0) give(*run_[run_begin_].timer);
  while (!near_.empty()) give(*near_.front().timer);
  while (const auto slot = next_slot()) give(*levels_[static_cast<std::size_t>(slot->level)].first[slot->slot]);
}

void TimerQueue::set_near(std::size_t index, const Near& entry) noexcept {
  near_[index] = entry;
  entry.timer->link_ = (index << 2U) | kInHeap;
}

void TimerQueue::push_near(Timer& timer) {
  near_.emplace_back();
  sift_up(near_.size() - 1, Near{timer.when_, order_++, &timer});
}

void TimerQueue::sift_up(std::size_t index, const Near& entry) noexcept {
  while (index != 0) {
    const std::size_t parent = (index - 1) / kArity;
    if (!(entry < near_[parent])) break;
    set_near(index, near_[parent]);
    index = parent;
  }
  set_near(index, entry);
}

void TimerQueue::sift_down(std::size_t index, const Near& entry) noexcept {
  const std::size_t count = near_.size();
  for (;;) {
    const std::size_t begin = kArity * index + 1;
    if (begin >= count) break;
    std::size_t least = begin;
    for (std::size_t child = begin + 1; child < std::min(begin + kArity, count); ++child) {
      if (near_[child] < near_[least]) least = child;
    }
    if (!(near_[least] < entry)) break;
    set_near(index, near_[least]);
    index = least;
  }
  set_near(index, entry);
}

void TimerQueue::remove_near(std::size_t index) noexcept {
  const Near moved = near_.back();
  near_.pop_back();
  if (index == near_.size()) return;
  if (index != 0 && moved < near_[(index - 1) / kArity]) {
    sift_up(index, moved);
  } else {
    sift_down(index, moved);
  }
}

}  // namespace tutti::lowlevel

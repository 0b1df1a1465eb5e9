// SPDX-License-Identifier: MIT
// What the queues keep their items in.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/functional.hpp>
#include <tutti/base/heap.hpp>

namespace tutti::detail {

/// First in, first out: a ring that grows, without an allocation per item.
template <class T>
class Ring {
 public:
  Ring() noexcept = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    while (count_ != 0) drop_front();
    if (slots_ != nullptr) Allocator().deallocate(slots_, capacity_);
  }

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  void push(T&& item) {
    if (count_ == capacity_) [[unlikely]]
      grow();
    std::construct_at(std::addressof(at(count_)), std::move(item));
    ++count_;
  }
  T pop() {
    struct Drop {
      Ring& ring;
      ~Drop() { ring.drop_front(); }
    } const drop{*this};
    return std::move(slots_[first_]);
  }

 private:
  using Allocator = std::allocator<T>;
  static constexpr std::size_t kSmallest = 8;

  void drop_front() noexcept {
    std::destroy_at(slots_ + first_);
    first_ = (first_ + 1) & (capacity_ - 1);
    --count_;
  }
  T& at(std::size_t i) noexcept { return slots_[(first_ + i) & (capacity_ - 1)]; }
  void grow() {
    const std::size_t capacity = capacity_ == 0 ? kSmallest : 2 * capacity_;
    T* const slots = Allocator().allocate(capacity);
    std::size_t moved = 0;
    try {
      for (; moved < count_; ++moved) std::construct_at(slots + moved, std::move(at(moved)));
    } catch (...) {
      std::destroy_n(slots, moved);
      Allocator().deallocate(slots, capacity);
      throw;
    }
    for (std::size_t i = 0; i < count_; ++i) std::destroy_at(std::addressof(at(i)));
    if (slots_ != nullptr) Allocator().deallocate(slots_, capacity_);
    slots_ = slots;
    capacity_ = capacity;
    first_ = 0;
  }

  T* slots_ = nullptr;
  std::size_t capacity_ = 0;  // 0 or a power of two
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

/// Last in, first out.
template <class T>
class Stack {
 public:
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

 private:
  std::vector<T> items_;
};

/// The least one first.
template <class T, class Compare>
class Heap {
 public:
  Heap() = default;
  explicit Heap(Compare compare) : compare_(std::move(compare)) {}
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  void push(T&& item) {
    items_.push_back(std::move(item));
    std::push_heap(items_.begin(), items_.end(), reversed());
  }
  T pop() {
    std::pop_heap(items_.begin(), items_.end(), reversed());
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

 private:
  // The heap of the standard library has the greatest one on top.
  auto reversed() {
    constexpr bool comparable = std::is_same_v<Compare, std::less<T>> ? requires(const T& a, const T& b) {
      a < b;
    } : std::is_invocable_v<Compare&, const T&, const T&>;
    if constexpr (comparable) {
      return [this](const T& a, const T& b) { return compare_(b, a); };
    } else {
      static_assert(comparable, "PriorityQueue: items need a `<`, or the queue a comparison as its second argument");
    }
  }

  std::vector<T> items_;
  [[no_unique_address]] Compare compare_;
};

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// Queue, PriorityQueue, LifoQueue: items from those who make them to those who use them.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <tutti/base/functional.hpp>
#include <tutti/sync/errors.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/sync/queue_storage.hpp>
#include <tutti/sync/waiter.hpp>

namespace tutti {

/// A look at a queue; what `statistics` gives.
struct QueueStatistics {
  std::size_t items = 0;
  std::size_t getters_waiting = 0;
  std::size_t putters_waiting = 0;
  std::size_t unfinished_tasks = 0;  ///< what `join` waits for
};

namespace detail {

class QueueWaiter;

/// What the queues have in common, whatever the items are.
class QueueBase {
 public:
  QueueBase(const QueueBase&) = delete;
  QueueBase& operator=(const QueueBase&) = delete;

  /// The number of items at which `put` waits; 0: there is no bound.
  [[nodiscard]] std::size_t maxsize() const noexcept { return maxsize_; }
  /// Says that the work on an item that was taken out is done. *Errors*: `ValueError` if called more often than items were put in.
  void task_done();
  /// `co_await queue.join()` waits until `task_done` was called for each item that was put in; without an iteration if it was.
  /// *Cancellation*: ends the wait.
  EventWait join() noexcept { return finished_.wait(); }

 protected:
  QueueBase(std::size_t maxsize, const char* type) noexcept : maxsize_(maxsize), type_(type) { finished_.set(); }
  ~QueueBase() = default;

  [[nodiscard]] bool is_shut_down() const noexcept { return shut_down_; }
  void note_put() noexcept {
    ++unfinished_;
    finished_.clear();
    if (!getters_.empty()) wake_next(getters_);
  }
  void note_get() noexcept {
    if (!putters_.empty()) wake_next(putters_);
  }
  /// `dropped` items will not be taken out.
  void shut_down(std::size_t dropped) noexcept;
  [[nodiscard]] std::string describe(std::size_t size) const;
  [[nodiscard]] QueueStatistics look(std::size_t size) const noexcept;

 private:
  friend QueueWaiter;
  void wake_next(WaiterList& list) noexcept;

  std::size_t maxsize_;
  std::size_t unfinished_ = 0;
  bool shut_down_ = false;
  const char* type_;
  LoopBound bound_;
  WaiterList getters_;
  WaiterList putters_;
  WaiterList woken_;  // of both kinds: they left their lists, but have not run yet
  Event finished_;
};

/// A task that waits to get or to put.
class QueueWaiter : public Waiter {
 public:
  // Wakes to find that another task was faster: waits on, at the end of the line, without resuming the task.
  void run() override;

 protected:
  explicit QueueWaiter(QueueBase& queue) noexcept : queue_(&queue) {}
  QueueWaiter(QueueWaiter&&) noexcept = default;
  ~QueueWaiter() = default;

  void wait_to_get(std::coroutine_handle<> handle) { wait_for(queue_->getters_, handle); }
  void wait_to_put(std::coroutine_handle<> handle) { wait_for(queue_->putters_, handle); }
  /// The beginning of `await_resume`.
  void settle() {
    if (has_waited()) [[unlikely]]
      settle_wait();
  }

  QueueBase* queue_;

 private:
  /// Whether there is still nothing to get, or no room to put.
  [[nodiscard]] virtual bool is_blocked() const noexcept = 0;
  void wait_for(WaiterList& list, std::coroutine_handle<> handle);
  void settle_wait();

  WaiterList* list_ = nullptr;
};

template <class Q>
class QueueGetter : public QueueWaiter {
 public:
  explicit QueueGetter(Q& queue) noexcept : QueueWaiter(queue) {}
  [[nodiscard]] bool await_ready() const noexcept { return !is_blocked(); }
  void await_suspend(std::coroutine_handle<> handle) { wait_to_get(handle); }

 protected:
  QueueGetter(QueueGetter&&) noexcept = default;
  ~QueueGetter() = default;
  [[nodiscard]] Q& queue() const noexcept { return static_cast<Q&>(*queue_); }

 private:
  [[nodiscard]] bool is_blocked() const noexcept final { return queue().empty() && !queue().is_shut_down(); }
};

template <class Q>
class [[nodiscard]] QueueGet final : public QueueGetter<Q> {
 public:
  using QueueGetter<Q>::QueueGetter;
  typename Q::value_type await_resume() {
    this->settle();
    return this->queue().get_nowait();
  }
};

template <class Q>
class [[nodiscard]] QueueNext final : public QueueGetter<Q> {
 public:
  using QueueGetter<Q>::QueueGetter;
  std::optional<typename Q::value_type> await_resume() {
    this->settle();
    if (this->queue().empty()) return std::nullopt;
    return this->queue().get_nowait();
  }
};

template <class Q>
class [[nodiscard]] QueuePut final : public QueueWaiter {
 public:
  using Item = typename Q::value_type;
  QueuePut(Q& queue, Item&& item) : QueueWaiter(queue), item_(std::move(item)) {}
  [[nodiscard]] bool await_ready() const noexcept { return !is_blocked(); }
  void await_suspend(std::coroutine_handle<> handle) { wait_to_put(handle); }
  void await_resume() {
    settle();
    queue().put_nowait(std::move(item_));
  }

 private:
  [[nodiscard]] Q& queue() const noexcept { return static_cast<Q&>(*queue_); }
  [[nodiscard]] bool is_blocked() const noexcept override { return queue().full() && !queue().is_shut_down(); }
  Item item_;
};

/// A queue that keeps its items in a `Storage`.
template <class T, class Storage>
class BasicQueue : public QueueBase {
 public:
  using value_type = T;

  [[nodiscard]] std::size_t qsize() const noexcept { return items_.size(); }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  /// Whether there are `maxsize` items; never without a bound.
  [[nodiscard]] bool full() const noexcept { return maxsize() != 0 && items_.size() >= maxsize(); }

  /// `co_await queue.put(item)` puts an item in, and waits while there is no room; without an iteration if there is.
  /// *Errors*: `QueueShutDown`; `RuntimeError` if it must wait and the queue belongs to another loop.
  /// *Cancellation*: the item is not put in, and is gone; the room that it would have taken goes to the next in line.
  QueuePut<BasicQueue> put(T item) { return QueuePut<BasicQueue>(*this, std::move(item)); }
  /// The same if there is room. *Errors*: `QueueFull`, `QueueShutDown`.
  void put_nowait(T item) {
    if (is_shut_down()) [[unlikely]]
      throw QueueShutDown();
    if (full()) [[unlikely]]
      throw QueueFull();
    items_.push(std::move(item));
    note_put();
  }

  /// `co_await queue.get()` takes an item out, and waits while there is none; without an iteration if there is one.
  /// *Errors*: `QueueShutDown` once it is empty; `RuntimeError` if it must wait and the queue belongs to another loop.
  /// *Cancellation*: no item is taken; one that was on its way goes to the next in line.
  QueueGet<BasicQueue> get() noexcept { return QueueGet<BasicQueue>(*this); }
  /// The same if there is an item, even if tasks wait for one. *Errors*: `QueueEmpty`, `QueueShutDown`.
  T get_nowait() {
    if (empty()) [[unlikely]]
      refuse_get();
    T item = items_.pop();
    note_get();
    return item;
  }
  /// As `get`, but nothing once the queue was shut down and is empty:
  /// `while (auto item = co_await queue.next()) …`. *Cancellation*: as of `get`.
  QueueNext<BasicQueue> next() noexcept { return QueueNext<BasicQueue>(*this); }

  /// From now on `put` throws `QueueShutDown`, also in tasks that wait in it, and `get` does once the queue is empty.
  /// `immediate` drops the items that are there, as if they were done.
  void shutdown(bool immediate = false) {
    const std::size_t dropped = immediate ? qsize() : 0;
    if (immediate) {
      while (!empty()) (void)items_.pop();
    }
    shut_down(dropped);
  }

  /// "<Queue maxsize=2 items[1] getters[0] putters[0] tasks=1>", without what is 0.
  [[nodiscard]] std::string to_string() const { return describe(qsize()); }
  [[nodiscard]] QueueStatistics statistics() const noexcept { return look(qsize()); }

 protected:
  template <class... Args>
  BasicQueue(std::size_t maxsize, const char* type, Args&&... args)
      : QueueBase(maxsize, type), items_(std::forward<Args>(args)...) {}
  ~BasicQueue() = default;

 private:
  template <class>
  friend class QueueGetter;
  template <class>
  friend class QueuePut;
  [[noreturn]] void refuse_get() const {
    if (is_shut_down()) throw QueueShutDown();
    throw QueueEmpty();
  }

  Storage items_;
};

}  // namespace detail

/// First in, first out, between tasks. It belongs to the first loop on which a task had to wait for it.
///
/// A bounded one (`maxsize` > 0) holds those back who put, when those who get are slower. Tasks are served in the order in which they
/// came, but a `get_nowait` or `put_nowait`, or a task that comes while one that was woken has not run yet, may be faster.
///
/// *Concurrency*: not for threads. *Lifetime*: tasks that wait when it is destroyed stay pending until they are cancelled.
/// *Source*: asyncio.Queue.
template <class T>
class Queue : public detail::BasicQueue<T, detail::Ring<T>> {
 public:
  /// With room for `maxsize` items; 0: without a bound.
  explicit Queue(std::size_t maxsize = 0) : detail::BasicQueue<T, detail::Ring<T>>(maxsize, "Queue") {}
};

/// A queue that gives the least item first: the one that compares before all others. The order of equal ones is not defined.
/// *Source*: asyncio.PriorityQueue.
template <class T, class Compare = std::less<T>>
class PriorityQueue : public detail::BasicQueue<T, detail::Heap<T, Compare>> {
 public:
  explicit PriorityQueue(std::size_t maxsize = 0, Compare compare = Compare())
      : detail::BasicQueue<T, detail::Heap<T, Compare>>(maxsize, "PriorityQueue", std::move(compare)) {}
};

/// A queue that gives the newest item first. *Source*: asyncio.LifoQueue.
template <class T>
class LifoQueue : public detail::BasicQueue<T, detail::Stack<T>> {
 public:
  /// With room for `maxsize` items; 0: without a bound.
  explicit LifoQueue(std::size_t maxsize = 0) : detail::BasicQueue<T, detail::Stack<T>>(maxsize, "LifoQueue") {}
};

}  // namespace tutti

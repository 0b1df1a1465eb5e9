// SPDX-License-Identifier: MIT
// What stands behind the two kinds of ends of a memory channel, and the tasks that wait at them.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include <tutti/base/frame_pool.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/sync/queue_storage.hpp>
#include <tutti/sync/waiter.hpp>

namespace tutti {

/// A look at a memory channel; what `statistics` gives.
struct ChannelStatistics {
  std::size_t current_buffer_used = 0;
  std::optional<std::size_t> max_buffer_size;  ///< absent: no bound
  std::size_t open_send_channels = 0;
  std::size_t open_receive_channels = 0;
  std::size_t tasks_waiting_send = 0;
  std::size_t tasks_waiting_receive = 0;
};

namespace detail {

class ChannelWaiter;

/// The part of a channel that does not depend on its items. Its ends, and the tasks that wait, hold references.
class ChannelCore : public lowlevel::Shared, public lowlevel::PoolAllocated {
 public:
  /// An end has a number of its own, by which those who wait at it are found; 0 is no end.
  using End = std::uint64_t;

  explicit ChannelCore(std::optional<std::size_t> capacity) noexcept : capacity_(capacity) {}

  End open_sender() noexcept {
    ++senders_;
    return ++last_end_;
  }
  End open_receiver() noexcept {
    ++receivers_;
    return ++last_end_;
  }
  /// Those who wait at it get `ClosedResourceError`; if it was the last one, those who wait to receive get `EndOfChannel`.
  void close_sender(End end) noexcept;
  /// The same; if it was the last one, those who wait to send get `BrokenResourceError`, and what is in the buffer is dropped.
  void close_receiver(End end);
  [[nodiscard]] ChannelStatistics statistics() noexcept;
  /// *Errors*: `EndOfChannel` if all sending ends are closed, else `WouldBlock`.
  [[noreturn]] void throw_nothing_to_receive() const;

 protected:
  ~ChannelCore() override = default;

  /// *Errors*: `ClosedResourceError`, `BrokenResourceError`.
  void check_sender(End end) const;
  /// *Errors*: `ClosedResourceError`.
  static void check_receiver(End end);
  [[nodiscard]] bool has_senders() const noexcept { return senders_ != 0; }
  [[nodiscard]] bool has_receivers() const noexcept { return receivers_ != 0; }
  [[nodiscard]] bool has_room() const noexcept { return !capacity_ || buffered() < *capacity_; }
  [[nodiscard]] bool somebody_receives() const noexcept { return receiving_.first_waiting() != nullptr; }
  [[nodiscard]] bool somebody_sends() const noexcept { return sending_.first_waiting() != nullptr; }
  [[noreturn]] static void throw_no_room();

  friend class ChannelWaiter;
  WaiterList sending_;
  WaiterList receiving_;

 private:
  [[nodiscard]] virtual std::size_t buffered() const noexcept = 0;
  virtual void drop_buffer() = 0;

  std::optional<std::size_t> capacity_;
  std::size_t senders_ = 0;
  std::size_t receivers_ = 0;
  End last_end_ = 0;
  LoopBound bound_;
};

/// A task that waits to send or to receive. Once its item was handed over it succeeds: a cancellation that comes then waits for the
/// task's next await. So no item is lost, and none is sent twice.
class ChannelWaiter : public Waiter {
 public:
  /// The item was handed over: wakes the task.
  void succeed() noexcept { end_with(Outcome::delivered); }

 protected:
  ChannelWaiter(ChannelCore& core, ChannelCore::End end) noexcept : core_(&core), end_(end) {}
  ChannelWaiter(ChannelWaiter&&) noexcept = default;
  ~ChannelWaiter() = default;

  void wait_to_send(std::coroutine_handle<> handle) { wait_in(core_->sending_, core_->bound_, "SendChannel", handle); }
  void wait_to_receive(std::coroutine_handle<> handle) {
    wait_in(core_->receiving_, core_->bound_, "ReceiveChannel", handle);
  }
  /// After a wait: returns if the item was taken. *Errors*: `CancelledError`; an end was closed.
  void settle_send() { (void)settle("send"); }
  /// After a wait: whether there is an item; false at the end of the channel. *Errors*: the same.
  [[nodiscard]] bool settle_receive() { return settle("receive"); }

  Ref<ChannelCore> core_;
  ChannelCore::End end_;

 private:
  friend class ChannelCore;
  enum class Outcome : unsigned char { none, delivered, closed, broken, ended };
  void end_with(Outcome outcome) noexcept {
    outcome_ = outcome;
    unlink();
    wake();
  }
  bool settle(const char* operation);

  Outcome outcome_ = Outcome::none;
};

template <class T>
class ChannelState;

template <class T>
class [[nodiscard]] ChannelSend final : public ChannelWaiter {
 public:
  ChannelSend(ChannelCore& core, ChannelCore::End end, T&& item) : ChannelWaiter(core, end), item_(std::move(item)) {}
  [[nodiscard]] bool await_ready() const noexcept { return !state().must_wait_to_send(end_); }
  void await_suspend(std::coroutine_handle<> handle) { wait_to_send(handle); }
  void await_resume() {
    if (has_waited()) return settle_send();
    state().send_nowait(end_, std::move(item_));
  }
  [[nodiscard]] T& item() noexcept { return item_; }

 private:
  [[nodiscard]] ChannelState<T>& state() const noexcept { return static_cast<ChannelState<T>&>(*core_); }
  T item_;
};

/// A task that waits for an item.
template <class T>
class ChannelReceiver : public ChannelWaiter {
 public:
  ChannelReceiver(ChannelCore& core, ChannelCore::End end) noexcept : ChannelWaiter(core, end) {}
  [[nodiscard]] bool await_ready() const noexcept { return !state().must_wait_to_receive(end_); }
  void await_suspend(std::coroutine_handle<> handle) { wait_to_receive(handle); }
  void deliver(T&& item) {
    item_.emplace(std::move(item));
    succeed();
  }

 protected:
  ChannelReceiver(ChannelReceiver&&) noexcept(std::is_nothrow_move_constructible_v<T>) = default;
  ~ChannelReceiver() = default;
  [[nodiscard]] ChannelState<T>& state() const noexcept { return static_cast<ChannelState<T>&>(*core_); }
  std::optional<T> item_;
};

template <class T>
class [[nodiscard]] ChannelReceive final : public ChannelReceiver<T> {
 public:
  using ChannelReceiver<T>::ChannelReceiver;
  T await_resume() {
    if (!this->has_waited()) return this->state().receive_nowait(this->end_);
    if (!this->settle_receive()) this->state().throw_nothing_to_receive();
    return *std::move(this->item_);
  }
};

template <class T>
class [[nodiscard]] ChannelNext final : public ChannelReceiver<T> {
 public:
  using ChannelReceiver<T>::ChannelReceiver;
  std::optional<T> await_resume() {
    if (!this->has_waited()) return this->state().next_nowait(this->end_);
    if (!this->settle_receive()) return std::nullopt;
    return std::move(this->item_);
  }
};

template <class T>
class ChannelState final : public ChannelCore {
 public:
  using ChannelCore::ChannelCore;

  [[nodiscard]] bool must_wait_to_send(End end) const noexcept {
    return end != 0 && has_receivers() && !has_room() && !somebody_receives();
  }
  void send_nowait(End end, T&& item) {
    check_sender(end);
    if (Waiter* receiver = receiving_.first_waiting()) {
      static_cast<ChannelReceiver<T>&>(*receiver).deliver(std::move(item));
    } else if (has_room()) {
      items_.push(std::move(item));
    } else {
      throw_no_room();
    }
  }

  [[nodiscard]] bool must_wait_to_receive(End end) const noexcept {
    return end != 0 && items_.empty() && !somebody_sends() && has_senders();
  }
  T receive_nowait(End end) {
    if (auto item = next_nowait(end)) return *std::move(item);
    throw_nothing_to_receive();
  }
  /// The next item; nothing if there is none now.
  std::optional<T> next_nowait(End end) {
    check_receiver(end);
    std::optional<T> item;
    if (!items_.empty()) item.emplace(items_.pop());
    if (Waiter* waiter = sending_.first_waiting()) {
      // Whoever waits the longest has the item that comes after those in the buffer.
      auto& sender = static_cast<ChannelSend<T>&>(*waiter);
      if (item) {
        items_.push(std::move(sender.item()));
      } else {
        item.emplace(std::move(sender.item()));
      }
      sender.succeed();
    }
    return item;
  }

 private:
  [[nodiscard]] std::size_t buffered() const noexcept override { return items_.size(); }
  void drop_buffer() override {
    while (!items_.empty()) (void)items_.pop();
  }
  Ring<T> items_;
};

}  // namespace detail
}  // namespace tutti

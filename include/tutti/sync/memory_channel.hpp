// SPDX-License-Identifier: MIT
// Memory channels: items from those who send to those who receive, with ends that are closed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tutti/sync/channel_state.hpp>
#include <tutti/sync/errors.hpp>

namespace tutti {

namespace detail {

/// One end of a channel, which is moved and closed; `Side` says how it is named, opened and closed.
template <class T, class Side>
class ChannelEnd {
 public:
  using value_type = T;

  ChannelEnd(ChannelEnd&& other) noexcept : state_(std::move(other.state_)), end_(std::exchange(other.end_, 0)) {}
  ChannelEnd& operator=(ChannelEnd&& other) noexcept {
    if (this != &other) {
      close();
      state_ = std::move(other.state_);
      end_ = std::exchange(other.end_, 0);
    }
    return *this;
  }

  /// No more items through this end. Idempotent. When all sending ends are closed, those who receive get what is in the buffer and then the
  /// end. When all receiving ends are, those who send get `BrokenResourceError`, and what is in the buffer is dropped.
  void close() noexcept {
    if (end_ != 0) Side::close(*state_, std::exchange(end_, 0));
  }
  [[nodiscard]] bool is_closed() const noexcept { return end_ == 0; }
  /// *Errors*: `ClosedResourceError` after it was moved from.
  [[nodiscard]] ChannelStatistics statistics() const { return state().statistics(); }

 protected:
  explicit ChannelEnd(Ref<ChannelState<T>> state) noexcept : state_(std::move(state)), end_(Side::open(*state_)) {}
  ~ChannelEnd() { close(); }

  /// Of an end that is open. *Errors*: `ClosedResourceError`.
  [[nodiscard]] const Ref<ChannelState<T>>& channel() const {
    if (end_ == 0) throw ClosedResourceError(std::string(Side::name) + ": this end is closed");
    return state_;
  }
  /// Of an end that may be closed; its calls say so themselves.
  [[nodiscard]] ChannelState<T>& state() const { return state_ ? *state_ : *channel(); }
  [[nodiscard]] ChannelCore::End number() const noexcept { return end_; }

 private:
  Ref<ChannelState<T>> state_;
  ChannelCore::End end_ = 0;
};

struct SendSide {
  static constexpr const char* name = "SendChannel";
  static ChannelCore::End open(ChannelCore& channel) noexcept { return channel.open_sender(); }
  static void close(ChannelCore& channel, ChannelCore::End end) noexcept { channel.close_sender(end); }
};

struct ReceiveSide {
  static constexpr const char* name = "ReceiveChannel";
  static ChannelCore::End open(ChannelCore& channel) noexcept { return channel.open_receiver(); }
  static void close(ChannelCore& channel, ChannelCore::End end) { channel.close_receiver(end); }
};

}  // namespace detail

/// One sending end of a memory channel. Move-only; the destructor closes it.
///
/// *Concurrency*: not for threads; any number of tasks may use one end. *Source*: trio.MemorySendChannel.
template <class T>
class SendChannel : public detail::ChannelEnd<T, detail::SendSide> {
 public:
  /// For `open_memory_channel`.
  explicit SendChannel(detail::Ref<detail::ChannelState<T>> state) noexcept
      : detail::ChannelEnd<T, detail::SendSide>(std::move(state)) {}

  /// `co_await channel.send(item)` hands the item to whoever has waited the longest, or puts it in the buffer; waits while nobody waits and
  /// there is no room. Without an iteration if it need not wait. *Errors*: `ClosedResourceError` if this end is closed, also during the
  /// wait; `BrokenResourceError` if all receiving ends are; `RuntimeError` if it must wait and the channel belongs to another loop.
  /// *Cancellation*: the item was not sent, and is gone. If it was taken already, `send` returns, and the task's next await throws.
  detail::ChannelSend<T> send(T item) { return {this->state(), this->number(), std::move(item)}; }
  /// The same if it need not wait. *Errors*: `WouldBlock`; as `send`.
  void send_nowait(T item) { this->state().send_nowait(this->number(), std::move(item)); }
  /// Another end of the same kind, to be closed by itself. *Errors*: `ClosedResourceError`.
  [[nodiscard]] SendChannel clone() const { return SendChannel(this->channel()); }
};

/// One receiving end. Several ends, or tasks at one end, share the items: each item goes to one of them. Move-only; the destructor closes it.
///
/// *Concurrency*: not for threads; any number of tasks may use one end. *Source*: trio.MemoryReceiveChannel.
template <class T>
class ReceiveChannel : public detail::ChannelEnd<T, detail::ReceiveSide> {
 public:
  /// For `open_memory_channel`.
  explicit ReceiveChannel(detail::Ref<detail::ChannelState<T>> state) noexcept
      : detail::ChannelEnd<T, detail::ReceiveSide>(std::move(state)) {}

  /// `co_await channel.receive()` gives the next item, and waits while there is none; without an iteration if there is one.
  /// *Errors*: `EndOfChannel` once all sending ends are closed and no item is left; `ClosedResourceError` if this end is closed, also
  /// during the wait; `RuntimeError` if it must wait and the channel belongs to another loop.
  /// *Cancellation*: no item is taken. One that was handed over already is given, and the task's next await throws.
  detail::ChannelReceive<T> receive() { return {this->state(), this->number()}; }
  /// The same if there is an item. *Errors*: `WouldBlock`; as `receive`.
  T receive_nowait() { return this->state().receive_nowait(this->number()); }
  /// As `receive`, but nothing at the end: `while (auto item = co_await channel.next()) …`.
  detail::ChannelNext<T> next() { return {this->state(), this->number()}; }
  /// Another end of the same kind, to be closed by itself. *Errors*: `ClosedResourceError`.
  [[nodiscard]] ReceiveChannel clone() const { return ReceiveChannel(this->channel()); }
};

/// The two ends of a new channel: `auto [sender, receiver] = open_memory_channel<Job>(10);`.
template <class T>
struct MemoryChannel {
  SendChannel<T> sender;
  ReceiveChannel<T> receiver;
};

/// A channel whose buffer holds at most `capacity` items (absent: any number). With 0 there is no buffer: `send` waits until somebody takes
/// the item. Items come out in the order in which they were sent. It belongs to the first loop on which a task had to wait for it.
/// *Source*: trio.open_memory_channel.
template <class T>
[[nodiscard]] MemoryChannel<T> open_memory_channel(std::optional<std::size_t> capacity = 0) {
  static_assert(std::is_object_v<T>, "a channel carries values");
  auto state = detail::Ref<detail::ChannelState<T>>::adopt(new detail::ChannelState<T>(capacity));
  return {SendChannel<T>(state), ReceiveChannel<T>(state)};
}

}  // namespace tutti

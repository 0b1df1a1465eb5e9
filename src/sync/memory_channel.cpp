// SPDX-License-Identifier: MIT
#include <tutti/sync/memory_channel.hpp>

namespace tutti::detail {

void ChannelCore::close_sender(End end) noexcept {
  sending_.for_each_waiting([end](Waiter& waiter) {
    auto& sender = static_cast<ChannelWaiter&>(waiter);
    if (sender.end_ == end) sender.end_with(ChannelWaiter::Outcome::closed);
  });
  if (--senders_ != 0) return;
  // They wait, so there is nothing in the buffer.
  receiving_.for_each_waiting(
      [](Waiter& waiter) { static_cast<ChannelWaiter&>(waiter).end_with(ChannelWaiter::Outcome::ended); });
}

void ChannelCore::close_receiver(End end) {
  receiving_.for_each_waiting([end](Waiter& waiter) {
    auto& receiver = static_cast<ChannelWaiter&>(waiter);
    if (receiver.end_ == end) receiver.end_with(ChannelWaiter::Outcome::closed);
  });
  if (--receivers_ != 0) return;
  sending_.for_each_waiting(
      [](Waiter& waiter) { static_cast<ChannelWaiter&>(waiter).end_with(ChannelWaiter::Outcome::broken); });
  const Ref<ChannelCore> self(this);  // an item that is dropped may be the last to hold the channel
  drop_buffer();
}

ChannelStatistics ChannelCore::statistics() noexcept {
  return {buffered(), capacity_, senders_, receivers_, sending_.count_waiting(), receiving_.count_waiting()};
}

namespace {

[[noreturn]] void throw_closed(const char* operation) {
  throw ClosedResourceError(std::string(operation) + ": this end of the channel is closed");
}
[[noreturn]] void throw_broken() { throw BrokenResourceError("send: all receiving ends of the channel are closed"); }

}  // namespace

void ChannelCore::check_sender(End end) const {
  if (end == 0) throw_closed("send");
  if (receivers_ == 0) throw_broken();
}

void ChannelCore::check_receiver(End end) {
  if (end == 0) throw_closed("receive");
}

void ChannelCore::throw_nothing_to_receive() const {
  if (senders_ == 0) throw EndOfChannel("receive: all sending ends of the channel are closed, and no item is left");
  throw WouldBlock("receive_nowait: the channel has no item");
}

void ChannelCore::throw_no_room() { throw WouldBlock("send_nowait: nobody waits for an item, and there is no room"); }

bool ChannelWaiter::settle(const char* operation) {
  if (outcome_ == Outcome::delivered) return true;
  finish();
  if (outcome_ == Outcome::closed) throw_closed(operation);
  if (outcome_ == Outcome::broken) throw_broken();
  return false;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include "executors/worker_link.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/uio.h>

namespace tutti::detail {

void WorkerLink::send(std::string call) {
  const std::uint64_t size = call.size();
  std::memcpy(call_header_.data(), &size, sizeof size);
  call_ = std::move(call);
  sent_ = 0;
  send_more();
}

void WorkerLink::send_more() noexcept {
  while (wants_to_send()) {
    std::array<iovec, 2> parts{};
    const std::size_t of_header = std::min(sent_, kHeader);
    const std::size_t of_call = sent_ - of_header;
    parts[0] = {call_header_.data() + of_header, kHeader - of_header};
    parts[1] = {call_.data() + of_call, call_.size() - of_call};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    sent_ = count < 0 ? kHeader + call_.size() : sent_ + static_cast<std::size_t>(count);
  }
  call_ = std::string();  // a large one is not kept
  sent_ = kHeader;
}

WorkerLink::News WorkerLink::receive_into(char* memory, std::size_t size, std::size_t& count) noexcept {
  for (;;) {
    const ssize_t result = ::recv(socket_.get(), memory, size, 0);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0 && errno == EAGAIN) return News::none;
    if (result <= 0) return News::end;
    count += static_cast<std::size_t>(result);
    return News::reply;
  }
}

WorkerLink::News WorkerLink::receive() {
  while (header_received_ < kHeader) {
    const News news =
        receive_into(reply_header_.data() + header_received_, kHeader - header_received_, header_received_);
    if (news != News::reply) return news;
  }
  std::uint64_t size = 0;
  std::memcpy(&size, reply_header_.data(), sizeof size);
  while (received_ < size) {
    // Grows with what comes, not by what is announced.
    if (received_ == reply_.size()) {
      constexpr std::size_t kFirst = 65536;
      reply_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size, std::max(kFirst, 2 * received_))));
    }
    const News news = receive_into(reply_.data() + received_, reply_.size() - received_, received_);
    if (news != News::reply) return news;
  }
  return News::reply;
}

std::string WorkerLink::take_reply() noexcept {
  header_received_ = 0;
  received_ = 0;
  return std::exchange(reply_, {});
}

}  // namespace tutti::detail

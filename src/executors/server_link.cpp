// SPDX-License-Identifier: MIT
#include "executors/server_link.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <tutti/base/error.hpp>

#include "executors/process_server.hpp"

namespace tutti::detail {
namespace {

std::pair<Fd, Fd> socket_pair(int type) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) throw_os_error(errno, "socketpair of a process pool");
  return {Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

void ServerLink::start() {
  auto [ours, its] = socket_pair(SOCK_SEQPACKET);
  process_ = start_server(its.get());
  socket_ = std::move(ours);
}

Fd ServerLink::spawn(std::uint32_t worker) {
  auto [ours, its] = socket_pair(SOCK_STREAM);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  if (!send({ServerOrder::Kind::spawn, worker, 0}, its.get())) throw_os_error(errno, "order a worker process");
  return std::move(ours);
}

void ServerLink::signal(std::uint32_t worker, int number) noexcept {
  send({ServerOrder::Kind::signal, worker, number}, -1);
}

bool ServerLink::send(const ServerOrder& order, int descriptor) noexcept {
  ServerOrder copy = order;
  iovec part{&copy, sizeof copy};
  alignas(cmsghdr) char extra[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = extra;
    message.msg_controllen = sizeof extra;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  for (;;) {
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

std::optional<ServerNotice> ServerLink::receive(bool& ended) noexcept {
  ServerNotice notice{};
  for (;;) {
    const ssize_t count = ::recv(socket_.get(), &notice, sizeof notice, MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return std::nullopt;
    ended = count != sizeof notice;
    return ended ? std::nullopt : std::optional(notice);
  }
}

void ServerLink::close() noexcept {
  socket_.reset();
  if (process_ < 0) return;
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

}  // namespace tutti::detail

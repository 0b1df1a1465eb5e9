// SPDX-License-Identifier: MIT
#include <tutti/net/sockets.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>

#include "io/address_family.hpp"
#include "socket.hpp"
#include "socket_calls.hpp"

namespace tutti {
namespace {

int native(AddressFamily family) {
  const std::optional<int> number = detail::native_family(family);
  if (!number || *number == AF_UNSPEC) throw ValueError("a socket is of the family ipv4, ipv6 or local");
  return *number;
}

int native(SocketType type) {
  return (type == SocketType::stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
}

/// The error of the last system call; to describe the socket takes others.
[[noreturn]] void fail(const char* operation, int fd) {
  const int error = errno;
  throw_os_error(error, std::string(operation) + " " + detail::describe_socket(fd));
}

}  // namespace

Socket::Socket(AddressFamily family, SocketType type) : descriptor_(::socket(native(family), native(type), 0)) {
  if (!descriptor_) throw_os_error(errno, "socket");
}

Socket::Socket(Fd descriptor) : descriptor_(std::move(descriptor)) {
  (void)get_option(SOL_SOCKET, SO_TYPE);
  const int flags = ::fcntl(fd(), F_GETFL);
  if (flags < 0 || ::fcntl(fd(), F_SETFL, flags | O_NONBLOCK) != 0) fail("fcntl of", fd());
}

std::pair<Socket, Socket> Socket::pair(SocketType type) {
  int ends[2];
  if (::socketpair(AF_UNIX, native(type), 0, ends) != 0) throw_os_error(errno, "socketpair");
  std::pair<Socket, Socket> sockets;
  sockets.first.descriptor_.reset(ends[0]);
  sockets.second.descriptor_.reset(ends[1]);
  return sockets;
}

void Socket::bind(const Address& address) { detail::bind_socket(descriptor_, address, "bind " + address.to_string()); }

void Socket::listen(int backlog) {
  if (::listen(fd(), backlog) != 0) fail("listen", fd());
}

void Socket::shutdown(ShutdownSide side) {
  const int how = side == ShutdownSide::reading ? SHUT_RD : side == ShutdownSide::writing ? SHUT_WR : SHUT_RDWR;
  if (::shutdown(fd(), how) != 0) fail("shut down", fd());
}

void Socket::set_option(int level, int name, int value) const {
  detail::set_option(descriptor_, level, name, value, "setsockopt of " + detail::describe_socket(fd()));
}

int Socket::get_option(int level, int name) const {
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(fd(), level, name, &value, &size) != 0) fail("getsockopt of", fd());
  return value;
}

Address Socket::getsockname() const { return detail::local_address(descriptor_); }

Address Socket::getpeername() const { return detail::peer_address(fd()); }

AddressFamily Socket::family() const { return detail::family_of(get_option(SOL_SOCKET, SO_DOMAIN)); }

SocketType Socket::type() const {
  return get_option(SOL_SOCKET, SO_TYPE) == SOCK_DGRAM ? SocketType::datagram : SocketType::stream;
}

}  // namespace tutti

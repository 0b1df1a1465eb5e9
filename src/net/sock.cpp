// SPDX-License-Identifier: MIT
#include <tutti/net/sock.hpp>

#include <algorithm>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include <tutti/net/resolve.hpp>

#include "socket_calls.hpp"

namespace tutti {
namespace {

using detail::Blocking;
using detail::call_when_ready;
using detail::check_socket;
using detail::describe_socket;

/// An address that a system call fills in.
struct AddressRoom {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* begin() noexcept {
    size = sizeof(storage);
    return reinterpret_cast<sockaddr*>(&storage);
  }
  [[nodiscard]] Address get() const { return Address::from_sockaddr(&storage, size); }
};

// `call(memory)` receives into the loop's memory; gives a copy of what came.
template <class Call>
Coro<std::string> receive(int fd, std::size_t count, Call call, const char* operation) {
  const MutableBytes room = get_running_loop().service<detail::ReceiveBuffer>().memory();
  const MutableBytes memory = room.first(std::min(count, room.size()));
  const std::size_t size = co_await call_when_ready(
      fd, POLLIN, [&] { return call(memory); },
      [fd, operation] { return std::string(operation) + " from " + describe_socket(fd); });
  co_return std::string(memory.data(), size);  // nothing else has run since the call
}

}  // namespace

// ---- receiving ----

Coro<std::string> sock_recv(SocketRef socket, std::size_t count) {
  const int fd = socket.fd();
  check_socket(fd, "sock_recv");
  if (count == 0) co_return std::string();
  co_return co_await receive(
      fd, count, [fd](MutableBytes memory) { return ::recv(fd, memory.data(), memory.size(), MSG_DONTWAIT); },
      "sock_recv");
}

Coro<std::size_t> sock_recv_into(SocketRef socket, MutableBytes memory) {
  const int fd = socket.fd();
  check_socket(fd, "sock_recv_into");
  if (memory.empty()) co_return std::size_t{0};
  co_return co_await call_when_ready(
      fd, POLLIN, [=] { return ::recv(fd, memory.data(), memory.size(), MSG_DONTWAIT); },
      [fd] { return "sock_recv_into from " + describe_socket(fd); });
}

Coro<std::pair<std::string, Address>> sock_recvfrom(SocketRef socket, std::size_t count) {
  const int fd = socket.fd();
  check_socket(fd, "sock_recvfrom");
  AddressRoom peer;
  std::string data = co_await receive(
      fd, count,
      [fd, &peer](MutableBytes memory) {
        sockaddr* const address = peer.begin();
        return ::recvfrom(fd, memory.data(), memory.size(), MSG_DONTWAIT, address, &peer.size);
      },
      "sock_recvfrom");
  co_return std::pair(std::move(data), peer.get());
}

Coro<std::pair<std::size_t, Address>> sock_recvfrom_into(SocketRef socket, MutableBytes memory) {
  const int fd = socket.fd();
  check_socket(fd, "sock_recvfrom_into");
  AddressRoom peer;
  const std::size_t size = co_await call_when_ready(
      fd, POLLIN,
      [fd, memory, &peer] {
        sockaddr* const address = peer.begin();
        return ::recvfrom(fd, memory.data(), memory.size(), MSG_DONTWAIT, address, &peer.size);
      },
      [fd] { return "sock_recvfrom_into from " + describe_socket(fd); });
  co_return std::pair(size, peer.get());
}

// ---- sending ----

Coro<> sock_sendall(SocketRef socket, std::string data) {
  const int fd = socket.fd();
  check_socket(fd, "sock_sendall");
  BytesView rest = data;
  do {
    rest.remove_prefix(co_await call_when_ready(
        fd, POLLOUT, [&] { return ::send(fd, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL); },
        [fd] { return "sock_sendall to " + describe_socket(fd); }));
  } while (!rest.empty());
}

Coro<std::size_t> sock_sendto(SocketRef socket, std::string data, Address address) {
  const int fd = socket.fd();
  check_socket(fd, "sock_sendto");
  co_return co_await call_when_ready(
      fd, POLLOUT,
      [&] {
        return ::sendto(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                        static_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size()));
      },
      [&] { return "sock_sendto " + address.to_string(); });
}

// ---- connections ----

Coro<> sock_connect(SocketRef socket, Address address) {
  const int fd = socket.fd();
  check_socket(fd, "sock_connect", Blocking::refused);
  const std::string context = "connect " + address.to_string();
  if (::connect(fd, static_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size())) == 0) {
    co_return;
  }
  // EALREADY: an earlier call, perhaps one that was cancelled, has begun it.
  if (errno != EINPROGRESS && errno != EINTR && errno != EALREADY) throw_os_error(errno, context);
  co_await detail::wait_ready(fd, POLLOUT);
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) throw_os_error(error, context);
}

Coro<> sock_connect(SocketRef socket, std::string host, std::uint16_t port) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof(family);
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
    throw_os_error(errno, "sock_connect of descriptor " + std::to_string(socket.fd()));
  }
  const AddressFamily wanted = family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
  const std::vector<Address> addresses = co_await getaddrinfo(std::move(host), port, {.family = wanted});
  co_await sock_connect(socket, addresses.front());
}

Coro<std::pair<Socket, Address>> sock_accept(SocketRef socket) {
  const int fd = socket.fd();
  check_socket(fd, "sock_accept", Blocking::refused);
  AddressRoom peer;
  const std::size_t accepted = co_await call_when_ready(
      fd, POLLIN,
      [fd, &peer]() -> ssize_t {
        sockaddr* const address = peer.begin();
        return ::accept4(fd, address, &peer.size, SOCK_CLOEXEC | SOCK_NONBLOCK);
      },
      [fd] { return "sock_accept on " + describe_socket(fd); });
  co_return std::pair(Socket(Fd(static_cast<int>(accepted))), peer.get());
}

// ---- readiness ----

namespace lowlevel {

Coro<> wait_readable(int descriptor) { return detail::wait_ready(descriptor, POLLIN); }
Coro<> wait_writable(int descriptor) { return detail::wait_ready(descriptor, POLLOUT); }

}  // namespace lowlevel
}  // namespace tutti

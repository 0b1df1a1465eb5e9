// SPDX-License-Identifier: MIT
// A file through a socket: sendfile(2), and what is done where that cannot.
#include <cerrno>

#include <sys/socket.h>

#include <tutti/net/sock.hpp>

#include "file_sending.hpp"
#include "socket_calls.hpp"

namespace tutti {

SendfileNotAvailableError::~SendfileNotAvailableError() = default;

namespace {

void check(int socket, const SendfileOptions& options) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    throw_os_error(errno, "sock_sendfile to descriptor " + std::to_string(socket));
  }
  if (type != SOCK_STREAM) throw ValueError("sock_sendfile: only stream sockets are supported");
  detail::check_sendfile_options(options, "sock_sendfile");
}

}  // namespace

Coro<std::size_t> sock_sendfile(SocketRef socket, int file, SendfileOptions options) {
  const int fd = socket.fd();
  detail::check_socket(fd, "sock_sendfile");
  check(fd, options);
  bool available = true;
  std::size_t sent = 0;
  try {
    sent = co_await detail::send_file_natively(fd, file, options, "sock_sendfile to " + detail::describe_socket(fd));
  } catch (const SendfileNotAvailableError&) {
    if (!options.fallback) throw;
    available = false;
  }
  if (!available) {
    sent = co_await detail::send_file_by_copying(
        file, options, [fd](std::string piece) { return sock_sendall(fd, std::move(piece)); });
  }
  co_return sent;
}

}  // namespace tutti

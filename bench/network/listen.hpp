// SPDX-License-Identifier: MIT
// What the hand-written servers share.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace bench {

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

/// On a port, which others may share, or on a path if there is a slash in it.
inline int listen_on(const char* where) {
  const bool is_path = std::strchr(where, '/') != nullptr;
  const int fd = ::socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_un local{.sun_family = AF_UNIX, .sun_path = {}};
  sockaddr_in inet{};
  inet.sin_family = AF_INET;
  inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (is_path) {
    std::strncpy(local.sun_path, where, sizeof local.sun_path - 1);
  } else {
    inet.sin_port = htons(static_cast<std::uint16_t>(std::atoi(where)));
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  const auto* address = is_path ? reinterpret_cast<const sockaddr*>(&local) : reinterpret_cast<const sockaddr*>(&inet);
  if (fd < 0 || ::bind(fd, address, is_path ? sizeof local : sizeof inet) != 0 || ::listen(fd, 4096) != 0)
    fail("listen");
  return fd;
}

/// Calls `serve` on so many threads, this one included.
template <class Serve>
void on_threads(int count, Serve serve) {
  std::vector<std::thread> others;
  for (int i = 1; i < count; ++i) others.emplace_back(serve);
  serve();
  for (std::thread& other : others) other.join();
}

}  // namespace bench

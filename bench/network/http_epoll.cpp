// SPDX-License-Identifier: MIT
// The limit for HTTP: answers on epoll that parse nothing. Each blank line counts as the end of a request, and all answers to what
// one read brought go out in one write. PATH says which answer it is.
//   http_epoll PORT / | /json
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.hpp"

namespace {

constexpr std::string_view kText =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";
constexpr std::string_view kJson =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"message\":\"Hello, World!\"}";
constexpr std::string_view kBlankLine = "\r\n\r\n";

/// How many blank lines end in `bytes`; `seen` says how much of one stood at the end of the last read.
std::size_t count_ends(std::string_view bytes, std::size_t& seen) {
  std::size_t count = 0;
  for (const char byte : bytes) {
    seen = byte == kBlankLine[seen] ? seen + 1 : byte == '\r' ? 1 : 0;
    if (seen != kBlankLine.size()) continue;
    ++count;
    seen = 0;
  }
  return count;
}

void watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) bench::fail("epoll_ctl");
}

/// False once the connection has ended.
bool answer(int fd, std::size_t& seen, std::string_view text) {
  static std::array<char, 65536> buffer;
  static std::string out;
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  out.clear();
  for (std::size_t i = count_ends({buffer.data(), static_cast<std::size_t>(got)}, seen); i != 0; --i) out += text;
  for (std::string_view rest = out; !rest.empty();) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN) return false;
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) bench::fail("usage: http_epoll PORT /|/json");
  const std::string_view text = arguments[2] == std::string_view("/json") ? kJson : kText;
  const int listener = bench::listen_on(arguments[1]);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::vector<std::size_t> seen(65536);  // by descriptor
  std::array<epoll_event, 512> events{};
  for (;;) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != listener) {
        if (!answer(fd, seen[static_cast<std::size_t>(fd)], text)) ::close(fd);
        continue;
      }
      const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) continue;
      const int on = 1;
      ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      seen.at(static_cast<std::size_t>(accepted)) = 0;
      watch(epoll, accepted);
    }
  }
}

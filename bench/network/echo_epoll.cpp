// SPDX-License-Identifier: MIT
// The limit on epoll: an echo server by hand, level-triggered, one read and one write for each message. What cannot be written at
// once is written when there is room.
//   echo_epoll PORT|PATH [LOOPS]
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.hpp"

namespace {

class Server {
 public:
  explicit Server(const char* where) : listener_(bench::listen_on(where)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_) {
          accept();
        } else if ((event.events & EPOLLOUT) != 0) {
          write_rest(event.data.fd);
        } else {
          echo(event.data.fd);
        }
      }
    }
  }

 private:
  void watch(int action, int fd, std::uint32_t events) const {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_, action, fd, &event) != 0) bench::fail("epoll_ctl");
  }

  void accept() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (static_cast<std::size_t>(fd) >= rest_.size()) rest_.resize(static_cast<std::size_t>(fd) + 1);
    rest_[static_cast<std::size_t>(fd)].clear();
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  }

  void echo(int fd) {
    const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) ::close(fd);
      return;
    }
    const ssize_t sent = ::send(fd, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (sent == got) return;
    if (sent < 0 && errno != EAGAIN) {
      ::close(fd);
      return;
    }
    const auto done = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    rest_[static_cast<std::size_t>(fd)].assign(buffer_.data() + done, static_cast<std::size_t>(got) - done);
    watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
  }

  void write_rest(int fd) {
    std::string& rest = rest_[static_cast<std::size_t>(fd)];
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      ::close(fd);
      return;
    }
    if (sent > 0) rest.erase(0, static_cast<std::size_t>(sent));
    if (rest.empty()) watch(EPOLL_CTL_MOD, fd, EPOLLIN);
  }

  int listener_;
  int epoll_;
  std::vector<std::string> rest_;  // by descriptor: what waits to be written
  std::array<char, 65536> buffer_{};
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) bench::fail("usage: echo_epoll PORT|PATH [LOOPS]");
  bench::on_threads(count > 2 ? std::atoi(arguments[2]) : 1, [&] { Server(arguments[1]).run(); });
}

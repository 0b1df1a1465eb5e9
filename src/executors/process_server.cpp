// SPDX-License-Identifier: MIT
#include "executors/process_server.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tutti/base/fd.hpp>

#include "executors/process_entry.hpp"
#include "executors/process_wire.hpp"
#include "executors/process_worker.hpp"

namespace tutti::detail {
namespace {

/// An order, with the descriptor that came with it.
struct Received {
  ServerOrder order{};
  Fd socket;
};

std::optional<Received> receive_order(int control) noexcept {
  Received received;
  iovec part{&received.order, sizeof received.order};
  alignas(cmsghdr) char extra[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = extra;
  message.msg_controllen = sizeof extra;
  ssize_t count = 0;
  do {
    count = ::recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count != sizeof received.order) return std::nullopt;
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    received.socket.reset(number);
  }
  return received;
}

/// It has one thread and no locks, and never waits for its pool to read; it ends when its pool does, in whatever way.
class Server {
 public:
  explicit Server(int control) noexcept : control_(control) {
    ::sigemptyset(&children_);
    ::sigaddset(&children_, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children_, nullptr);
    ended_.reset(::signalfd(-1, &children_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  [[noreturn]] void run() {
    for (;;) {
      const int events = untold_.empty() ? POLLIN : POLLIN | POLLOUT;
      pollfd entries[] = {{control_, static_cast<short>(events), 0}, {ended_.get(), POLLIN, 0}};
      if (::poll(entries, 2, -1) < 0) {
        if (errno == EINTR) continue;
        leave();
      }
      if (entries[1].revents != 0) reap();
      if ((entries[0].revents & ~POLLOUT) != 0) obey();
      tell_more();
    }
  }

 private:
  struct Child {
    std::uint32_t worker;
    pid_t process;
  };

  void obey() {
    std::optional<Received> received = receive_order(control_);
    if (!received) leave();
    if (received->order.kind == ServerOrder::Kind::spawn) {
      spawn(received->order.worker, std::move(received->socket));
    } else {
      signal(received->order);
    }
  }

  void spawn(std::uint32_t worker, Fd socket) {
    const pid_t self = ::getpid();
    const pid_t process = ::fork();
    if (process == 0) become_worker(self, socket.release());
    if (process < 0) return tell({ServerNotice::Kind::failed, worker, errno});
    children_now_.push_back({worker, process});
    tell({ServerNotice::Kind::started, worker, process});
  }

  [[noreturn]] void become_worker(pid_t server, int socket) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != server) ::_exit(0);  // it had ended before that
    ::prctl(PR_SET_NAME, "tutti-worker");
    ::close(control_);
    ended_.reset();
    ::sigprocmask(SIG_UNBLOCK, &children_, nullptr);
    run_worker(socket);
  }

  // Only a child that was not reaped yet: its number may be somebody else's after that.
  void signal(const ServerOrder& order) const {
    for (const Child& child : children_now_) {
      if (child.worker == order.worker) ::kill(child.process, order.value);
    }
  }

  void reap() {
    signalfd_siginfo info{};
    while (::read(ended_.get(), &info, sizeof info) > 0) {
    }
    int status = 0;
    for (pid_t process = 0; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto child = std::find_if(children_now_.begin(), children_now_.end(),
                                      [process](const Child& each) { return each.process == process; });
      if (child == children_now_.end()) continue;
      const std::uint32_t worker = child->worker;
      children_now_.erase(child);
      tell({ServerNotice::Kind::exited, worker, status});
    }
  }

  void tell(const ServerNotice& notice) { untold_.push_back(notice); }

  void tell_more() {
    std::size_t told = 0;
    for (; told < untold_.size(); ++told) {
      ssize_t count = 0;
      do {
        count = ::send(control_, &untold_[told], sizeof(ServerNotice), MSG_NOSIGNAL | MSG_DONTWAIT);
      } while (count < 0 && errno == EINTR);
      if (count >= 0) continue;
      if (errno == EAGAIN) break;
      leave();
    }
    untold_.erase(untold_.begin(), untold_.begin() + static_cast<std::ptrdiff_t>(told));
  }

  [[noreturn]] void leave() const {
    for (const Child& child : children_now_) ::kill(child.process, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
    }
    ::_exit(0);
  }

  int control_;
  sigset_t children_{};
  Fd ended_;
  std::vector<Child> children_now_;
  std::vector<ServerNotice> untold_;  // what the socket has no room for yet
};

}  // namespace

void run_server() {
  ::prctl(PR_SET_NAME, "tutti-pool");
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, nullptr);  // Ctrl-C is for the program to act on
  std::fflush(nullptr);                   // or each worker would print again what the initialisation has
  Server(kServerSocket).run();
}

}  // namespace tutti::detail

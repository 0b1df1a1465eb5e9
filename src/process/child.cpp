// SPDX-License-Identifier: MIT
#include "child.hpp"

#include <cerrno>
#include <csignal>
#include <utility>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>

namespace tutti::detail {
namespace {

// How long a loop that closes waits for a process that it has killed: one that does not end hangs in the kernel.
constexpr int kKillMilliseconds = 5000;

constexpr int kUnknownReturncode = 255;

// The system calls themselves: the header of glibc 2.36 declares its functions for C only.
int open_pidfd(int pid) noexcept { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
int send_signal_to(const Fd& pidfd, int signum) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd.get(), signum, nullptr, 0));
}

/// Kills and reaps a new process, unless somebody takes charge of it.
class NewProcess {
 public:
  explicit NewProcess(int pid) noexcept : pid_(pid) {}
  NewProcess(const NewProcess&) = delete;
  NewProcess& operator=(const NewProcess&) = delete;
  ~NewProcess() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  void is_in_charge() noexcept { pid_ = -1; }

 private:
  int pid_;
};

}  // namespace

Ref<Child> Child::adopt(EventLoop& loop, int pid, std::string name) {
  NewProcess process(pid);
  Fd pidfd(open_pidfd(pid));
  // ESRCH: it has ended, and whoever ignores SIGCHLD has it reaped by the kernel.
  if (!pidfd && errno != ESRCH) throw_os_error(errno, "pidfd_open of " + name);
  const bool gone = !pidfd;
  auto child = Ref<Child>::adopt(new Child(loop, pid, std::move(pidfd), std::move(name)));
  if (gone) {
    child->ended_unseen();
  } else {
    child->watch();
  }
  process.is_in_charge();
  return child;
}

Child::Child(EventLoop& loop, int pid, Fd pidfd, std::string name)
    : LoopMember(loop), loop_(&loop), pid_(pid), pidfd_(std::move(pidfd)), name_(std::move(name)) {
  loop.claim_descriptor(pidfd_.get());
  ++loop.external_work;
}

Child::~Child() {
  if (pidfd_) ended(kUnknownReturncode);
}

void Child::watch() {
  prepare_poll(pidfd_.get(), POLLIN);
  loop_->submit(*this);
  under_way_ = true;
  retain();  // the operation's, until it is done or dropped
}

void Child::run() {
  const auto self = Ref<Child>::adopt(this);
  under_way_ = false;
  if (!reap()) watch();
}

void Child::drop() noexcept {
  const auto self = Ref<Child>::adopt(this);
  under_way_ = false;
  release_pidfd();
}

/// Whether it has ended.
bool Child::reap() noexcept {
  siginfo_t info{};
  int failed = -1;
  do {
    failed = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG);
  } while (failed != 0 && errno == EINTR);
  if (failed != 0) {
    ended_unseen();
    return true;
  }
  if (info.si_pid == 0) return false;
  ended(info.si_code == CLD_EXITED ? info.si_status : -info.si_status);
  return true;
}

void Child::ended_unseen() noexcept {
  log(LogLevel::warning, "process",
      "the exit status of " + name_ + " (pid " + std::to_string(pid_) +
          ") was read by somebody else: its returncode is reported as 255");
  ended(kUnknownReturncode);
}

void Child::ended(int returncode) noexcept {
  returncode_ = returncode;
  --loop_->external_work;
  release_pidfd();
  leave_loop();
  for (const Future<>& waiter : waiters_) {
    if (!waiter.done()) waiter.set_result();
  }
  waiters_.clear();
}

void Child::release_pidfd() noexcept {
  if (!pidfd_ || under_way_) return;
  loop_->release_descriptor(pidfd_.get());
  pidfd_.reset();
}

void Child::loop_closes() noexcept {
  waiters_.clear();
  kill();
  pollfd entry{pidfd_.get(), POLLIN, 0};
  while (::poll(&entry, 1, kKillMilliseconds) < 0 && errno == EINTR) {
  }
  if (reap()) return;
  log(LogLevel::warning, "process", name_ + " (pid " + std::to_string(pid_) + ") was killed and does not end");
}

void Child::kill() const noexcept {
  if (!returncode_) send_signal_to(pidfd_, SIGKILL);
}

void Child::send_signal(int signum) const {
  const auto context = [&] {
    return "send signal " + std::to_string(signum) + " to " + name_ + " (pid " + std::to_string(pid_) + ")";
  };
  if (returncode_) throw_os_error(ESRCH, context());
  // ESRCH: it has ended, and its loop does not know yet.
  if (send_signal_to(pidfd_, signum) != 0 && errno != ESRCH) throw_os_error(errno, context());
}

Coro<int> Child::wait(Ref<Child> child) {
  if (!child->returncode_) {
    const Future<> waiter(*child->loop_);
    child->waiters_.push_back(waiter);
    struct Leave {
      Child& from;
      const Future<>& own;
      ~Leave() { std::erase(from.waiters_, own); }
    } const leave{*child, waiter};
    co_await waiter;
  }
  co_return *child->returncode_;
}

Future<> Child::end() {
  const Future<> ended(*loop_);
  if (returncode_) {
    ended.set_result();
  } else {
    waiters_.push_back(ended);
  }
  return ended;
}

}  // namespace tutti::detail

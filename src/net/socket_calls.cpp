// SPDX-License-Identifier: MIT
#include "socket_calls.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "socket.hpp"

namespace tutti::detail {
namespace {

Address address_by(int (*call)(int, sockaddr*, socklen_t*), int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (call(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return Address::from_sockaddr(&address, size);
}

/// Keeps this thread's SIGPIPE from being delivered: unlike send(2), sendfile(2) has no flag for that.
class WithoutSigpipe {
 public:
  WithoutSigpipe() noexcept {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    if (was_pending_) return;
    const int saved = errno;
    const timespec at_once{};
    while (::sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

}  // namespace

void check_socket(int descriptor, const char* operation, Blocking blocking) {
  const EventLoop& loop = get_running_loop();
  if (loop.is_claimed(descriptor)) {
    throw RuntimeError(std::string(operation) + ": descriptor " + std::to_string(descriptor) +
                       " is used by a transport");
  }
  if (blocking == Blocking::refused_in_debug_mode && !loop.get_debug()) return;
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0) throw_os_error(errno, std::string(operation) + " of descriptor " + std::to_string(descriptor));
  if ((flags & O_NONBLOCK) == 0) throw ValueError(std::string(operation) + ": the socket must be non-blocking");
}

Coro<> wait_ready(int descriptor, short events) {
  struct Forget {  // it may be closed after this
    EventLoop& loop;
    int fd;
    ~Forget() { loop.backend().forget(fd); }
  } const forget{get_running_loop(), descriptor};
  OperationAwaiter operation;
  operation.prepare_poll(descriptor, static_cast<std::uint32_t>(events));
  const int result = co_await operation;
  if (result < 0) throw_os_error(-result, "wait for descriptor " + std::to_string(descriptor));
}

Address peer_address(int descriptor) { return address_by(&::getpeername, descriptor); }

std::string describe_socket(int descriptor) {
  Address address = peer_address(descriptor);
  if (address == Address()) address = address_by(&::getsockname, descriptor);
  return address == Address() ? "descriptor " + std::to_string(descriptor) : address.to_string();
}

void connect_datagrams(int descriptor, const Address& address) {
  const auto* const name = static_cast<const sockaddr*>(address.data());
  if (::connect(descriptor, name, static_cast<socklen_t>(address.size())) != 0) {
    throw_os_error(errno, "connect " + address.to_string());
  }
}

ssize_t send_file_now(int socket, int file, off_t& offset, std::size_t count) noexcept {
  const WithoutSigpipe scope;
  return ::sendfile(socket, file, &offset, count);
}

}  // namespace tutti::detail

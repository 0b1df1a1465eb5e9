// SPDX-License-Identifier: MIT
#include "syscalls.hpp"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tutti::detail {

namespace {

// -1 and errno become one negative number; a call that a signal interrupted is made again.
template <class Call>
int result_of(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0) return static_cast<int>(result);
    if (errno != EINTR) return -errno;
  }
}

// The kernel moves at most this many bytes in one call (MAX_RW_COUNT), so a count always fits an int.
std::size_t bounded(std::size_t length) noexcept { return length < 0x7ffff000 ? length : 0x7ffff000; }

int poll_now(int fd, short events) noexcept {
  pollfd entry{fd, events, 0};
  const int count = result_of([&] { return ::poll(&entry, 1, 0); });
  return count <= 0 ? count : entry.revents;
}

// 0, or a negative errno.
int never_block(Operation& operation) noexcept {
  const int flags = ::fcntl(operation.fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) != 0) return 0;
  struct stat status{};
  if (::fstat(operation.fd, &status) != 0) return -errno;
  if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
    return ::fcntl(operation.fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) operation.backend.state |= ask_before_call;
  return 0;
}

// connect(2) goes on by itself; an interrupted one too, and calling it again would give EALREADY.
std::optional<int> begin_connect(const Operation& operation) noexcept {
  const auto* address = static_cast<const sockaddr*>(operation.buffer);
  if (::connect(operation.fd, address, static_cast<socklen_t>(operation.length)) == 0) return 0;
  if (errno == EINPROGRESS || errno == EINTR) return std::nullopt;
  return -errno;
}

// SO_ERROR is 0 for a socket that still tries, so it says something only once the socket is writable.
int finish_connect(int fd) noexcept {
  const int events = poll_now(fd, POLLOUT);
  if (events < 0) return events;
  if (events == 0) return -EAGAIN;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? -errno : -error;
}

int poll_result(const Operation& operation) noexcept {
  const int events = poll_now(operation.fd, awaited_events(operation));
  if (events == 0) return -EAGAIN;
  return events > 0 && (events & POLLNVAL) != 0 ? -EBADF : events;
}

int call_for_file(const Operation& operation) noexcept {
  const int fd = operation.fd;
  const char* const path = static_cast<const char*>(operation.buffer);
  const auto flags = static_cast<int>(operation.flags);
  const auto mode = static_cast<mode_t>(operation.length);
  switch (operation.opcode) {
    case Opcode::openat: return result_of([&] { return ::openat(fd, path, flags, mode); });
    case Opcode::close: return ::close(fd) == 0 ? 0 : -errno;  // also after EINTR it is closed: close(2)
    case Opcode::fsync: return result_of([&] { return flags != 0 ? ::fdatasync(fd) : ::fsync(fd); });
    case Opcode::statx:
      return result_of([&] { return ::statx(fd, path, flags, mode, static_cast<struct statx*>(operation.second)); });
    case Opcode::mkdirat: return result_of([&] { return ::mkdirat(fd, path, mode); });
    case Opcode::unlinkat: return result_of([&] { return ::unlinkat(fd, path, flags); });
    case Opcode::renameat:
      return result_of([&] { return ::renameat(fd, path, fd, static_cast<const char*>(operation.second)); });
    default: return -EINVAL;
  }
}

}  // namespace

int call(const Operation& operation) noexcept {
  const int fd = operation.fd;
  void* const buffer = operation.buffer;
  const std::size_t length = bounded(operation.length);
  const int flags = static_cast<int>(operation.flags) | MSG_DONTWAIT;
  switch (operation.opcode) {
    case Opcode::nop: return 0;
    case Opcode::recv: return result_of([&] { return ::recv(fd, buffer, length, flags); });
    case Opcode::send: return result_of([&] { return ::send(fd, buffer, length, flags | MSG_NOSIGNAL); });
    case Opcode::read:
      if (operation.offset < 0) return result_of([&] { return ::read(fd, buffer, length); });
      return result_of([&] { return ::pread(fd, buffer, length, operation.offset); });
    case Opcode::write:
      if (operation.offset < 0) return result_of([&] { return ::write(fd, buffer, length); });
      return result_of([&] { return ::pwrite(fd, buffer, length, operation.offset); });
    case Opcode::recvmsg: return result_of([&] { return ::recvmsg(fd, static_cast<msghdr*>(buffer), flags); });
    case Opcode::sendmsg:
      return result_of([&] { return ::sendmsg(fd, static_cast<const msghdr*>(buffer), flags | MSG_NOSIGNAL); });
    case Opcode::accept:
      return result_of([&] {
        return ::accept4(fd, static_cast<sockaddr*>(buffer), operation.address_length, SOCK_CLOEXEC | SOCK_NONBLOCK);
      });
    case Opcode::connect: return finish_connect(fd);
    case Opcode::poll: return poll_result(operation);
    default: return call_for_file(operation);
  }
}

std::optional<int> prepare(Operation& operation) noexcept {
  switch (operation.opcode) {
    case Opcode::nop: return 0;
    case Opcode::openat:
    case Opcode::close:
    case Opcode::fsync:
    case Opcode::statx:
    case Opcode::mkdirat:
    case Opcode::unlinkat:
    case Opcode::renameat: return call(operation);
    case Opcode::read:
    case Opcode::write:
      if (operation.offset >= 0) break;
      [[fallthrough]];
    case Opcode::accept:
    case Opcode::connect:
      if (const int error = never_block(operation); error != 0) return error;
      break;
    default: break;
  }
  if (operation.fd < 0) return -EBADF;
  if (operation.opcode == Opcode::connect) return begin_connect(operation);
  return waits_on_eagain(operation) ? std::nullopt : attempt(operation);
}

std::optional<int> attempt(Operation& operation) noexcept {
  if ((operation.backend.state & ask_before_call) != 0) {
    const int events = poll_now(operation.fd, awaited_events(operation));
    if (events < 0) return events;
    if (events == 0) return std::nullopt;
  }
  const int result = call(operation);
  if (result == -EAGAIN && waits_on_eagain(operation)) return std::nullopt;
  return result;
}

short awaited_events(const Operation& operation) noexcept {
  switch (operation.opcode) {
    case Opcode::poll: return static_cast<short>(operation.flags);
    case Opcode::send:
    case Opcode::write:
    case Opcode::sendmsg:
    case Opcode::connect: return POLLOUT;
    default: return POLLIN;
  }
}

bool waits_on_eagain(const Operation& operation) noexcept {
  switch (operation.opcode) {
    case Opcode::recv:
    case Opcode::send:
    case Opcode::recvmsg:
    case Opcode::sendmsg: return (operation.flags & MSG_DONTWAIT) == 0;
    case Opcode::openat: return false;  // somebody has a lease on the file, which cannot be waited for
    default: return true;
  }
}

timespec* to_timespec(std::optional<Duration> timeout, timespec& storage) noexcept {
  if (!timeout) return nullptr;
  const Duration wait = *timeout > Duration::zero() ? *timeout : Duration::zero();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wait);
  storage.tv_sec = static_cast<std::time_t>(seconds.count());
  storage.tv_nsec = static_cast<long>((wait - seconds).count());
  return &storage;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// A socket of one's own: for the `sock_…` functions, and to hand to a transport ready-made.
#pragma once

#include <cstdint>
#include <utility>

#include <tutti/base/fd.hpp>
#include <tutti/io/address.hpp>

namespace tutti {

enum class SocketType : std::uint8_t { stream, datagram };

enum class ShutdownSide : std::uint8_t { reading, writing, both };

/// Owns a socket, which never blocks and does not pass to other programs; empty when it owns none. Only moves. None of
/// its functions waits. *Errors*: `OSError`, with the operation and the address ("bind 127.0.0.1:80: permission denied").
/// *Source*: socket(7); Python's `socket.socket`.
class Socket {
 public:
  Socket() noexcept = default;
  /// A new one. *Errors*: `OSError`; `ValueError` unless `family` is `ipv4`, `ipv6` or `local`.
  explicit Socket(AddressFamily family, SocketType type = SocketType::stream);
  /// Takes over an open one and makes it non-blocking, for whoever shares it. *Errors*: `OSError` if it is no socket.
  explicit Socket(Fd descriptor);
  /// Two Unix sockets that are connected with each other. *Source*: socketpair(2).
  [[nodiscard]] static std::pair<Socket, Socket> pair(SocketType type = SocketType::stream);

  void bind(const Address& address);
  void listen(int backlog = 100);
  void shutdown(ShutdownSide side);
  /// `level` and `name` as in setsockopt(2): SOL_SOCKET and SO_RCVBUF, …
  void set_option(int level, int name, int value) const;
  [[nodiscard]] int get_option(int level, int name) const;

  /// What it is bound to; empty if to nothing.
  [[nodiscard]] Address getsockname() const;
  /// Whom it is connected with; empty if with nobody, or with an unnamed Unix socket.
  [[nodiscard]] Address getpeername() const;
  [[nodiscard]] AddressFamily family() const;
  [[nodiscard]] SocketType type() const;

  [[nodiscard]] int fd() const noexcept { return descriptor_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
  /// Gives the descriptor away.
  [[nodiscard]] Fd release() noexcept { return std::move(descriptor_); }
  /// No coroutine may wait for it any more.
  void close() noexcept { descriptor_.reset(); }

 private:
  Fd descriptor_;
};

/// A socket that is only named, not owned: a descriptor, or whatever owns one. It must stay open as long as it is used.
class SocketRef {
 public:
  SocketRef(int descriptor) noexcept  // NOLINT(google-explicit-constructor): each of them names a socket
      : descriptor_(descriptor) {}
  SocketRef(const Fd& descriptor) noexcept  // NOLINT(google-explicit-constructor)
      : descriptor_(descriptor.get()) {}
  SocketRef(const Socket& socket) noexcept  // NOLINT(google-explicit-constructor)
      : descriptor_(socket.fd()) {}

  [[nodiscard]] int fd() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
// System calls on sockets, as awaitables: asyncio's `loop.sock_…` functions.
//
// Each of them tries the call at once and waits only if it has to: for the socket to become ready, and then calls again.
// Nothing is taken from a socket, and nothing given to it, while it waits. So a cancellation loses no byte, no datagram
// and no connection, and the memory of `…_into` is the caller's again as soon as the call has returned or thrown.
// A call that never has to wait lets no other task run.
//
// *Errors* of each: `OSError` ("sock_recv from 127.0.0.1:80: connection reset by peer"); `RuntimeError` if a transport has
// the socket; `ValueError` if the socket is blocking (connect and accept; the others in debug mode). *Concurrency*: several
// coroutines may wait for one socket; each datagram, connection and piece goes to one of them. *Lifetime*: the socket must
// stay open until the call has returned or thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <tutti/base/bytes.hpp>
#include <tutti/base/error.hpp>
#include <tutti/io/address.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

/// At most `count` bytes (and no more than 256 KiB), as soon as there is one; empty at the end of the stream, or
/// for 0. *Source*: recv(2).
[[nodiscard]] Coro<std::string> sock_recv(SocketRef socket, std::size_t count);
/// The same into memory; gives how many bytes it wrote.
[[nodiscard]] Coro<std::size_t> sock_recv_into(SocketRef socket, MutableBytes memory);
/// The next datagram, or its first `count` bytes, and whom it is from. *Source*: recvfrom(2).
[[nodiscard]] Coro<std::pair<std::string, Address>> sock_recvfrom(SocketRef socket, std::size_t count);
/// The same into memory; gives how many bytes it wrote.
[[nodiscard]] Coro<std::pair<std::size_t, Address>> sock_recvfrom_into(SocketRef socket, MutableBytes memory);

/// Sends all of `data`. *Cancellation*: a part of it may have been sent.
[[nodiscard]] Coro<> sock_sendall(SocketRef socket, std::string data);
/// Sends one datagram to `address`; gives how many bytes were sent. *Cancellation*: it was not sent. *Source*: sendto(2).
[[nodiscard]] Coro<std::size_t> sock_sendto(SocketRef socket, std::string data, Address address);

/// Connects. *Cancellation*: the socket goes on trying by itself; another `sock_connect` waits for that.
[[nodiscard]] Coro<> sock_connect(SocketRef socket, Address address);
/// The same with a name, which is looked up for the socket's family. *Errors*: also `AddressLookupError`.
[[nodiscard]] Coro<> sock_connect(SocketRef socket, std::string host, std::uint16_t port);
/// The next connection of a socket that listens, and whom it is with. *Cancellation*: the connection waits for the next
/// call. *Source*: accept4(2).
[[nodiscard]] Coro<std::pair<Socket, Address>> sock_accept(SocketRef socket);

/// This file cannot be sent by sendfile(2), and another way was not wanted.
class SendfileNotAvailableError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
  ~SendfileNotAvailableError() override;
};

struct SendfileOptions {
  std::uint64_t offset = 0;               ///< where in the file to begin
  std::optional<std::size_t> count = {};  ///< bytes; absent: up to the end of the file
  bool fallback = true;                   ///< where sendfile(2) cannot, reads (in a thread) and sends
};

/// Sends the open file `file` through a stream socket; gives how many bytes that were, fewer than `count` if the file
/// ends. The file's own position is then behind what was sent. *Errors*: `SendfileNotAvailableError` without `fallback`;
/// `ValueError` for another kind of socket or a count of 0. *Cancellation*: a part of it may have been sent; the file's
/// position tells how much. *Source*: sendfile(2).
[[nodiscard]] Coro<std::size_t> sock_sendfile(SocketRef socket, int file, SendfileOptions options = {});

namespace lowlevel {

/// Waits until `descriptor` (a socket, a pipe, a terminal, …) can be read without waiting, or has an error or a hang-up.
/// Takes nothing from it. *Errors*: `OSError`. *Cancellation*: ends the waiting only.
[[nodiscard]] Coro<> wait_readable(int descriptor);
/// The same for writing.
[[nodiscard]] Coro<> wait_writable(int descriptor);

}  // namespace lowlevel
}  // namespace tutti

// SPDX-License-Identifier: MIT
// Datagrams by UDP and by Unix sockets: one call sends one, one call receives one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <tutti/base/ref.hpp>
#include <tutti/io/address.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

namespace detail {
class DatagramState;
}

/// A datagram that came.
struct Datagram {
  std::string data;
  Address address = {};    ///< whom it is from; empty for a Unix socket without a name
  bool truncated = false;  ///< it was longer than `max_size`, and the rest of it is lost
};

struct DatagramOptions {
  AddressFamily family = AddressFamily::unspecified;  ///< `ipv4` or `ipv6` only; unspecified: whatever the host has
  std::optional<Address> local_address = {};          ///< what a socket that connects is bound to before
  bool reuse_address = false;                         ///< SO_REUSEADDR: several may receive what is sent to a group
  bool reuse_port = false;       ///< SO_REUSEPORT: several sockets share one port and its datagrams
  bool allow_broadcast = false;  ///< SO_BROADCAST
  /// SO_RCVBUF: how many bytes the kernel keeps until they are received, its own book-keeping included; absent: as the
  /// system is set up. What comes when that is full is dropped by the kernel, without a word.
  std::optional<std::size_t> receive_buffer = {};
  std::size_t max_size = std::size_t{64} * 1024;  ///< of a datagram, in bytes; at most 256 KiB
};

/// Sends and receives datagrams. Nothing is read ahead: the kernel's buffer is the queue, bounded by
/// `DatagramOptions::receive_buffer`, and when it is full the **newest** datagrams are dropped.
///
/// Moves only; leaving it closes it. *Concurrency*: on the loop's thread; any number of coroutines may send and receive,
/// and each datagram goes to one of those who receive. *Lifetime*: a call under way may outlive it, and then ends as if
/// it had been closed. *Source*: udp(7), unix(7).
class DatagramSocket {
 public:
  /// Takes over a datagram socket of one's own. *Errors*: `ValueError` if it is of another type; `RuntimeError` if no
  /// loop runs.
  explicit DatagramSocket(Socket socket, const DatagramOptions& options = {});
  DatagramSocket(DatagramSocket&& other) noexcept;
  DatagramSocket& operator=(DatagramSocket&& other) noexcept;
  ~DatagramSocket();

  /// The next datagram, perhaps an empty one. *Errors*: `ConnectionRefusedError` on a connected socket, once, if a
  /// datagram that was sent before reached nobody; `ConnectionAbortedError` if the socket is closed, before or meanwhile.
  /// *Cancellation*: no datagram is lost, the next call finds it.
  [[nodiscard]] Coro<Datagram> receive();
  /// The same, but nothing once the socket is closed: `while (auto datagram = co_await socket.next())`.
  [[nodiscard]] Coro<std::optional<Datagram>> next();

  /// Sends one datagram to the peer of a connected socket; waits only while the kernel's buffer is full. *Errors*:
  /// `OSError` ("send to 127.0.0.1:9: message too long"); `ConnectionRefusedError` if an earlier one reached nobody: this
  /// one was not sent then; `ConnectionAbortedError` if the socket is closed. *Cancellation*: it was not sent.
  [[nodiscard]] Coro<> send(std::string data);
  /// The same to `address`. To a Unix socket whose queue is full it tries again each millisecond, since the kernel tells
  /// nobody when there is room.
  [[nodiscard]] Coro<> send_to(std::string data, Address address);

  /// Receives what is sent to the multicast group `group` (its port does not matter) through the interface with this
  /// index (if_nametoindex(3); 0: the system chooses). *Errors*: `OSError`.
  void join_group(const Address& group, unsigned interface_index = 0);
  void leave_group(const Address& group, unsigned interface_index = 0);
  /// Through which interface what is sent to a group leaves, how many routers it may pass (1 if this is not called),
  /// and whether this machine gets it too (yes, if this is not called). *Errors*: `OSError`.
  void set_multicast_interface(unsigned interface_index);
  void set_multicast_hops(int hops);
  void set_multicast_loop(bool on);

  /// Ends what is under way. Idempotent. The port is free when the last one that waited has noticed.
  void close() noexcept;
  [[nodiscard]] bool is_closed() const noexcept;

  /// What it is bound to and whom it is connected with; empty if to nothing.
  [[nodiscard]] Address sockname() const;
  [[nodiscard]] Address peername() const;
  /// The port it is bound to; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const { return sockname().port(); }
  /// The descriptor; -1 once it is closed. It stays the socket's.
  [[nodiscard]] int fd() const noexcept;

 private:
  detail::Ref<detail::DatagramState> state_;
};

/// A UDP socket on `host` (empty: all IPv4 addresses of this machine; "::": those of IPv6 too) and `port` (0: a free one).
/// *Errors*: `AddressLookupError`; `OSError` ("bind 127.0.0.1:53: permission denied"). *Cancellation*: only the look-up of a host's name
/// waits, and no socket is open then.
[[nodiscard]] Coro<DatagramSocket> bind_udp(std::string host, std::uint16_t port, DatagramOptions options = {});
/// A UDP socket that sends to `host` and `port` and receives from there only. Nobody needs to listen there yet. *Errors*,
/// *Cancellation*: as above.
[[nodiscard]] Coro<DatagramSocket> connect_udp(std::string host, std::uint16_t port, DatagramOptions options = {});

/// A Unix datagram socket at `path`; "\0name" is in the abstract namespace. A socket that was left there is replaced; the
/// file is removed when this one closes, if it is still its own. *Errors*: `OSError`; `ValueError` for a path that is too
/// long. *Cancellation*: only before it begins, since it never waits.
[[nodiscard]] Coro<DatagramSocket> bind_unix_datagram(std::string path, DatagramOptions options = {});
/// One that sends to the socket at `path`. It needs a `local_address` to be answered. *Errors*: `FileNotFoundError`,
/// `ConnectionRefusedError`, … *Cancellation*: as above.
[[nodiscard]] Coro<DatagramSocket> connect_unix_datagram(std::string path, DatagramOptions options = {});

}  // namespace tutti

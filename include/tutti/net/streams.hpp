// SPDX-License-Identifier: MIT
// Streams over sockets, the client's side: TCP and Unix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

struct ConnectOptions {
  std::size_t limit = std::size_t{64} * 1024;         ///< the reader's: see `StreamReaderOptions`
  AddressFamily family = AddressFamily::unspecified;  ///< `ipv4` or `ipv6` only; unspecified: whatever the host has
  int flags = 0;                                      ///< AI_… of getaddrinfo(3)
  std::optional<Address> local_address = {};          ///< what to bind to before connecting
  /// Begins with the next address after this time, while the one before it still tries: the first connection wins
  /// (happy eyeballs, RFC 8305, which recommends 250 ms). Absent: one after another.
  std::optional<Duration> happy_eyeballs_delay = {};
  /// Takes turns between IPv6 and IPv4, after this many addresses of the first family; 0: the resolver's order. Absent: 1
  /// with a `happy_eyeballs_delay`, else 0.
  std::optional<std::size_t> interleave = {};
  bool all_errors = false;  ///< when no address can be reached: an `ExceptionGroup` of all errors
  SSLOption ssl = {};       ///< `true` or a client's context: TLS, whose handshake is done before the streams are given
  /// Whom the certificate must be for; absent: the host that is connected to. Empty: nobody is asked for, and the
  /// context must not check the host name.
  std::optional<std::string> server_hostname = {};
  Duration ssl_handshake_timeout = std::chrono::seconds(60);
  Duration ssl_shutdown_timeout = std::chrono::seconds(30);
};

/// Connects by TCP. The addresses of `host` are tried one after another, or staggered; TCP_NODELAY is set. *Errors*:
/// `AddressLookupError` if the host does not resolve; else the error of `connect`, with host and port ("connect
/// localhost:81 (127.0.0.1:81): connection refused"): of one type if all addresses failed alike, `OSError` with each
/// reason otherwise. With `ssl` also `SSLCertVerificationError`, `SSLError`, `ConnectionResetError`, and
/// `ConnectionAbortedError` after `ssl_handshake_timeout` ("TLS handshake with localhost (127.0.0.1:81): …");
/// `ValueError` for a server's context. *Cancellation*: closes the half-open socket.
[[nodiscard]] Coro<Streams> open_connection(std::string host, std::uint16_t port, ConnectOptions options = {});

/// Connects to a known address of any family. *Errors* and *Cancellation* as above.
[[nodiscard]] Coro<Streams> open_connection(Address address, ConnectOptions options = {});

/// Connects to the first of several addresses that can be reached. *Errors* also: `ValueError` for none, and for TLS
/// with several and no `server_hostname`. *Cancellation*: as above, of all that are tried.
[[nodiscard]] Coro<Streams> open_connection(std::vector<Address> addresses, ConnectOptions options = {});

/// Takes over a stream socket that is connected already; TLS needs a `server_hostname`. *Errors*: those of TLS;
/// `ValueError` for another kind of socket. *Cancellation*: only the handshake waits; the socket is closed.
[[nodiscard]] Coro<Streams> open_connection(Socket socket, ConnectOptions options = {});

/// Connects to the Unix socket `path`; TLS needs a `server_hostname`. *Errors*: `FileNotFoundError`,
/// `ConnectionRefusedError`, `ValueError` for a path that is too long, … *Cancellation*: closes the half-open socket.
[[nodiscard]] Coro<Streams> open_unix_connection(std::string path, ConnectOptions options = {});

}  // namespace tutti

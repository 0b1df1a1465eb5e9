// SPDX-License-Identifier: MIT
// Streams over sockets, the client's side: TCP and Unix.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

struct ConnectOptions {
  std::size_t limit = std::size_t{64} * 1024;         ///< the reader's: see `StreamReaderOptions`
  AddressFamily family = AddressFamily::unspecified;  ///< `ipv4` or `ipv6` only; unspecified: whatever the host has
  std::optional<Address> local_address = {};          ///< what to bind to before connecting
  SSLOption ssl = {};  ///< `true` or a client's context: TLS, whose handshake is done before the streams are given
  /// Whom the certificate must be for; absent: the host that is connected to. Empty: nobody is asked for, and the
  /// context must not check the host name.
  std::optional<std::string> server_hostname = {};
  Duration ssl_handshake_timeout = std::chrono::seconds(60);
  Duration ssl_shutdown_timeout = std::chrono::seconds(30);
};

/// Connects by TCP. The addresses of `host` are tried one after another; TCP_NODELAY is set. *Errors*:
/// `AddressLookupError` if the host does not resolve; else the error of `connect`, with host and port ("connect
/// localhost:81 (127.0.0.1:81): connection refused"): of one type if all addresses failed alike, `OSError` with each
/// reason otherwise. With `ssl` also `SSLCertVerificationError`, `SSLError`, `ConnectionResetError`, and
/// `ConnectionAbortedError` after `ssl_handshake_timeout` ("TLS handshake with localhost (127.0.0.1:81): …");
/// `ValueError` for a server's context. *Cancellation*: closes the half-open socket.
[[nodiscard]] Coro<Streams> open_connection(std::string host, std::uint16_t port, ConnectOptions options = {});

/// Connects to a known address of any family. *Errors* and *Cancellation* as above.
[[nodiscard]] Coro<Streams> open_connection(Address address, ConnectOptions options = {});

/// Connects to the Unix socket `path`; TLS needs a `server_hostname`. *Errors*: `FileNotFoundError`,
/// `ConnectionRefusedError`, `ValueError` for a path that is too long, …
[[nodiscard]] Coro<Streams> open_unix_connection(std::string path, ConnectOptions options = {});

}  // namespace tutti

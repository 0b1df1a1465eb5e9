// SPDX-License-Identifier: MIT
// Streams over sockets, the server's side: a coroutine for each connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

namespace detail {
class ServerState;
}

struct ServerOptions {
  std::size_t limit = std::size_t{64} * 1024;         ///< the readers': see `StreamReaderOptions`
  AddressFamily family = AddressFamily::unspecified;  ///< `ipv4` or `ipv6` only; unspecified: whatever the host has
  int backlog = 100;                                  ///< connections that may wait to be accepted
  std::optional<std::size_t> max_connections = {};    ///< at a time; who comes then waits to be accepted
  bool reuse_address = true;                          ///< SO_REUSEADDR: a port of a server that has just ended is free
  bool reuse_port = false;                            ///< SO_REUSEPORT: several sockets share one port
  bool keep_alive = false;                            ///< SO_KEEPALIVE: the kernel notices peers that have vanished
  bool cleanup_socket = true;                         ///< the file of a Unix socket goes when the server closes
  bool start_serving = true;                          ///< else `Server::start_serving` or `serve_forever` does
  /// A server's context: TLS. The handler is called after the handshake; one that fails is logged (at `debug`).
  std::optional<SSLContext> ssl = {};
  Duration ssl_handshake_timeout = std::chrono::seconds(60);
  Duration ssl_shutdown_timeout = std::chrono::seconds(30);
};

/// What is called for each connection. It is kept alive as long as the server or one of the coroutines that it made.
using ConnectionHandler = MoveOnlyFunction<Coro<>(StreamReader, StreamWriter)>;

/// Listening sockets and the connections that came through them. Moves only; leaving it closes the listening sockets,
/// while the connections go on. *Concurrency*: on the loop's thread. *Source*: asyncio.Server.
class Server {
 public:
  explicit Server(detail::Ref<detail::ServerState> state) noexcept;
  Server(Server&& other) noexcept;
  Server& operator=(Server&& other) noexcept;
  ~Server();

  /// What it listens on; empty once it is closed.
  [[nodiscard]] std::vector<Address> sockets() const;
  /// The port of the first socket: the one to connect to when it was started on port 0. *Errors*: `RuntimeError` if it
  /// is closed or has none.
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] bool is_serving() const noexcept;

  /// Accepts connections, and lets an iteration pass. Idempotent. *Errors*: `RuntimeError` if it is closed. *Cancellation*: it serves all
  /// the same, unless that came before it has begun.
  [[nodiscard]] Coro<> start_serving();
  /// Serves until it is closed or its task is cancelled, and then closes and waits for the connections; so it always
  /// ends by `CancelledError`. *Errors*: `RuntimeError` if it is closed, or another coroutine is in here. *Cancellation*: as said; a second
  /// one ends the waiting for the connections, which go on.
  [[nodiscard]] Coro<> serve_forever();
  /// Stops listening; connections go on. Idempotent.
  void close();
  /// Waits until it is closed and its connections have ended. *Cancellation*: ends the waiting only.
  [[nodiscard]] Coro<> wait_closed();
  /// `close` of each connection: sends what is buffered first. Those in their handshake are aborted.
  void close_clients();
  /// `abort` of each connection.
  void abort_clients();
  /// How many connections there are.
  [[nodiscard]] std::size_t connections() const noexcept;
  [[nodiscard]] EventLoop& get_loop() const noexcept;

 private:
  detail::Ref<detail::ServerState> state_;
};

/// Listens on `host` (empty: all addresses of this machine) and `port` (0: a free one, the same for all addresses), and
/// calls `handler(reader, writer)` for each connection; the coroutine it gives runs as a task, in a copy of the context
/// that is current now. When that ends, the connection sends what is buffered and closes, unless its writer was moved
/// elsewhere. An exception goes to the loop's exception handler, a cancellation nowhere. When file descriptors run out,
/// it accepts only now and then: one client is turned away, the others wait, and the log says so once a second.
/// *Errors*: `AddressLookupError`; `OSError` ("listen 127.0.0.1:80: permission denied"); `ValueError` for a client's
/// context. *Cancellation*: only the look-up of a host's name waits, and no socket is open then.
[[nodiscard]] Coro<Server> start_server(ConnectionHandler handler, std::string host, std::uint16_t port,
                                        ServerOptions options = {});

/// The same on several hosts, all with the same port. *Errors*: `ValueError` for none.
[[nodiscard]] Coro<Server> start_server(ConnectionHandler handler, std::vector<std::string> hosts, std::uint16_t port,
                                        ServerOptions options = {});

/// The same on the Unix socket `path`. A socket that a server left there is replaced; the file is removed when the
/// server closes, if it is still its own. *Cancellation*: only before it begins, since it never waits.
[[nodiscard]] Coro<Server> start_unix_server(ConnectionHandler handler, std::string path, ServerOptions options = {});

/// The same on a stream socket that is bound already, without waiting. *Errors*: `ValueError` for another kind of socket. *Cancellation*:
/// only before it begins; the socket is closed.
[[nodiscard]] Coro<Server> start_server(ConnectionHandler handler, Socket socket, ServerOptions options = {});

/// The same for a handler that is a plain function.
template <class F>
  requires std::is_void_v<std::invoke_result_t<F&, StreamReader, StreamWriter>>
[[nodiscard]] Coro<Server> start_server(F handler, std::string host, std::uint16_t port, ServerOptions options = {}) {
  return start_server(
      ConnectionHandler([handler = std::move(handler)](StreamReader reader, StreamWriter writer) mutable -> Coro<> {
        handler(std::move(reader), std::move(writer));
        co_return;
      }),
      std::move(host), port, options);
}

}  // namespace tutti

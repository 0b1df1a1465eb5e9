// SPDX-License-Identifier: MIT
// The HTTP server.
//
//   http::Server server;
//   server.get("/hello/{name}", [](http::Request& request) -> Coro<http::Response> {
//     co_return http::Response::text("Hello, " + request.match("name"));
//   });
//   auto address = co_await server.start("127.0.0.1", 8080);
//   co_await server.serve_forever();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/http/message.hpp>
#include <tutti/http/parser.hpp>
#include <tutti/http/router.hpp>
#include <tutti/io/address.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::http {

namespace detail {
class ServerCore;
}

/// One answered request, for a log.
struct AccessLogEntry {
  Address remote;
  std::string method;  ///< empty if the request could not be read
  std::string target;
  Version version = Version::http11;
  int status = 0;
  std::uint64_t body_bytes = 0;  ///< of the response
  Duration took{};               ///< from the request's head to the end of the response
};

struct ServerOptions {
  std::uint64_t client_max_size = std::uint64_t{1024} * 1024;  ///< of a body that is read whole
  ParserLimits limits = {};
  /// From a connection's beginning to its first byte: who says nothing does not hold a place for long. Then it is closed.
  Duration first_byte_timeout = std::chrono::seconds(20);
  Duration head_timeout = std::chrono::seconds(10);  ///< from a request's first byte to its head's end; then 408
  Duration body_timeout = std::chrono::seconds(30);  ///< between two pieces of a body; then 408
  /// Bytes per second that a body must come with: what the handler waits for it may be `body_timeout` and the time that
  /// the bytes so far take at this rate; then 408. Absent: for streams of a client that may be silent now and then.
  std::optional<std::uint64_t> min_body_rate = 240;
  /// While a response waits because the client takes nothing; then the connection is cut off. A byte now and then is as good as
  /// nothing: TCP takes more only when there is room for a good part of its buffer.
  Duration write_timeout = std::chrono::seconds(30);
  Duration keepalive_timeout = std::chrono::seconds(75);  ///< for the next request of a connection
  /// For what the client still sends when the server ends a connection: it is read and dropped, up to 64 MiB, because
  /// closing over unread bytes would reset the connection, and the response might be lost on its way.
  Duration lingering_timeout = std::chrono::seconds(10);
  Duration shutdown_timeout = std::chrono::seconds(60);  ///< for handlers to end, in `close`
  /// At a time, of each `start`. Who comes then waits to be accepted, and the log says so.
  std::optional<std::size_t> max_connections = 10'000;
  bool handler_cancellation = false;  ///< cancel the handler when the client closes the connection
  std::string server_name = "tutti";  ///< the field `Server`; empty: none
  std::function<void(const AccessLogEntry&)> access_log = {};
};

struct ListenOptions {
  int backlog = 1024;
  bool reuse_port = false;  ///< several servers share the port
};

/// An HTTP/1.1 server: routes, and the connections that it serves.
///
/// A handler is a coroutine function with `Request&`. An exception from it is answered by 500, without details, and
/// goes to the loop's exception handler; `HTTPException` is answered as it says. Moves only; leaving it stops
/// listening, closes idle connections, and lets requests under way end; `on_shutdown` does not run. *Concurrency*: on the loop's thread. *Source*:
/// aiohttp.web.
class Server {
 public:
  explicit Server(ServerOptions options = {});
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  /// Adds a route: see `Router`. *Errors*: `ValueError`, as there.
  template <class F>
  void route(std::string_view method, std::string_view pattern, F handler) {
    router().add(method, pattern, std::move(handler));
  }
  /// Also serves HEAD.
  template <class F>
  void get(std::string_view pattern, F handler) {
    route(Method::get, pattern, std::move(handler));
  }
  template <class F>
  void post(std::string_view pattern, F handler) {
    route(Method::post, pattern, std::move(handler));
  }
  template <class F>
  void put(std::string_view pattern, F handler) {
    route(Method::put, pattern, std::move(handler));
  }
  template <class F>
  void patch(std::string_view pattern, F handler) {
    route(Method::patch, pattern, std::move(handler));
  }
  template <class F>
  void delete_(std::string_view pattern, F handler) {
    route(Method::del, pattern, std::move(handler));
  }
  [[nodiscard]] Router& router() noexcept;

  /// Runs before `start` listens; in the order in which they were added.
  void on_startup(MoveOnlyFunction<Coro<>()> hook);
  /// Runs in `close`, when no new connections come and requests may still be under way.
  void on_shutdown(MoveOnlyFunction<Coro<>()> hook);

  /// Listens on `host` (empty: all addresses of this machine) and `port` (0: a free one), and serves from then on;
  /// gives the first address. May be called for several. *Errors*: `RuntimeError` after `close`; `AddressLookupError`;
  /// `OSError`. *Cancellation*: it does not listen. Startup hooks that were cut off, or had not begun, never run: close the server.
  Coro<Address> start(std::string host = "127.0.0.1", std::uint16_t port = 0, ListenOptions options = {});
  /// The same on the Unix socket `path`.
  Coro<Address> start_unix(std::string path, ListenOptions options = {});
  [[nodiscard]] const std::vector<Address>& addresses() const noexcept;
  /// "http://127.0.0.1:8080", of the first address. *Errors*: `RuntimeError` if it has none.
  [[nodiscard]] std::string url() const;

  /// Waits until it is closed. *Errors*: `RuntimeError` if it was not started, or is left without `close`. *Cancellation*: closes it as
  /// `close` does, waits for that, and then throws.
  [[nodiscard]] Coro<> serve_forever();
  /// Stops, step by step: no new connections; idle ones close; `on_shutdown`; handlers have `shutdown_timeout` to end,
  /// are cancelled, have as long again; what is left is cut off. Idempotent. *Cancellation*: cuts everything off, and cancels the handlers;
  /// of a second call, ends the waiting only.
  [[nodiscard]] Coro<> close();

  /// How many connections there are.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  std::shared_ptr<detail::ServerCore> core_;
};

}  // namespace tutti::http

// SPDX-License-Identifier: MIT
#include <tutti/net/server.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/net/resolve.hpp>
#include <tutti/task/scope_node.hpp>
#include <tutti/task/sleep.hpp>

#include "io/stream_state.hpp"
#include "server_state.hpp"
#include "socket.hpp"

namespace tutti {
namespace {

using State = detail::Ref<detail::ServerState>;

Fd bound_socket(const Address& address, const ServerOptions& options) {
  const std::string context = "listen " + address.to_string();
  Fd socket = detail::make_socket(address, context);
  const bool tcp = address.family() != AddressFamily::local;
  if (tcp && options.reuse_address) detail::set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1, context);
  if (tcp && options.reuse_port) detail::set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1, context);
  // So that "all addresses" of IPv4 and of IPv6 can have the same port.
  if (address.family() == AddressFamily::ipv6) detail::set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1, context);
  detail::bind_socket(socket, address, context);
  return socket;
}

/// What a machine without IPv6, or a name with an address of another machine, says.
bool is_not_here(const OSError& error) {
  return error.error_number() == EAFNOSUPPORT || error.error_number() == EADDRNOTAVAIL;
}

/// A socket for each address that there is on this machine. The first free port serves them all.
std::vector<Fd> bind_all(const std::vector<Address>& addresses, const ServerOptions& options) {
  std::vector<Fd> sockets;
  std::exception_ptr missing;
  std::uint16_t port = 0;
  for (Address address : addresses) {
    if (address.port() == 0 && port != 0) address = *Address::parse(address.host(), port);
    try {
      sockets.push_back(bound_socket(address, options));
      if (port == 0) port = detail::local_address(sockets.back()).port();
    } catch (const OSError& error) {
      if (!is_not_here(error)) throw;
      missing = std::current_exception();
    }
  }
  if (sockets.empty() && missing) std::rethrow_exception(missing);
  return sockets;
}

/// Port 0 on several addresses: the port that was free on the first may be taken on the next, and then another is
/// tried.
std::vector<Fd> bind_all_to_one_port(const std::vector<Address>& addresses, std::uint16_t port,
                                     const ServerOptions& options) {
  constexpr int kTries = 16;
  for (int i = 1; port == 0 && addresses.size() > 1 && i < kTries; ++i) {
    try {
      return bind_all(addresses, options);
    } catch (const OSError& error) {
      if (error.error_number() != EADDRINUSE) throw;
    }
  }
  return bind_all(addresses, options);
}

/// `path` is the file of a Unix socket.
Server make_server(State state, std::vector<Fd> sockets, const std::string& path = {}) {
  Server server(state);
  if (state->options().cleanup_socket) state->own(detail::SocketFile(path));
  for (Fd& socket : sockets) state->add(std::move(socket));
  if (state->options().start_serving) state->start();
  return server;
}

/// The server of coroutines that read and write.
class StreamServer final : public detail::ServerState {
 public:
  StreamServer(EventLoop& loop, ConnectionHandler handler, const ServerOptions& options)
      : ServerState(loop, options), handler_(std::move(handler)) {}

  Coro<> serve(detail::Ref<lowlevel::Transport> transport) override {
    auto state = detail::Ref<detail::StreamState>::adopt(new detail::StreamState(transport, options().limit));
    state->leaving_closes = true;
    transport->set_receiver(detail::Ref<lowlevel::Receiver>(state.get()));
    transport->resume_reading();
    return handle(detail::Ref<StreamServer>(this), {StreamReader(state), StreamWriter(state)}, std::move(transport));
  }

 private:
  ~StreamServer() override = default;

  /// The task of one connection. Its end, however it comes, leaves the writer, and that closes the connection.
  static Coro<> handle(detail::Ref<StreamServer> server, Streams streams, detail::Ref<lowlevel::Transport> transport) {
    try {
      co_await server->handler_(std::move(streams.reader), std::move(streams.writer));
    } catch (const BaseException&) {
      throw;  // a cancellation is no error of the handler's
    } catch (...) {
      server->loop().call_exception_handler({"unhandled exception in a connection's handler",
                                             std::current_exception(),
                                             "connection with " + transport->description(),
                                             {}});
    }
  }

  ConnectionHandler handler_;
};

State stream_server(ConnectionHandler handler, const ServerOptions& options) {
  return State::adopt(new StreamServer(get_running_loop(), std::move(handler), options));
}

Coro<> start(State state) {
  state->start();
  co_await sleep(Duration::zero());
}

Coro<> wait_until_closed(State state) {
  if (state->ended()) co_return;
  const Future<> waiter(state->loop());
  state->waiters.push_back(waiter);
  struct Leave {
    State& server;
    const Future<>& own;
    ~Leave() { std::erase(server->waiters, own); }
  } const leave{state, waiter};
  co_await waiter;
}

Coro<> serve_until_cancelled(State state) {
  if (state->closed()) throw RuntimeError("serve_forever: the server is closed");
  if (state->forever) throw RuntimeError("serve_forever: another coroutine awaits it already");
  state->start();
  const Future<> forever(state->loop());
  state->forever = forever;
  struct Leave {
    State& server;
    ~Leave() { server->forever.reset(); }
  } const leave{state};
  std::exception_ptr cancelled;
  try {
    co_await forever;
  } catch (const CancelledError&) {
    cancelled = std::current_exception();
  }
  state->close();
  const detail::ScopeShield shield;
  co_await wait_until_closed(state);
  std::rethrow_exception(cancelled);
}

}  // namespace

Server::Server(State state) noexcept : state_(std::move(state)) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Server::~Server() {
  if (state_) state_->close();
}

std::vector<Address> Server::sockets() const { return state_->addresses(); }
std::uint16_t Server::port() const {
  const std::vector<Address> addresses = state_->addresses();
  if (addresses.empty() || addresses.front().port() == 0) throw RuntimeError("port: the server listens on none");
  return addresses.front().port();
}
bool Server::is_serving() const noexcept { return state_->serving(); }
Coro<> Server::start_serving() { return start(state_); }
Coro<> Server::serve_forever() { return serve_until_cancelled(state_); }
void Server::close() { state_->close(); }
Coro<> Server::wait_closed() { return wait_until_closed(state_); }
void Server::close_clients() { state_->close_clients(false); }
void Server::abort_clients() { state_->close_clients(true); }
std::size_t Server::connections() const noexcept { return state_->connections(); }
EventLoop& Server::get_loop() const noexcept { return state_->loop(); }

namespace detail {

Coro<Server> listen_on(Ref<ServerState> server, std::vector<std::string> hosts, std::uint16_t port) {
  const ServerOptions& options = server->options();
  if (hosts.empty()) throw ValueError("start_server: no host was given");
  std::vector<Address> addresses;
  for (const std::string& host : hosts) {
    for (const Address& address : co_await getaddrinfo(host, port, {.family = options.family, .passive = true})) {
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
    }
  }
  std::vector<Fd> sockets = bind_all_to_one_port(addresses, port, options);
  co_return make_server(std::move(server), std::move(sockets));
}

Server listen_on_path(Ref<ServerState> server, const std::string& path) {
  const Address address = Address::local(path);
  remove_stale_socket(path);
  std::vector<Fd> sockets;
  sockets.push_back(bound_socket(address, server->options()));
  return make_server(std::move(server), std::move(sockets), path);
}

Server listen_on_socket(Ref<ServerState> server, Fd socket) {
  const std::string path = local_address(socket).path();
  std::vector<Fd> sockets;
  sockets.push_back(std::move(socket));
  return make_server(std::move(server), std::move(sockets), path);
}

}  // namespace detail

Coro<Server> start_server(ConnectionHandler handler, std::string host, std::uint16_t port, ServerOptions options) {
  std::vector<std::string> hosts;
  hosts.push_back(std::move(host));
  co_return co_await detail::listen_on(stream_server(std::move(handler), options), std::move(hosts), port);
}

Coro<Server> start_server(ConnectionHandler handler, std::vector<std::string> hosts, std::uint16_t port,
                          ServerOptions options) {
  co_return co_await detail::listen_on(stream_server(std::move(handler), options), std::move(hosts), port);
}

Coro<Server> start_server(ConnectionHandler handler, Socket socket, ServerOptions options) {
  if (socket.type() != SocketType::stream) throw ValueError("start_server: a stream socket is required");
  co_return detail::listen_on_socket(stream_server(std::move(handler), options), socket.release());
}

Coro<Server> start_unix_server(ConnectionHandler handler, std::string path, ServerOptions options) {
  co_return detail::listen_on_path(stream_server(std::move(handler), options), path);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include "server_state.hpp"

#include <algorithm>
#include <exception>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>
#include <tutti/task/task.hpp>

#include "io/tls_transport.hpp"
#include "socket.hpp"

namespace tutti::detail {
namespace {

/// Serves a connection that begins with a handshake.
Coro<> serve_tls(Ref<ServerState> server, Ref<lowlevel::Transport> connection) {
  const ServerOptions& options = server->options();
  Ref<lowlevel::Transport> transport;
  try {
    transport = co_await start_tls(
        connection, *options.ssl,
        {.ssl_handshake_timeout = options.ssl_handshake_timeout, .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
  } catch (const std::exception& error) {
    log(LogLevel::debug, "net", error.what());  // the network is full of such clients
    co_return connection->abort();
  }
  co_await server->serve(std::move(transport));
}

}  // namespace

ServerState::ServerState(EventLoop& loop, const ServerOptions& options)
    : loop_(&loop), options_(options), context_(copy_current_context()) {
  if (options.limit == 0) throw ValueError("start_server: the limit cannot be 0");
  if (options.ssl && options.ssl->protocol() != SSLProtocol::tls_server) {
    throw ValueError("start_server: ssl must be a server's context");
  }
  if (options.max_connections == 0U) throw ValueError("start_server: max_connections cannot be 0");
}

void ServerState::add(Fd socket) {
  listeners_.push_back(Ref<Listener>::adopt(new Listener(*loop_, std::move(socket), Ref<Acceptor>(this))));
  ++listening_;
}

void ServerState::start() {
  if (closed_) throw RuntimeError("start_serving: the server is closed");
  if (serving_) return;
  for (const auto& listener : listeners_) listener->start(options_.backlog);
  serving_ = true;
}

void ServerState::accepted(Fd socket, const Address& peer) {
  disable_nagle(socket, peer);
  if (options_.keep_alive) enable_keep_alive(socket, peer);
  Ref<Connection> connection;
  try {
    connection = Ref<Connection>::adopt(new Connection(*loop_, std::move(socket), peer, Ref<ConnectionOwner>(this)));
    ++connections_;
    Ref<lowlevel::Transport> transport(connection.get());
    TaskOptions options;
    if (context_) options.context = ContextAccess::handle(context_->copy());
    auto task = options_.ssl ? serve_tls(Ref<ServerState>(this), std::move(transport)) : serve(std::move(transport));
    loop_->create_task(std::move(task), std::move(options));
  } catch (const BaseException&) {
    throw;
  } catch (...) {
    if (connection) connection->abort();
    loop_->call_exception_handler(
        {"a connection could not be served", std::current_exception(), "connection with " + peer.to_string(), {}});
  }
}

std::vector<Address> ServerState::addresses() const {
  std::vector<Address> result;
  result.reserve(listeners_.size());
  for (const auto& listener : listeners_) result.push_back(listener->address());
  return result;
}

// ---- the end ----

void ServerState::close() noexcept {
  if (closed_) return;
  const Ref<ServerState> self(this);
  closed_ = true;
  serving_ = false;
  file_.remove();
  for (const auto& listener : std::exchange(listeners_, {})) listener->stop();
  if (forever) forever->cancel();
  check_ended();
}

void ServerState::close_clients(bool at_once) noexcept {
  auto* members = loop_->find_service<LoopList>();
  if (members == nullptr) return;
  members->for_each([&](LoopMember& member) {
    auto* connection = dynamic_cast<Connection*>(&member);
    if (connection == nullptr || connection->owner() != this) return;
    if (at_once) {
      connection->abort();
    } else {
      connection->uppermost().close();
    }
  });
}

void ServerState::connection_ended() noexcept {
  --connections_;
  for (const auto& listener : listeners_) listener->resume();
  check_ended();
}

void ServerState::listener_ended() noexcept {
  --listening_;
  check_ended();
}

void ServerState::check_ended() noexcept {
  if (!ended()) return;
  for (const Future<>& waiter : std::exchange(waiters, {})) {
    if (!waiter.done()) waiter.set_result();
  }
}

}  // namespace tutti::detail

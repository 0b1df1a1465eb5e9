// SPDX-License-Identifier: MIT
#include "server_state.hpp"

#include <algorithm>
#include <exception>

#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>
#include <tutti/task/task.hpp>

#include "io/stream_state.hpp"
#include "io/tls_transport.hpp"
#include "socket.hpp"

namespace tutti::detail {
namespace {

/// The task of one connection. Its end, however it comes, leaves the writer, and that closes the connection.
Coro<> serve(Ref<ServerState> server, Streams streams) {
  const std::string peer = streams.writer.peername().to_string();
  std::exception_ptr error;
  try {
    co_await server->handler()(std::move(streams.reader), std::move(streams.writer));
  } catch (const BaseException&) {
    throw;  // a cancellation is no error of the handler's
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    server->loop().call_exception_handler(
        {"unhandled exception in a connection's handler", error, "connection with " + peer, {}});
  }
}

/// The same for one that begins with a handshake.
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
  co_await serve(server, server->streams_on(std::move(transport)));
}

}  // namespace

ServerState::ServerState(EventLoop& loop, ConnectionHandler handler, const ServerOptions& options)
    : loop_(&loop), handler_(std::move(handler)), options_(options), context_(copy_current_context()) {}

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
    const Ref<ServerState> self(this);
    Ref<lowlevel::Transport> transport(connection.get());
    TaskOptions options;
    if (context_) options.context = ContextAccess::handle(context_->copy());
    auto task = options_.ssl ? serve_tls(self, std::move(transport)) : serve(self, streams_on(std::move(transport)));
    loop_->create_task(std::move(task), std::move(options));
  } catch (const BaseException&) {
    throw;
  } catch (...) {
    if (connection) connection->abort();
    loop_->call_exception_handler(
        {"a connection could not be served", std::current_exception(), "connection with " + peer.to_string(), {}});
  }
}

Streams ServerState::streams_on(Ref<lowlevel::Transport> transport) const {
  auto state = Ref<StreamState>::adopt(new StreamState(transport, options_.limit));
  state->leaving_closes = true;
  transport->set_receiver(Ref<lowlevel::Receiver>(state.get()));
  transport->resume_reading();
  return {StreamReader(state), StreamWriter(state)};
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
  remove_path();
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

void ServerState::own_path(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return;
  path_ = path;
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

void ServerState::remove_path() noexcept {
  struct stat info{};
  if (path_.empty() || ::stat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace tutti::detail

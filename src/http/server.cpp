// SPDX-License-Identifier: MIT
#include <tutti/http/server.hpp>

#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/net/server.hpp>

#include "server_core.hpp"

namespace tutti::http {

Server::Server(ServerOptions options) : core_(std::make_shared<detail::ServerCore>(std::move(options))) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&& other) noexcept {
  std::swap(core_, other.core_);
  return *this;
}
Server::~Server() {
  if (core_) core_->abandon();
}

Router& Server::router() noexcept { return core_->router; }
void Server::on_startup(MoveOnlyFunction<Coro<>()> hook) { core_->startup.push_back(std::move(hook)); }
void Server::on_shutdown(MoveOnlyFunction<Coro<>()> hook) { core_->shutdown.push_back(std::move(hook)); }

namespace {

// Coroutines that share the core, so that they do not depend on the handle staying where it is.

Coro<Address> start_tcp(std::shared_ptr<detail::ServerCore> core, std::string host, std::uint16_t port,
                        ListenOptions options) {
  co_await core->prepare();
  co_return core->add_listener(co_await start_server(core->connection_handler(), std::move(host), port,
                                                     {.backlog = options.backlog,
                                                      .max_connections = core->options.max_connections,
                                                      .reuse_port = options.reuse_port}));
}

Coro<Address> start_local(std::shared_ptr<detail::ServerCore> core, std::string path, ListenOptions options) {
  co_await core->prepare();
  co_return core->add_listener(
      co_await start_unix_server(core->connection_handler(), std::move(path),
                                 {.backlog = options.backlog, .max_connections = core->options.max_connections}));
}

}  // namespace

Coro<Address> Server::start(std::string host, std::uint16_t port, ListenOptions options) {
  return start_tcp(core_, std::move(host), port, options);
}

Coro<Address> Server::start_unix(std::string path, ListenOptions options) {
  return start_local(core_, std::move(path), options);
}

const std::vector<Address>& Server::addresses() const noexcept { return core_->addresses; }

std::string Server::url() const {
  if (core_->addresses.empty()) throw RuntimeError("url: the server was not started");
  return "http://" + core_->addresses.front().to_string();
}

Coro<> Server::serve_forever() { return detail::ServerCore::serve_forever(core_); }
Coro<> Server::close() { return detail::ServerCore::close(core_); }
std::size_t Server::connections() const noexcept { return core_->connections(); }

}  // namespace tutti::http

// SPDX-License-Identifier: MIT
#include "server_core.hpp"

#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/task/scope_node.hpp>
#include <tutti/task/timeout.hpp>

namespace tutti::http::detail {

ServerCore::ServerCore(ServerOptions given) : options(std::move(given)) {
  if (!is_field_value(options.server_name)) {
    throw ValueError("server: the name has a character that is not allowed");
  }
}

// ---- connections ----

/// A connection that is served now.
class ServerCore::Registration {
 public:
  Registration(std::shared_ptr<ServerCore> core, ServerConnection& connection)
      : core_(std::move(core)), connection_(connection) {
    core_->connections_.insert(&connection_);
    core_->empty_.clear();
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() {
    core_->connections_.erase(&connection_);
    if (core_->connections_.empty()) core_->empty_.set();
  }

 private:
  std::shared_ptr<ServerCore> core_;
  ServerConnection& connection_;
};

ConnectionHandler ServerCore::connection_handler() {
  return [weak = weak_from_this()](StreamReader reader, StreamWriter writer) {
    return serve(weak, std::move(reader), std::move(writer));
  };
}

Coro<> ServerCore::serve(std::weak_ptr<ServerCore> weak, StreamReader reader, StreamWriter writer) {
  const std::shared_ptr<ServerCore> core = weak.lock();
  if (!core || core->phase_ != Phase::started) co_return;
  // Shared with a write of another task that is still under way when this one ends.
  const auto connection =
      std::make_shared<ServerConnection>(core, core->options, core->router, std::move(reader), std::move(writer));
  const Registration registration(core, *connection);
  co_await connection->serve();
}

// ---- start ----

Coro<> ServerCore::prepare() {
  if (phase_ == Phase::started) co_return;
  if (phase_ != Phase::created) throw RuntimeError("start: the server is closed");
  phase_ = Phase::started;
  empty_.set();
  for (Hook& hook : startup) co_await hook();
}

Address ServerCore::add_listener(tutti::Server listener) {
  if (phase_ != Phase::started) throw RuntimeError("start: the server was closed meanwhile");
  const std::vector<Address> sockets = listener.sockets();
  addresses.insert(addresses.end(), sockets.begin(), sockets.end());
  listeners_.push_back(std::move(listener));
  return sockets.front();
}

// ---- the end ----

void ServerCore::stop() noexcept {
  if (phase_ == Phase::created) empty_.set();
  if (phase_ != Phase::closed) phase_ = Phase::stopping;
  listeners_.clear();
  for (ServerConnection* connection : connections_) connection->stop();
}

void ServerCore::abandon() noexcept {
  stop();
  if (closing_) return;
  abandoned_ = true;
  closed_.set();
}

Coro<> ServerCore::close(std::shared_ptr<ServerCore> self) {
  if (self->closing_) co_return co_await self->closed_.wait();
  self->closing_ = true;
  struct End {
    ServerCore& core;
    ~End() {
      for (ServerConnection* connection : core.connections_) {
        connection->abort();
        if (!core.handlers_cancelled_) connection->cancel();  // closing was cut short
      }
      core.phase_ = Phase::closed;
      core.closed_.set();
    }
  } const end{*self};
  co_await self->shut_down();
}

Coro<> ServerCore::shut_down() {
  stop();
  if (!abandoned_) co_await run_shutdown_hooks();  // they may use what went with the server
  if (co_await connections_end()) co_return;
  handlers_cancelled_ = true;
  for (ServerConnection* connection : connections_) connection->cancel();
  (void)co_await connections_end();
}

Coro<> ServerCore::run_shutdown_hooks() {
  for (Hook& hook : shutdown) {
    try {
      co_await hook();
    } catch (const std::exception&) {
      get_running_loop().call_exception_handler(
          {"unhandled exception in an on_shutdown hook", std::current_exception(), "http server", {}});
    }
  }
}

/// Waits for the connections to end; false if that takes longer than `shutdown_timeout`.
Coro<bool> ServerCore::connections_end() {
  try {
    co_await timeout(options.shutdown_timeout, [this]() -> Coro<> { co_await empty_.wait(); });
    co_return true;
  } catch (const TimeoutError&) {
    co_return false;
  }
}

Coro<> ServerCore::serve_forever(std::shared_ptr<ServerCore> self) {
  if (self->phase_ == Phase::created) throw RuntimeError("serve_forever: the server was not started");
  std::exception_ptr error;
  try {
    co_await self->closed_.wait();
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) {
    if (self->abandoned_) throw RuntimeError("serve_forever: the server was left without close()");
    co_return;
  }
  const tutti::detail::ScopeShield shield;  // a cancelled scope would cut each wait of the shutdown short
  co_await close(self);
  std::rethrow_exception(std::move(error));
}

}  // namespace tutti::http::detail

// SPDX-License-Identifier: MIT
// What a server and its connections share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <tutti/http/server.hpp>
#include <tutti/net/server.hpp>
#include <tutti/sync/event.hpp>
#include <tutti/task/coro.hpp>

#include "server_connection.hpp"

namespace tutti::http::detail {

class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  using Hook = MoveOnlyFunction<Coro<>()>;

  /// *Errors*: `ValueError` for a name that may not stand in a field.
  explicit ServerCore(ServerOptions given);

  /// Runs `on_startup`, the first time. *Errors*: `RuntimeError` if it is closed; what the hooks throw.
  Coro<> prepare();
  Address add_listener(tutti::Server listener);
  /// What is called for each connection.
  [[nodiscard]] ConnectionHandler connection_handler();

  /// No new connections, no new requests.
  void stop() noexcept;
  /// The same, for good: nobody can close it any more.
  void abandon() noexcept;
  static Coro<> close(std::shared_ptr<ServerCore> self);
  static Coro<> serve_forever(std::shared_ptr<ServerCore> self);
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

  ServerOptions options;
  Router router;
  std::vector<Hook> startup;
  std::vector<Hook> shutdown;
  std::vector<Address> addresses;

 private:
  class Registration;
  enum class Phase { created, started, stopping, closed };

  static Coro<> serve(std::weak_ptr<ServerCore> weak, StreamReader reader, StreamWriter writer);
  Coro<> shut_down();
  Coro<> run_shutdown_hooks();
  Coro<bool> connections_end();

  Phase phase_ = Phase::created;
  bool closing_ = false;
  bool handlers_cancelled_ = false;
  bool abandoned_ = false;
  std::vector<tutti::Server> listeners_;
  std::unordered_set<ServerConnection*> connections_;
  Event empty_;  // no connections
  Event closed_;
};

}  // namespace tutti::http::detail

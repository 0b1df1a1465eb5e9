// SPDX-License-Identifier: MIT
// What stands behind a server: its listeners, its handler, and the count of its connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/net/server.hpp>
#include <tutti/task/future.hpp>

#include "listener.hpp"
#include "socket_file.hpp"

namespace tutti::detail {

class ServerState : public Acceptor {
 public:
  /// *Errors*: `ValueError` for options that make no sense.
  ServerState(EventLoop& loop, const ServerOptions& options);

  void add(Fd socket);
  /// The file of a Unix socket, which goes when the server closes.
  void own(SocketFile file) noexcept { file_ = std::move(file); }
  /// *Errors*: `RuntimeError` if it is closed; `OSError`.
  void start();
  void close() noexcept;
  void close_clients(bool at_once) noexcept;

  void accepted(Fd socket, const Address& peer) override;
  /// What is done with a connection; a task of its own. Its transport is new and paused.
  [[nodiscard]] virtual Coro<> serve(Ref<lowlevel::Transport> transport) = 0;
  [[nodiscard]] const ServerOptions& options() const noexcept { return options_; }
  [[nodiscard]] bool full() const noexcept override {
    return options_.max_connections && connections_ >= *options_.max_connections;
  }
  void connection_ended() noexcept override;
  void listener_ended() noexcept override;

  [[nodiscard]] EventLoop& loop() const noexcept { return *loop_; }
  [[nodiscard]] bool serving() const noexcept { return serving_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] bool ended() const noexcept { return closed_ && listening_ == 0 && connections_ == 0; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  [[nodiscard]] std::vector<Address> addresses() const;

  std::vector<Future<>> waiters;      // of wait_closed
  std::optional<Future<>> forever{};  // of serve_forever

 protected:
  ~ServerState() override = default;

 private:
  void check_ended() noexcept;

  EventLoop* loop_;
  ServerOptions options_;
  Ref<ContextState> context_;  // in which it was made: each connection runs in a copy
  std::vector<Ref<Listener>> listeners_;
  std::size_t listening_ = 0;  // listeners whose descriptor is open
  std::size_t connections_ = 0;
  bool serving_ = false;
  bool closed_ = false;
  SocketFile file_;
};

/// Binds the server's sockets, and starts it unless the options say otherwise. *Errors*: see `start_server`.
[[nodiscard]] Coro<Server> listen_on(Ref<ServerState> server, std::vector<std::string> hosts, std::uint16_t port);
[[nodiscard]] Server listen_on_path(Ref<ServerState> server, const std::string& path);
/// The same on a socket that is bound already.
[[nodiscard]] Server listen_on_socket(Ref<ServerState> server, Fd socket);

}  // namespace tutti::detail

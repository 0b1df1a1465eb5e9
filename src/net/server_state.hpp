// SPDX-License-Identifier: MIT
// What stands behind a server: its listeners, its handler, and the count of its connections.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <tutti/net/server.hpp>
#include <tutti/task/future.hpp>

#include "listener.hpp"

namespace tutti::detail {

class ServerState final : public Acceptor {
 public:
  ServerState(EventLoop& loop, ConnectionHandler handler, const ServerOptions& options);

  void add(Fd socket);
  /// The file of a Unix socket, which goes when the server closes.
  void own_path(const std::string& path);
  /// *Errors*: `RuntimeError` if it is closed; `OSError`.
  void start();
  void close() noexcept;
  void close_clients(bool at_once) noexcept;

  void accepted(Fd socket, const Address& peer) override;
  /// A reader and a writer on a connection's transport.
  [[nodiscard]] Streams streams_on(Ref<lowlevel::Transport> transport) const;
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
  [[nodiscard]] ConnectionHandler& handler() noexcept { return handler_; }

  std::vector<Future<>> waiters;      // of wait_closed
  std::optional<Future<>> forever{};  // of serve_forever

 private:
  ~ServerState() override = default;
  void check_ended() noexcept;
  void remove_path() noexcept;

  EventLoop* loop_;
  ConnectionHandler handler_;
  ServerOptions options_;
  Ref<ContextState> context_;  // in which it was made: each connection runs in a copy
  std::vector<Ref<Listener>> listeners_;
  std::size_t listening_ = 0;  // listeners whose descriptor is open
  std::size_t connections_ = 0;
  bool serving_ = false;
  bool closed_ = false;
  std::string path_;
  unsigned long device_ = 0;
  unsigned long inode_ = 0;
};

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// The pool's end of its server.
#pragma once

#include <cstdint>
#include <optional>

#include <tutti/base/fd.hpp>

#include "executors/process_wire.hpp"

namespace tutti::detail {

class ServerLink {
 public:
  ServerLink() = default;
  ServerLink(const ServerLink&) = delete;
  ServerLink& operator=(const ServerLink&) = delete;
  ~ServerLink() { close(); }

  /// *Errors*: `OSError`.
  void start();
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

  /// Has a worker forked; gives the pool's end of its socket. A notice tells what has become of it. *Errors*: `OSError`.
  [[nodiscard]] Fd spawn(std::uint32_t worker);
  void signal(std::uint32_t worker, int number) noexcept;
  /// A notice that has come; nothing if there is none. `ended` tells whether the server has gone.
  [[nodiscard]] std::optional<ServerNotice> receive(bool& ended) noexcept;
  /// Ends the server, which kills the workers that are left, and waits until all are gone.
  void close() noexcept;

 private:
  bool send(const ServerOrder& order, int descriptor) noexcept;

  Fd socket_;
  int process_ = -1;
};

}  // namespace tutti::detail

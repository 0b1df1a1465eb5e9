// SPDX-License-Identifier: MIT
// What stands behind a datagram socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tutti/io/transport.hpp>
#include <tutti/loop/operation.hpp>
#include <tutti/net/datagram.hpp>

#include "loop/loop_list.hpp"
#include "socket_file.hpp"

namespace tutti::detail {

class DatagramState final : public lowlevel::Shared, public LoopMember {
 public:
  DatagramState(EventLoop& loop, Socket socket, std::size_t max_size, SocketFile file);

  /// Without waiting: a datagram, or nothing if none is there or it is the others' turn.
  [[nodiscard]] std::optional<Datagram> receive_now();
  /// False if it would have to wait. `address` may be null: the peer.
  [[nodiscard]] bool send_now(BytesView data, const Address* address);
  /// Waits for poll(2) to report `events`, or for the end.
  [[nodiscard]] static Coro<> wait(Ref<DatagramState> self, short events);

  void close() noexcept;
  void loop_closes() noexcept override;

  [[nodiscard]] const Socket& socket() const noexcept { return socket_; }
  [[nodiscard]] bool closed() const noexcept { return !socket_; }
  /// *Errors*: `ConnectionAbortedError` if it is closed.
  void check_open(const char* operation) const;
  [[nodiscard]] const Address& peer() const noexcept { return peer_; }
  /// What it is bound to; a socket that was not is, once it has sent.
  [[nodiscard]] Address address() const;

 private:
  ~DatagramState() override;
  [[nodiscard]] bool others_turn() noexcept;
  void let_go() noexcept;

  EventLoop* loop_;
  Socket socket_;
  std::size_t max_size_;
  Address own_;  // as it was at first
  Address peer_;
  SocketFile file_;
  std::vector<lowlevel::Operation*> waiting_;
  std::uint64_t iteration_ = 0;  // of the loop, in which `received_` were received without waiting
  unsigned received_ = 0;
};

}  // namespace tutti::detail

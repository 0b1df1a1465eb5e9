// SPDX-License-Identifier: MIT
// The pool's end of the socket to a worker: one call out, one reply in, never blocking.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <tutti/base/fd.hpp>

namespace tutti::detail {

class WorkerLink {
 public:
  /// `socket` does not block.
  explicit WorkerLink(Fd socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
  /// An idle worker ends when it finds its socket closed.
  void close() noexcept { socket_.reset(); }

  /// Begins to send a call.
  void send(std::string call);
  [[nodiscard]] bool wants_to_send() const noexcept { return is_open() && sent_ < kHeader + call_.size(); }
  /// Sends what the socket takes. A failure shows when the worker's end is read.
  void send_more() noexcept;

  enum class News { none, reply, end };
  /// Takes what has come. *Errors*: `std::bad_alloc`.
  [[nodiscard]] News receive();
  [[nodiscard]] std::string take_reply() noexcept;

 private:
  static constexpr std::size_t kHeader = sizeof(std::uint64_t);
  using Header = std::array<char, kHeader>;
  [[nodiscard]] News receive_into(char* memory, std::size_t size, std::size_t& count) noexcept;

  Fd socket_;
  Header call_header_{};
  std::string call_;
  std::size_t sent_ = kHeader;
  Header reply_header_{};
  std::size_t header_received_ = 0;
  std::string reply_;
  std::size_t received_ = 0;
};

}  // namespace tutti::detail

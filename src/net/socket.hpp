// SPDX-License-Identifier: MIT
// Making sockets, with the errors that say what for.
#pragma once

#include <coroutine>
#include <exception>
#include <string>
#include <string_view>

#include <tutti/base/fd.hpp>
#include <tutti/io/address.hpp>
#include <tutti/loop/operation.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti::detail {

/// An operation in the frame of the task that waits for it. A cancelled one is waited for all the same, since the
/// kernel has its arguments until then.
class OperationAwaiter final : public lowlevel::Operation {
 public:
  OperationAwaiter() = default;
  OperationAwaiter(const OperationAwaiter&) = delete;
  OperationAwaiter& operator=(const OperationAwaiter&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  /// The operation's result.
  int await_resume();

  void run() override { task_->step(); }
  bool cancel(std::string_view message) override;

 private:
  TaskState* task_ = nullptr;
  bool cancelled_ = false;
};

/// Whether it is an address of TCP and UDP.
[[nodiscard]] bool is_internet(const Address& address) noexcept;
/// A stream socket for `address`, which neither blocks nor passes to programs. *Errors*: `OSError` with `context`.
[[nodiscard]] Fd make_socket(const Address& address, const std::string& context);
/// Sets an option of the socket. *Errors*: `OSError` with `context`.
void set_option(const Fd& socket, int level, int option, int value, const std::string& context);
/// Sends small pieces at once (TCP_NODELAY), if it is a TCP socket.
void disable_nagle(const Fd& socket, const Address& address) noexcept;
/// Asks an idle peer now and then whether it is still there (SO_KEEPALIVE), if it is a TCP socket.
void enable_keep_alive(const Fd& socket, const Address& address) noexcept;
/// *Errors*: `OSError` with `context`.
void bind_socket(const Fd& socket, const Address& address, const std::string& context);
/// The address a socket is bound to.
[[nodiscard]] Address local_address(const Fd& socket);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include "socket.hpp"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/loop/event_loop.hpp>

#include "io/address_family.hpp"

namespace tutti::detail {

bool is_internet(const Address& address) noexcept {
  return address.family() == AddressFamily::ipv4 || address.family() == AddressFamily::ipv6;
}

void OperationAwaiter::await_suspend(std::coroutine_handle<> handle) {
  task_ = &awaiting_task();
  task_->loop().submit(*this);
  task_->suspend(handle, this);
}

int OperationAwaiter::await_resume() {
  task_->check_cancelled();
  if (cancelled_) task_->throw_cancelled();
  return result;
}

bool OperationAwaiter::cancel(std::string_view message) {
  if (!Operation::cancel(message)) return false;
  cancelled_ = true;
  task_->note_cancel_message(message);
  return true;
}

Fd make_socket(const Address& address, const std::string& context) {
  const std::optional<int> family = native_family(address.family());
  if (!family || *family == AF_UNSPEC) throw ValueError(context + ": an address to which no stream can be opened");
  Fd socket(::socket(*family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) throw_os_error(errno, context);
  return socket;
}

void set_option(const Fd& socket, int level, int option, int value, const std::string& context) {
  if (::setsockopt(socket.get(), level, option, &value, sizeof(value)) != 0) throw_os_error(errno, context);
}

void disable_nagle(const Fd& socket, const Address& address) noexcept {
  const int on = 1;
  if (is_internet(address)) (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void enable_keep_alive(const Fd& socket, const Address& address) noexcept {
  const int on = 1;
  if (is_internet(address)) (void)::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

void bind_socket(const Fd& socket, const Address& address, const std::string& context) {
  if (::bind(socket.get(), static_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size())) != 0) {
    throw_os_error(errno, context);
  }
}

Address local_address(const Fd& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (!socket || ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return Address::from_sockaddr(&address, size);
}

}  // namespace tutti::detail

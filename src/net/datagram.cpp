// SPDX-License-Identifier: MIT
#include <tutti/net/datagram.hpp>

#include <chrono>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/net/resolve.hpp>
#include <tutti/task/sleep.hpp>

#include "datagram_state.hpp"
#include "socket_calls.hpp"

namespace tutti {
namespace {

using State = detail::Ref<detail::DatagramState>;

Coro<Datagram> receive_one(State state) {
  for (;;) {
    state->check_open("receive");
    if (auto datagram = state->receive_now()) co_return std::move(*datagram);
    co_await detail::DatagramState::wait(state, POLLIN);
  }
}

Coro<std::optional<Datagram>> receive_next(State state) {
  for (;;) {
    if (state->closed()) co_return std::nullopt;
    if (auto datagram = state->receive_now()) co_return datagram;
    co_await detail::DatagramState::wait(state, POLLIN);
  }
}

Coro<> send_to_peer(State state, std::string data) {
  for (;;) {
    state->check_open("send");
    if (state->send_now(data, nullptr)) co_return;
    co_await detail::DatagramState::wait(state, POLLOUT);
  }
}

Coro<> send_to_address(State state, std::string data, Address address) {
  for (;;) {
    state->check_open("send");
    if (state->send_now(data, &address)) co_return;
    if (address.family() == AddressFamily::local) {
      co_await sleep(std::chrono::milliseconds(1));  // the socket is writable: it is the other one that is full
    } else {
      co_await detail::DatagramState::wait(state, POLLOUT);
    }
  }
}

// ---- making one ----

void check(const DatagramOptions& options) {
  if (options.max_size == 0 || options.max_size > detail::ReceiveBuffer::kSize) {
    throw ValueError("a datagram socket's max_size must be from 1 byte to 256 KiB");
  }
}

Socket make_socket(AddressFamily family, const DatagramOptions& options) {
  Socket socket(family, SocketType::datagram);
  if (options.reuse_address) socket.set_option(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) socket.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
  if (options.allow_broadcast) socket.set_option(SOL_SOCKET, SO_BROADCAST, 1);
  if (options.receive_buffer) socket.set_option(SOL_SOCKET, SO_RCVBUF, static_cast<int>(*options.receive_buffer));
  return socket;
}

Socket bound(const Address& address, const DatagramOptions& options) {
  Socket socket = make_socket(address.family(), options);
  if (address.family() == AddressFamily::local) detail::remove_stale_socket(address.path());
  socket.bind(address);
  return socket;
}

Socket connected(const Address& address, const DatagramOptions& options) {
  Socket socket =
      options.local_address ? bound(*options.local_address, options) : make_socket(address.family(), options);
  detail::connect_datagrams(socket.fd(), address);
  return socket;
}

/// The first address with which `make` succeeds. *Errors*: that of the first one.
template <class Make>
Socket first_of(const std::vector<Address>& addresses, Make make) {
  std::exception_ptr first_error;
  for (const Address& address : addresses) {
    try {
      return make(address);
    } catch (const OSError&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  std::rethrow_exception(first_error);
}

}  // namespace

DatagramSocket::DatagramSocket(Socket socket, const DatagramOptions& options) {
  check(options);
  if (socket.type() != SocketType::datagram) throw ValueError("DatagramSocket: a socket of another type");
  const bool has_file = options.local_address && options.local_address->family() == AddressFamily::local;
  state_ = State::adopt(
      new detail::DatagramState(get_running_loop(), std::move(socket), options.max_size,
                                has_file ? detail::SocketFile(options.local_address->path()) : detail::SocketFile()));
}

DatagramSocket::DatagramSocket(DatagramSocket&& other) noexcept = default;
DatagramSocket& DatagramSocket::operator=(DatagramSocket&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
DatagramSocket::~DatagramSocket() {
  if (state_) state_->close();
}

Coro<Datagram> DatagramSocket::receive() { return receive_one(state_); }
Coro<std::optional<Datagram>> DatagramSocket::next() { return receive_next(state_); }
Coro<> DatagramSocket::send(std::string data) { return send_to_peer(state_, std::move(data)); }
Coro<> DatagramSocket::send_to(std::string data, Address address) {
  return send_to_address(state_, std::move(data), address);
}

void DatagramSocket::close() noexcept { state_->close(); }
bool DatagramSocket::is_closed() const noexcept { return state_->closed(); }
Address DatagramSocket::sockname() const { return state_->address(); }
Address DatagramSocket::peername() const { return state_->peer(); }
int DatagramSocket::fd() const noexcept { return state_->socket().fd(); }

// ---- opening ----

Coro<DatagramSocket> bind_udp(std::string host, std::uint16_t port, DatagramOptions options) {
  check(options);
  const auto addresses = co_await getaddrinfo(std::move(host), port, {.family = options.family, .passive = true});
  co_return DatagramSocket(first_of(addresses, [&](const Address& address) { return bound(address, options); }),
                           options);
}

Coro<DatagramSocket> connect_udp(std::string host, std::uint16_t port, DatagramOptions options) {
  check(options);
  const auto addresses = co_await getaddrinfo(std::move(host), port, {.family = options.family});
  co_return DatagramSocket(first_of(addresses, [&](const Address& address) { return connected(address, options); }),
                           options);
}

Coro<DatagramSocket> bind_unix_datagram(std::string path, DatagramOptions options) {
  check(options);
  options.local_address = Address::local(path);
  Socket socket = bound(*options.local_address, options);
  co_return DatagramSocket(std::move(socket), options);
}

Coro<DatagramSocket> connect_unix_datagram(std::string path, DatagramOptions options) {
  check(options);
  Socket socket = connected(Address::local(path), options);
  co_return DatagramSocket(std::move(socket), options);
}

}  // namespace tutti

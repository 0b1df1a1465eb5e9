// SPDX-License-Identifier: MIT
#include <tutti/net/streams.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/net/resolve.hpp>

#include "connect.hpp"
#include "connection.hpp"
#include "io/tls_transport.hpp"
#include "socket.hpp"
#include "socket_calls.hpp"

namespace tutti {
namespace {

using Transport = detail::Ref<lowlevel::Transport>;

struct Attempt {
  Address address;
  int error = 0;
};

/// Connects one socket; gives its error instead of throwing it, since the next address may do better.
Coro<Fd> connect_socket(const Address& address, const ConnectOptions& options, int& error) {
  const std::string context = "connect " + address.to_string();
  Fd socket;
  try {
    socket = detail::make_socket(address, context);
    if (options.local_address) {
      detail::bind_socket(socket, *options.local_address, "bind " + options.local_address->to_string());
    }
  } catch (const OSError& failure) {
    error = failure.error_number();
    co_return Fd();
  }
  EventLoop& loop = get_running_loop();
  struct Forget {  // a socket that failed, before it closes
    EventLoop& owner;
    const Fd& socket;
    ~Forget() {
      if (socket) owner.backend().forget(socket.get());
    }
  } const forget{loop, socket};
  detail::OperationAwaiter operation;
  operation.prepare_connect(socket.get(), address.data(), address.size());
  error = -co_await operation;
  if (error != 0) co_return Fd();
  detail::disable_nagle(socket, address);
  co_return std::move(socket);
}

std::string list(const std::vector<Attempt>& attempts) {
  std::string text;
  for (const Attempt& attempt : attempts) text += (text.empty() ? "" : ", ") + attempt.address.to_string();
  return text;
}

/// "connect localhost:81 (127.0.0.1:81): connection refused"
[[noreturn]] void throw_connect_error(const std::string& name, const std::vector<Attempt>& attempts) {
  const auto alike = [&](const Attempt& attempt) { return attempt.error == attempts.front().error; };
  if (std::all_of(attempts.begin(), attempts.end(), alike)) {
    const std::string tried = list(attempts);
    throw_os_error(attempts.front().error, "connect " + (tried == name ? name : name + " (" + tried + ")"));
  }
  std::string text = "connect " + name + ": ";
  for (const Attempt& attempt : attempts) {
    if (&attempt != &attempts.front()) text += "; ";
    text += OSError(attempt.error, attempt.address.to_string()).what();
  }
  throw OSError(std::error_code(attempts.back().error, std::generic_category()), text);
}

/// Tries one address after another; gives the first connection.
Coro<detail::Ref<detail::Connection>> connect_any(std::vector<Address> addresses, std::string name,
                                                  const ConnectOptions& options) {
  EventLoop& loop = get_running_loop();
  std::vector<Attempt> attempts;
  for (const Address& address : addresses) {
    int error = 0;
    Fd socket = co_await connect_socket(address, options, error);
    if (socket) {
      using detail::Connection;
      co_return detail::Ref<Connection>::adopt(new Connection(loop, std::move(socket), address, nullptr));
    }
    attempts.push_back({address, error});
  }
  throw_connect_error(name, attempts);
}

void check_options(const ConnectOptions& options) {
  if (options.limit == 0) throw ValueError("open_connection: the limit cannot be 0");
  if (options.ssl && (*options.ssl).protocol() != SSLProtocol::tls_client) {
    throw ValueError("open_connection: ssl must be a client's context");
  }
  if (!options.ssl && options.server_hostname) {
    throw ValueError("open_connection: server_hostname is only meaningful with ssl");
  }
}

/// `host` is what the certificate must be for, unless the options say otherwise.
Coro<Transport> secure(Transport transport, std::string host, const ConnectOptions& options) {
  if (!options.ssl) co_return transport;
  co_return co_await detail::start_tls(std::move(transport), *options.ssl,
                                       {.server_hostname = options.server_hostname.value_or(std::move(host)),
                                        .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                        .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
}

Coro<Transport> connect(std::vector<Address> addresses, std::string name, std::string host, ConnectOptions options) {
  const auto connection = co_await connect_any(std::move(addresses), std::move(name), options);
  co_return co_await secure(Transport(connection.get()), std::move(host), options);
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
  const bool bare_ipv6 = host.find(':') != std::string::npos;
  return (bare_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

namespace detail {

Coro<Transport> connect_transport(std::string host, std::uint16_t port, ConnectOptions options) {
  check_options(options);
  std::vector<Address> addresses = co_await getaddrinfo(host, port, {.family = options.family});
  std::string name = host_and_port(host, port);
  co_return co_await connect(std::move(addresses), std::move(name), std::move(host), std::move(options));
}

Coro<Transport> connect_transport(Address address, ConnectOptions options) {
  check_options(options);
  if (options.ssl && !options.server_hostname && address.family() == AddressFamily::local) {
    throw ValueError("open_unix_connection: TLS needs a server_hostname");
  }
  std::vector<Address> addresses{address};
  co_return co_await connect(std::move(addresses), address.to_string(), address.host(), std::move(options));
}

Coro<Transport> connect_transport(Fd socket, ConnectOptions options) {
  check_options(options);
  if (options.ssl && !options.server_hostname) throw ValueError("TLS on a socket needs a server_hostname");
  const Address peer = peer_address(socket.get());
  disable_nagle(socket, peer);
  const auto connection = Ref<Connection>::adopt(new Connection(get_running_loop(), std::move(socket), peer, nullptr));
  co_return co_await secure(Transport(connection.get()), {}, options);
}

}  // namespace detail

Coro<Streams> open_connection(std::string host, std::uint16_t port, ConnectOptions options) {
  const std::size_t limit = options.limit;
  Transport transport = co_await detail::connect_transport(std::move(host), port, std::move(options));
  co_return make_streams(std::move(transport), {.limit = limit});
}

Coro<Streams> open_connection(Address address, ConnectOptions options) {
  const std::size_t limit = options.limit;
  Transport transport = co_await detail::connect_transport(address, std::move(options));
  co_return make_streams(std::move(transport), {.limit = limit});
}

Coro<Streams> open_unix_connection(std::string path, ConnectOptions options) {
  co_return co_await open_connection(Address::local(path), std::move(options));
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/net/streams.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <tutti/base/error.hpp>
#include <tutti/net/resolve.hpp>

#include "connect.hpp"
#include "connect_first.hpp"
#include "connection.hpp"
#include "io/tls_transport.hpp"
#include "socket.hpp"
#include "socket_calls.hpp"

namespace tutti {
namespace {

using Transport = detail::Ref<lowlevel::Transport>;

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
  const auto connection = co_await detail::connect_first(std::move(addresses), std::move(name), options);
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
  if (options.ssl && !options.server_hostname && host.empty()) {
    throw ValueError("open_connection: TLS without a host needs a server_hostname");
  }
  std::vector<Address> addresses = co_await getaddrinfo(host, port, {.family = options.family, .flags = options.flags});
  std::string name = host_and_port(host, port);
  co_return co_await connect(std::move(addresses), std::move(name), std::move(host), std::move(options));
}

Coro<Transport> connect_transport(std::vector<Address> addresses, ConnectOptions options) {
  check_options(options);
  if (addresses.empty()) throw ValueError("open_connection: no address was given");
  std::string host = addresses.front().host();
  if (options.ssl && !options.server_hostname && (addresses.size() != 1 || host.empty())) {
    throw ValueError("open_connection: TLS needs a server_hostname");
  }
  std::string name;
  for (const Address& address : addresses) name += (name.empty() ? "" : ", ") + address.to_string();
  co_return co_await connect(std::move(addresses), std::move(name), std::move(host), std::move(options));
}

Coro<Transport> connect_transport(Address address, ConnectOptions options) {
  return connect_transport(std::vector<Address>{address}, std::move(options));
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

Coro<Streams> open_connection(std::vector<Address> addresses, ConnectOptions options) {
  const std::size_t limit = options.limit;
  Transport transport = co_await detail::connect_transport(std::move(addresses), std::move(options));
  co_return make_streams(std::move(transport), {.limit = limit});
}

Coro<Streams> open_connection(Socket socket, ConnectOptions options) {
  if (socket.type() != SocketType::stream) throw ValueError("open_connection: a stream socket is required");
  const std::size_t limit = options.limit;
  Transport transport = co_await detail::connect_transport(socket.release(), std::move(options));
  co_return make_streams(std::move(transport), {.limit = limit});
}

Coro<Streams> open_unix_connection(std::string path, ConnectOptions options) {
  co_return co_await open_connection(Address::local(path), std::move(options));
}

}  // namespace tutti

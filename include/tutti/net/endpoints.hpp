// SPDX-License-Identifier: MIT
// Connections and servers of protocols: asyncio's `loop.create_connection` and its kin, on the running loop.
//
//   auto [transport, protocol] =
//       co_await tutti::create_connection([] { return std::make_shared<Client>(); }, "example.org", 80);
//
// A factory gives a `std::shared_ptr` (or `unique_ptr`) to a protocol. It is called once the connection is there.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tutti/base/clock.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/base/function.hpp>
#include <tutti/io/address.hpp>
#include <tutti/io/ssl.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/net/transports.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

template <class F>
using ProtocolMadeBy = typename std::remove_cvref_t<std::invoke_result_t<std::decay_t<F>&>>::element_type;
template <class F>
concept ProtocolFactory = std::derived_from<ProtocolMadeBy<F>, BaseProtocol>;
template <class F>
concept DatagramProtocolFactory = std::derived_from<ProtocolMadeBy<F>, DatagramProtocol>;

/// A transport and its protocol, whose `connection_made` was called.
template <class P>
struct Connected {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<P> protocol;
};
template <class P>
struct DatagramEndpoint {
  std::shared_ptr<DatagramTransport> transport;
  std::shared_ptr<P> protocol;
};

struct AcceptOptions {
  std::optional<SSLContext> ssl = {};  ///< a server's context: TLS, whose handshake is done before the protocol is made
  Duration ssl_handshake_timeout = std::chrono::seconds(60);
  Duration ssl_shutdown_timeout = std::chrono::seconds(30);
};

/// A host to be looked up and a port, or an address.
class Endpoint {
 public:
  Endpoint(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
  Endpoint(Address address) : address_(address) {}  // NOLINT(google-explicit-constructor): each address is one

  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::optional<Address>& address() const noexcept { return address_; }

 private:
  std::string host_;
  std::uint16_t port_ = 0;
  std::optional<Address> address_;
};

struct DatagramEndpointOptions {
  std::optional<Endpoint> local_address = {};   ///< what it is bound to: `{{"127.0.0.1", 0}}`
  std::optional<Endpoint> remote_address = {};  ///< whom it is connected with
  AddressFamily family = AddressFamily::unspecified;
  bool reuse_port = false;
  bool allow_broadcast = false;  ///< a remote address is then only the one that is sent to
  Socket socket = {};            ///< a ready one; then nothing else is said
};

namespace detail {

using MakeProtocol = MoveOnlyFunction<std::shared_ptr<BaseProtocol>()>;
using MakeDatagramProtocol = MoveOnlyFunction<std::shared_ptr<DatagramProtocol>()>;
using MadeTransport = Coro<std::shared_ptr<Transport>>;

MadeTransport create_connection(MakeProtocol make, std::string host, std::uint16_t port, ConnectOptions options);
MadeTransport create_connection(MakeProtocol make, Address address, ConnectOptions options);
MadeTransport create_connection(MakeProtocol make, Socket socket, ConnectOptions options);
MadeTransport connect_accepted_socket(MakeProtocol make, Socket socket, AcceptOptions options);
MadeTransport connect_read_pipe(MakeProtocol make, Fd pipe);
MadeTransport connect_write_pipe(MakeProtocol make, Fd pipe);
Coro<std::shared_ptr<DatagramTransport>> create_datagram_endpoint(MakeDatagramProtocol make,
                                                                  DatagramEndpointOptions options);

// The untyped function with a factory that keeps what it made; gives both.
template <class F, class... Args>
Coro<Connected<ProtocolMadeBy<F>>> connected(MadeTransport (*create)(MakeProtocol, Args...), F factory,
                                             std::type_identity_t<Args>... args) {
  std::shared_ptr<ProtocolMadeBy<F>> protocol;
  auto transport = co_await create(
      [&] {
        protocol = factory();
        return protocol;
      },
      std::move(args)...);
  co_return Connected<ProtocolMadeBy<F>>{std::move(transport), std::move(protocol)};
}

}  // namespace detail

/// Connects by TCP, with TLS if `options.ssl` asks for it. *Errors*: as `open_connection`; what `factory` throws.
/// *Cancellation*: of the connect or the handshake, closes the socket. Afterwards, closes the transport: a protocol that was made is told so
/// by `connection_lost`.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> create_connection(F factory, std::string host, std::uint16_t port,
                                                                   ConnectOptions options = {}) {
  return detail::connected<F, std::string, std::uint16_t, ConnectOptions>(
      &detail::create_connection, std::move(factory), std::move(host), port, std::move(options));
}
/// The same to a known address. *Cancellation*: as above.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> create_connection(F factory, Address address,
                                                                   ConnectOptions options = {}) {
  return detail::connected<F, Address, ConnectOptions>(&detail::create_connection, std::move(factory), address,
                                                       std::move(options));
}
/// The same on a stream socket that is connected already. *Errors*: `ValueError` for another kind of socket. *Cancellation*: as above.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> create_connection(F factory, Socket socket,
                                                                   ConnectOptions options = {}) {
  return detail::connected<F, Socket, ConnectOptions>(&detail::create_connection, std::move(factory), std::move(socket),
                                                      std::move(options));
}
/// Connects to the Unix socket `path`. *Cancellation*: as `create_connection`.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> create_unix_connection(F factory, std::string path,
                                                                        ConnectOptions options = {}) {
  co_return co_await create_connection(std::move(factory), Address::local(path), std::move(options));
}
/// A connection that was accepted elsewhere, seen from the server's side. *Cancellation*: of the handshake, closes the socket; afterwards as
/// `create_connection`.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> connect_accepted_socket(F factory, Socket socket,
                                                                         AcceptOptions options = {}) {
  return detail::connected<F, Socket, AcceptOptions>(&detail::connect_accepted_socket, std::move(factory),
                                                     std::move(socket), std::move(options));
}

/// A protocol that reads from a pipe, a FIFO, a socket or a character device, which becomes the transport's. *Errors*:
/// `ValueError` for another kind of file. *Cancellation*: closes the transport; the protocol is told so by `connection_lost`.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> connect_read_pipe(F factory, Fd pipe) {
  return detail::connected<F, Fd>(&detail::connect_read_pipe, std::move(factory), std::move(pipe));
}
/// A protocol that writes to one of them. When nobody is left who reads, `connection_lost` is called. *Cancellation*: as above.
template <ProtocolFactory F>
[[nodiscard]] Coro<Connected<ProtocolMadeBy<F>>> connect_write_pipe(F factory, Fd pipe) {
  return detail::connected<F, Fd>(&detail::connect_write_pipe, std::move(factory), std::move(pipe));
}

/// Goes on with TLS below the protocol of `transport`: gives the transport that it has from now on. With a client's
/// context it begins the handshake, with a server's it awaits one. `connection_made` is not called again, and
/// `connection_lost` only if the handshake succeeds. *Errors*: those of a handshake, which end the connection (see
/// `StreamWriter::start_tls`); `ValueError` for a transport of one's own and for options that do not fit.
/// *Cancellation*: aborts the connection. *Source*: asyncio.loop.start_tls.
[[nodiscard]] Coro<std::shared_ptr<Transport>> start_tls(std::shared_ptr<Transport> transport,
                                                         std::shared_ptr<BaseProtocol> protocol, SSLContext context,
                                                         TLSOptions options = {});

/// Listens as `start_server` does, and calls `factory` for each connection. What that throws is reported, and the
/// connection aborted. *Cancellation*: only the look-up of a host's name waits, and no socket is open then.
[[nodiscard]] Coro<Server> create_server(detail::MakeProtocol factory, std::string host, std::uint16_t port,
                                         ServerOptions options = {});
/// The same on several hosts. *Errors*: `ValueError` for none. *Cancellation*: as above.
[[nodiscard]] Coro<Server> create_server(detail::MakeProtocol factory, std::vector<std::string> hosts,
                                         std::uint16_t port, ServerOptions options = {});
/// The same on a stream socket that is bound already, without waiting. *Errors*: `ValueError` for another kind of socket. *Cancellation*:
/// only before it begins; the socket is closed.
[[nodiscard]] Coro<Server> create_server(detail::MakeProtocol factory, Socket socket, ServerOptions options = {});
/// The same on the Unix socket `path`; see `start_unix_server`. *Cancellation*: only before it begins, since it never waits.
[[nodiscard]] Coro<Server> create_unix_server(detail::MakeProtocol factory, std::string path,
                                              ServerOptions options = {});

/// A protocol on a UDP socket, or a Unix one if the addresses are; see also `bind_udp`, which needs no protocol. The file
/// of a Unix socket is replaced if it was left by somebody, and removed when this one closes. *Errors*:
/// `AddressLookupError`; `OSError`; `ValueError` if options contradict each other, or if neither an address nor a family
/// is given. *Cancellation*: of the look-up of a host's name, leaves nothing; afterwards, closes the socket, and the protocol is told so by
/// `connection_lost`.
template <DatagramProtocolFactory F>
[[nodiscard]] Coro<DatagramEndpoint<ProtocolMadeBy<F>>> create_datagram_endpoint(F factory,
                                                                                 DatagramEndpointOptions options) {
  std::shared_ptr<ProtocolMadeBy<F>> protocol;
  auto transport = co_await detail::create_datagram_endpoint(
      [&] {
        protocol = factory();
        return protocol;
      },
      std::move(options));
  co_return DatagramEndpoint<ProtocolMadeBy<F>>{std::move(transport), std::move(protocol)};
}

}  // namespace tutti

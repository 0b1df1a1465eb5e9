// SPDX-License-Identifier: MIT
#include <tutti/net/endpoints.hpp>

#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/io/pipe.hpp>

#include "closed_unless_taken.hpp"
#include "connect.hpp"
#include "connection.hpp"
#include "io/tls_transport.hpp"
#include "protocol_transport.hpp"
#include "server_state.hpp"
#include "socket.hpp"
#include "socket_calls.hpp"

namespace tutti {
namespace detail {
namespace {

/// Aborts a transport that nobody has taken.
class Untaken {
 public:
  explicit Untaken(Ref<lowlevel::Transport> transport) noexcept : transport_(std::move(transport)) {}
  Untaken(const Untaken&) = delete;
  Untaken& operator=(const Untaken&) = delete;
  ~Untaken() {
    if (transport_) transport_->abort();
  }
  [[nodiscard]] Ref<lowlevel::Transport> take() noexcept { return std::move(transport_); }

 private:
  Ref<lowlevel::Transport> transport_;
};

std::shared_ptr<ProtocolTransport> start_protocol(MakeProtocol& make, Ref<lowlevel::Transport> below, Future<> made) {
  Untaken untaken(below);
  auto transport = std::make_shared<ProtocolTransport>(std::move(below), make());
  (void)untaken.take();
  transport->start(std::move(made));
  return transport;
}

/// Makes the protocol and waits until its `connection_made` was called.
MadeTransport connect_protocol(MakeProtocol make, Ref<lowlevel::Transport> below) {
  const Future<> made;
  const auto transport = start_protocol(make, std::move(below), made);
  ClosedUnlessTaken owner(*transport);
  co_await made;
  owner.take();
  co_return transport;
}

Fd stream_socket(Socket socket, const char* operation) {
  if (socket.type() != SocketType::stream) throw ValueError(std::string(operation) + ": a stream socket is required");
  return socket.release();
}

/// The server that makes a protocol for each connection.
class ProtocolServer final : public ServerState {
 public:
  ProtocolServer(EventLoop& loop, MakeProtocol make, const ServerOptions& options)
      : ServerState(loop, options), make_(std::move(make)) {}

  Coro<> serve(Ref<lowlevel::Transport> transport) override {
    return handle(Ref<ProtocolServer>(this), std::move(transport));
  }

 private:
  ~ProtocolServer() override = default;

  static Coro<> handle(Ref<ProtocolServer> server, Ref<lowlevel::Transport> transport) {
    const std::string peer = transport->description();
    std::exception_ptr error;
    try {
      const Future<> made;
      (void)start_protocol(server->make_, std::move(transport), made);
      co_await made;
    } catch (const BaseException&) {
      throw;
    } catch (...) {
      error = std::current_exception();
    }
    if (error) {
      server->loop().call_exception_handler(
          {"a protocol could not be made for a connection", error, "connection with " + peer, {}});
    }
  }

  MakeProtocol make_;
};

Ref<ServerState> protocol_server(MakeProtocol make, const ServerOptions& options) {
  return Ref<ServerState>::adopt(new ProtocolServer(get_running_loop(), std::move(make), options));
}

}  // namespace

MadeTransport create_connection(MakeProtocol make, std::string host, std::uint16_t port, ConnectOptions options) {
  auto transport = co_await connect_transport(std::move(host), port, std::move(options));
  co_return co_await connect_protocol(std::move(make), std::move(transport));
}

MadeTransport create_connection(MakeProtocol make, Address address, ConnectOptions options) {
  auto transport = co_await connect_transport(address, std::move(options));
  co_return co_await connect_protocol(std::move(make), std::move(transport));
}

MadeTransport create_connection(MakeProtocol make, Socket socket, ConnectOptions options) {
  Fd descriptor = stream_socket(std::move(socket), "create_connection");
  auto transport = co_await connect_transport(std::move(descriptor), std::move(options));
  co_return co_await connect_protocol(std::move(make), std::move(transport));
}

MadeTransport connect_accepted_socket(MakeProtocol make, Socket socket, AcceptOptions options) {
  Fd descriptor = stream_socket(std::move(socket), "connect_accepted_socket");
  if (options.ssl && options.ssl->protocol() != SSLProtocol::tls_server) {
    throw ValueError("connect_accepted_socket: ssl must be a server's context");
  }
  const Address peer = peer_address(descriptor.get());
  disable_nagle(descriptor, peer);
  const auto connection =
      Ref<Connection>::adopt(new Connection(get_running_loop(), std::move(descriptor), peer, nullptr));
  Ref<lowlevel::Transport> transport(connection.get());
  if (options.ssl) {
    transport = co_await start_tls(
        std::move(transport), *options.ssl,
        {.ssl_handshake_timeout = options.ssl_handshake_timeout, .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
  }
  co_return co_await connect_protocol(std::move(make), std::move(transport));
}

MadeTransport connect_read_pipe(MakeProtocol make, Fd pipe) {
  return connect_protocol(std::move(make), lowlevel::make_read_pipe(get_running_loop(), std::move(pipe)));
}

MadeTransport connect_write_pipe(MakeProtocol make, Fd pipe) {
  return connect_protocol(std::move(make), lowlevel::make_write_pipe(get_running_loop(), std::move(pipe)));
}

}  // namespace detail

Coro<std::shared_ptr<Transport>> start_tls(std::shared_ptr<Transport> transport, std::shared_ptr<BaseProtocol> protocol,
                                           SSLContext context, TLSOptions options) {
  const auto plain = std::dynamic_pointer_cast<detail::ProtocolTransport>(transport);
  if (!plain) throw ValueError("start_tls: the transport was not made by create_connection or its kin");
  if (!protocol) throw ValueError("start_tls: a transport needs a protocol");
  auto below = co_await detail::start_tls(plain->below(), std::move(context), std::move(options), plain->take_held());
  auto secure = std::make_shared<detail::ProtocolTransport>(std::move(below), std::move(protocol));
  secure->go_on();
  co_return secure;
}

Coro<Server> create_server(detail::MakeProtocol factory, std::string host, std::uint16_t port, ServerOptions options) {
  std::vector<std::string> hosts;
  hosts.push_back(std::move(host));
  co_return co_await detail::listen_on(detail::protocol_server(std::move(factory), options), std::move(hosts), port);
}

Coro<Server> create_server(detail::MakeProtocol factory, std::vector<std::string> hosts, std::uint16_t port,
                           ServerOptions options) {
  co_return co_await detail::listen_on(detail::protocol_server(std::move(factory), options), std::move(hosts), port);
}

Coro<Server> create_server(detail::MakeProtocol factory, Socket socket, ServerOptions options) {
  Fd descriptor = detail::stream_socket(std::move(socket), "create_server");
  co_return detail::listen_on_socket(detail::protocol_server(std::move(factory), options), std::move(descriptor));
}

Coro<Server> create_unix_server(detail::MakeProtocol factory, std::string path, ServerOptions options) {
  co_return detail::listen_on_path(detail::protocol_server(std::move(factory), options), path);
}

}  // namespace tutti

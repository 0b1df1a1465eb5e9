// SPDX-License-Identifier: MIT
// CPython's test_events: TLS and whom it trusts, IPv6, terminals, local addresses.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "net/protocol_support.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::Events;
using protocol_support::make_recorder;
using protocol_support::Recorder;
using std::string;
using test_support::until;
using tls_support::client_context;
using tls_support::server_context;

// --- TLS ---

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_ssl_unix_connection) {
  const UnixSocketPath path;
  auto server = co_await start_unix_server(&serve_http, path.path(), {.ssl = server_context()});
  const auto [transport, protocol] = co_await create_unix_connection(
      make_recorder(), path.path(), {.ssl = client_context(), .server_hostname = "127.0.0.1"});
  EXPECT_NE(transport->ssl_object(), nullptr);
  EXPECT_EQ(transport->peername().path(), path.path());
  transport->write(http_request);
  co_await protocol->lost;
  EXPECT_TRUE(protocol->data.starts_with("HTTP/1.0 200 OK"));
  protocol->transport.reset();
  co_await stop(server);
}

/// A handshake that fails by the client's will: no protocol is made at either end.
template <class Error>
Coro<> expect_not_accepted(Server server, std::shared_ptr<Recorder> peer, Coro<Connected<Recorder>> connect,
                           string reason) {
  const auto error = co_await error_of(std::move(connect));
  EXPECT_TRUE(contains(message_in<Error>(error), reason)) << describe(error);
  co_await until([&] { return server.connections() == 0; });
  EXPECT_EQ(peer->events, Events{});
  co_await stop(server);
}

/// Trusts nobody.
SSLContext distrustful() { return SSLContext(SSLProtocol::tls_client); }

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_ssl_verify_failed) {
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await create_server([&] { return peer; }, "127.0.0.1", 0, {.ssl = server_context()});
  auto connect = create_connection(make_recorder(), "127.0.0.1", server.port(), {.ssl = distrustful()});
  co_await expect_not_accepted<SSLCertVerificationError>(std::move(server), peer, std::move(connect),
                                                         "certificate verify failed");
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_unix_server_ssl_verify_failed) {
  const UnixSocketPath path;
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await create_unix_server([&] { return peer; }, path.path(), {.ssl = server_context()});
  auto connect =
      create_unix_connection(make_recorder(), path.path(), {.ssl = distrustful(), .server_hostname = "invalid"});
  co_await expect_not_accepted<SSLCertVerificationError>(std::move(server), peer, std::move(connect),
                                                         "certificate verify failed");
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_ssl_match_failed) {
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await create_server([&] { return peer; }, "127.0.0.1", 0,
                                       {.ssl = server_context({.alternative_names = "DNS:localhost"})});
  auto connect = create_connection(make_recorder(), "127.0.0.1", server.port(), {.ssl = client_context()});
  co_await expect_not_accepted<SSLCertVerificationError>(
      std::move(server), peer, std::move(connect), "IP address mismatch, certificate is not valid for '127.0.0.1'");
}

/// A connection between two who trust each other.
Coro<> expect_accepted(Server server, std::shared_ptr<Recorder> peer, Coro<Connected<Recorder>> connect) {
  const auto [transport, client] = co_await std::move(connect);
  co_await peer->made;
  const auto certificate = transport->ssl_object()->getpeercert();
  CO_ASSERT_TRUE(certificate.has_value());
  EXPECT_EQ(certificate->subject, "CN=localhost");
  EXPECT_TRUE(peer->transport->ssl_object()->server_side());
  std::exchange(peer->transport, nullptr)->close();
  std::exchange(client->transport, nullptr)->close();
  co_await client->lost;
  co_await peer->lost;
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_ssl_verified) {
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await create_server([&] { return peer; }, "127.0.0.1", 0, {.ssl = server_context()});
  auto connect = create_connection(make_recorder(), "127.0.0.1", server.port(),
                                   {.ssl = client_context(), .server_hostname = "localhost"});
  co_await expect_accepted(std::move(server), peer, std::move(connect));
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_unix_server_ssl_verified) {
  const UnixSocketPath path;
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await create_unix_server([&] { return peer; }, path.path(), {.ssl = server_context()});
  auto connect =
      create_unix_connection(make_recorder(), path.path(), {.ssl = client_context(), .server_hostname = "localhost"});
  co_await expect_accepted(std::move(server), peer, std::move(connect));
}

// --- IPv6 ---

bool has_ipv6() {
  try {
    Socket(AddressFamily::ipv6).bind(*Address::parse("::1", 0));
    return true;
  } catch (const OSError&) {
    return false;
  }
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_multiple_hosts_ipv6) {
  // Each address once.
  if (!has_ipv6()) CO_SKIP() << "this machine has no IPv6";
  const std::vector<string> hosts{"::1", "127.0.0.1", "::1"};
  auto server = co_await create_server(make_recorder(), hosts, 0);
  CO_ASSERT_EQ(server.sockets().size(), 2U);
  EXPECT_EQ(server.sockets().front().host(), "::1");
  EXPECT_EQ(server.sockets().back().host(), "127.0.0.1");
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_server_dual_stack) {
  if (!has_ipv6()) CO_SKIP() << "this machine has no IPv6";
  std::vector<std::shared_ptr<Recorder>> peers;
  auto server = co_await create_server(
      [&] {
        peers.push_back(std::make_shared<Recorder>());
        return peers.back();
      },
      "", 0);
  for (const char* host : {"127.0.0.1", "::1"}) {
    auto [reader, writer] = co_await open_connection(host, server.port());
    writer.write("xxx");
    co_await until([&] { return !peers.empty() && peers.back()->data == "xxx"; });
    EXPECT_EQ(peers.back()->transport->peername().host(), host);
    std::exchange(peers.back()->transport, nullptr)->close();
    EXPECT_EQ(co_await reader.read(), "");
    co_await close(writer);
    peers.clear();
  }
  co_await stop(server);
}

/// Answers whoever sends it something.
class Answering final : public DatagramProtocol {
 public:
  std::shared_ptr<DatagramTransport> transport;
  string received;
  bool answers = false;
  Future<> lost;
  void connection_made(std::shared_ptr<DatagramTransport> made) override { transport = std::move(made); }
  void datagram_received(BytesView data, const Address& from) override {
    received += data;
    if (answers) transport->sendto("resp:" + string(data), from);
  }
  void connection_lost(std::exception_ptr) override {
    transport.reset();
    lost.set_result();
  }
};

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_datagram_endpoint_ipv6) {
  if (!has_ipv6()) CO_SKIP() << "this machine has no IPv6";
  const auto make = [] { return std::make_shared<Answering>(); };
  auto server = co_await create_datagram_endpoint(make, {.local_address = {{"::1", 0}}});
  server.protocol->answers = true;
  auto client = co_await create_datagram_endpoint(make, {.remote_address = Endpoint(server.transport->sockname())});
  EXPECT_EQ(client.transport->sockname().family(), AddressFamily::ipv6);
  client.transport->sendto("xxx");
  co_await until([&] { return !client.protocol->received.empty(); });
  EXPECT_EQ(server.protocol->received, "xxx");
  EXPECT_EQ(client.protocol->received, "resp:xxx");
  client.transport->close();
  server.transport->close();
  co_await client.protocol->lost;
  co_await server.protocol->lost;
}

CONFORMANCE_IO(test_events, TestServer, test_get_loop) {
  auto server = co_await create_server(make_recorder(), "127.0.0.1", 0);
  EXPECT_EQ(&server.get_loop(), &get_running_loop());
  co_await stop(server);
}

// --- pipes and terminals ---

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_unclosed_pipe_transport) {
  // The loop is closed over them: they are let go of, and can still be asked what they are.
  auto loop = new_test_loop();
  auto [reading, writing] = make_pipe();
  const auto reader =
      loop->run_until_complete(connect_read_pipe([] { return std::make_shared<Protocol>(); }, std::move(reading)));
  const auto writer =
      loop->run_until_complete(connect_write_pipe([] { return std::make_shared<Protocol>(); }, std::move(writing)));
  EXPECT_FALSE(reader.transport->is_closing());
  EXPECT_FALSE(writer.transport->is_closing());
  loop->close();
  EXPECT_EQ(reader.transport->fd(), -1);
  EXPECT_EQ(writer.transport->fd(), -1);
}

struct Terminal {
  Fd controller;
  Fd terminal;
  Terminal() {
    int ends[2];
    if (::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) != 0) throw_os_error(errno, "openpty");
    controller = Fd(ends[0]);
    terminal = Fd(ends[1]);
  }
};

void write_to(const Fd& file, const string& text) {
  EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

string read_from(const Fd& file, std::size_t size) {
  string text;
  while (text.size() < size) {
    char bytes[64];
    const ssize_t count = ::read(file.get(), bytes, sizeof(bytes));
    if (count <= 0) break;
    text.append(bytes, static_cast<std::size_t>(count));
  }
  return text;
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_read_pty_output) {
  Terminal pty;
  const auto [transport, protocol] = co_await connect_read_pipe(make_recorder(), std::move(pty.controller));
  EXPECT_EQ(protocol->events, Events{"made"});
  EXPECT_GE(transport->fd(), 0);
  write_to(pty.terminal, "1");
  co_await until([own = protocol.get()] { return own->data == "1"; });
  write_to(pty.terminal, "2345");
  co_await until([own = protocol.get()] { return own->data == "12345"; });
  EXPECT_EQ(protocol->events, (Events{"made", "data"}));
  pty.terminal.reset();
  transport->close();
  co_await protocol->lost;
  protocol->transport.reset();
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_write_pty) {
  Terminal pty;
  const auto [transport, protocol] = co_await connect_write_pipe(make_recorder(), std::move(pty.terminal));
  transport->write("1");
  EXPECT_EQ(read_from(pty.controller, 1), "1");
  transport->write("2345");
  EXPECT_EQ(read_from(pty.controller, 4), "2345");
  EXPECT_EQ(protocol->events, Events{"made"});
  pty.controller.reset();
  transport->close();
  co_await protocol->lost;
  EXPECT_EQ(protocol->events, (Events{"made", "lost"}));
  protocol->transport.reset();
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_bidirectional_pty) {
  Terminal pty;
  termios settings{};
  CO_ASSERT_EQ(::tcgetattr(pty.terminal.get(), &settings), 0);
  ::cfmakeraw(&settings);
  CO_ASSERT_EQ(::tcsetattr(pty.terminal.get(), TCSANOW, &settings), 0);
  Fd other(::fcntl(pty.terminal.get(), F_DUPFD_CLOEXEC, 0));
  const auto [reading, reader] = co_await connect_read_pipe(make_recorder(), std::move(pty.terminal));
  const auto [writing, writer] = co_await connect_write_pipe(make_recorder(), std::move(other));

  writing->write("1");
  EXPECT_EQ(read_from(pty.controller, 1), "1");
  write_to(pty.controller, "a");
  co_await until([own = reader.get()] { return own->data == "a"; });
  writing->write("2345");
  EXPECT_EQ(read_from(pty.controller, 4), "2345");
  write_to(pty.controller, "bcde");
  co_await until([own = reader.get()] { return own->data == "abcde"; });
  EXPECT_EQ(reader->events, (Events{"made", "data"}));
  EXPECT_EQ(writer->events, Events{"made"});

  reading->close();
  co_await reader->lost;
  writing->close();
  co_await writer->lost;
  reader->transport.reset();
  writer->transport.reset();
}

// --- a local address of another family than the peer's; there it is a name, here an address ---

/// Where nobody listens.
class NobodyThere {
 public:
  NobodyThere() { socket_.bind(*Address::parse("127.0.0.1", 0)); }
  [[nodiscard]] Address address() const { return socket_.getsockname(); }

 private:
  Socket socket_{AddressFamily::ipv4};
};

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_connection_local_addr_skip_different_family) {
  const NobodyThere closed;
  const ConnectOptions options{.local_address = Address::parse("127.0.0.1", 0)};
  std::vector<Address> addresses{*Address::parse("::1", closed.address().port()), closed.address()};
  EXPECT_THROW(co_await open_connection(addresses, options), OSError);
  // The one that does not fit is passed over.
  auto server = co_await run_test_server();
  addresses = {*Address::parse("::1", server.port()), *Address::parse("127.0.0.1", server.port())};
  auto [reader, writer] = co_await open_connection(addresses, options);
  EXPECT_EQ(writer.sockname().family(), AddressFamily::ipv4);
  co_await close(writer);
  co_await stop(server);
}

CONFORMANCE_IO(test_events, EventLoopTestsMixin, test_create_connection_local_addr_nomatch_family) {
  auto server = co_await run_test_server();
  const ConnectOptions options{.local_address = Address::parse("::1", 0)};
  EXPECT_THROW(co_await open_connection("127.0.0.1", server.port(), options), OSError);
  co_await stop(server);
}

}  // namespace
}  // namespace tutti::conformance

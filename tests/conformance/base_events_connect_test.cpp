// SPDX-License-Identifier: MIT
// CPython's test_base_events, connections and servers. There the resolver and the sockets are mocks; here hosts are numeric, and what
// fails, fails for real: ports that nobody listens on, addresses that are not ours, descriptors that have run out.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/resolve.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/task/timeout.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "net/protocol_support.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::make_recorder;
using protocol_support::Recorder;
using std::string;
using test_support::until;

Address at(const string& host, std::uint16_t port) { return *Address::parse(host, port); }

/// A port that nobody listens on: it is bound.
class ClosedPort {
 public:
  explicit ClosedPort(const string& host = "127.0.0.1") : socket_(AddressFamily::ipv4) { socket_.bind(at(host, 0)); }
  [[nodiscard]] Address address() const { return socket_.getsockname(); }
  [[nodiscard]] std::uint16_t port() const { return address().port(); }

 private:
  Socket socket_;
};

auto make_protocol() { return std::make_shared<Protocol>(); }

template <class Made>
Coro<> close_connection(Connected<Made> connected) {
  connected.transport->close();
  co_await connected.protocol->lost;
  connected.protocol->transport.reset();
}

bool has_ipv6() {
  try {
    Socket(AddressFamily::ipv6).bind(at("::1", 0));
    return true;
  } catch (const OSError&) {
    return false;
  }
}

// --- names ---

CONFORMANCE(test_base_events, BaseEventLoopWithSelectorTests, test_getnameinfo) {
  const NameInfo info = co_await getnameinfo(at("127.0.0.1", 80), NI_NUMERICHOST | NI_NUMERICSERV);
  EXPECT_EQ(info.host, "127.0.0.1");
  EXPECT_EQ(info.service, "80");
  EXPECT_THROW(co_await getnameinfo(Address::local("/socket")), ValueError);
  EXPECT_THROW(co_await getnameinfo(Address()), ValueError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_no_getaddrinfo) {
  EXPECT_THROW(co_await create_connection(&make_protocol, "name.invalid", 80), AddressLookupError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_server_no_getaddrinfo) {
  EXPECT_THROW(co_await create_server(&make_protocol, "name.invalid", 0), AddressLookupError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_ip_addr) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    if (string(host) == "::1" && !has_ipv6()) continue;
    auto server = co_await create_server(&make_protocol, host, 0);
    auto connected = co_await create_connection(make_recorder(), host, server.port());
    EXPECT_EQ(connected.transport->peername(), at(host, server.port()));
    co_await close_connection(std::move(connected));
    co_await stop(server);
  }
}

CONFORMANCE(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_ipv6_scope) {
  const auto addresses = co_await getaddrinfo("fe80::1%1", 80);
  CO_ASSERT_EQ(addresses.size(), 1U);
  const auto& raw = *static_cast<const sockaddr_in6*>(addresses[0].data());
  EXPECT_EQ(raw.sin6_family, AF_INET6);
  EXPECT_EQ(raw.sin6_scope_id, 1U);
  EXPECT_EQ(raw.sin6_port, htons(80));
  EXPECT_EQ(raw.sin6_addr.s6_addr[0], 0xfe);
  EXPECT_EQ(raw.sin6_addr.s6_addr[15], 1);
}

// --- connections that fail: each leaves no descriptor open ---

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_connect_err) {
  const ClosedPort closed;
  EXPECT_THROW(co_await create_connection(&make_protocol, "127.0.0.1", closed.port()), ConnectionRefusedError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_multiple) {
  const ClosedPort one;
  const ClosedPort other("127.0.0.2");
  std::vector<Address> addresses{one.address(), other.address()};
  const auto error = co_await error_of(open_connection(addresses));
  EXPECT_TRUE(contains(message_in<ConnectionRefusedError>(error), other.address().to_string()));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_multiple_errors) {
  // Of different errors each is told.
  const ClosedPort closed;
  std::vector<Address> addresses{closed.address(), Address::local("/nowhere/socket")};
  const string text = message_in<OSError>(co_await error_of(open_connection(addresses)));
  EXPECT_TRUE(contains(text, closed.address().to_string() + ": connection refused; ")) << text;
  EXPECT_TRUE(contains(text, "/nowhere/socket: no such file")) << text;
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_multiple_errors_local_addr) {
  // One fails as it is bound (an address of another family), the other one as it connects.
  const ClosedPort closed;
  std::vector<Address> addresses{Address::local("/nowhere/socket"), closed.address()};
  const ConnectOptions options{.local_address = at("127.0.0.1", 0)};
  const string text = message_in<OSError>(co_await error_of(open_connection(addresses, options)));
  EXPECT_TRUE(contains(text, "bind 127.0.0.1:0: ")) << text;
  EXPECT_TRUE(contains(text, "connect " + closed.address().to_string() + ": connection refused")) << text;
}

/// A backlog of 0 holds one connection; who comes later waits for the peer.
class FullPort {
 public:
  FullPort() {
    listener_.bind(at("127.0.0.1", 0));
    listener_.listen(0);
    const Address listening = address();
    for (int i = 0; i < 2; ++i) {
      waiting_.emplace_back(AddressFamily::ipv4);
      (void)::connect(waiting_.back().fd(), static_cast<const sockaddr*>(listening.data()),
                      static_cast<socklen_t>(listening.size()));
    }
  }
  [[nodiscard]] Address address() const { return listener_.getsockname(); }

 private:
  Socket listener_{AddressFamily::ipv4};
  std::vector<Socket> waiting_;
};

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_timeout) {
  const FullPort full;
  EXPECT_THROW(co_await wait_for(create_connection(&make_protocol, full.address()), 1ms), TimeoutError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests,
               test_create_connection_happy_eyeballs_empty_exceptions) {
  // There a mock stands for a race whose attempts somebody has cancelled; here that is done.
  const FullPort one;
  const FullPort other;
  const std::vector<Address> addresses{one.address(), other.address()};
  const auto connecting = create_task(open_connection(addresses, {.happy_eyeballs_delay = 0s}));
  co_await sleep(10ms);
  for (const AnyTask& task : all_tasks()) {
    if (task != *current_task() && task != connecting) task.cancel();
  }
  EXPECT_TRUE(contains(message_in<TimeoutError>(co_await error_of(connecting)), "cancelled"));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_wrong_sock) {
  const auto error =
      co_await error_of(create_connection(&make_protocol, Socket(AddressFamily::ipv4, SocketType::datagram)));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "a stream socket is required"));
}

// --- TLS: whom the certificate must be for ---

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_ssl_server_hostname_default) {
  std::vector<string> asked;
  auto server = co_await start_server(
      [&](StreamReader, StreamWriter writer) -> Coro<> {
        asked.push_back(writer.ssl_object()->server_hostname());
        co_return;
      },
      "localhost", 0, {.family = AddressFamily::ipv4, .ssl = tls_support::server_context()});
  SSLContext unchecked = tls_support::client_context();
  unchecked.set_check_hostname(false);
  const std::vector<std::optional<string>> hostnames{std::nullopt, "perl.com", ""};
  for (const auto& hostname : hostnames) {
    co_await close_connection(
        co_await create_connection(make_recorder(), "localhost", server.port(),
                                   {.family = AddressFamily::ipv4, .ssl = unchecked, .server_hostname = hostname}));
  }
  co_await stop(server);
  EXPECT_EQ(asked, (std::vector<string>{"localhost", "perl.com", ""}));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_no_ssl_server_hostname_errors) {
  for (const char* hostname : {"", "python.org"}) {
    EXPECT_THROW(co_await create_connection(&make_protocol, "python.org", 80, {.server_hostname = hostname}),
                 ValueError);
  }
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_connection_ssl_server_hostname_errors) {
  EXPECT_THROW(co_await create_connection(&make_protocol, "", 80, {.ssl = true}), ValueError);
  auto [here, there] = Socket::pair();
  EXPECT_THROW(co_await create_connection(&make_protocol, std::move(here), {.ssl = true}), ValueError);
}

// --- servers ---

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_server_wrong_sock) {
  const auto error =
      co_await error_of(create_server(&make_protocol, Socket(AddressFamily::ipv4, SocketType::datagram)));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "a stream socket is required"));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_server_stream_bittype) {
  Socket socket(Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  auto server = co_await create_server(&make_protocol, std::move(socket));
  EXPECT_NE(server.port(), 0U);
  co_await stop(server);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_server_ipv6) {
  if (!has_ipv6()) CO_SKIP() << "this machine has no IPv6";
  auto server = co_await start_server([](StreamReader, StreamWriter) {}, "::1", 0);
  EXPECT_EQ(server.sockets().size(), 1U);
  co_await stop(server);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_server_empty_host) {
  // All addresses of this machine.
  auto server = co_await create_server(&make_protocol, "", 0);
  const auto addresses = server.sockets();
  EXPECT_TRUE(std::any_of(addresses.begin(), addresses.end(),
                          [](const Address& address) { return address.host() == "0.0.0.0"; }));
  co_await stop(server);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_server_cant_bind) {
  // The address is that of another machine.
  const auto error = co_await error_of(create_server(&make_protocol, "192.0.2.1", 0));
  EXPECT_TRUE(contains(message_in<OSError>(error), "192.0.2.1:0: cannot assign requested address"));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_accept_connection_retry) {
  // Two servers have one listening socket: both are told of a connection, and only one gets it.
  Socket socket(AddressFamily::ipv4);
  socket.bind(at("127.0.0.1", 0));
  socket.listen();
  const Address address = socket.getsockname();
  int served = 0;
  const auto count = [&](StreamReader, StreamWriter) -> Coro<> {
    ++served;
    co_return;
  };
  auto one = co_await start_server(count, Socket(Fd(::fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0))));
  auto other = co_await start_server(count, std::move(socket));
  for (int clients = 1; clients <= 3; ++clients) {
    auto [reader, writer] = co_await open_connection(address);
    EXPECT_EQ(co_await reader.read(), "");
    EXPECT_EQ(served, clients);
    co_await close(writer);
  }
  EXPECT_TRUE(one.is_serving());
  EXPECT_TRUE(other.is_serving());
  one.close();
  other.close();
  co_await one.wait_closed();
  co_await other.wait_closed();
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_accept_connection_exception) {
  // No descriptor is left: that is told, and the server goes on when there are some again.
  auto server = co_await start_server(
      [](StreamReader, StreamWriter writer) -> Coro<> {
        writer.write("served");
        co_return;
      },
      "127.0.0.1", 0);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int last = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
  ::close(last);
  const rlimit tight{static_cast<rlim_t>(last) + 1, before.rlim_max};
  {
    Socket client(AddressFamily::ipv4);  // the last one
    struct Restore {
      const rlimit& limit;
      ~Restore() { ::setrlimit(RLIMIT_NOFILE, &limit); }
    } const restore{before};
    ::setrlimit(RLIMIT_NOFILE, &tight);
    co_await sock_connect(client, server.sockets().front());
    (void)co_await error_of(sock_recv(client, 1));  // it is turned away
  }
  testing::expect_report("pauses: too many open files");
  EXPECT_TRUE(server.is_serving());
  auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
  EXPECT_EQ(co_await reader.read(), "served");
  co_await close(writer);
  co_await stop(server);
}

// --- test_base_events.TestSelectorUtils ---

CONFORMANCE_IO(test_base_events, TestSelectorUtils, test_set_nodelay) {
  const auto is_set = [](int descriptor) {
    int on = 0;
    socklen_t size = sizeof(on);
    ::getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, &size);
    return on != 0;
  };
  EXPECT_FALSE(is_set(Socket(AddressFamily::ipv4).fd()));
  const auto peer = std::make_shared<Recorder>();
  auto server = co_await create_server([&] { return peer; }, "127.0.0.1", 0);
  auto connected = co_await create_connection(make_recorder(), "127.0.0.1", server.port());
  co_await peer->made;
  EXPECT_TRUE(is_set(connected.transport->fd()));
  EXPECT_TRUE(is_set(peer->transport->fd()));
  co_await close_connection(std::move(connected));
  co_await peer->lost;
  peer->transport.reset();
  co_await stop(server);
}

}  // namespace
}  // namespace tutti::conformance

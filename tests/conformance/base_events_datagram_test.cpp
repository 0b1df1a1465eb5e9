// SPDX-License-Identifier: MIT
// CPython's test_base_events, datagram endpoints.
#include <cerrno>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/sockets.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"

namespace tutti::conformance {
namespace {

using std::string;

class MyDatagramProtocol final : public DatagramProtocol {
 public:
  string state = "INITIAL";
  Future<> done;

  void connection_made(std::shared_ptr<DatagramTransport>) override { state = "INITIALIZED"; }
  void connection_lost(std::exception_ptr) override {
    state = "CLOSED";
    done.set_result();
  }
};
auto make_protocol() { return std::make_shared<MyDatagramProtocol>(); }

using MyEndpoint = DatagramEndpoint<MyDatagramProtocol>;

Coro<MyEndpoint> endpoint(DatagramEndpointOptions options) {
  return create_datagram_endpoint(&make_protocol, std::move(options));
}

Coro<> close(MyEndpoint made) {
  EXPECT_EQ(made.protocol->state, "INITIALIZED");
  made.transport->close();
  co_await made.protocol->done;
  EXPECT_EQ(made.protocol->state, "CLOSED");
}

int option_of(const MyEndpoint& made, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  ::getsockopt(made.transport->fd(), SOL_SOCKET, name, &value, &size);
  return value;
}

Endpoint local() { return {"127.0.0.1", 0}; }

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_wrong_sock) {
  DatagramEndpointOptions options;
  options.socket = Socket(AddressFamily::ipv4, SocketType::stream);
  const auto error = co_await error_of(endpoint(std::move(options)));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "a datagram socket is required"));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_no_addrinfo) {
  EXPECT_THROW(co_await endpoint({.local_address = {{"name.invalid", 0}}}), AddressLookupError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_connect_err) {
  // The system does not connect to a broadcast address unless it is told to.
  EXPECT_THROW(co_await endpoint({.remote_address = {{"255.255.255.255", 9}}}), OSError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_allow_broadcast) {
  // Then the socket is not connected.
  auto made = co_await endpoint({.remote_address = local(), .allow_broadcast = true});
  EXPECT_EQ(option_of(made, SO_BROADCAST), 1);
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  EXPECT_EQ(::getpeername(made.transport->fd(), reinterpret_cast<sockaddr*>(&peer), &size), -1);
  EXPECT_EQ(errno, ENOTCONN);
  co_await close(std::move(made));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_socket_err) {
  // No descriptor is left.
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const auto by_family = co_await error_of(endpoint({.family = AddressFamily::ipv4}));
  const auto by_address = co_await error_of(endpoint({.local_address = local()}));
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(holds<OSError>(by_family)) << describe(by_family);
  EXPECT_TRUE(holds<OSError>(by_address)) << describe(by_address);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_no_matching_family) {
  EXPECT_THROW(co_await endpoint({.local_address = {{"::1", 0}}, .remote_address = local()}), ValueError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_noaddr_nofamily) {
  EXPECT_THROW(co_await endpoint({}), ValueError);
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_cant_bind) {
  const auto error = co_await error_of(endpoint({.local_address = {{"192.0.2.1", 0}}, .family = AddressFamily::ipv4}));
  EXPECT_TRUE(contains(message_in<OSError>(error), "bind 192.0.2.1:0: "));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_sock) {
  DatagramEndpointOptions options;
  options.socket = Socket(AddressFamily::ipv4, SocketType::datagram);
  options.socket.bind(*Address::parse("127.0.0.1", 0));
  co_await close(co_await endpoint(std::move(options)));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_sock_unix) {
  auto made = co_await endpoint({.family = AddressFamily::local});
  EXPECT_EQ(option_of(made, SO_DOMAIN), AF_UNIX);
  co_await close(std::move(made));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_existing_sock_unix) {
  // A socket that somebody has left there.
  const UnixSocketPath path;
  Socket(AddressFamily::local, SocketType::datagram).bind(Address::local(path.path()));
  auto made =
      co_await endpoint({.local_address = Endpoint(Address::local(path.path())), .family = AddressFamily::local});
  EXPECT_EQ(made.transport->sockname().path(), path.path());
  co_await close(std::move(made));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_sock_sockopts) {
  // With a ready socket nothing else can be said.
  const auto expect_refused = [](DatagramEndpointOptions options) -> Coro<> {
    options.socket = Socket(AddressFamily::ipv4, SocketType::datagram);
    EXPECT_THROW(co_await endpoint(std::move(options)), ValueError);
  };
  co_await expect_refused({.local_address = local()});
  co_await expect_refused({.remote_address = local()});
  co_await expect_refused({.family = AddressFamily::ipv4});
  co_await expect_refused({.reuse_port = true});
  co_await expect_refused({.allow_broadcast = true});
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_sockopts) {
  // Options of the socket are those that were asked for.
  auto plain = co_await endpoint({.local_address = local()});
  EXPECT_EQ(option_of(plain, SO_REUSEPORT), 0);
  EXPECT_EQ(option_of(plain, SO_BROADCAST), 0);
  co_await close(std::move(plain));
  auto both = co_await endpoint({.local_address = local(), .reuse_port = true, .allow_broadcast = true});
  EXPECT_EQ(option_of(both, SO_REUSEADDR), 0);
  EXPECT_EQ(option_of(both, SO_REUSEPORT), 1);
  EXPECT_EQ(option_of(both, SO_BROADCAST), 1);
  co_await close(std::move(both));
}

CONFORMANCE_IO(test_base_events, BaseEventLoopWithSelectorTests, test_create_datagram_endpoint_ip_addr) {
  auto made = co_await endpoint({.local_address = {{"127.0.0.3", 0}}, .reuse_port = true});
  EXPECT_EQ(made.transport->sockname().host(), "127.0.0.3");
  EXPECT_EQ(option_of(made, SO_TYPE), SOCK_DGRAM);
  EXPECT_EQ(option_of(made, SO_DOMAIN), AF_INET);
  co_await close(std::move(made));
}

}  // namespace
}  // namespace tutti::conformance

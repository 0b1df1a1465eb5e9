// SPDX-License-Identifier: MIT
// CPython's test_sock_lowlevel: system calls on sockets as awaitables.
#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>
#include <tutti/task/timeout.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"

namespace tutti::conformance {
namespace {

using std::string;

Address any_port() { return *Address::parse("127.0.0.1", 0); }

Socket stream_socket() { return Socket(AddressFamily::ipv4); }

void set_blocking(const Socket& socket, bool on) {
  const int flags = ::fcntl(socket.fd(), F_GETFL);
  ::fcntl(socket.fd(), F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

Coro<> client_ops(const Address& server, Socket socket) {
  get_running_loop().set_debug(true);
  set_blocking(socket, true);
  string memory(16, '\0');
  EXPECT_THROW(co_await sock_connect(socket, server), ValueError);
  EXPECT_THROW(co_await sock_sendall(socket, http_request), ValueError);
  EXPECT_THROW(co_await sock_recv(socket, 1024), ValueError);
  EXPECT_THROW(co_await sock_recv_into(socket, memory), ValueError);
  EXPECT_THROW(co_await sock_accept(socket), ValueError);

  set_blocking(socket, false);
  co_await sock_connect(socket, server);
  co_await sock_sendall(socket, http_request);
  const string data = co_await sock_recv(socket, 1024);
  EXPECT_TRUE(data.starts_with("HTTP/1.0 200 OK"));
  co_await sock_recv(socket, 1024);
}

Coro<> recv_into(const Address& server, Socket socket) {
  co_await sock_connect(socket, server);
  co_await sock_sendall(socket, http_request);
  string data(1024, '\0');
  const std::size_t count = co_await sock_recv_into(socket, data);
  co_await sock_recv_into(socket, MutableBytes(data).subspan(count));
  EXPECT_TRUE(data.starts_with("HTTP/1.0 200 OK"));
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_sock_client_ops) {
  auto server = co_await run_test_server();
  co_await client_ops(server.sockets().front(), stream_socket());
  co_await recv_into(server.sockets().front(), stream_socket());
  co_await stop(server);
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_unix_sock_client_ops) {
  const UnixSocketPath path;
  auto server = co_await start_unix_server(&serve_http, path.path());
  co_await client_ops(Address::local(path.path()), Socket(AddressFamily::local));
  co_await recv_into(Address::local(path.path()), Socket(AddressFamily::local));
  co_await stop(server);
}

Coro<> recv_racing(const Address& server) {
  const Socket socket = stream_socket();
  co_await sock_connect(socket, server);
  const auto cancelled = create_task(sock_recv(socket, 1024));
  co_await turn();
  cancelled.cancel();
  const auto send = create_task(sock_sendall(socket, http_request));
  EXPECT_TRUE((co_await sock_recv(socket, 1024)).starts_with("HTTP/1.0 200 OK"));
  co_await sock_recv(socket, 1024);
  co_await send;
  EXPECT_TRUE(cancelled.cancelled());
}

Coro<> recv_into_racing(const Address& server) {
  const Socket socket = stream_socket();
  co_await sock_connect(socket, server);
  string data(1024, '\0');
  const auto cancelled = create_task(sock_recv_into(socket, data));
  co_await turn();
  cancelled.cancel();
  const auto send = create_task(sock_sendall(socket, http_request));
  const std::size_t count = co_await sock_recv_into(socket, data);
  co_await sock_recv_into(socket, MutableBytes(data).subspan(count));
  EXPECT_TRUE(data.starts_with("HTTP/1.0 200 OK"));
  co_await send;
  EXPECT_TRUE(cancelled.cancelled());
}

Coro<> send_racing() {
  Socket listener = stream_socket();
  listener.bind(any_port());
  listener.listen(1);
  Socket socket = stream_socket();
  socket.set_option(SOL_SOCKET, SO_SNDBUF, 1024);
  co_await sock_connect(socket, listener.getsockname());
  auto [server, address] = co_await sock_accept(listener);

  // Until 5 more bytes have no room.
  for (std::size_t size = 8192; size >= 4; size /= 2) {
    const string spaces(size, ' ');
    while (::send(socket.fd(), spaces.data(), spaces.size(), MSG_NOSIGNAL) > 0) {
    }
  }
  const auto cancelled = create_task(sock_sendall(socket, "hello"));
  co_await turn();
  cancelled.cancel();

  const auto receive = create_task([&]() -> Coro<string> {
    string all;
    for (;;) {
      string piece = co_await sock_recv(server, 8192);
      if (piece.empty()) co_return all;
      std::erase(piece, ' ');
      all += piece;
    }
  });
  co_await sock_sendall(socket, "world");
  socket.shutdown(ShutdownSide::writing);
  EXPECT_TRUE((co_await receive).ends_with("world"));
  EXPECT_TRUE(cancelled.cancelled());
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_sock_client_racing) {
  auto server = co_await run_test_server();
  co_await recv_racing(server.sockets().front());
  co_await recv_into_racing(server.sockets().front());
  co_await stop(server);
  co_await send_racing();
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_sock_client_connect_racing) {
  Socket listener = stream_socket();
  listener.bind(any_port());
  const Socket socket = stream_socket();
  const auto attempt = create_task(sock_connect(socket, listener.getsockname()));
  co_await turn();
  attempt.cancel();
  listener.listen(1);
  // The socket may have to get over the attempt that nobody listened to.
  std::exception_ptr error;
  for (int i = 0; i < 128; ++i) {
    error = co_await error_of(sock_connect(socket, listener.getsockname()));
    if (!error || !holds<ConnectionRefusedError>(error)) break;
  }
  EXPECT_FALSE(error) << describe(error);
  EXPECT_EQ(socket.getpeername(), listener.getsockname());
  (void)co_await error_of(attempt);
}

string digits(std::size_t size) {
  string result(size, '\0');
  for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<char>('0' + i % 10);
  return result;
}

/// Sends much to /loop and reads it back; `receive` is one of the two calls that do.
template <class Receive>
Coro<> huge_content(Receive receive) {
  auto server = co_await run_test_server();
  const Socket socket = stream_socket();
  const std::size_t size = 1'000'000;
  co_await sock_connect(socket, server.sockets().front());
  co_await sock_sendall(socket, "POST /loop HTTP/1.0\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  const auto send = create_task(sock_sendall(socket, digits(size)));
  string data;
  for (;;) {
    const string piece = co_await receive(socket, size);
    if (piece.empty()) break;
    data += piece;
  }
  EXPECT_TRUE(data.starts_with("HTTP/1.0 200 OK"));
  data.erase(0, data.find("\r\n\r\n") + 4);
  EXPECT_EQ(data.size(), size);
  EXPECT_TRUE(data == digits(size));
  co_await send;
  co_await stop(server);
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_huge_content) {
  co_await huge_content([](const Socket& socket, std::size_t size) { return sock_recv(socket, size); });
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_huge_content_recvinto) {
  string memory(1'000'000, '\0');
  const auto receive = [&](const Socket& socket, std::size_t) -> Coro<string> {
    const std::size_t count = co_await sock_recv_into(socket, memory);
    co_return memory.substr(0, count);
  };
  co_await huge_content(receive);
}

/// `test_utils.run_udp_echo_server`, for as long as the test goes on.
class UdpEcho {
 public:
  UdpEcho() : socket_(AddressFamily::ipv4, SocketType::datagram) { socket_.bind(any_port()); }
  [[nodiscard]] Address address() const { return socket_.getsockname(); }
  Coro<> serve(int datagrams) const {
    for (int i = 0; i < datagrams; ++i) {
      auto [data, from] = co_await sock_recvfrom(socket_, 65536);
      co_await sock_sendto(socket_, std::move(data), from);
    }
  }

 private:
  Socket socket_;
};

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_recvfrom) {
  const UdpEcho echo;
  const auto server = create_task(echo.serve(1));
  const Socket socket(AddressFamily::ipv4, SocketType::datagram);
  const string data(4096, '\1');
  EXPECT_EQ(co_await sock_sendto(socket, data, echo.address()), data.size());
  const auto [received, from] = co_await sock_recvfrom(socket, 4096);
  EXPECT_TRUE(received == data);
  EXPECT_EQ(from, echo.address());
  co_await server;
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_recvfrom_into) {
  const UdpEcho echo;
  const auto server = create_task(echo.serve(2));
  const Socket socket(AddressFamily::ipv4, SocketType::datagram);
  const string data(4096, '\1');
  string memory(4096, '\0');
  co_await sock_sendto(socket, data, echo.address());
  const auto [count, from] = co_await sock_recvfrom_into(socket, memory);
  EXPECT_EQ(count, 4096U);
  EXPECT_TRUE(memory == data);
  EXPECT_EQ(from, echo.address());

  string more(8192, '\0');
  co_await sock_sendto(socket, data, echo.address());
  const auto [again, whom] = co_await sock_recvfrom_into(socket, MutableBytes(more).first(4096));
  EXPECT_EQ(again, 4096U);
  EXPECT_TRUE(more.substr(0, 4096) == data);
  EXPECT_EQ(whom, echo.address());
  co_await server;
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_sendto_blocking) {
  // A Unix socket's queue is soon full, so that sending has to wait.
  auto [here, there] = Socket::pair(SocketType::datagram);
  const UnixSocketPath path;
  Socket receiver(AddressFamily::local, SocketType::datagram);
  receiver.bind(Address::local(path.path()));
  const string data(4096, '\1');
  const Socket socket(AddressFamily::local, SocketType::datagram);
  int sent = 0;
  const auto send = create_task([&]() -> Coro<> {
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(co_await sock_sendto(socket, data, Address::local(path.path())), data.size());
      ++sent;
    }
  });
  co_await turn();
  co_await turn();
  EXPECT_LT(sent, 1000);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE((co_await sock_recvfrom(receiver, 4096)).first == data);
  co_await send;
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_sock_client_fail) {
  Socket unused = stream_socket();
  unused.bind(any_port());
  const Address address = unused.getsockname();
  unused.close();
  const Socket socket = stream_socket();
  EXPECT_THROW(co_await sock_connect(socket, address), ConnectionRefusedError);
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_sock_accept) {
  Socket listener = stream_socket();
  listener.bind(any_port());
  listener.listen(1);
  const Socket client = stream_socket();
  co_await sock_connect(client, listener.getsockname());
  const auto [connection, address] = co_await sock_accept(listener);
  EXPECT_NE(::fcntl(connection.fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(address, client.getsockname());
  EXPECT_EQ(client.getpeername(), listener.getsockname());
}

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_cancel_sock_accept) {
  Socket listener = stream_socket();
  listener.bind(any_port());
  listener.listen(1);
  const Address address = listener.getsockname();
  EXPECT_THROW(co_await wait_for(sock_accept(listener), 10ms), TimeoutError);
  listener.close();
  const Socket client = stream_socket();
  EXPECT_THROW(co_await sock_connect(client, address), ConnectionRefusedError);
}

class MyProtocol final : public Protocol {
 public:
  Future<> done;
  std::size_t received = 0;
  string state = "INITIAL";
  void connection_made(std::shared_ptr<Transport> transport) override {
    EXPECT_EQ(std::exchange(state, "CONNECTED"), "INITIAL");
    transport->write("GET / HTTP/1.0\r\nHost: example.com\r\n\r\n");
  }
  void data_received(BytesView data) override {
    EXPECT_EQ(state, "CONNECTED");
    received += data.size();
  }
  bool eof_received() override {
    EXPECT_EQ(std::exchange(state, "EOF"), "CONNECTED");
    return false;
  }
  void connection_lost(std::exception_ptr) override {
    EXPECT_EQ(std::exchange(state, "CLOSED"), "EOF");
    done.set_result();
  }
};

CONFORMANCE_IO(test_sock_lowlevel, BaseSockTestsMixin, test_create_connection_sock) {
  auto server = co_await run_test_server();
  Socket socket = stream_socket();
  co_await sock_connect(socket, server.sockets().front());
  const auto [transport, protocol] =
      co_await create_connection([] { return std::make_shared<MyProtocol>(); }, std::move(socket));
  co_await protocol->done;
  EXPECT_GT(protocol->received, 0U);
  transport->close();
  co_await stop(server);
}

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// CPython's test_sendfile: files through sockets and through transports.
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/protocols.hpp>
#include <tutti/net/sendfile.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "conformance/sendfile_support.hpp"

namespace tutti::conformance {
namespace {

using std::string;

const int small_buffer = 4 * 1024;

/// Takes what comes; closes after so many bytes.
class Receiving final : public Protocol {
 public:
  explicit Receiving(std::optional<std::size_t> close_after = {}) : close_after_(close_after) {}
  Future<> done;
  string data;

  void connection_made(std::shared_ptr<Transport> transport) override { transport_ = std::move(transport); }
  void data_received(BytesView piece) override {
    data += piece;
    if (close_after_ && data.size() >= *close_after_) transport_->close();
  }
  void connection_lost(std::exception_ptr) override {
    transport_.reset();
    done.set_result();
  }

 private:
  std::optional<std::size_t> close_after_;
  std::shared_ptr<Transport> transport_;
};

/// A server whose one connection `receiver` gets, with small buffers, and a socket connected with it.
struct Prepared {
  Server server;
  std::shared_ptr<Receiving> receiver;
  Socket socket;
};

Coro<Prepared> prepare(std::optional<std::size_t> close_after = {}, std::optional<SSLContext> ssl = {}) {
  Socket listener(AddressFamily::ipv4);
  listener.bind(*Address::parse("127.0.0.1", 0));
  listener.set_option(SOL_SOCKET, SO_RCVBUF, small_buffer);
  const Address address = listener.getsockname();
  auto receiver = std::make_shared<Receiving>(close_after);
  auto server = co_await create_server([receiver] { return receiver; }, std::move(listener), {.ssl = std::move(ssl)});
  Socket socket(AddressFamily::ipv4);
  co_await sock_connect(socket, address);
  socket.set_option(SOL_SOCKET, SO_SNDBUF, small_buffer);
  co_return Prepared{std::move(server), std::move(receiver), std::move(socket)};
}

CONFORMANCE_IO(test_sendfile, SockSendfileMixin, test_sock_sendfile_success) {
  auto [server, receiver, socket] = co_await prepare();
  const File file;
  EXPECT_EQ(co_await sock_sendfile(socket, file.fd()), file.size());
  socket.close();
  co_await receiver->done;
  EXPECT_TRUE(receiver->data == file.data());
  EXPECT_EQ(file.tell(), file.size());
  co_await stop(server);
}

CONFORMANCE_IO(test_sendfile, SockSendfileMixin, test_sock_sendfile_with_offset_and_count) {
  auto [server, receiver, socket] = co_await prepare();
  const File file;
  EXPECT_EQ(co_await sock_sendfile(socket, file.fd(), {.offset = 1000, .count = 2000}), 2000U);
  socket.close();
  co_await receiver->done;
  EXPECT_TRUE(receiver->data == file.data().substr(1000, 2000));
  EXPECT_EQ(file.tell(), 3000U);
  co_await stop(server);
}

// Without a count: up to the end of the file.
CONFORMANCE_IO(test_sendfile, SockSendfileMixin, test_sock_sendfile_offset) {
  auto [server, receiver, socket] = co_await prepare();
  const File file;
  EXPECT_EQ(co_await sock_sendfile(socket, file.fd(), {.offset = 1000}), file.size() - 1000);
  socket.close();
  co_await receiver->done;
  EXPECT_TRUE(receiver->data == file.data().substr(1000));
  EXPECT_EQ(file.tell(), file.size());
  co_await stop(server);
}

CONFORMANCE_IO(test_sendfile, SockSendfileMixin, test_sock_sendfile_zero_size) {
  auto [server, receiver, socket] = co_await prepare();
  const File empty(0);
  EXPECT_EQ(co_await sock_sendfile(socket, empty.fd()), 0U);
  socket.close();
  co_await receiver->done;
  EXPECT_EQ(receiver->data, "");
  EXPECT_EQ(empty.tell(), 0U);
  co_await stop(server);
}

CONFORMANCE_IO(test_sendfile, SockSendfileMixin, test_sock_sendfile_mix_with_regular_send) {
  auto [server, receiver, socket] = co_await prepare();
  const File file;
  const string around(64 * 1024, '-');
  co_await sock_sendall(socket, around);
  EXPECT_EQ(co_await sock_sendfile(socket, file.fd()), file.size());
  co_await sock_sendall(socket, around);
  socket.close();
  co_await receiver->done;
  EXPECT_TRUE(receiver->data == around + file.data() + around);
  EXPECT_EQ(file.tell(), file.size());
  co_await stop(server);
}

/// The same with a transport on the sending side.
struct Sending {
  Server server;
  std::shared_ptr<Receiving> receiver;
  std::shared_ptr<Transport> transport;
  std::shared_ptr<Receiving> sender;
};

Coro<Sending> prepare_transport(bool tls = false, std::optional<std::size_t> close_after = {}) {
  std::optional<SSLContext> server_side;
  ConnectOptions options;
  if (tls) {
    server_side = tls_support::server_context();
    options.ssl = tls_support::client_context();
    options.server_hostname = "localhost";
  }
  auto [server, receiver, socket] = co_await prepare(close_after, std::move(server_side));
  auto [transport, sender] =
      co_await create_connection([] { return std::make_shared<Receiving>(); }, std::move(socket), std::move(options));
  transport->set_write_buffer_limits(small_buffer);
  co_return Sending{std::move(server), std::move(receiver), std::move(transport), std::move(sender)};
}

Coro<> finish(Sending& sending) {
  sending.transport->close();
  co_await sending.receiver->done;
  co_await sending.sender->done;
  co_await stop(sending.server);
}

Coro<> send_whole_file(bool tls, std::optional<std::size_t> close_after = {}) {
  auto sending = co_await prepare_transport(tls, close_after);
  const File file;
  EXPECT_EQ(co_await sendfile(sending.transport, file.fd()), file.size());
  co_await finish(sending);
  EXPECT_TRUE(sending.receiver->data == file.data());
  EXPECT_EQ(file.tell(), file.size());
}

CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile) { co_await send_whole_file(false); }
CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_ssl) { co_await send_whole_file(true); }
CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_ssl_close_peer_after_receiving) {
  co_await send_whole_file(true, File().size());
}
CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_close_peer_after_receiving) {
  co_await send_whole_file(false, File().size());
}
CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_for_closing_transp) {
  auto sending = co_await prepare_transport();
  const File file;
  sending.transport->close();
  const auto error = co_await error_of(sendfile(sending.transport, file.fd()));
  EXPECT_TRUE(contains(message_in<RuntimeError>(error), "closing"));
  co_await finish(sending);
  EXPECT_EQ(sending.receiver->data, "");
  EXPECT_EQ(file.tell(), 0U);
}

Coro<> send_between_writes(bool tls) {
  auto sending = co_await prepare_transport(tls);
  const File file;
  const string prefix(8 * 1024, '<');
  const string suffix(8 * 1024, '>');
  sending.transport->write(prefix);
  EXPECT_EQ(co_await sendfile(sending.transport, file.fd()), file.size());
  sending.transport->write(suffix);
  co_await finish(sending);
  EXPECT_TRUE(sending.receiver->data == prefix + file.data() + suffix);
  EXPECT_EQ(file.tell(), file.size());
}

CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_pre_and_post_data) { co_await send_between_writes(false); }
CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_ssl_pre_and_post_data) {
  co_await send_between_writes(true);
}

Coro<> send_part(bool tls) {
  auto sending = co_await prepare_transport(tls);
  const File file;
  EXPECT_EQ(co_await sendfile(sending.transport, file.fd(), {.offset = 1000, .count = 100}), 100U);
  co_await finish(sending);
  EXPECT_EQ(sending.receiver->data, file.data().substr(1000, 100));
  EXPECT_EQ(file.tell(), 1100U);
}

CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_partial) { co_await send_part(false); }
CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_ssl_partial) { co_await send_part(true); }

CONFORMANCE_IO(test_sendfile, SockSendfileMixin, test_sendfile_offset) {
  auto sending = co_await prepare_transport();
  const File file;
  EXPECT_EQ(co_await sendfile(sending.transport, file.fd(), {.offset = 1000}), file.size() - 1000);
  co_await finish(sending);
  EXPECT_TRUE(sending.receiver->data == file.data().substr(1000));
  EXPECT_EQ(file.tell(), file.size());
}

CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_close_peer_in_the_middle_of_receiving) {
  auto sending = co_await prepare_transport(false, 1024);
  const File file;
  EXPECT_THROW(co_await sendfile(sending.transport, file.fd()), ConnectionError);
  co_await sending.receiver->done;
  EXPECT_GE(sending.receiver->data.size(), 1024U);
  EXPECT_LT(sending.receiver->data.size(), file.size());
  EXPECT_GE(file.tell(), 1024U);
  EXPECT_LT(file.tell(), file.size());
  EXPECT_TRUE(sending.transport->is_closing());
  co_await finish(sending);
}

CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_prevents_bare_write) {
  auto sending = co_await prepare_transport();
  const File file;
  const auto task = create_task(sendfile(sending.transport, file.fd()));
  co_await turn();
  const auto error = error_of_call([&] {
    sending.transport->write("data");
    return 0;
  });
  EXPECT_TRUE(contains(message_in<RuntimeError>(error), "sendfile is in progress"));
  EXPECT_EQ(co_await task, file.size());
  co_await finish(sending);
}

CONFORMANCE_IO(test_sendfile, SendfileMixin, test_sendfile_no_fallback_for_fallback_transport) {
  // TLS has no sendfile(2).
  auto sending = co_await prepare_transport(true);
  const File file;
  EXPECT_THROW(co_await sendfile(sending.transport, file.fd(), {.fallback = false}), RuntimeError);
  EXPECT_EQ(file.tell(), 0U);
  co_await finish(sending);
}

}  // namespace
}  // namespace tutti::conformance

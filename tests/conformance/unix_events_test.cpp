// SPDX-License-Identifier: MIT
// CPython's test_unix_events: signals, Unix sockets, watched descriptors. Pipes, sendfile and fork have their own files.
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <tutti/net/endpoints.hpp>
#include <tutti/net/sockets.hpp>

#include "conformance/conformance.hpp"
#include "conformance/io_support.hpp"
#include "net/protocol_support.hpp"

namespace tutti::conformance {
namespace {

using protocol_support::make_recorder;
using std::string;

// --- signals ---

/// What a signal does in this process.
sighandler_t disposition(int signum) {
  struct sigaction present{};
  ::sigaction(signum, nullptr, &present);
  return present.sa_handler;
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_check_signal) {
  EXPECT_THROW(get_running_loop().add_signal_handler(SIGRTMAX + 1, [] {}), ValueError);
  EXPECT_THROW(get_running_loop().add_signal_handler(0, [] {}), ValueError);
  EXPECT_THROW(get_running_loop().remove_signal_handler(SIGRTMAX + 1), ValueError);
  co_return;
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_handle_signal_no_handler) {
  // One that came before its handler was removed.
  auto& loop = get_running_loop();
  int called = 0;
  loop.add_signal_handler(SIGHUP, [&] { ++called; });
  ::raise(SIGHUP);
  EXPECT_TRUE(loop.remove_signal_handler(SIGHUP));
  co_await test_support::turns(3);
  EXPECT_EQ(called, 0);
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_add_signal_handler) {
  auto& loop = get_running_loop();
  int called = 0;
  loop.add_signal_handler(SIGHUP, [&] { ++called; });
  ::raise(SIGHUP);
  EXPECT_EQ(called, 0);  // between two callbacks, not in the middle of one
  co_await test_support::turns(3);
  EXPECT_EQ(called, 1);
  loop.remove_signal_handler(SIGHUP);
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_add_signal_handler_install_error2) {
  // The system refuses it, while there is another handler, which stays.
  auto& loop = get_running_loop();
  int called = 0;
  loop.add_signal_handler(SIGHUP, [&] { ++called; });
  EXPECT_THROW(loop.add_signal_handler(SIGKILL, [] {}), RuntimeError);
  ::raise(SIGHUP);
  co_await test_support::turns(3);
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(loop.remove_signal_handler(SIGHUP));
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_add_signal_handler_install_error3) {
  EXPECT_THROW(get_running_loop().add_signal_handler(SIGKILL, [] {}), RuntimeError);
  EXPECT_FALSE(get_running_loop().remove_signal_handler(SIGKILL));
  co_return;
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_remove_signal_handler) {
  auto& loop = get_running_loop();
  const sighandler_t before = disposition(SIGHUP);
  loop.add_signal_handler(SIGHUP, [] {});
  EXPECT_NE(disposition(SIGHUP), before);
  EXPECT_TRUE(loop.remove_signal_handler(SIGHUP));
  EXPECT_EQ(disposition(SIGHUP), before);
  EXPECT_FALSE(loop.remove_signal_handler(SIGHUP));
  co_return;
}

CONFORMANCE(test_unix_events, SelectorEventLoopSignalTests, test_remove_signal_handler_2) {
  // SIGINT gets back what it did before; other handlers stay.
  auto& loop = get_running_loop();
  const sighandler_t before = disposition(SIGINT);
  int called = 0;
  loop.add_signal_handler(SIGINT, [] {});
  loop.add_signal_handler(SIGHUP, [&] { ++called; });
  EXPECT_TRUE(loop.remove_signal_handler(SIGINT));
  EXPECT_EQ(disposition(SIGINT), before);
  ::raise(SIGHUP);
  co_await test_support::turns(3);
  EXPECT_EQ(called, 1);
  EXPECT_TRUE(loop.remove_signal_handler(SIGHUP));
}

CONFORMANCE_OUTSIDE(test_unix_events, SelectorEventLoopSignalTests, test_close) {
  const auto loop = new_test_loop();
  const sighandler_t hangup = disposition(SIGHUP);
  const sighandler_t child = disposition(SIGCHLD);
  loop->add_signal_handler(SIGHUP, [] {});
  loop->add_signal_handler(SIGCHLD, [] {});
  loop->close();
  EXPECT_EQ(disposition(SIGHUP), hangup);
  EXPECT_EQ(disposition(SIGCHLD), child);
}

// --- Unix sockets ---

auto make_protocol() { return std::make_shared<Protocol>(); }

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_server_existing_path_sock) {
  // A socket that another server has left there.
  const UnixSocketPath path;
  {
    Socket left(AddressFamily::local);
    left.bind(Address::local(path.path()));
    left.listen(1);
  }
  auto server = co_await create_unix_server(&make_protocol, path.path());
  co_await stop(server);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_server_pathlike) {
  const UnixSocketPath socket;
  const std::filesystem::path path = socket.path();
  auto server = co_await create_unix_server(&make_protocol, path);
  EXPECT_TRUE(std::filesystem::is_socket(path));
  co_await stop(server);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_connection_pathlike) {
  const UnixSocketPath socket;
  const std::filesystem::path path = socket.path();
  EXPECT_THROW(co_await create_unix_connection(&make_protocol, path), FileNotFoundError);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_server_existing_path_nonsock) {
  const test_support::ScratchDirectory directory;
  const string path = directory.make("file", "text");
  try {
    co_await create_unix_server(&make_protocol, path);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const OSError& error) {
    EXPECT_EQ(error.error_number(), EADDRINUSE);
    EXPECT_TRUE(contains(error.what(), path)) << error.what();
  }
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_server_path_dgram) {
  EXPECT_THROW(co_await create_server(&make_protocol, Socket(AddressFamily::local, SocketType::datagram)), ValueError);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_server_path_stream_bittype) {
  // The type of a socket is told without the bits that socket(2) takes along with it.
  const UnixSocketPath path;
  Socket socket(Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
  socket.bind(Address::local(path.path()));
  auto server = co_await create_server(&make_protocol, std::move(socket));
  EXPECT_EQ(server.sockets().front().path(), path.path());
  co_await stop(server);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_server_bind_error) {
  // And no descriptor is left open.
  const test_support::ScratchDirectory directory;
  EXPECT_THROW(co_await create_unix_server(&make_protocol, directory / "nowhere/socket"), FileNotFoundError);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_connection_nossl_serverhost) {
  const auto error =
      co_await error_of(create_unix_connection(&make_protocol, "/dev/null", {.server_hostname = "spam"}));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "server_hostname is only meaningful with ssl"));
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSocketTests, test_create_unix_connection_ssl_noserverhost) {
  const auto error = co_await error_of(create_unix_connection(&make_protocol, "/dev/null", {.ssl = true}));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "TLS needs a server_hostname"));
}

// --- watched descriptors ---

CONFORMANCE_IO(test_unix_events, TestFunctional, test_add_reader_invalid_argument) {
  auto& loop = get_running_loop();
  EXPECT_THROW(loop.add_reader(-1, [] {}), OSError);
  EXPECT_THROW(loop.add_writer(-1, [] {}), OSError);
  EXPECT_FALSE(loop.remove_reader(-1));
  EXPECT_FALSE(loop.remove_writer(-1));
  co_return;
}

CONFORMANCE_IO(test_unix_events, TestFunctional, test_add_reader_or_writer_transport_fd) {
  auto [here, there] = Socket::pair();
  const auto [transport, protocol] = co_await create_connection(make_recorder(), std::move(here));
  const int descriptor = transport->fd();
  auto& loop = get_running_loop();
  EXPECT_THROW(loop.add_reader(descriptor, [] {}), RuntimeError);
  EXPECT_THROW(loop.remove_reader(descriptor), RuntimeError);
  EXPECT_THROW(loop.add_writer(descriptor, [] {}), RuntimeError);
  EXPECT_THROW(loop.remove_writer(descriptor), RuntimeError);
  transport->close();
  co_await protocol->lost;
  protocol->transport.reset();
}

}  // namespace
}  // namespace tutti::conformance

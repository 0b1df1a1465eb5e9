// SPDX-License-Identifier: MIT
// The tests of sendfile in CPython's test_base_events and test_unix_events: with the kernel's help, without it, and what goes wrong. There
// os.sendfile is a mock that fails; here /proc/self/mem is a file that sendfile(2) refuses and read(2) does not: our memory.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/net/sock.hpp>
#include <tutti/net/sockets.hpp>

#include "conformance/conformance.hpp"
#include "conformance/sendfile_support.hpp"
#include "support/turns.hpp"

namespace tutti::conformance {
namespace {

using std::string;

/// `data` as a part of a file without sendfile(2).
class MemoryFile {
 public:
  explicit MemoryFile(string text) : data_(std::move(text)), file_(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] std::uint64_t offset() const { return reinterpret_cast<std::uintptr_t>(data_.data()); }
  [[nodiscard]] std::uint64_t tell() const { return static_cast<std::uint64_t>(::lseek(fd(), 0, SEEK_CUR)); }

 private:
  string data_;
  Fd file_;
};

/// Reads up to the end.
Coro<string> receive_all(const Socket& socket) {
  string all;
  for (;;) {
    const string piece = co_await sock_recv(socket, 256 * 1024);
    if (piece.empty()) co_return all;
    all += piece;
  }
}

const string data = [] {
  string all;
  while (all.size() < std::size_t{160} * 1024) all += "12345abcde";
  return all;
}();

// --- test_base_events.BaseLoopSockSendfileTests ---

CONFORMANCE_IO(test_base_events, BaseLoopSockSendfileTests, test_sock_sendfile_no_fallback) {
  auto [here, there] = Socket::pair();
  const MemoryFile file(data);
  EXPECT_THROW(
      co_await sock_sendfile(here, file.fd(), {.offset = file.offset(), .count = data.size(), .fallback = false}),
      SendfileNotAvailableError);
  EXPECT_EQ(file.tell(), 0U);
  here.close();
  EXPECT_EQ(co_await receive_all(there), "");
}

CONFORMANCE_IO(test_base_events, BaseLoopSockSendfileTests, test_sock_sendfile_fallback) {
  auto [here, there] = Socket::pair();
  const MemoryFile file(data);
  const auto received = create_task(receive_all(there));
  EXPECT_EQ(co_await sock_sendfile(here, file.fd(), {.offset = file.offset(), .count = data.size()}), data.size());
  here.close();
  EXPECT_TRUE(co_await received == data);
  EXPECT_EQ(file.tell(), file.offset() + data.size());
}

CONFORMANCE_IO(test_base_events, BaseLoopSockSendfileTests, test_sock_sendfile_fallback_offset_and_count) {
  auto [here, there] = Socket::pair();
  const MemoryFile file(data);
  EXPECT_EQ(co_await sock_sendfile(here, file.fd(), {.offset = file.offset() + 1000, .count = 2000}), 2000U);
  here.close();
  EXPECT_TRUE(co_await receive_all(there) == data.substr(1000, 2000));
  EXPECT_EQ(file.tell(), file.offset() + 3000);
}

CONFORMANCE_IO(test_base_events, BaseLoopSockSendfileTests, test_blocking_socket) {
  get_running_loop().set_debug(true);
  auto [here, there] = Socket::pair();
  (void)::fcntl(here.fd(), F_SETFL, 0);
  const File file;
  const auto error = co_await error_of(sock_sendfile(here, file.fd()));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "block"));
}

CONFORMANCE_IO(test_base_events, BaseLoopSockSendfileTests, test_nonstream_socket) {
  const Socket socket(AddressFamily::ipv4, SocketType::datagram);
  const File file;
  const auto error = co_await error_of(sock_sendfile(socket, file.fd()));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "only stream sockets"));
}

CONFORMANCE_IO(test_base_events, BaseLoopSockSendfileTests, test_negative_count) {
  // It has no sign; 0 is refused by CPython, too.
  auto [here, there] = Socket::pair();
  const File file;
  const auto error = co_await error_of(sock_sendfile(here, file.fd(), {.count = 0}));
  EXPECT_TRUE(contains(message_in<ValueError>(error), "count must be positive"));
}

// --- test_unix_events.SelectorEventLoopUnixSockSendfileTests ---

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSockSendfileTests, test_sock_sendfile_not_regular_file) {
  auto [here, there] = Socket::pair();
  auto [reading, writing] = make_pipe();
  EXPECT_THROW(co_await sock_sendfile(here, reading.get(), {.fallback = false}), SendfileNotAvailableError);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSockSendfileTests, test_sock_sendfile_os_error_first_call) {
  auto [here, there] = Socket::pair();
  const MemoryFile file(data);
  EXPECT_THROW(co_await sock_sendfile(here, file.fd(), {.offset = file.offset(), .fallback = false}),
               SendfileNotAvailableError);
  EXPECT_EQ(file.tell(), 0U);
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSockSendfileTests, test_sock_sendfile_cancel1) {
  // While it waits for room: the socket can be used again, and the file's position tells how much was sent.
  auto [here, there] = Socket::pair();
  const File file(std::size_t{1024} * 1024);
  const auto sending = create_task(sock_sendfile(here, file.fd()));
  co_await test_support::turns(3);
  sending.cancel();
  EXPECT_THROW(co_await sending, CancelledError);
  const std::size_t sent = file.tell();
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, file.size());
  const auto received = create_task(receive_all(there));
  co_await sock_sendall(here, "behind it");
  here.close();
  EXPECT_TRUE(co_await received == file.data().substr(0, sent) + "behind it");
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSockSendfileTests, test_sock_sendfile_cancel2) {
  // Before it begins.
  auto [here, there] = Socket::pair();
  const File file;
  const auto sending = create_task(sock_sendfile(here, file.fd()));
  sending.cancel();
  EXPECT_THROW(co_await sending, CancelledError);
  EXPECT_EQ(file.tell(), 0U);
  here.close();
  EXPECT_EQ(co_await receive_all(there), "");
}

/// Writes until there is no room for another byte.
string fill(const Socket& socket) {
  string all;
  for (const std::size_t piece : {std::size_t{4096}, std::size_t{1}}) {
    const string filling(piece, '-');
    for (ssize_t count = 1; count > 0;) {
      count = ::send(socket.fd(), filling.data(), piece, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) all.append(static_cast<std::size_t>(count), '-');
    }
  }
  return all;
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSockSendfileTests, test_sock_sendfile_blocking_error) {
  // The first call finds no room, and waits for it.
  auto [here, there] = Socket::pair();
  const File file;
  const string filling = fill(here);
  const auto sending = create_task(sock_sendfile(here, file.fd()));
  co_await test_support::turns(3);
  EXPECT_FALSE(sending.done());
  EXPECT_EQ(file.tell(), 0U);
  const auto received = create_task(receive_all(there));
  EXPECT_EQ(co_await sending, file.size());
  here.close();
  EXPECT_TRUE(co_await received == filling + file.data());
}

CONFORMANCE_IO(test_unix_events, SelectorEventLoopUnixSockSendfileTests, test_sock_sendfile_os_error_next_call) {
  // An error after a part was sent is that error, also where there is a fallback.
  auto [here, there] = Socket::pair();
  const File file(std::size_t{1024} * 1024);
  const auto sending = create_task(sock_sendfile(here, file.fd()));
  co_await test_support::turns(3);
  EXPECT_FALSE(sending.done());
  there.close();
  EXPECT_THROW(co_await sending, ConnectionError);
  EXPECT_GT(file.tell(), 0U);
  EXPECT_LT(file.tell(), file.size());
}

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// A file through a socket: sock_sendfile.
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>

#include <tutti/net/sock.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::Socket;
using tutti::SocketType;

/// A file without a name that holds `text`.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) : file_(std::tmpfile()) {
    EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), file_), text.size());
    EXPECT_EQ(std::fseek(file_, 0, SEEK_SET), 0);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { (void)std::fclose(file_); }

  [[nodiscard]] int fd() const { return ::fileno(file_); }
  [[nodiscard]] off_t position() const { return ::lseek(fd(), 0, SEEK_CUR); }

 private:
  std::FILE* file_;
};

std::string large_text() {
  std::string text;
  for (int i = 0; text.size() < (4U << 20U); ++i) text += std::to_string(i) + std::string(100, '.');
  return text;
}

Coro<std::string> receive_all(const Socket& socket) {
  std::string all;
  for (;;) {
    std::string piece = co_await tutti::sock_recv(socket, 1U << 20U);
    if (piece.empty()) co_return all;
    all += piece;
  }
}

// test_sendfile.SockSendfileMixin.test_sock_sendfile_success
TUTTI_TEST(SockSendfile, SendsAWholeFile) {
  const std::string text = large_text();
  const TemporaryFile file(text);
  auto [a, b] = Socket::pair();
  auto received = tutti::create_task(receive_all(b));
  EXPECT_EQ(co_await tutti::sock_sendfile(a, file.fd()), text.size());
  a.close();
  EXPECT_TRUE(co_await received == text);
  EXPECT_EQ(file.position(), static_cast<off_t>(text.size()));
}

// test_sock_sendfile_with_offset_and_count
TUTTI_TEST(SockSendfile, SendsAPartOfAFile) {
  const TemporaryFile file("0123456789");
  auto [a, b] = Socket::pair();
  EXPECT_EQ(co_await tutti::sock_sendfile(a, file.fd(), {.offset = 3, .count = 4}), 4U);
  EXPECT_EQ(co_await tutti::sock_recv(b, 100), "3456");
  EXPECT_EQ(file.position(), 7);
  EXPECT_EQ(co_await tutti::sock_sendfile(a, file.fd(), {.offset = 8, .count = 100}), 2U);
  EXPECT_EQ(co_await tutti::sock_recv(b, 100), "89");
  EXPECT_EQ(co_await tutti::sock_sendfile(a, file.fd(), {.offset = 50}), 0U);
}

// test_sock_sendfile_zero_size
TUTTI_TEST(SockSendfile, SendsAnEmptyFile) {
  const TemporaryFile file("");
  auto [a, b] = Socket::pair();
  EXPECT_EQ(co_await tutti::sock_sendfile(a, file.fd()), 0U);
  EXPECT_EQ(file.position(), 0);
}

// test_sock_sendfile_mix_with_regular_send
TUTTI_TEST(SockSendfile, StandsBetweenOtherSends) {
  const std::string text = large_text();
  const TemporaryFile file(text);
  auto [a, b] = Socket::pair();
  auto received = tutti::create_task(receive_all(b));
  co_await tutti::sock_sendall(a, "mix_regular_send");
  EXPECT_EQ(co_await tutti::sock_sendfile(a, file.fd()), text.size());
  co_await tutti::sock_sendall(a, "mix_regular_send");
  a.close();
  EXPECT_TRUE(co_await received == "mix_regular_send" + text + "mix_regular_send");
}

// test_sock_sendfile_force_fallback, test_sock_sendfile_force_unsupported_native: a pipe is no file for sendfile(2)
TUTTI_TEST(SockSendfile, CopiesWhereTheKernelCannot) {
  int ends[2];
  CO_ASSERT_EQ(::pipe(ends), 0);
  const tutti::Fd source(ends[0]);
  tutti::Fd feed(ends[1]);
  CO_ASSERT_EQ(::write(feed.get(), "through a pipe", 14), 14);
  feed.reset();
  auto [a, b] = Socket::pair();
  EXPECT_THROW(co_await tutti::sock_sendfile(a, source.get(), {.fallback = false}), tutti::SendfileNotAvailableError);
  EXPECT_EQ(co_await tutti::sock_sendfile(a, source.get(), {.count = 7}), 7U);
  EXPECT_EQ(co_await tutti::sock_recv(b, 100), "through");
  EXPECT_EQ(co_await tutti::sock_sendfile(a, source.get()), 7U);
  EXPECT_EQ(co_await tutti::sock_recv(b, 100), " a pipe");
}

TUTTI_TEST(SockSendfile, RefusesWhatMakesNoSense) {
  const TemporaryFile file("text");
  auto [a, b] = Socket::pair();
  auto [c, d] = Socket::pair(SocketType::datagram);
  EXPECT_THROW(co_await tutti::sock_sendfile(a, file.fd(), {.count = 0}), tutti::ValueError);
  EXPECT_THROW(co_await tutti::sock_sendfile(c, file.fd()), tutti::ValueError);
  EXPECT_THROW(co_await tutti::sock_sendfile(a, file.fd(), {.offset = ~0ULL}), tutti::ValueError);
  EXPECT_THROW(co_await tutti::sock_sendfile(a, -1), tutti::OSError);
}

TUTTI_TEST(SockSendfile, NoticesAPeerThatIsGone) {
  const TemporaryFile file(large_text());
  auto [a, b] = Socket::pair();
  auto sending = tutti::create_task(tutti::sock_sendfile(a, file.fd()));
  for (int i = 0; i < 3; ++i) co_await tutti::sleep(0s);
  b.close();
  EXPECT_THROW(co_await sending, tutti::ConnectionError);  // and no SIGPIPE
}

TUTTI_TEST(SockSendfile, TellsByTheFilesPositionHowFarACancelledOneCame) {
  const std::string text = large_text();
  const TemporaryFile file(text);
  auto [a, b] = Socket::pair();
  auto sending = tutti::create_task(tutti::sock_sendfile(a, file.fd()));
  for (int i = 0; i < 5; ++i) co_await tutti::sleep(0s);
  sending.cancel();
  EXPECT_THROW(co_await sending, tutti::CancelledError);
  a.close();
  const std::string received = co_await receive_all(b);
  EXPECT_GT(received.size(), 0U);
  EXPECT_LT(received.size(), text.size());
  EXPECT_EQ(file.position(), static_cast<off_t>(received.size()));
}

}  // namespace

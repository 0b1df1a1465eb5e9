// SPDX-License-Identifier: MIT
// Files through streams. Tests that mirror one of CPython's (test_sendfile.SendfileMixin) name it.
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/loop/io_backend.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/sendfile.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/reports.hpp>
#include <tutti/testing/test.hpp>

#include "protocol_support.hpp"
#include "tls_support.hpp"

namespace {

using namespace net_support;
using namespace tls_support;
using namespace std::chrono_literals;

/// A file without a name, with other data at each place.
struct File {
  std::string data;
  std::FILE* file = std::tmpfile();

  explicit File(std::size_t size = 4U << 20U) {
    std::string block;
    for (int i = 0; i < 9999; ++i) block += std::to_string(i) + ' ';
    while (data.size() < size) data += std::to_string(data.size()) + ' ' + block;
    data.resize(size);
    (void)!std::fwrite(data.data(), 1, data.size(), file);
    std::rewind(file);
    (void)std::fflush(file);
    ::lseek(fd(), 0, SEEK_SET);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { (void)std::fclose(file); }
  [[nodiscard]] int fd() const { return ::fileno(file); }
  [[nodiscard]] std::size_t tell() const { return static_cast<std::size_t>(::lseek(fd(), 0, SEEK_CUR)); }
};

/// With and without TLS, which has no sendfile(2).
Coro<> on_both(std::function<Coro<>(Pair&, bool tls)> body) {
  auto plain = co_await connected_pair();
  co_await body(plain, false);
  auto secure = co_await tls_pair();
  co_await body(secure, true);
}

/// What the other end gets until the sender closes.
auto receive(Pair& pair) { return tutti::create_task(pair.peer.reader.read()); }

// test_sendfile, test_sendfile_ssl
TUTTI_TEST(Sendfile, SendsAFile) {
  co_await on_both([](Pair& pair, bool) -> Coro<> {
    const File file;
    auto received = receive(pair);
    EXPECT_EQ(co_await tutti::sendfile(pair.client.writer, file.fd()), file.data.size());
    EXPECT_EQ(file.tell(), file.data.size());
    pair.client.writer.close();
    EXPECT_TRUE(co_await received == file.data);
    co_await close(pair);
  });
}

// test_sendfile_partial, test_sendfile_ssl_partial
TUTTI_TEST(Sendfile, SendsAPart) {
  co_await on_both([](Pair& pair, bool) -> Coro<> {
    const File file;
    EXPECT_EQ(co_await tutti::sendfile(pair.client.writer, file.fd(), {.offset = 1000, .count = 100}), 100U);
    EXPECT_EQ(co_await pair.peer.reader.readexactly(100), file.data.substr(1000, 100));
    EXPECT_EQ(file.tell(), 1100U);
    const std::size_t end = file.data.size();
    EXPECT_EQ(co_await tutti::sendfile(pair.client.writer, file.fd(), {.offset = end - 5, .count = 99}), 5U);
    EXPECT_EQ(co_await tutti::sendfile(pair.client.writer, file.fd(), {.offset = end + 5}), 0U);
    EXPECT_EQ(co_await pair.peer.reader.readexactly(5), file.data.substr(end - 5));
    EXPECT_THROW(co_await tutti::sendfile(pair.client.writer, file.fd(), {.count = 0}), tutti::ValueError);
    co_await close(pair);
  });
}

// test_sendfile_pre_and_post_data, test_sendfile_ssl_pre_and_post_data
TUTTI_TEST(Sendfile, KeepsItsPlaceBetweenWrites) {
  co_await on_both([](Pair& pair, bool) -> Coro<> {
    const File file;
    const std::string before(8U << 20U, '<');  // more than the sockets take
    auto received = receive(pair);
    pair.client.writer.write(before);
    EXPECT_EQ(co_await tutti::sendfile(pair.client.writer, file.fd()), file.data.size());
    pair.client.writer.write(">>>");
    pair.client.writer.close();
    EXPECT_TRUE(co_await received == before + file.data + ">>>");
    co_await close(pair);
  });
}

TUTTI_TEST(Sendfile, IsNoSuccessIfTheConnectionIsAbortedBeforeItsEndIsSent) {
  auto pair = co_await tls_pair(1024);
  for (const int option : {SO_SNDBUF, SO_RCVBUF}) {  // so that a single piece does not fit
    const int size = 4096;
    CO_ASSERT_EQ(::setsockopt(pair.client.writer.fd(), SOL_SOCKET, option, &size, sizeof size), 0);
    CO_ASSERT_EQ(::setsockopt(pair.peer.writer.fd(), SOL_SOCKET, option, &size, sizeof size), 0);
  }
  const File file(256U << 10U);
  auto sending = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
  while (file.tell() != file.data.size()) co_await tutti::sleep(0s);
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0s);
  CO_ASSERT_FALSE(sending.done());
  pair.client.writer.abort();
  EXPECT_THROW(co_await sending, tutti::ConnectionAbortedError);
  co_await close(pair);
}

// test_sendfile_for_closing_transp
TUTTI_TEST(Sendfile, RefusesAStreamThatIsClosing) {
  co_await on_both([](Pair& pair, bool) -> Coro<> {
    const File file;
    pair.client.writer.close();
    EXPECT_EQ(co_await error_of<tutti::RuntimeError>(tutti::sendfile(pair.client.writer, file.fd())),
              "sendfile: the transport is closing");
    EXPECT_EQ(co_await pair.peer.reader.read(), "");
    EXPECT_EQ(file.tell(), 0U);
    co_await close(pair);
  });
}

// test_sendfile_prevents_bare_write
TUTTI_TEST(Sendfile, LetsNobodyElseWrite) {
  auto pair = co_await connected_pair();
  const File file;
  auto sending = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
  co_await tutti::sleep(0s);
  CO_ASSERT_FALSE(sending.done());
  try {
    pair.client.writer.write("data");
    ADD_FAILURE() << "written";
  } catch (const tutti::RuntimeError& error) {
    EXPECT_STREQ(error.what(), "write: a sendfile is in progress");
  }
  EXPECT_THROW(co_await tutti::sendfile(pair.client.writer, file.fd()), tutti::RuntimeError);
  EXPECT_TRUE(co_await pair.peer.reader.readexactly(file.data.size()) == file.data);
  EXPECT_EQ(co_await sending, file.data.size());
  pair.client.writer.write("after");
  EXPECT_EQ(co_await pair.peer.reader.readexactly(5), "after");
  co_await close(pair);
}

// test_sendfile_no_fallback_for_fallback_transport, test_sendfile_force_unsupported_native
TUTTI_TEST(Sendfile, SaysWhereItIsNotAvailable) {
  const File file;
  auto secure = co_await tls_pair();
  EXPECT_EQ(co_await error_of<tutti::SendfileNotAvailableError>(
                tutti::sendfile(secure.client.writer, file.fd(), {.fallback = false})),
            "sendfile: fallback is disabled, and the transport has no sendfile(2)");
  EXPECT_EQ(file.tell(), 0U);
  co_await close(secure);
  auto plain = co_await connected_pair();
  int ends[2];
  CO_ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_THROW(co_await tutti::sendfile(plain.client.writer, ends[0], {.fallback = false}),
               tutti::SendfileNotAvailableError);
  EXPECT_EQ(::write(ends[1], "piped", 5), 5);
  ::close(ends[1]);
  EXPECT_EQ(co_await tutti::sendfile(plain.client.writer, ends[0]), 5U);  // test_sendfile_force_fallback
  ::close(ends[0]);
  EXPECT_EQ(co_await plain.peer.reader.readexactly(5), "piped");
  EXPECT_THROW(co_await tutti::sendfile(plain.client.writer, -1), tutti::OSError);
  co_await close(plain);
}

// test_sendfile_close_peer_in_the_middle_of_receiving, test_sendfile_fallback_close_peer_in_the_middle_of_receiving
TUTTI_TEST(Sendfile, SaysWhenThePeerGoes) {
  co_await on_both([](Pair& pair, bool) -> Coro<> {
    const File file(16U << 20U);
    auto sending = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
    (void)co_await pair.peer.reader.readexactly(1024);
    reset(pair.peer.writer);
    EXPECT_NE(co_await error_of<tutti::ConnectionError>(sending), "no error");
    EXPECT_GE(file.tell(), 1024U);
    EXPECT_LT(file.tell(), file.data.size());
    EXPECT_TRUE(pair.client.writer.is_closing());
    pair.server.close();
  });
}

TUTTI_TEST(Sendfile, EndsWithTheStream) {
  auto pair = co_await connected_pair();
  const File file(16U << 20U);
  auto sending = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
  (void)co_await pair.peer.reader.readexactly(1024);
  pair.client.writer.abort();
  EXPECT_THROW(co_await sending, tutti::ConnectionError);
  co_await close(pair);
}

TUTTI_TEST(Sendfile, IsFinishedByAStreamThatClosesInGoodOrder) {
  auto pair = co_await connected_pair();
  const File file;
  auto sending = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
  co_await tutti::sleep(0s);
  pair.client.writer.close();
  EXPECT_TRUE(co_await pair.peer.reader.read() == file.data);
  EXPECT_EQ(co_await sending, file.data.size());
  co_await close(pair);
}

TUTTI_TEST(Sendfile, MayBeCancelled) {
  co_await on_both([](Pair& pair, bool tls) -> Coro<> {
    const File file(16U << 20U);
    auto before = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
    before.cancel();
    EXPECT_THROW(co_await before, tutti::CancelledError);
    EXPECT_EQ(file.tell(), 0U);
    auto sending = tutti::create_task(tutti::sendfile(pair.client.writer, file.fd()));
    const std::string begin = co_await pair.peer.reader.readexactly(1024);
    sending.cancel();
    EXPECT_THROW(co_await sending, tutti::CancelledError);
    auto received = receive(pair);
    pair.client.writer.write("after");
    pair.client.writer.close();
    const std::string all = begin + co_await received;
    EXPECT_TRUE(all.ends_with("after"));
    EXPECT_TRUE(file.data.starts_with(all.substr(0, all.size() - 5)));
    if (!tls) {
      EXPECT_EQ(file.tell(), all.size() - 5);
    }
    co_await close(pair);
  });
}

// Found by a random run: it gave the receiver back to a transport that had let go of it, and both lived on.
TEST(SendfileOfAClosedLoop, LetsGoOfTheProtocol) {
  const File file(16U << 20U);
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    tutti::testing::ReportCollector collector;
    for (int tasks = 0; tasks < 2; ++tasks) collector.expect("destroyed but it is pending");  // sender and handler
    std::weak_ptr<protocol_support::Recorder> client;
    {
      tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
      tutti::testing::ReportCollector::watch(loop);
      const auto never_read = [](tutti::StreamReader, tutti::StreamWriter) -> Coro<> { co_await tutti::Future<>(); };
      const auto server = loop.run_until_complete(
          tutti::start_server(tutti::ConnectionHandler(never_read), "127.0.0.1", 0, {.ssl = server_context()}));
      auto ends = loop.run_until_complete(tutti::create_connection(protocol_support::make_recorder(), "localhost",
                                                                   server.port(), {.ssl = client_context()}));
      client = ends.protocol;
      const auto sending = loop.create_task(tutti::sendfile(ends.transport, file.fd()));
      loop.run_until_complete(test_support::until([&] { return ends.protocol->has("pause"); }));
      ends = {};
      client.lock()->transport = nullptr;
      EXPECT_FALSE(client.expired());
      loop.close();
    }
    EXPECT_TRUE(client.expired()) << name;
    for (const auto& problem : collector.problems()) ADD_FAILURE() << problem;
  }
}

}  // namespace

// SPDX-License-Identifier: MIT
// How connections with TLS end: in good order, cut off, broken. Tests that mirror one of CPython's name it.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "tls_support.hpp"

namespace {

using namespace net_support;
using namespace tls_support;
using namespace std::chrono_literals;
using tutti::StreamReader;
using tutti::StreamWriter;

const std::string kFlood(4U << 20U, 'x');

/// What is below the TLS of an end, to be misused.
int socket_of(const tutti::Streams& streams) { return streams.writer.fd(); }

// test_ssl: test_shutdown_cleanly
TUTTI_TEST(TLSShutdown, TellsBothEnds) {
  auto pair = co_await tls_pair();
  pair.peer.writer.write("OK");
  pair.peer.writer.close();
  EXPECT_EQ(co_await pair.client.reader.read(), "OK");
  EXPECT_TRUE(pair.client.writer.is_closing());  // TLS has no open ends
  EXPECT_TRUE(pair.client.writer.ssl_object()->close_notify_received());
  co_await pair.peer.writer.wait_closed();
  EXPECT_TRUE(pair.peer.writer.ssl_object()->close_notify_received());
  co_await close(pair);
}

// test_ssl: test_flush_before_shutdown
TUTTI_TEST(TLSShutdown, SendsWhatIsBufferedFirst) {
  auto pair = co_await tls_pair();
  pair.client.writer.write(kFlood);
  pair.client.writer.close();
  EXPECT_TRUE(pair.client.writer.is_closing());
  pair.client.writer.write("too late");  // test_sslproto: test_write_after_closing
  EXPECT_EQ((co_await pair.peer.reader.read()).size(), kFlood.size());
  co_await close(pair);
}

// test_ssl: test_remote_shutdown_receives_trailing_data
TUTTI_TEST(TLSShutdown, SendsWhatIsBufferedWhenThePeerHasEnded) {
  auto pair = co_await tls_pair(1024);
  pair.client.writer.write(kFlood);
  pair.peer.writer.transport().pause_reading();
  EXPECT_GT(pair.client.writer.transport().write_buffer_size(), 0U);
  ::shutdown(socket_of(pair.peer), SHUT_WR);
  EXPECT_EQ(co_await pair.client.reader.read(), "");
  pair.peer.writer.transport().resume_reading();
  EXPECT_EQ((co_await pair.peer.reader.readexactly(kFlood.size())).size(), kFlood.size());
  EXPECT_EQ(co_await pair.peer.reader.read(), "");
  EXPECT_TRUE(pair.peer.writer.ssl_object()->close_notify_received());
  co_await close(pair);
}

// test_ssl: test_shutdown_timeout_handler_not_set
TUTTI_TEST(TLSShutdown, KeepsWhatCameBeforeTheEndForAReaderThatWasPaused) {
  auto pair = co_await tls_pair();
  pair.client.writer.transport().pause_reading();
  pair.peer.writer.write("extra bytes");
  co_await tutti::sleep(0s);  // it leaves with the end of the iteration
  ::shutdown(socket_of(pair.peer), SHUT_WR);
  auto read = tutti::create_task(pair.client.reader.read());
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0s);
  EXPECT_FALSE(read.done());
  EXPECT_FALSE(pair.client.writer.is_closing());
  pair.client.writer.transport().resume_reading();
  EXPECT_EQ(co_await read, "extra bytes");
  co_await close(pair);
}

// test_sslproto: test_data_received_after_closing
TUTTI_TEST(TLSShutdown, DropsWhatComesAfterIt) {
  auto pair = co_await tls_pair();
  pair.peer.writer.write(kFlood);
  pair.client.writer.close();
  co_await pair.client.writer.wait_closed();
  EXPECT_EQ(co_await pair.client.reader.read(), "");
  co_await close(pair);
}

TUTTI_VIRTUAL_TEST(TLSShutdown, HasATimeLimit) {
  auto pair = co_await tls_pair(1024);
  pair.peer.writer.transport().pause_reading();  // so it does not answer
  const auto begin = tutti::get_running_loop().time();
  pair.client.writer.close();
  const std::string text = co_await error_of<tutti::TimeoutError>(pair.client.writer.wait_closed());
  EXPECT_EQ(text, "TLS shutdown with 127.0.0.1:" + std::to_string(pair.server.port()) + ": took longer than 30 s");
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 30s);
  pair.peer.writer.abort();
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(TLSShutdown, DoesNotMindAPeerThatResetsInstead) {
  auto pair = co_await tls_pair();
  pair.peer.writer.transport().pause_reading();
  pair.client.writer.close();
  reset(pair.peer.writer);
  co_await pair.client.writer.wait_closed();
  co_await close(pair);
}

TUTTI_TEST(TLSShutdown, MindsAPeerThatHasResetBeforeAllWasSent) {
  auto pair = co_await tls_pair();
  reset_now(pair.peer.writer);
  pair.client.writer.write("lost");
  pair.client.writer.close();
  EXPECT_NE(co_await error_of<tutti::ConnectionError>(pair.client.writer.wait_closed()), "no error");
  pair.peer.writer.abort();
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(TLSShutdown, DoesNotWaitWhenItIsAborted) {
  auto pair = co_await tls_pair();
  pair.client.writer.write(kFlood);
  auto drain = tutti::create_task(pair.client.writer.drain());
  co_await tutti::sleep(0s);
  pair.client.writer.abort();
  co_await drain;
  co_await pair.client.writer.wait_closed();
  EXPECT_LT((co_await pair.peer.reader.read()).size(), kFlood.size());
  EXPECT_FALSE(pair.peer.writer.ssl_object()->close_notify_received());
  co_await close(pair);
}

TUTTI_TEST(TLSShutdown, IsThatOfAServersClients) {
  auto pair = co_await tls_pair();
  pair.peer.writer.write("last words");
  pair.server.close();
  pair.server.close_clients();
  EXPECT_EQ(co_await pair.client.reader.read(), "last words");
  EXPECT_TRUE(pair.client.writer.ssl_object()->close_notify_received());
  co_await pair.server.wait_closed();
  co_await close(pair);
}

// ---- cut off ----

TUTTI_TEST(TLSTruncation, IsAnEndLikeAnyOtherUnlessItIsToBeToldApart) {
  auto pair = co_await tls_pair();
  pair.peer.writer.write("all?");
  co_await tutti::sleep(0s);
  ::shutdown(socket_of(pair.peer), SHUT_WR);
  EXPECT_EQ(co_await pair.client.reader.read(), "all?");
  EXPECT_FALSE(pair.client.writer.ssl_object()->close_notify_received());
  co_await close(pair);
}

TUTTI_TEST(TLSTruncation, IsAnErrorForAContextThatSaysSo) {
  SSLContext client = client_context();
  client.set_suppress_ragged_eofs(false);
  auto pair = co_await tls_pair(server_context(), client);
  pair.peer.writer.write("all?");
  EXPECT_EQ(co_await pair.client.reader.readexactly(4), "all?");
  ::shutdown(socket_of(pair.peer), SHUT_WR);
  const std::string text = co_await error_of<tutti::SSLEOFError>(pair.client.reader.read());
  EXPECT_EQ(text,
            "read from 127.0.0.1:" + std::to_string(pair.server.port()) + ": EOF occurred in violation of protocol");
  EXPECT_THROW(co_await pair.client.writer.wait_closed(), tutti::SSLEOFError);
  co_await close(pair.peer.writer);
  pair.server.close();
}

// ---- broken ----

// test_ssl: test_start_tls_client_corrupted_ssl
TUTTI_TEST(TLSBroken, IsAnErrorWhereItIsRead) {
  auto pair = co_await tls_pair();
  pair.peer.writer.write("A\n");
  EXPECT_EQ(co_await pair.client.reader.readline(), "A\n");
  const std::string text = "please corrupt the SSL connection";
  ::send(socket_of(pair.peer), text.data(), text.size(), MSG_NOSIGNAL);
  const std::string error = co_await error_of<tutti::SSLError>(pair.client.reader.readline());
  const std::string where = "read from 127.0.0.1:" + std::to_string(pair.server.port()) + ": ";
  EXPECT_TRUE(error == where + "wrong version number" || error == where + "bad record type")
      << error;  // of OpenSSL 3.5
  EXPECT_THROW(co_await pair.client.writer.wait_closed(), tutti::SSLError);
  EXPECT_THROW(co_await pair.client.writer.drain(), tutti::SSLError);
  pair.peer.writer.abort();
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_VIRTUAL_TEST(TLSBroken, EndsInTimeIfThePeerDoesNotTakeTheReason) {
  auto pair = co_await tls_pair(1024);
  pair.peer.writer.transport().pause_reading();
  const std::string junk(64 * 1024, 'j');
  const int socket = socket_of(pair.client);
  ::send(socket_of(pair.peer), junk.data(), junk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  for (const std::size_t size : {junk.size(), std::size_t{1}}) {
    while (::send(socket, junk.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
  }
  const int smallest = 1;  // what an acknowledgement frees makes no room
  ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof(smallest));
  const auto begin = tutti::get_running_loop().time();
  EXPECT_THROW(co_await pair.client.writer.wait_closed(), tutti::SSLError);
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 30s);
  EXPECT_TRUE(pair.client.writer.is_closing());
  pair.peer.writer.abort();
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(TLSBroken, DeliversWhatCameBefore) {
  auto pair = co_await tls_pair();
  const std::string good(5000, 'g');  // too large to be put off to the end of the iteration
  auto read = tutti::create_task(pair.client.reader.readexactly(good.size()));
  co_await tutti::sleep(0s);
  pair.peer.writer.write(good);
  const std::string text = "not so good";
  ::send(socket_of(pair.peer), text.data(), text.size(), MSG_NOSIGNAL);
  EXPECT_EQ(co_await read, good);
  EXPECT_THROW(co_await pair.client.reader.read(), tutti::SSLError);
  pair.peer.writer.abort();
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(TLSBroken, IsToldAsOfAnyConnection) {
  auto pair = co_await tls_pair();
  auto read = tutti::create_task(pair.client.reader.read(10));
  co_await tutti::sleep(0s);
  reset(pair.peer.writer);
  EXPECT_THROW(co_await read, tutti::ConnectionResetError);
  EXPECT_THROW(co_await pair.client.writer.drain(), tutti::ConnectionResetError);
  EXPECT_THROW(co_await pair.client.writer.wait_closed(), tutti::ConnectionResetError);
  pair.server.close();
  co_await pair.server.wait_closed();
}

TUTTI_TEST(TLSBroken, IsNoticedByALoopOfWrites) {  // test_streams: test_drain_raises
  auto pair = co_await tls_pair();
  pair.peer.writer.abort();
  co_await pair.peer.writer.wait_closed();
  const std::string text = co_await error_of<tutti::ConnectionError>([&]() -> Coro<> {
    for (;;) {
      pair.client.writer.write("foo\n");
      co_await pair.client.writer.drain();
    }
  }());
  EXPECT_NE(text, "no error");
  pair.server.close();
}

// ---- left alone, and a loop that closes first ----

TUTTI_TEST(TLSLeft, IsReportedAndAborted) {
  auto pair = co_await tls_pair();
  {
    const StreamWriter left = std::move(pair.client.writer);
  }
  tutti::testing::expect_report("unclosed StreamWriter");
  EXPECT_EQ(co_await pair.peer.reader.read(), "");
  co_await close(pair.peer.writer);
  pair.server.close();
}

TEST(TLSOfAClosedLoop, LetsGoOfItsDescriptor) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    const int lowest = ::dup(0);
    ::close(lowest);
    std::optional<Pair> kept;
    {
      tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
      kept.emplace(loop.run_until_complete(tls_pair()));
      kept->client.writer.write(kFlood);
      kept->client.writer.close();  // and the time limit runs
      loop.run_until_complete(tutti::sleep(0s));
      loop.close();
      EXPECT_TRUE(kept->peer.writer.is_closing());
      EXPECT_EQ(kept->client.writer.fd(), -1);
    }
    kept->peer.writer.write("nobody");
    kept.reset();
    const int again = ::dup(0);
    EXPECT_EQ(again, lowest) << name;
    ::close(again);
  }
}

}  // namespace

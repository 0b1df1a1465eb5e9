// SPDX-License-Identifier: MIT
// Handshakes that fail, hang, crawl or are given up. Tests that mirror one of CPython's name it.
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

/// A server that speaks no TLS; what it does with each connection is up to `handler`.
Coro<tutti::Server> plain_server(tutti::ConnectionHandler handler) {
  return tutti::start_server(std::move(handler), "127.0.0.1", 0);
}

Coro<> end(tutti::Server& server) {
  server.close();
  co_await server.wait_closed();
}

auto connect(const tutti::Server& server, tutti::ConnectOptions options = {}) {
  if (!options.ssl) options.ssl = client_context();
  return tutti::open_connection("127.0.0.1", server.port(), std::move(options));
}

/// Reads until the peer ends, whatever way.
Coro<std::string> read_all(StreamReader& reader) {
  try {
    co_return co_await reader.read();
  } catch (const tutti::ConnectionResetError&) {
    co_return "reset";
  }
}

// ---- the client ----

TUTTI_TEST(TLSHandshake, SaysWhenThePeerSpeaksNoTLS) {
  auto server = co_await plain_server([](StreamReader reader, StreamWriter writer) -> Coro<> {
    writer.write("220 mail.example ready\r\n");
    (void)co_await read_all(reader);
  });
  const std::string text = co_await error_of<tutti::SSLError>(connect(server));
  EXPECT_EQ(text, "TLS handshake with 127.0.0.1:" + std::to_string(server.port()) + ": wrong version number");
  co_await end(server);
}

// test_ssl: test_ssl_handshake_connection_lost; test_sslproto: test_eof_received_waiter
TUTTI_TEST(TLSHandshake, SaysWhenThePeerClosesOrResets) {
  auto server =
      co_await plain_server([](StreamReader reader, StreamWriter) -> Coro<> { (void)co_await reader.read(9999); });
  const std::string where = "TLS handshake with 127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(co_await error_of<tutti::ConnectionResetError>(connect(server)), where + ": the peer has closed");
  co_await end(server);
  auto rude = co_await plain_server([](StreamReader reader, StreamWriter writer) -> Coro<> {
    (void)co_await reader.read(9999);
    reset(writer);
  });
  EXPECT_EQ(co_await error_of<tutti::ConnectionResetError>(connect(rude)),
            "TLS handshake with 127.0.0.1:" + std::to_string(rude.port()) + ": connection reset by peer");
  co_await end(rude);
}

// test_ssl: test_create_connection_ssl_slow_handshake; test_sslproto: test_handshake_timeout
TUTTI_VIRTUAL_TEST(TLSHandshake, HasATimeLimit) {
  std::vector<std::string> received;
  auto server = co_await plain_server(
      [&](StreamReader reader, StreamWriter) -> Coro<> { received.push_back(co_await read_all(reader)); });
  const std::string where = "TLS handshake with 127.0.0.1:" + std::to_string(server.port());
  const auto begin = tutti::get_running_loop().time();
  EXPECT_EQ(co_await error_of<tutti::ConnectionAbortedError>(connect(server)), where + ": took longer than 60 s");
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 60s);
  EXPECT_EQ(co_await error_of<tutti::ConnectionAbortedError>(connect(server, {.ssl_handshake_timeout = 1500ms})),
            where + ": took longer than 1.5 s");
  co_await end(server);
  EXPECT_EQ(received.size(), 2U);  // the peer has seen the end
}

// test_ssl: test_ssl_handshake_timeout (which cancels it)
TUTTI_TEST(TLSHandshake, ClosesTheConnectionWhenItIsCancelled) {
  bool ended = false;
  tutti::Future<> hello;
  auto server = co_await plain_server([&](StreamReader reader, StreamWriter) -> Coro<> {
    (void)co_await reader.peek();
    hello.set_result();
    (void)co_await read_all(reader);
    ended = true;
  });
  auto task = tutti::create_task(connect(server));
  co_await hello;
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  co_await until([&] { return ended; });
  co_await end(server);
}

TUTTI_TEST(TLSHandshake, MayBeCancelledAtAnyMoment) {
  auto server =
      co_await tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0, {.ssl = server_context()});
  bool finished = false;
  for (int turns = 0; !finished; ++turns) {
    auto task = tutti::create_task(connect(server));
    for (int i = 0; i < turns && !task.done(); ++i) co_await tutti::sleep(0s);
    finished = task.done();
    task.cancel();
    try {
      auto streams = co_await std::move(task);
      co_await close(streams.writer);
    } catch (const tutti::CancelledError&) {
    }
  }
  co_await end(server);
}

TEST(TLSHandshakeOfAClosedLoop, LetsGoOfEverything) {
  for (const char* name : {"uring", "epoll", "poll"}) {
    if (std::string_view(name) == "uring" && !tutti::lowlevel::uring_available()) continue;
    const int lowest = ::dup(0);
    ::close(lowest);
    {
      tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(name)});
      loop.set_exception_handler([](tutti::EventLoop&, const tutti::ExceptionContext&) {});
      auto server = loop.run_until_complete(tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0));
      const auto client = [&]() -> Coro<> { (void)co_await connect(server); };
      (void)loop.create_task(client);
      auto secure = loop.run_until_complete(
          tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0, {.ssl = server_context()}));
      const auto silent = [&]() -> Coro<> {
        auto streams = co_await tutti::open_connection("127.0.0.1", secure.port());
        (void)co_await streams.reader.read();
      };
      (void)loop.create_task(silent);
      for (int i = 0; i < 5; ++i) loop.run_until_complete(tutti::sleep(1ms));
      loop.close();
    }
    const int again = ::dup(0);
    EXPECT_EQ(again, lowest) << name;
    ::close(again);
  }
}

// ---- one byte at a time ----

/// Passes on what comes, a byte each time.
Coro<> crawl(StreamReader from, StreamWriter to) {
  while (!from.at_eof()) {
    to.write(co_await from.read(1));
    co_await to.drain();
    if (from.buffered().empty()) continue;
    co_await tutti::sleep(0s);
  }
  co_await close(to);
}

TUTTI_TEST(TLSHandshake, WorksWithAPeerThatCrawls) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        writer.write("you said " + co_await reader.readline());
      },
      "127.0.0.1", 0, {.ssl = server_context()});
  auto relay = co_await plain_server([&](StreamReader reader, StreamWriter writer) -> Coro<> {
    auto onward = co_await tutti::open_connection("127.0.0.1", server.port());
    auto there = tutti::create_task(crawl(std::move(reader), std::move(onward.writer)));
    co_await crawl(std::move(onward.reader), std::move(writer));
    co_await there;
  });
  auto [reader, writer] = co_await connect(relay);
  writer.write("hello\n");
  EXPECT_EQ(co_await reader.read(), "you said hello\n");
  EXPECT_TRUE(writer.ssl_object()->close_notify_received());
  co_await close(writer);
  co_await end(relay);
  co_await end(server);
}

// ---- the server ----

TUTTI_TEST(TLSHandshake, DoesNotDisturbAServerWhenItFails) {
  int served = 0;
  auto server = co_await tutti::start_server([&](StreamReader, StreamWriter) { ++served; }, "127.0.0.1", 0,
                                             {.ssl = server_context()});
  {  // nonsense
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
    writer.write("GET / HTTP/1.1\r\n\r\n");
    (void)co_await read_all(reader);
    writer.abort();
  }
  {  // gone in the middle
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
    writer.write("\x16\x03\x01\x02");
    co_await close(writer);
  }
  {  // does not trust it
    EXPECT_THROW(co_await connect(server, {.ssl = true}), tutti::SSLCertVerificationError);
  }
  co_await until([&] { return server.connections() == 0; });
  EXPECT_EQ(served, 0);
  auto [reader, writer] = co_await connect(server);
  EXPECT_EQ(co_await reader.read(), "");
  EXPECT_EQ(served, 1);
  co_await close(writer);
  co_await end(server);
}

TUTTI_VIRTUAL_TEST(TLSHandshake, HasATimeLimitForClientsToo) {
  auto server = co_await tutti::start_server([](StreamReader, StreamWriter) { ADD_FAILURE() << "served"; }, "127.0.0.1",
                                             0, {.ssl = server_context(), .ssl_handshake_timeout = 5s});
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  EXPECT_EQ(co_await reader.read(), "");
  co_await close(writer);
  co_await end(server);
}

TUTTI_TEST(TLSHandshake, IsAbortedWithTheServersClients) {
  auto server = co_await tutti::start_server([](StreamReader, StreamWriter) { ADD_FAILURE() << "served"; }, "127.0.0.1",
                                             0, {.ssl = server_context()});
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.port());
  co_await until([&] { return server.connections() == 1; });
  co_await tutti::sleep(0s);
  server.close();
  server.close_clients();
  co_await server.wait_closed();
  EXPECT_EQ(co_await reader.read(), "");
  co_await close(writer);
}

TUTTI_TEST(TLSHandshake, SaysWhenThereIsNoCommonVersion) {
  SSLContext modern = server_context();
  modern.set_minimum_version(tutti::TLSVersion::tls_1_3);
  auto server = co_await tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0, {.ssl = modern});
  SSLContext old = client_context();
  old.set_maximum_version(tutti::TLSVersion::tls_1_2);
  const std::string text = co_await error_of<tutti::SSLError>(connect(server, {.ssl = old}));
  EXPECT_TRUE(contains(text, "alert protocol version")) << text;
  co_await end(server);
}

TUTTI_TEST(TLSHandshake, EndsWhenTheChoiceOfACertificateThrows) {
  SSLContext context = server_context();
  context.set_sni_callback(
      [](std::string_view) -> std::optional<SSLContext> { throw tutti::ValueError("no such host"); });
  auto server = co_await tutti::start_server([](StreamReader, StreamWriter) {}, "127.0.0.1", 0, {.ssl = context});
  const std::string text = co_await error_of<tutti::SSLError>(connect(server));
  EXPECT_TRUE(contains(text, "alert handshake failure")) << text;
  co_await end(server);
}

}  // namespace

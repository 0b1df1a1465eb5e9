// SPDX-License-Identifier: MIT
// The edges of a server's connection: how slow, how many and how rude its clients may be, and how it ends.
#include <optional>
#include <string>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include <tutti/sync/event.hpp>

#include "http_support.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

Coro<tutti::Streams> connect(const http::Server& server) {
  return tutti::open_connection("127.0.0.1", server.addresses().front().port());
}

bool starts_with_status(const std::string& answer, int status) {
  return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

// ---- several requests at once ----

/// How many pieces with data the socket has got.
unsigned pieces_received(const tutti::StreamWriter& writer) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  EXPECT_EQ(::getsockopt(writer.fd(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return info.tcpi_data_segs_in;
}

TUTTI_TEST(HttpServerConnection, AnswersToRequestsThatCameTogetherLeaveTogether) {
  http::Server server;
  int handled = 0;
  server.get("/", [&handled]() -> Coro<Response> { co_return Response::text(std::to_string(++handled)); });
  co_await server.start();
  auto [reader, writer] = co_await connect(server);
  writer.write(std::string(kGet) + kGet + kGet);
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(contains(co_await reader.readuntil("\r\n\r\n"), "Content-Length: 1\r\n"));
    EXPECT_EQ(co_await reader.readexactly(1), std::to_string(i));
  }
  EXPECT_EQ(pieces_received(writer), 1U);
  writer.close();
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, AnAnswerDoesNotWaitForTheHandlerOfTheNextRequest) {
  http::Server server;
  tutti::Event answered;
  server.get("/", []() -> Coro<Response> { co_return Response::text("quick"); });
  server.get("/slow", [&answered]() -> Coro<Response> {
    co_await answered.wait();
    co_return Response::text("slow");
  });
  co_await server.start();
  auto [reader, writer] = co_await connect(server);
  writer.write(std::string(kGet) + "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + kGet);
  (void)co_await reader.readuntil("quick");
  answered.set();
  (void)co_await reader.readuntil("slow");
  (void)co_await reader.readuntil("quick");
  writer.close();
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, AnAnswerDoesNotWaitForTheRestOfTheNextRequest) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response::text("quick"); });
  server.post("/", [](Request& request) -> Coro<Response> { co_return Response(co_await request.read()); });
  co_await server.start();
  auto [reader, writer] = co_await connect(server);
  writer.write(std::string(kGet) + "GET /");
  (void)co_await reader.readuntil("quick");
  writer.write(" HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
  (void)co_await reader.readuntil("quick");
  writer.write("dy");
  (void)co_await reader.readuntil("body");
  writer.close();
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, AnswersArriveBeforeARefusalAndBeforeTheEnd) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response::text("quick"); });
  server.get("/last", []() -> Coro<Response> { co_return Response(200, {{"Connection", "close"}}); });
  co_await server.start();
  const std::string refused = co_await talk(server, std::string(kGet) + kGet + "nonsense\r\n\r\n");
  EXPECT_LT(refused.find("quick"), refused.rfind("quick"));
  EXPECT_LT(refused.rfind("quick"), refused.find("HTTP/1.1 400 "));
  const std::string ended = co_await talk(server, std::string(kGet) + "GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_LT(ended.find("quick"), ended.find("Connection: close"));
  EXPECT_TRUE(contains(ended, "quick"));
  EXPECT_TRUE(ended.ends_with("\r\n\r\n"));
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, AnswersThatWereGivenAreSentWhenTheNextHandlerIsCancelled) {
  http::Server server({.shutdown_timeout = 0s});
  tutti::Event reached;
  server.get("/", []() -> Coro<Response> { co_return Response::text("quick"); });
  server.get("/slow", [&reached]() -> Coro<Response> {
    reached.set();
    co_await tutti::sleep(1h);
    co_return Response();
  });
  co_await server.start();
  auto [reader, writer] = co_await connect(server);
  writer.write(std::string(kGet) + "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  co_await reached.wait();
  co_await server.close();
  EXPECT_TRUE((co_await reader.read()).ends_with("quick"));
  writer.close();
}

TUTTI_TEST(HttpServerConnection, AServerNameMayNotBreakAField) {
  EXPECT_THROW(http::Server({.server_name = "a\r\nb: c"}), tutti::ValueError);
  co_return;
}

// ---- the end ----

TUTTI_TEST(HttpServerConnection, TheLastResponseArrivesThoughMoreRequestsCame) {
  http::Server server;
  const std::string body(300'000, 'b');
  server.get("/", [&body]() -> Coro<Response> { co_return Response(body); });
  co_await server.start();
  std::string more;
  while (more.size() < 2'000'000) more += kGet;
  const std::string answer = co_await talk(server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + more);
  EXPECT_TRUE(starts_with_status(answer, 200));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body));
  co_await server.close();
}

/// A server that ends each connection after one response.
Coro<> start_closing(http::Server& server) {
  server.get("/", []() -> Coro<Response> { co_return Response(204, {{"Connection", "close"}}); });
  (void)co_await server.start();
}

TUTTI_VIRTUAL_TEST(HttpServerConnection, DoesNotWaitForEverForItsClientToClose) {
  http::Server server;
  co_await start_closing(server);
  auto [reader, writer] = co_await connect(server);
  const auto begin = tutti::get_running_loop().time();
  writer.write(kGet);
  EXPECT_TRUE(starts_with_status(co_await reader.read(), 204));  // the end of it comes at once
  EXPECT_EQ(tutti::get_running_loop().time(), begin);
  EXPECT_EQ(server.connections(), 1U);
  writer.write(kGet);  // would reset the connection if that were closed already
  while (server.connections() != 0) co_await tutti::sleep(1s);
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 10s);
  writer.abort();
  co_await server.close();
}

TUTTI_VIRTUAL_TEST(HttpServerConnection, DoesNotReadForEverWhatItsClientSends) {
  http::Server server;
  co_await start_closing(server);
  auto [reader, writer] = co_await connect(server);
  const auto begin = tutti::get_running_loop().time();
  writer.write(kGet);
  std::size_t sent = 0;
  const std::string piece(std::size_t{1} << 20, 'x');
  try {
    for (; sent < 1000; ++sent) {
      writer.write(piece);
      co_await writer.drain();
    }
  } catch (const tutti::ConnectionError&) {
  }
  EXPECT_GE(sent, 64U);
  EXPECT_LT(sent, 1000U);
  EXPECT_LT(tutti::get_running_loop().time() - begin, 10s);
  writer.abort();
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, ClosesAtOnceIfItsClientSaidSo) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response(204); });
  co_await server.start();
  auto [reader, writer] = co_await connect(server);
  writer.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(starts_with_status(co_await reader.read(), 204));
  co_await until([&] { return server.connections() == 0; });
  co_await net_support::close(writer);
  co_await server.close();
}

// ---- how slow ----

/// Sends a body of `count` bytes, one each five seconds; gives what the server answers.
Coro<std::string> trickle(const http::Server& server, int count) {
  auto [reader, writer] = co_await connect(server);
  writer.write("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " + std::to_string(count) +
               "\r\n\r\n");
  auto answer = tutti::create_task(reader.read());
  for (int i = 0; i < count && !answer.done(); ++i) {
    co_await tutti::sleep(5s);
    writer.write("x");
  }
  std::string text = co_await answer;
  co_await net_support::close(writer);
  co_return text;
}

Coro<Response> read_all(Request& request) { co_return Response::text(co_await request.text()); }

TUTTI_VIRTUAL_TEST(HttpServerConnection, SendsAwayWhoSendsABodyByteByByte) {
  http::Server server;
  server.post("/", read_all);
  co_await server.start();
  const auto begin = tutti::get_running_loop().time();
  EXPECT_TRUE(starts_with_status(co_await trickle(server, 12), 408));
  EXPECT_GE(tutti::get_running_loop().time() - begin, 30s);
  EXPECT_LE(tutti::get_running_loop().time() - begin, 40s);
  co_await server.close();

  http::Server patient({.min_body_rate = {}});
  patient.post("/", read_all);
  co_await patient.start();
  EXPECT_TRUE(starts_with_status(co_await trickle(patient, 12), 200));
  co_await patient.close();
}

TUTTI_VIRTUAL_TEST(HttpServerConnection, DoesNotHoldTheSlownessOfAHandlerAgainstTheClient) {
  http::Server server;
  server.post("/", [](Request& request) -> Coro<Response> {
    std::string text;
    for (int i = 0; i < 4; ++i) {
      text += co_await request.content().readexactly(1);
      co_await tutti::sleep(1min);
    }
    co_return Response::text(text);
  });
  co_await server.start();
  http::ClientSession session;
  const auto response = co_await session.post(
      server.url() + "/", {.headers = {{"Content-Length", "4"}}, .data = []() -> tutti::AsyncGenerator<std::string> {
                             for (const char* piece : {"a", "b", "c", "d"}) {
                               co_yield piece;
                               co_await tutti::sleep(61s);
                             }
                           }});
  EXPECT_EQ(co_await response.text(), "abcd");
  co_await end(session, server);
}

// ---- how many ----

TUTTI_TEST(HttpServerConnection, ThereAreNoMoreThanItsMaximum) {
  http::Server server({.max_connections = 2});
  server.get("/", []() -> Coro<Response> { co_return Response::text("served"); });
  co_await server.start();
  http::ClientSession first;
  http::ClientSession second;
  EXPECT_EQ(co_await (co_await first.get(server.url() + "/")).text(), "served");
  EXPECT_EQ(co_await (co_await second.get(server.url() + "/")).text(), "served");
  http::ClientSession third;
  auto waiting = tutti::create_task(third.get(server.url() + "/"));
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0ms);
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(server.connections(), 2U);
  co_await first.close();
  EXPECT_EQ((co_await waiting).status(), 200);
  EXPECT_TRUE(contains(tutti::testing::take_log().at(0), "max_connections"));
  co_await second.close();
  co_await end(third, server);
}

// ---- how rude ----

TUTTI_TEST(HttpServerConnection, ARefusalIsNoAnswerToTheRequestBefore) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response::text("body"); });
  co_await server.start();
  const std::string answer = co_await talk(server, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\nbad\r\n\r\n");
  const std::size_t second = answer.find("HTTP/1.1 400 ");
  CO_ASSERT_NE(second, std::string::npos);
  EXPECT_FALSE(answer.ends_with("\r\n\r\n")) << answer;  // it has a body, though there is none in answer to HEAD
  EXPECT_TRUE(answer.substr(0, second).ends_with("\r\n\r\n")) << answer;
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, AnOldClientIsAskedForNothing) {
  http::Server server;
  server.post("/", [](Request& request) -> Coro<Response> {
    EXPECT_FALSE(request.expects_continue());
    co_return Response::text(co_await request.text());
  });
  co_await server.start();
  for (const char* expectation : {"100-continue", "tea"}) {
    auto [reader, writer] = co_await connect(server);
    writer.write(std::string("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: ") + expectation + "\r\n\r\n");
    for (int i = 0; i < 20; ++i) co_await tutti::sleep(0ms);
    EXPECT_EQ(reader.buffered(), "");
    writer.write("hello");
    const std::string answer = co_await reader.read();
    EXPECT_TRUE(starts_with_status(answer, 200)) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nhello")) << answer;
    co_await net_support::close(writer);
  }
  co_await server.close();
}

TUTTI_TEST(HttpServerConnection, TheSmallerLimitOfABodyCounts) {
  http::Server server({.client_max_size = 100, .limits = {.body = 5}});
  server.post("/", read_all);
  co_await server.start();
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_TRUE(starts_with_status(co_await talk(server, head + "5\r\nhello\r\n0\r\n\r\n"), 200));
  EXPECT_TRUE(starts_with_status(co_await talk(server, head + "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), 413));
  co_await server.close();
}

// ---- a response that another task writes ----

TUTTI_VIRTUAL_TEST(HttpServerConnection, AnotherTaskMayStillWriteWhenTheHandlerIsCancelled) {
  http::Server server({.shutdown_timeout = 1s});
  std::optional<tutti::Task<>> writing;
  server.get("/", [&writing](Request& request) -> Coro<Response> {
    http::StreamResponse response;
    co_await response.prepare(request);
    writing = tutti::create_task([](http::StreamResponse own) -> Coro<> {
      for (;;) co_await own.write(std::string(std::size_t{1} << 20, 'x'));
    }(response));
    co_await tutti::Future<>();
    co_return response;
  });
  co_await server.start();
  auto [reader, writer] = co_await connect(server);
  writer.write(kGet);
  co_await until([&] { return writing.has_value() && reader.buffered().size() > 100'000; });
  co_await server.close();
  EXPECT_EQ(server.connections(), 0U);
  EXPECT_NE(co_await error_of<std::exception>(*writing), "no error");
  writer.abort();
}

}  // namespace

// SPDX-License-Identifier: MIT
// Handlers that fail and clients that misbehave: one connection suffers, never the server.
#include <optional>
#include <string>

#include <sys/socket.h>

#include <gtest/gtest.h>

#include "http_support.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

/// The first line of the answer to these bytes by a server with one route, POST /, that reads the body; the connection
/// must end.
Coro<std::string> answer_to(std::string bytes, http::ServerOptions options = {}) {
  http::Server server(std::move(options));
  server.post("/", [](Request& request) -> Coro<Response> { co_return Response::text(co_await request.text()); });
  co_await server.start();
  const std::string answer = co_await talk(server, std::move(bytes));
  EXPECT_TRUE(answer.empty() || contains(answer, "\r\nConnection: close\r\n")) << answer;
  co_await server.close();
  co_return status_line(answer);
}

TUTTI_TEST(HttpServerErrors, AFailingHandlerIsAnsweredWithoutDetails) {
  http::Server server;
  server.get("/", []() -> Coro<Response> {
    co_await tutti::sleep(0ms);
    throw std::runtime_error("the secret");
  });
  server.get("/odd", []() -> Coro<Response> { throw 42; });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  const auto response = co_await session.get("/");
  EXPECT_EQ(response.status(), 500);
  EXPECT_EQ(co_await response.text(), "500: Internal Server Error\n");
  EXPECT_EQ((co_await session.get("/odd")).status(), 500);
  EXPECT_EQ(session.connections_idle(), 1U);
  tutti::testing::expect_report("unhandled exception in the handler of GET /;");
  tutti::testing::expect_report("unhandled exception in the handler of GET /odd;");
  co_await end(session, server);
}

TUTTI_TEST(HttpServerErrors, AnHttpExceptionIsTheAnswer) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { throw http::HTTPException(418, "short and stout", {{"X-Pot", "tea"}}); });
  server.get("/default", []() -> Coro<Response> { throw http::HTTPException(403); });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  const auto response = co_await session.get("/");
  EXPECT_EQ(response.status(), 418);
  EXPECT_EQ(response.headers().get("X-Pot"), "tea");
  EXPECT_EQ(co_await response.text(), "short and stout\n");
  EXPECT_EQ(co_await (co_await session.get("/default")).text(), "403: Forbidden\n");
  co_await end(session, server);
}

TUTTI_TEST(HttpServerErrors, AResponseThatBreaksOffIsNotTakenForAWholeOne) {
  http::Server server;
  server.get("/generator", []() -> Coro<Response> {
    co_return Response::stream([]() -> tutti::AsyncGenerator<std::string> {
      co_yield "half";
      throw std::runtime_error("no more");
    });
  });
  server.get("/stream", [](Request& request) -> Coro<Response> {
    http::StreamResponse response;
    co_await response.prepare(request);
    co_await response.write("half");
    throw http::HTTPException(404);
  });
  server.get("/short", [](Request& request) -> Coro<Response> {
    http::StreamResponse response({.headers = {{"Content-Length", "10"}}});
    co_await response.prepare(request);
    co_await response.write("half");
    co_return response;
  });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  for (const char* path : {"/generator", "/stream", "/short"}) {
    std::string error = "none";
    try {
      const auto response = co_await session.get(path);
      EXPECT_EQ(response.status(), 200);
      (void)co_await response.read();
    } catch (const http::ClientError& e) {
      error = e.what();
    }
    EXPECT_NE(error, "none") << path;
    tutti::testing::expect_report(std::string("unhandled exception in the handler of GET ") + path);
  }
  EXPECT_EQ((co_await session.get("/nothing")).status(), 404);
  co_await end(session, server);
}

TUTTI_TEST(HttpServerErrors, BadRequestsAreAnsweredAndClosed) {
  const std::string host = "Host: x\r\n";
  EXPECT_EQ(co_await answer_to("nonsense\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(co_await answer_to("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(co_await answer_to("GET / HTTP/3.0\r\n" + host + "\r\n"), "HTTP/1.1 505 HTTP Version Not Supported");
  EXPECT_EQ(co_await answer_to("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"),
            "HTTP/1.1 501 Not Implemented");
  EXPECT_EQ(co_await answer_to("POST / HTTP/1.1\r\n" + host +
                               "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(co_await answer_to("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n" + host + "\r\n"),
            "HTTP/1.1 414 URI Too Long");
  EXPECT_EQ(co_await answer_to("GET / HTTP/1.1\r\n" + host + "X: " + std::string(9000, 'x') + "\r\n\r\n"),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(co_await answer_to("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "HTTP/1.1 400 Bad Request");
}

TUTTI_TEST(HttpServerErrors, NothingBehindABadRequestIsServed) {
  http::Server server;
  int served = 0;
  server.get("/", [&served]() -> Coro<Response> {
    ++served;
    co_return Response(204);
  });
  co_await server.start();
  const std::string answer = co_await talk(server, "bad\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(served, 0);
  EXPECT_EQ(status_line(answer), "HTTP/1.1 400 Bad Request");
  co_await server.close();
}

TUTTI_TEST(HttpServerErrors, ABodyMayNotBeLargerThanTheLimit) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(co_await answer_to(head + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", {.client_max_size = 5}),
            "HTTP/1.1 200 OK");
  EXPECT_EQ(co_await answer_to(head + "Content-Length: 6\r\n\r\nhello!", {.client_max_size = 5}),
            "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(co_await answer_to(head + "Content-Length: 60000000\r\n\r\nhello!"), "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(co_await answer_to(head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
                               {.client_max_size = 5}),
            "HTTP/1.1 413 Content Too Large");
}

TUTTI_TEST(HttpServerErrors, TheAnswerArrivesThoughTheClientGoesOnSending) {
  http::Server server;
  server.post("/", []() -> Coro<Response> { co_return Response::text("not wanted", {.status = 403}); });
  co_await server.start();
  http::ClientSession session;
  const auto response = co_await session.post(server.url() + "/", {.data = std::string(2'000'000, 'x')});
  EXPECT_EQ(response.status(), 403);
  EXPECT_EQ(co_await response.text(), "not wanted");
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await end(session, server);
}

TUTTI_TEST(HttpServerErrors, AnUnreadBodyThatIsHereDoesNotCostTheConnection) {
  http::Server server;
  server.post("/", []() -> Coro<Response> { co_return Response(204); });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  for (int i = 0; i < 3; ++i) EXPECT_EQ((co_await session.post("/", {.data = "small"})).status(), 204);
  EXPECT_EQ(server.connections(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpServerErrors, AClientThatLeavesEndsQuietly) {
  http::Server server;
  std::string error = "none";
  server.post("/", [&error](Request& request) -> Coro<Response> {
    try {
      (void)co_await request.read();
    } catch (const tutti::ConnectionError& e) {
      error = e.what();
      throw;
    }
    co_return Response(204);
  });
  co_await server.start();
  for (const char* bytes :
       {"", "GET", "GET / HTTP/1.1\r\nHost: x\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"}) {
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
    writer.write(bytes);
    writer.write_eof();
    EXPECT_EQ(co_await reader.read(), "") << bytes;
    co_await net_support::close(writer);
  }
  EXPECT_TRUE(error.starts_with("read the body of a request from 127.0.0.1:")) << error;
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
  co_await until([&] { return server.connections() == 1; });
  reset(writer);
  co_await until([&] { return server.connections() == 0; });
  co_await server.close();
}

TUTTI_TEST(HttpServerErrors, AClientThatLeavesCancelsTheHandlerIfThatIsAskedFor) {
  http::Server server({.handler_cancellation = true});
  int cancelled = 0;
  int running = 0;
  server.post("/", [&](Request& request) -> Coro<Response> {
    (void)co_await request.read();
    ++running;
    try {
      co_await tutti::sleep(1h);
    } catch (const tutti::CancelledError&) {
      ++cancelled;
      throw;
    }
    co_return Response(204);
  });
  server.get("/fast", []() -> Coro<Response> {
    co_await tutti::sleep(1ms);
    co_return Response::text("fast");
  });
  co_await server.start();
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write("GET /fast HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
  EXPECT_TRUE((co_await reader.readuntil("fast")).starts_with("HTTP/1.1 200"));
  writer.write("dy");
  co_await until([&] { return running == 1; });
  co_await net_support::close(writer);
  co_await until([&] { return server.connections() == 0; });
  EXPECT_EQ(cancelled, 1);
  co_await server.close();
}

TUTTI_VIRTUAL_TEST(HttpServerErrors, SlowClientsAreSentAway) {
  const auto time = [] { return tutti::get_running_loop().time(); };
  auto begin = time();
  EXPECT_EQ(co_await answer_to("GET / HT"), "HTTP/1.1 408 Request Timeout");
  EXPECT_EQ(time() - begin, 10s);
  begin = time();
  EXPECT_EQ(co_await answer_to("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"),
            "HTTP/1.1 408 Request Timeout");
  EXPECT_EQ(time() - begin, 30s);
  begin = time();
  EXPECT_EQ(co_await answer_to(""), "");
  EXPECT_EQ(time() - begin, 20s);
}

TUTTI_VIRTUAL_TEST(HttpServerErrors, ConnectionsThatHaveServedWaitLongerForTheNextRequest) {
  http::Server server;
  co_await server.start();
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  const auto begin = tutti::get_running_loop().time();
  writer.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(co_await reader.read(), "");
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 75s);
  co_await net_support::close(writer);
  co_await server.close();
}

/// A server with a large response, and a client that has asked for it.
struct LargeDownload {
  http::Server server;
  std::optional<tutti::Streams> client;
  tutti::TimePoint begin;

  Coro<> start() {
    server.get("/", []() -> Coro<Response> { co_return Response(http::Body(std::string(20'000'000, 'x'))); });
    co_await server.start();
    client = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
    client->writer.transport().pause_reading();
    client->writer.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    begin = tutti::get_running_loop().time();
    co_await until([&] { return server.connections() == 1; });
  }
  Coro<> end() {
    client->writer.abort();
    co_await server.close();
  }
};

TUTTI_VIRTUAL_TEST(HttpServerErrors, AClientThatTakesNothingIsCutOff) {
  LargeDownload download;
  co_await download.start();
  while (download.server.connections() != 0) co_await tutti::sleep(1s);
  EXPECT_LE(tutti::get_running_loop().time() - download.begin, 100s);
  co_await download.end();
}

TUTTI_VIRTUAL_TEST(HttpServerErrors, SoIsOneThatTakesAByteNowAndThen) {
  LargeDownload download;
  co_await download.start();
  while (download.server.connections() != 0 && tutti::get_running_loop().time() - download.begin < 1h) {
    char byte = 0;
    ::recv(download.client->writer.fd(), &byte, 1, MSG_DONTWAIT);
    co_await tutti::sleep(5s);
  }
  EXPECT_LE(tutti::get_running_loop().time() - download.begin, 100s);
  co_await download.end();
}

}  // namespace

// SPDX-License-Identifier: MIT
// What a server answers to good requests.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/http/json.hpp>

#include "http_support.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;

struct Point {
  int x = 0;
  int y = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TUTTI_TEST(HttpServer, AnswersARequest) {
  http::Server server;
  server.get("/hello/{name}", [](Request& request) -> Coro<Response> {
    EXPECT_EQ(request.method(), "GET");
    EXPECT_EQ(request.target(), "/hello/my%20friend?a=1&b=x+y%21&c");
    EXPECT_EQ(request.path(), "/hello/my friend");
    EXPECT_EQ(request.query("b"), "x y!");
    EXPECT_EQ(request.query("c"), "");
    EXPECT_EQ(request.query("d"), std::nullopt);
    EXPECT_EQ(request.query().size(), 3U);
    EXPECT_EQ(request.headers().get("X-Id"), "7");
    EXPECT_EQ(request.remote().host(), "127.0.0.1");
    EXPECT_EQ(request.content_length(), 0U);
    EXPECT_THROW((void)request.match("other"), tutti::ValueError);
    co_return Response::text("Hello, " + request.match("name"));
  });
  const tutti::Address address = co_await server.start("127.0.0.1", 0);
  EXPECT_EQ(server.url(), "http://" + address.to_string());
  http::ClientSession session;
  const auto response =
      co_await session.get(server.url() + "/hello/my%20friend?a=1&b=x+y%21&c", {.headers = {{"X-Id", "7"}}});
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.headers().get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(response.headers().get("Server"), "tutti");
  EXPECT_TRUE(response.headers().get("Date", "").ends_with(" GMT"));
  EXPECT_EQ(co_await response.text(), "Hello, my friend");
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, SpeaksJson) {
  http::Server server;
  server.post("/swap", [](Request& request) -> Coro<Response> {
    const auto point = co_await request.json<Point>();
    co_return Response::json(Point{point.y, point.x}, {.status = 201, .headers = {{"X-Swapped", "yes"}}});
  });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  const auto response = co_await session.post("/swap", {.json = Point{1, 2}});
  EXPECT_EQ(response.status(), 201);
  EXPECT_EQ(response.headers().get("X-Swapped"), "yes");
  EXPECT_EQ((co_await response.json<Point>()).x, 2);
  const auto wrong = co_await session.post("/swap", {.data = "{"});
  EXPECT_EQ(wrong.status(), 400);
  EXPECT_TRUE((co_await wrong.text()).starts_with("invalid JSON: "));
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, KeepsAHandlerWithItsCaptures) {
  http::Server server;
  {
    std::string text(100, 'c');
    server.get("/", [text, count = 0]() mutable -> Coro<Response> {
      co_await tutti::sleep(1ms);
      co_return Response::text(text + std::to_string(++count));
    });
  }
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  EXPECT_EQ(co_await (co_await session.get("/")).text(), std::string(100, 'c') + "1");
  EXPECT_EQ(co_await (co_await session.get("/")).text(), std::string(100, 'c') + "2");
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, ServesHeadByTheHandlerOfGet) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response::html("<p>text</p>"); });
  co_await server.start();
  const std::string answer = co_await talk(server, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(contains(answer, "Content-Length: 11\r\n"));
  EXPECT_TRUE(contains(answer, "Content-Type: text/html; charset=utf-8\r\n"));
  EXPECT_EQ(body_of(answer), "");
  co_await server.close();
}

TUTTI_TEST(HttpServer, KnowsWhatItHasNot) {
  http::Server server;
  server.get("/here", []() -> Coro<Response> { co_return Response(204); });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  EXPECT_EQ((co_await session.get("/there")).status(), 404);
  const auto wrong_method = co_await session.post("/here");
  EXPECT_EQ(wrong_method.status(), 405);
  EXPECT_EQ(wrong_method.headers().get("Allow"), "GET, HEAD");
  EXPECT_EQ((co_await session.request("BREW", "/here")).status(), 501);
  const auto no_content = co_await session.get("/here");
  EXPECT_EQ(no_content.status(), 204);
  EXPECT_FALSE(no_content.headers().contains("Content-Length"));
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  http::Server server;
  server.post("/{n}", [](Request& request) -> Coro<Response> {
    co_await tutti::sleep(request.match("n") == "1" ? 2ms : 0ms);
    co_return Response::text(request.match("n") + co_await request.text());
  });
  co_await server.start();
  const std::string answer =
      co_await talk(server,
                    "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
                    "POST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n"
                    "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nc"
                    "POST /4 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  const std::size_t one = answer.find("\r\n\r\n1a");
  const std::size_t two = answer.find("\r\n\r\n2b");
  const std::size_t three = answer.find("\r\n\r\n3c");
  EXPECT_NE(three, std::string::npos);
  EXPECT_LT(one, two);
  EXPECT_LT(two, three);
  EXPECT_TRUE(answer.ends_with("3c"));
  co_await server.close();
}

TUTTI_TEST(HttpServer, KeepsConnectionsAsTheVersionSays) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response::text("x"); });
  co_await server.start();
  const std::string old = co_await talk(server, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(contains(old, "Connection: close\r\n"));
  const std::string kept =
      co_await talk(server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(contains(kept, "Connection: keep-alive\r\n"));
  EXPECT_TRUE(contains(kept, "Connection: close\r\n"));
  co_await server.close();
}

TUTTI_TEST(HttpServer, StreamsWhatAGeneratorGives) {
  http::Server server;
  server.get("/", []() -> Coro<Response> {
    co_return Response::stream(
        [words = std::vector<std::string>{"one", "", "two"}]() -> tutti::AsyncGenerator<std::string> {
          for (const std::string& word : words) {
            co_await tutti::sleep(0ms);
            co_yield word;
          }
        },
        {.content_type = "text/plain"});
  });
  co_await server.start();
  const std::string answer = co_await talk(server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(contains(answer, "Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(contains(answer, "Content-Type: text/plain\r\n"));
  EXPECT_EQ(body_of(answer), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(co_await talk(server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")), "onetwo");
  EXPECT_EQ(body_of(co_await talk(server, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), "");
  co_await server.close();
}

TUTTI_TEST(HttpServer, LetsAHandlerSendPieceByPiece) {
  http::Server server;
  server.post("/echo", [](Request& request) -> Coro<Response> {
    http::StreamResponse response({.content_type = "text/x"});
    response.headers().set("X-Kind", "stream");
    EXPECT_FALSE(response.prepared());
    co_await response.prepare(request);
    EXPECT_TRUE(response.prepared());
    while (auto piece = co_await request.content().next()) co_await response.write("<" + *piece + ">");
    co_await response.write_eof();
    EXPECT_NE(co_await error_of<tutti::RuntimeError>(response.write("late")), "no error");
    co_return response;
  });
  server.get("/sized", [](Request& request) -> Coro<Response> {
    http::StreamResponse response({.headers = {{"Content-Length", "4"}}});
    co_await response.prepare(request);
    EXPECT_NE(co_await error_of<tutti::RuntimeError>(response.write("12345")), "no error");
    co_await response.write("1234");
    co_return response;
  });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  const auto echo = co_await session.post("/echo", {.data = "text"});
  EXPECT_EQ(echo.headers().get("X-Kind"), "stream");
  EXPECT_EQ(echo.content_type(), "text/x");
  EXPECT_EQ(co_await echo.text(), "<text>");
  const auto sized = co_await session.get("/sized");
  EXPECT_EQ(sized.content_length(), 4U);
  EXPECT_EQ(co_await sized.text(), "1234");
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, TalksBothWaysAtOnce) {
  http::Server server;
  server.post("/", [](Request& request) -> Coro<Response> {
    http::StreamResponse response;
    co_await response.prepare(request);
    while (auto piece = co_await request.content().next()) co_await response.write("got " + *piece);
    co_return response;
  });
  co_await server.start();
  http::ClientSession session;
  tutti::Future<> answered;
  const auto response =
      co_await session.post(server.url() + "/", {.data = [answered]() -> tutti::AsyncGenerator<std::string> {
                              co_yield "one";
                              co_await answered;
                              co_yield "two";
                            }});
  EXPECT_EQ(co_await response.content().next(), "got one");
  answered.set_result();
  EXPECT_EQ(co_await response.content().read(), "got two");
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, AsksForTheBodyWhenItIsWanted) {
  http::Server server;
  server.post("/want", [](Request& request) -> Coro<Response> {
    EXPECT_TRUE(request.expects_continue());
    co_return Response::text(co_await request.text());
  });
  server.post("/refuse", []() -> Coro<Response> { co_return Response(403); });
  co_await server.start();
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write("POST /want HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(co_await reader.readuntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  writer.write("ok");
  EXPECT_TRUE((co_await reader.readuntil("\r\n\r\n")).starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(co_await reader.readexactly(2), "ok");
  writer.write("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE((co_await reader.readuntil("\r\n\r\n")).starts_with("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_EQ(co_await reader.read(), "");
  co_await net_support::close(writer);
  EXPECT_TRUE(
      (co_await talk(
           server, "POST /want HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: tea\r\nConnection: close\r\n\r\nok"))
          .starts_with("HTTP/1.1 417 "));
  co_await server.close();
}

TUTTI_TEST(HttpServer, TakesAbsoluteTargets) {
  http::Server server;
  server.get("/x", [](Request& request) -> Coro<Response> {
    co_return Response::text(request.raw_path() + request.query_string());
  });
  co_await server.start();
  const std::string rest = " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(body_of(co_await talk(server, "GET http://example.com/x?q" + rest)), "/xq");
  EXPECT_EQ(body_of(co_await talk(server, "GET http://EXAMPLE.com:80/x" + rest)), "/x");
  EXPECT_TRUE((co_await talk(server, "GET http://example.org/x" + rest)).starts_with("HTTP/1.1 400 "));
  co_await server.close();
}

TUTTI_TEST(HttpServer, RunsItsHooks) {
  http::Server server;
  std::vector<std::string> events;
  server.on_startup([&events]() -> Coro<> {
    events.emplace_back("startup");
    co_return;
  });
  server.on_shutdown([&events]() -> Coro<> {
    events.emplace_back("shutdown");
    co_return;
  });
  co_await server.start();
  EXPECT_EQ(events, std::vector<std::string>{"startup"});
  co_await server.start();
  EXPECT_EQ(server.addresses().size(), 2U);
  co_await server.close();
  co_await server.close();
  EXPECT_EQ(events, (std::vector<std::string>{"startup", "shutdown"}));
  EXPECT_NE(co_await error_of<tutti::RuntimeError>(server.start()), "no error");
}

TUTTI_TEST(HttpServer, TellsEachRequestToTheLog) {
  std::vector<http::AccessLogEntry> entries;
  http::Server server({.access_log = [&](const http::AccessLogEntry& entry) { entries.push_back(entry); }});
  server.get("/a", []() -> Coro<Response> { co_return Response::text("12345"); });
  co_await server.start();
  (void)co_await talk(server, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b?c HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n");
  CO_ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].target, "/a");
  EXPECT_EQ(entries[0].status, 200);
  EXPECT_EQ(entries[0].body_bytes, 5U);
  EXPECT_EQ(entries[0].remote.host(), "127.0.0.1");
  EXPECT_EQ(entries[1].target, "/b?c");
  EXPECT_EQ(entries[1].status, 404);
  EXPECT_EQ(entries[2].method, "");
  EXPECT_EQ(entries[2].status, 400);
  co_await server.close();
}

TUTTI_TEST(HttpServer, ListensOnAUnixSocket) {
  http::Server server;
  server.get("/", []() -> Coro<Response> { co_return Response::text("local"); });
  const std::string path = "/tmp/tutti-http-test-" + std::to_string(::getpid());
  const tutti::Address address = co_await server.start_unix(path);
  EXPECT_EQ(address.path(), path);
  http::ClientSession session(
      {.open_connection = [path](std::string, std::uint16_t) { return tutti::open_unix_connection(path); }});
  EXPECT_EQ(co_await (co_await session.get("http://localhost/")).text(), "local");
  co_await end(session, server);
}

TUTTI_TEST(HttpServer, RefusesWrongResponses) {
  EXPECT_THROW(Response(99), tutti::ValueError);
  EXPECT_THROW(Response(600), tutti::ValueError);
  EXPECT_THROW(http::HTTPException(100), tutti::ValueError);
  EXPECT_THROW((void)Response::text("x", {.reason = "two\r\nlines"}), tutti::ValueError);
  EXPECT_THROW(Response::text("x").headers().set("X", "a\r\nb"), tutti::ValueError);
  EXPECT_EQ(Response::redirect("/there").headers().get("Location"), "/there");
  co_return;
}

}  // namespace

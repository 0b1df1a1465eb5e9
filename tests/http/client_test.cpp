// SPDX-License-Identifier: MIT
// Requests that go well.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/http/json.hpp>
#include <tutti/task/run.hpp>

#include "http_support.hpp"

namespace {

using namespace http_support;
using Strings = std::vector<std::string>;

std::string ok(const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TUTTI_TEST(HttpClient, GetsAPage) {
  auto server = co_await canned(ok("hello", "Content-Type: Text/HTML; charset=utf-8\r\nX-Twice: a\r\nX-Twice: b\r\n"));
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server, "/page?x=1#part"));
  EXPECT_EQ(response.status(), 200);
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(response.reason(), "OK");
  EXPECT_EQ(response.version(), http::Version::http11);
  EXPECT_EQ(response.method(), "GET");
  EXPECT_EQ(response.url().path(), "/page");
  EXPECT_EQ(response.content_type(), "text/html");
  EXPECT_EQ(response.content_length(), 5U);
  EXPECT_EQ(response.headers().get_all("x-twice").size(), 2U);
  EXPECT_TRUE(response.history().empty());
  EXPECT_EQ(co_await response.text(), "hello");
  EXPECT_EQ(co_await response.read(), "hello");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, SendsTheFieldsThatEachRequestNeeds) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session({.headers = {{"X-Session", "s"}, {"X-Both", "session"}}});
  co_await session.get(url_of(server, "/a b?q=%7e"), {.headers = {{"X-Both", "request"}}, .params = {{"k", "v w"}}});
  CO_ASSERT_EQ(recorder.requests.size(), 1U);
  EXPECT_EQ(recorder.requests[0],
            "GET /a%20b?q=%7e&k=v%20w HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                "\r\nX-Session: s\r\nX-Both: request\r\nUser-Agent: tutti/0.1\r\nAccept: */*\r\n\r\n");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, ResolvesUrlsAgainstTheBase) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session({.base_url = http::Url(url_of(server, "/api/v1/"))});
  for (const char* path : {"users", "/top", "../v2"}) co_await session.get(path);
  CO_ASSERT_EQ(recorder.requests.size(), 3U);
  EXPECT_TRUE(recorder.requests[0].starts_with("GET /api/v1/users "));
  EXPECT_TRUE(recorder.requests[1].starts_with("GET /top "));
  EXPECT_TRUE(recorder.requests[2].starts_with("GET /api/v2 "));
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, SendsBodies) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session;
  const std::string url = url_of(server);
  co_await session.post(url, {.data = "some data"});
  co_await session.put(url, {.headers = {{"Content-Type", "text/plain"}}, .data = std::string("\0x", 2)});
  co_await session.patch(url, {.json = http::Json{{"key", {1, 2}}}});
  co_await session.post(url);
  co_await session.delete_(url);
  CO_ASSERT_EQ(recorder.requests.size(), 5U);
  EXPECT_TRUE(
      contains(recorder.requests[0], "Content-Length: 9\r\nContent-Type: application/octet-stream\r\n\r\nsome data"));
  EXPECT_TRUE(contains(recorder.requests[1], "Content-Type: text/plain\r\n"));
  EXPECT_TRUE(recorder.requests[1].ends_with(std::string("\r\n\r\n\0x", 6)));
  EXPECT_TRUE(contains(recorder.requests[2], "Content-Type: application/json\r\n"));
  EXPECT_TRUE(recorder.requests[2].ends_with("\r\n\r\n{\"key\":[1,2]}"));
  EXPECT_TRUE(contains(recorder.requests[3], "Content-Length: 0\r\n"));
  EXPECT_FALSE(contains(recorder.requests[4], "Content-Length"));
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, SendsUserAndPasswordOfTheUrl) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session;
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  const auto response = co_await session.get("http://Aladdin:open%20sesame@" + address + "/");
  EXPECT_TRUE(contains(recorder.requests.at(0), "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
  EXPECT_TRUE(contains(recorder.requests.at(0), "Host: " + address + "\r\n"));
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, ReadsChunksAndTrailers) {
  auto server = co_await canned(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;x=y\r\nhello\r\n6\r\n "
      "world\r\n0\r\nX-Sum: 11\r\n\r\n");
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  EXPECT_EQ(response.content_length(), std::nullopt);
  EXPECT_EQ(co_await response.text(), "hello world");
  EXPECT_EQ(response.trailers().get("X-Sum"), "11");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, ReadsABodyThatEndsWithTheConnection) {
  auto server = co_await canned("HTTP/1.0 200 OK\r\n\r\nall of it");
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  EXPECT_EQ(co_await response.text(), "all of it");
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, KnowsWhichResponsesHaveNoBody) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session;
  recorder.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  const auto head = co_await session.head(url_of(server));
  EXPECT_EQ(head.content_length(), 1000U);
  EXPECT_EQ(co_await head.text(), "");
  for (const char* status : {"204 No Content", "304 Not Modified"}) {
    recorder.answer = std::string("HTTP/1.1 ") + status + "\r\n\r\n";
    const auto response = co_await session.get(url_of(server));
    EXPECT_EQ(co_await response.text(), "");
  }
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, SkipsInformationalResponses) {
  auto server = co_await canned("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + ok("final"));
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(co_await response.text(), "final");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, ReadsJson) {
  const Strings answers{ok("{\"a\": [1, 2]}", "Content-Type: application/json\r\n"),
                        ok("[3,4]", "Content-Type: application/problem+json; x=y\r\n"),
                        ok("{}", "Content-Type: text/html\r\n"), ok("{", "Content-Type: application/json\r\n"),
                        ok("\"text\"", "Content-Type: application/json\r\n")};
  auto server = co_await canned(answers);
  http::ClientSession session;
  const std::string url = url_of(server, "/j");
  EXPECT_EQ((co_await (co_await session.get(url)).json())["a"][1], 2);
  EXPECT_EQ(co_await (co_await session.get(url)).json<std::vector<int>>(), (std::vector{3, 4}));
  const auto html = co_await session.get(url);
  EXPECT_EQ(co_await error_of<http::ContentTypeError>(html.json()),
            "GET " + url + ": the body is text/html, not application/json");
  EXPECT_TRUE((co_await html.json({.content_type = {}})).is_object());
  const auto half = co_await session.get(url);
  EXPECT_TRUE((co_await error_of<http::JsonError>(half.json())).starts_with("GET " + url + ": invalid JSON: "));
  const auto text = co_await session.get(url);
  EXPECT_TRUE((co_await error_of<http::JsonError>(text.json<int>())).starts_with("GET " + url + ": invalid JSON: "));
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, StreamsABody) {
  auto server = co_await canned(ok("one\ntwo\nthree and four"));
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  http::BodyStream& content = response.content();
  EXPECT_EQ(co_await content.readline(), "one\n");
  EXPECT_EQ(co_await content.read(2), "tw");
  EXPECT_EQ(co_await content.readexactly(7), "o\nthree");
  EXPECT_FALSE(content.at_eof());
  std::string rest;
  while (auto piece = co_await content.next()) rest += *piece;
  EXPECT_EQ(rest, " and four");
  EXPECT_TRUE(content.at_eof());
  EXPECT_EQ(co_await content.read(10), "");
  EXPECT_EQ(co_await content.readline(), "");
  EXPECT_NE(co_await error_of<tutti::IncompleteReadError>(content.readexactly(3)), "no error");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, UploadsWhatAGeneratorGives) {
  http::Server server;
  server.post("/", [](http::Request& request) -> Coro<http::Response> {
    const std::string coding(request.headers().get("Transfer-Encoding", "none"));
    co_return http::Response::text(coding + ":" + co_await request.text());
  });
  co_await server.start();
  http::ClientSession session({.base_url = http::Url(server.url())});
  const auto pieces = [words = Strings{"a", "", "b", "c"}]() -> tutti::AsyncGenerator<std::string> {
    for (const std::string& word : words) {
      co_yield word;
      co_await tutti::sleep(0ms);
    }
  };
  EXPECT_EQ(co_await (co_await session.post("/", {.data = pieces})).text(), "chunked:abc");
  EXPECT_EQ(co_await (co_await session.post("/", {.data = pieces()})).text(), "chunked:abc");
  EXPECT_EQ(co_await (co_await session.post("/", {.headers = {{"Content-Length", "3"}}, .data = pieces})).text(),
            "none:abc");
  EXPECT_EQ(
      co_await error_of<tutti::ValueError>(session.post("/", {.headers = {{"Content-Length", "4"}}, .data = pieces})),
      "the body has 3 bytes, and not the 4 of Content-Length");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, PassesOnWhatTheGeneratorOfABodyThrows) {
  auto server = co_await stalling("");
  http::ClientSession session;
  const auto pieces = []() -> tutti::AsyncGenerator<std::string> {
    co_yield "a piece";
    throw std::logic_error("no more");
  };
  EXPECT_EQ(co_await error_of<std::logic_error>(session.post(url_of(server), {.data = pieces})), "no more");
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, server);
}

struct Odd {};

TUTTI_TEST(HttpClient, PassesOnWhateverTheGeneratorThrows) {
  auto server = co_await stalling("");
  http::ClientSession session;
  const auto odd = []() -> tutti::AsyncGenerator<std::string> {
    co_yield "a piece";
    throw Odd();
  };
  EXPECT_THROW((void)co_await session.post(url_of(server), {.data = odd}), Odd);
  // One that a broken connection might have caused too, but did not.
  const auto broken = []() -> tutti::AsyncGenerator<std::string> {
    co_yield "a piece";
    throw tutti::ConnectionResetError(ECONNRESET, "read the source");
  };
  EXPECT_TRUE(contains(co_await error_of<tutti::ConnectionResetError>(session.post(url_of(server), {.data = broken})),
                       "read the source"));
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await until([&] { return server.connections() == 0; });
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, EndsTheResponseWhenTheGeneratorThrowsLater) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await reader.readuntil("\r\n\r\n");
        writer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  for (const bool left : {false, true}) {
    tutti::Future<> go_on;
    bool thrown = false;
    auto response = std::make_optional(
        co_await session.post(url_of(server), {.data = [go_on, &thrown]() -> tutti::AsyncGenerator<std::string> {
                                co_yield "a piece";
                                co_await go_on;
                                thrown = true;
                                throw Odd();
                              }}));
    EXPECT_EQ(co_await response->content().readexactly(4), "half");
    go_on.set_result();
    co_await until([&] { return thrown; });
    for (int i = 0; i < 5; ++i) co_await tutti::sleep(0ms);
    if (!left) {
      EXPECT_THROW((void)co_await response->read(), Odd);
    }
    response.reset();
    EXPECT_EQ(session.connections_in_use(), 0U);
  }
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, CarriesLargeBodiesBothWays) {
  http::Server server({.client_max_size = 64 * 1024 * 1024});
  server.post(
      "/", [](http::Request& request) -> Coro<http::Response> { co_return http::Response(co_await request.read()); });
  co_await server.start();
  http::ClientSession session;
  std::string body(3'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 2654435761U >> 13);
  const auto response = co_await session.post(server.url() + "/", {.data = body});
  EXPECT_TRUE(co_await response.read() == body);
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, MakesAHundredRequestsAtOnce) {
  http::Server server;
  server.get("/{n}", [](http::Request& request) -> Coro<http::Response> {
    co_await tutti::sleep(1ms);
    co_return http::Response::text(request.match("n"));
  });
  co_await server.start();
  http::ClientSession session({.connector = {.limit = 20}});
  const auto fetch = [&](int n) -> Coro<std::string> {
    const auto response = co_await session.get(server.url() + "/" + std::to_string(n));
    co_return co_await response.text();
  };
  std::vector<Coro<std::string>> requests;
  for (int n = 0; n < 100; ++n) requests.push_back(fetch(n));
  const auto texts = co_await tutti::gather(std::move(requests));
  for (std::size_t n = 0; n < texts.size(); ++n) EXPECT_EQ(texts[n], std::to_string(n));
  EXPECT_EQ(server.connections(), 20U);
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, RaisesForStatusIfAskedTo) {
  Recorder recorder{.answer = "HTTP/1.1 404 Not Here\r\nX-Why: gone\r\nContent-Length: 1\r\n\r\nx"};
  auto server = co_await recorder.start();
  const std::string url = url_of(server, "/x");
  http::ClientSession session;
  const auto response = co_await session.get(url);
  EXPECT_FALSE(response.ok());
  EXPECT_THROW(response.raise_for_status(), http::ClientResponseError);
  http::ClientSession strict({.raise_for_status = true});
  EXPECT_EQ((co_await strict.get(url, {.raise_for_status = false})).status(), 404);
  try {
    co_await strict.get(url);
    ADD_FAILURE() << "no error";
  } catch (const http::ClientResponseError& error) {
    EXPECT_STREQ(error.what(), ("GET " + url + ": 404 Not Here").c_str());
    EXPECT_EQ(error.status(), 404);
    EXPECT_EQ(error.headers().get("X-Why"), "gone");
    EXPECT_EQ(error.url(), url);
    EXPECT_EQ(error.method(), "GET");
  }
  co_await strict.close();
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, ConnectsWhereverItIsTold) {
  auto server = co_await canned(ok("by detour"));
  std::string asked;
  http::ClientSession session({.open_connection = [&](std::string host, std::uint16_t port) {
    asked = host + ":" + std::to_string(port);
    return tutti::open_connection("127.0.0.1", server.port());
  }});
  const auto response = co_await session.get("http://example.invalid/");
  EXPECT_EQ(co_await response.text(), "by detour");
  EXPECT_EQ(asked, "example.invalid:80");
  co_await end(session, server);
}

TUTTI_TEST(HttpClient, ClosesItsConnectionsWhenItIsLeft) {
  Recorder recorder;
  auto server = co_await recorder.start();
  {
    http::ClientSession session;
    const auto response = co_await session.get(url_of(server));
    EXPECT_EQ(session.connections_idle(), 1U);
  }
  co_await until([&] { return server.connections() == 0; });
  co_await end(server);
}

TEST(HttpClient, MayOutliveTheLoopThatItBelongsTo) {
  http::ClientSession session;
  std::optional<http::ClientResponse> response;
  const auto fetch = [&]() -> Coro<> {
    auto server = co_await stalling(ok("kept") + "HTTP");
    response = co_await session.get(url_of(server), {.headers = {{"Connection", "close"}}});
    auto other = co_await canned(std::vector<std::string>(2, ok("x")));
    co_await session.get(url_of(other));
    EXPECT_EQ(session.connections_idle(), 1U);
  };
  tutti::run(fetch);
  EXPECT_THROW(tutti::run(fetch), tutti::RuntimeError);
}

}  // namespace

// SPDX-License-Identifier: MIT
// Where redirects lead, and what is taken along.
#include <string>

#include <gtest/gtest.h>

#include "http_support.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;

/// A server that redirects /status/code to its `location`, and tells at /show what it was asked.
struct Maze {
  Maze() {
    for (const char* method : {"GET", "POST", "PUT"}) {
      server.route(method, "/status/{code}", [this](Request& request) -> Coro<Response> {
        co_return Response::redirect(location, std::stoi(request.match("code")));
      });
      server.route(method, "/show", [](Request& request) -> Coro<Response> {
        std::string text = request.method() + " " + co_await request.text();
        for (const char* name : {"Authorization", "Cookie", "Content-Type", "X-Own"}) {
          if (const auto value = request.headers().get(name)) text.append(";").append(name).append("=").append(*value);
        }
        co_return Response::text(text);
      });
    }
    server.get("/loop/{n}", [](Request& request) -> Coro<Response> {
      co_return Response::redirect("/loop/" + std::to_string(std::stoi(request.match("n")) + 1));
    });
  }
  http::Server server;
  std::string location = "/show";
};

TUTTI_TEST(HttpRedirect, IsFollowedAsItsStatusSays) {
  Maze maze;
  co_await maze.server.start();
  http::ClientSession session({.base_url = http::Url(maze.server.url())});
  for (const char* code : {"301", "302", "303", "307", "308"}) {
    const auto response = co_await session.get(std::string("/status/") + code);
    EXPECT_EQ(co_await response.text(), "GET ") << code;
    EXPECT_EQ(response.url().path(), "/show");
    CO_ASSERT_EQ(response.history().size(), 1U);
    EXPECT_EQ(response.history()[0].status(), std::stoi(code));
    EXPECT_EQ(response.history()[0].url().path(), std::string("/status/") + code);
  }
  const std::string kept = " data;Content-Type=application/octet-stream";
  for (const char* code : {"301", "302", "303"}) {
    EXPECT_EQ(co_await (co_await session.post(std::string("/status/") + code, {.data = "data"})).text(), "GET ")
        << code;
  }
  for (const char* code : {"307", "308"}) {
    EXPECT_EQ(co_await (co_await session.post(std::string("/status/") + code, {.data = "data"})).text(), "POST" + kept)
        << code;
  }
  EXPECT_EQ(co_await (co_await session.put("/status/302", {.data = "data"})).text(), "PUT" + kept);
  EXPECT_EQ(co_await (co_await session.put("/status/303", {.data = "data"})).text(), "GET ");
  EXPECT_EQ(maze.server.connections(), 1U);
  co_await end(session, maze.server);
}

TUTTI_TEST(HttpRedirect, IsNotFollowedIfNotWanted) {
  Maze maze;
  co_await maze.server.start();
  http::ClientSession session({.base_url = http::Url(maze.server.url())});
  const auto response = co_await session.get("/status/302", {.allow_redirects = false});
  EXPECT_EQ(response.status(), 302);
  EXPECT_EQ(response.headers().get("Location"), "/show");
  EXPECT_EQ((co_await session.head("/status/302")).status(), 302);
  EXPECT_EQ((co_await session.head("/status/302", {.allow_redirects = true})).status(), 200);
  co_await end(session, maze.server);
}

TUTTI_TEST(HttpRedirect, EndsAfterTooMany) {
  Maze maze;
  co_await maze.server.start();
  http::ClientSession session({.base_url = http::Url(maze.server.url())});
  try {
    co_await session.get("/loop/0");
    ADD_FAILURE() << "no error";
  } catch (const http::TooManyRedirects& error) {
    EXPECT_EQ(std::string(error.what()), "GET " + maze.server.url() + "/loop/10: more than 10 redirects");
    EXPECT_EQ(error.status(), 302);
  }
  EXPECT_EQ(co_await error_of<http::ClientResponseError>(session.get("/loop/0", {.max_redirects = 0})),
            "GET " + maze.server.url() + "/loop/0: more than 0 redirects");
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, maze.server);
}

TUTTI_TEST(HttpRedirect, TakesNoSecretsToAnotherServer) {
  Maze maze;
  co_await maze.server.start();
  Maze other;
  co_await other.server.start();
  maze.location = other.server.url() + "/show";
  const http::RequestOptions options{.headers = {{"Authorization", "secret"}, {"Cookie", "a=b"}, {"X-Own", "kept"}}};
  http::ClientSession session;
  EXPECT_EQ(co_await (co_await session.get(maze.server.url() + "/status/302", options)).text(), "GET ;X-Own=kept");
  maze.location = "/show";
  EXPECT_EQ(co_await (co_await session.get(maze.server.url() + "/status/302", options)).text(),
            "GET ;Authorization=secret;Cookie=a=b;X-Own=kept");
  maze.location = "http://user:word@" + maze.server.url().substr(7) + "/show";
  EXPECT_EQ(co_await (co_await session.get(maze.server.url() + "/status/302")).text(),
            "GET ;Authorization=Basic dXNlcjp3b3Jk");
  co_await other.server.close();
  co_await end(session, maze.server);
}

TUTTI_TEST(HttpRedirect, ToWhatCannotBeRequestedIsAnError) {
  Maze maze;
  co_await maze.server.start();
  http::ClientSession session({.base_url = http::Url(maze.server.url())});
  for (const char* location : {"ftp://x/", "javascript:alert(1)", "http://", "https://example.com/", "http://a:b:c/"}) {
    maze.location = location;
    const std::string text = co_await error_of<http::InvalidUrlRedirectClientError>(session.get("/status/302"));
    EXPECT_TRUE(contains(text, "redirect from " + maze.server.url() + "/status/302: ")) << location << ": " << text;
  }
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, maze.server);
}

TUTTI_TEST(HttpRedirect, CannotRepeatABodyThatIsGone) {
  Maze maze;
  co_await maze.server.start();
  http::ClientSession session({.base_url = http::Url(maze.server.url())});
  const auto pieces = []() -> tutti::AsyncGenerator<std::string> { co_yield "data"; };
  EXPECT_NE(co_await error_of<http::ClientPayloadError>(session.post("/status/307", {.data = pieces()})), "no error");
  EXPECT_TRUE((co_await (co_await session.post("/status/307", {.data = pieces})).text()).starts_with("POST data"));
  co_await end(session, maze.server);
}

}  // namespace

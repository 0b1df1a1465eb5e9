// SPDX-License-Identifier: MIT
// How a server ends.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/cancel_scope.hpp>

#include "http_support.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;

/// A server with one handler that ends when it is told to.
struct Slow {
  explicit Slow(http::ServerOptions options = {}) : server(std::move(options)) {
    server.get("/", [this]() -> Coro<Response> {
      ++running;
      try {
        co_await go_on;
      } catch (const tutti::CancelledError&) {
        ++cancelled;
        if (!stubborn) throw;
      }
      if (stubborn) co_await tutti::sleep(10s);
      co_return Response::text("done");
    });
  }
  http::Server server;
  tutti::Future<> go_on;
  int running = 0;
  int cancelled = 0;
  bool stubborn = false;
};

Coro<std::string> get_text(http::ClientSession& session, std::string url) {
  const auto response = co_await session.get(std::move(url));
  co_return std::string(response.headers().get("Connection", "")) + " " + co_await response.text();
}

TUTTI_TEST(HttpServerShutdown, LetsARequestEnd) {
  Slow slow;
  co_await slow.server.start();
  http::ClientSession session;
  auto request = tutti::create_task(get_text(session, slow.server.url() + "/"));
  co_await until([&] { return slow.running == 1; });
  auto closing = tutti::create_task(slow.server.close());
  co_await tutti::sleep(0ms);
  EXPECT_FALSE(closing.done());
  EXPECT_NE(co_await error_of<http::ClientConnectorError>(session.get(slow.server.url() + "/")), "no error");
  slow.go_on.set_result();
  EXPECT_EQ(co_await request, "close done");
  co_await closing;
  EXPECT_EQ(slow.cancelled, 0);
  EXPECT_EQ(slow.server.connections(), 0U);
  co_await session.close();
}

TUTTI_TEST(HttpServerShutdown, ClosesIdleConnections) {
  http::Server server;
  co_await server.start();
  http::ClientSession session;
  EXPECT_EQ((co_await session.get(server.url() + "/")).status(), 404);
  EXPECT_EQ(server.connections(), 1U);
  co_await server.close();
  EXPECT_EQ(server.connections(), 0U);
  co_await session.close();
}

TUTTI_VIRTUAL_TEST(HttpServerShutdown, CancelsWhatTakesTooLong) {
  Slow slow({.shutdown_timeout = 7s});
  co_await slow.server.start();
  http::ClientSession session;
  auto request = tutti::create_task(get_text(session, slow.server.url() + "/"));
  co_await until([&] { return slow.running == 1; });
  const auto begin = tutti::get_running_loop().time();
  co_await slow.server.close();
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 7s);
  EXPECT_EQ(slow.cancelled, 1);
  EXPECT_NE(co_await error_of<http::ServerDisconnectedError>(request), "no error");
  co_await session.close();
}

TUTTI_VIRTUAL_TEST(HttpServerShutdown, CutsOffWhatDoesNotLetItselfBeCancelled) {
  Slow slow({.shutdown_timeout = 3s});
  slow.stubborn = true;
  co_await slow.server.start();
  http::ClientSession session;
  auto request = tutti::create_task(get_text(session, slow.server.url() + "/"));
  co_await until([&] { return slow.running == 1; });
  const auto begin = tutti::get_running_loop().time();
  co_await slow.server.close();
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 6s);
  EXPECT_NE(co_await error_of<http::ClientError>(request), "no error");
  while (slow.server.connections() != 0) co_await tutti::sleep(1s);
  co_await session.close();
}

TUTTI_TEST(HttpServerShutdown, RunsHooksAndReportsTheirErrors) {
  http::Server server;
  bool second = false;
  server.on_shutdown([]() -> Coro<> {
    throw std::runtime_error("hook");
    co_return;
  });
  server.on_shutdown([&second]() -> Coro<> {
    second = true;
    co_return;
  });
  co_await server.start();
  co_await server.close();
  EXPECT_TRUE(second);
  tutti::testing::expect_report("on_shutdown");
}

TUTTI_TEST(HttpServerShutdown, ServesForeverUntilItIsClosedOrCancelled) {
  http::Server closed;
  EXPECT_NE(co_await error_of<tutti::RuntimeError>(closed.serve_forever()), "no error");
  co_await closed.start();
  auto serving = tutti::create_task(closed.serve_forever());
  co_await tutti::sleep(0ms);
  co_await closed.close();
  co_await serving;

  http::Server cancelled;
  co_await cancelled.start();
  auto task = tutti::create_task(cancelled.serve_forever());
  co_await tutti::sleep(0ms);
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  EXPECT_NE(co_await error_of<tutti::RuntimeError>(cancelled.start()), "no error");
}

TUTTI_TEST(HttpServerShutdown, KeepsItsOrderAlsoInACancelledScope) {
  http::Server server;
  bool hook_ended = false;
  server.on_shutdown([&hook_ended]() -> Coro<> {
    co_await tutti::sleep(0s);
    co_await tutti::sleep(1ms);
    hook_ended = true;
  });
  co_await server.start();
  co_await tutti::cancel_scope([&server](tutti::CancelScope& scope) -> Coro<> {
    tutti::get_running_loop().call_soon([&scope] { scope.cancel(); });
    co_await server.serve_forever();
  });
  EXPECT_TRUE(hook_ended);
}

TUTTI_TEST(HttpServerShutdown, ServesForeverNoMoreWhenTheServerIsLeft) {
  std::optional<http::Server> server(std::in_place);
  bool hook = false;
  server->on_shutdown([&hook]() -> Coro<> {
    hook = true;
    co_return;
  });
  co_await server->start();
  auto serving = tutti::create_task(server->serve_forever());
  co_await tutti::sleep(0ms);
  server.reset();
  EXPECT_EQ(co_await error_of<tutti::RuntimeError>(serving), "serve_forever: the server was left without close()");
  EXPECT_FALSE(hook);

  server.emplace();
  co_await server->start();
  auto cancelled = tutti::create_task(server->serve_forever());
  co_await tutti::sleep(0ms);
  server.reset();
  cancelled.cancel();
  EXPECT_THROW(co_await cancelled, tutti::CancelledError);
}

TUTTI_TEST(HttpServerShutdown, AServerThatIsLeftWhileItClosesGoesOnClosing) {
  std::optional<Slow> slow(std::in_place);
  co_await slow->server.start();
  http::ClientSession session;
  auto request = tutti::create_task(get_text(session, slow->server.url() + "/"));
  co_await until([&] { return slow->running == 1; });
  auto serving = tutti::create_task(slow->server.serve_forever());
  auto closing = tutti::create_task(slow->server.close());
  co_await tutti::sleep(0ms);
  {
    const http::Server left = std::move(slow->server);
  }
  slow->go_on.set_result();
  EXPECT_EQ(co_await request, "close done");
  co_await closing;
  co_await serving;
  co_await session.close();
}

TUTTI_TEST(HttpServerShutdown, AListenerThatComesAfterTheEndIsRefused) {
  http::Server server;
  tutti::Future<> go_on;
  server.on_startup([go_on]() -> Coro<> { co_await go_on; });
  auto starting = tutti::create_task(server.start());
  co_await tutti::sleep(0ms);
  co_await server.close();
  go_on.set_result();
  EXPECT_EQ(co_await error_of<tutti::RuntimeError>(starting), "start: the server was closed meanwhile");
  EXPECT_TRUE(server.addresses().empty());
}

TUTTI_TEST(HttpServerShutdown, LeavingAServerLetsRequestsEnd) {
  http::ClientSession session;
  tutti::Future<> go_on;
  bool running = false;
  std::optional<tutti::Task<std::string>> request;
  {
    http::Server server;
    server.get("/", [&running, go_on]() -> Coro<Response> {
      running = true;
      co_await go_on;
      co_return Response::text("still here");
    });
    co_await server.start();
    request = tutti::create_task(get_text(session, server.url() + "/"));
    co_await until([&] { return running; });
  }
  go_on.set_result();
  EXPECT_EQ(co_await *request, "close still here");
  co_await session.close();
}

}  // namespace

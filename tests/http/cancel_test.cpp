// SPDX-License-Identifier: MIT
// What a server awaits, and the end of a session, when the task is cancelled.
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "http_support.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace http_support;
using http::Request;
using http::Response;
using test_support::turn;

TUTTI_TEST(HttpServerCancel, OfTheStartListensToNothing) {
  const test_support::ScratchDirectory folder;
  http::Server server;
  bool slow = true;
  server.on_startup([&slow]() -> Coro<> {
    if (slow) co_await tutti::sleep(1h);
  });
  auto starting = tutti::create_task(server.start());
  co_await turn();
  starting.cancel();
  CO_ASSERT_THROW((void)co_await starting, tutti::CancelledError);
  EXPECT_TRUE(server.addresses().empty());
  co_await server.close();

  http::Server local;
  local.on_startup([]() -> Coro<> { co_await tutti::sleep(1h); });
  auto starting_local = tutti::create_task(local.start_unix(folder / "socket"));
  co_await turn();
  starting_local.cancel();
  CO_ASSERT_THROW((void)co_await starting_local, tutti::CancelledError);
  EXPECT_FALSE(std::filesystem::exists(folder / "socket"));
  co_await local.close();
}

/// Starts it with a handler that takes an hour; gives a future that is done when a request has reached that.
Coro<tutti::Future<>> start_slow(http::Server& server) {
  tutti::Future<> reached;
  server.get("/", [reached]() -> Coro<Response> {
    reached.set_result();
    co_await tutti::sleep(1h);
    co_return Response();
  });
  co_await server.start();
  co_return reached;
}

TUTTI_TEST(HttpServerCancel, OfTheCloseCutsOffWhatIsLeft) {
  http::Server server;
  const auto reached = co_await start_slow(server);
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  co_await reached;
  auto closing = tutti::create_task(server.close());
  co_await turn();
  closing.cancel();
  CO_ASSERT_THROW(co_await closing, tutti::CancelledError);
  EXPECT_EQ(co_await reader.read(), "");
  co_await until([&] { return server.connections() == 0; });
  writer.abort();
}

TUTTI_TEST(HttpServerCancel, OfServingForeverTwiceCutsOffWhatIsLeft) {
  http::Server server;
  const auto reached = co_await start_slow(server);
  auto serving = tutti::create_task(server.serve_forever());
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  co_await reached;
  serving.cancel();
  co_await test_support::turns(3);
  EXPECT_FALSE(serving.done());
  serving.cancel();
  CO_ASSERT_THROW(co_await serving, tutti::CancelledError);
  EXPECT_EQ(co_await reader.read(), "");
  co_await until([&] { return server.connections() == 0; });
  writer.abort();
}

TUTTI_VIRTUAL_TEST(HttpServerCancel, OfAWriteOrOfTheEndSendsAllTheSame) {
  constexpr std::size_t size = 20'000'000;
  http::Server server;
  server.get("/", [](Request& request) -> Coro<Response> {
    http::StreamResponse response;
    co_await response.prepare(request);
    EXPECT_NE(co_await error_of<tutti::TimeoutError>(tutti::wait_for(response.write(std::string(size, 'x')), 1s)),
              "no error");
    EXPECT_NE(co_await error_of<tutti::TimeoutError>(tutti::wait_for(response.write_eof(), 1s)), "no error");
    co_return response;
  });
  co_await server.start();
  http::ClientSession session;
  const auto response = co_await session.get(server.url() + "/");
  co_await tutti::sleep(3s);
  EXPECT_EQ((co_await response.read()).size(), size);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpServerCancel, OfAReadOfTheRequestLosesNoByte) {
  http::Server server;
  server.post("/", [](Request& request) -> Coro<Response> {
    const std::string error =
        co_await error_of<tutti::TimeoutError>(tutti::wait_for(request.content().readexactly(4), 1s));
    EXPECT_NE(error, "no error");
    co_return Response::text(co_await request.text());
  });
  co_await server.start();
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", server.addresses().front().port());
  writer.write("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbo");
  co_await tutti::sleep(2s);
  writer.write("dy");
  EXPECT_TRUE((co_await reader.read()).ends_with("\r\n\r\nbody"));
  co_await net_support::close(writer);
  co_await server.close();
}

TUTTI_TEST(HttpClientCancel, OfTheCloseOfASessionClosesItAllTheSame) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session;
  EXPECT_EQ(co_await (co_await session.get(url_of(server))).text(), "ok");
  EXPECT_EQ(session.connections_idle(), 1U);
  auto closing = tutti::create_task(session.close());
  co_await turn();
  if (closing.cancel()) {
    CO_ASSERT_THROW(co_await closing, tutti::CancelledError);
  }
  EXPECT_TRUE(session.closed());
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await end(session, server);
}

}  // namespace

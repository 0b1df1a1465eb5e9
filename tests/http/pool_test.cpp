// SPDX-License-Identifier: MIT
// How a session keeps and shares connections.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http_support.hpp"

namespace {

using namespace http_support;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Counts connections, and answers each request when it is told to.
struct Gate {
  std::size_t connections = 0;
  std::vector<std::string> paths = {};
  std::vector<tutti::Future<>> waiting = {};

  Coro<tutti::Server> start() {
    return tutti::start_server(
        [this](StreamReader reader, StreamWriter writer) -> Coro<> {
          ++connections;
          for (;;) {
            const std::string request = co_await read_request(reader);
            if (request.empty()) co_return;
            paths.push_back(request.substr(4, request.find(' ', 4) - 4));
            const tutti::Future<> go_on;
            waiting.push_back(go_on);
            co_await go_on;
            writer.write(kOk);
          }
        },
        "127.0.0.1", 0);
  }
  void open() {
    for (const auto& future : waiting) {
      if (!future.done()) future.set_result();
    }
  }
};

Coro<std::string> get_text(http::ClientSession& session, std::string url) {
  const auto response = co_await session.get(std::move(url));
  co_return co_await response.text();
}

TUTTI_TEST(HttpPool, UsesAConnectionAgain) {
  Gate gate;
  auto server = co_await gate.start();
  http::ClientSession session;
  for (int i = 0; i < 3; ++i) {
    auto task = tutti::create_task(get_text(session, url_of(server)));
    co_await until([&] { return gate.waiting.size() == static_cast<std::size_t>(i) + 1; });
    gate.open();
    EXPECT_EQ(co_await task, "ok");
    EXPECT_EQ(session.connections_in_use(), 0U);
    EXPECT_EQ(session.connections_idle(), 1U);
  }
  EXPECT_EQ(gate.connections, 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, ServesWaitersInOrder) {
  Gate gate;
  auto server = co_await gate.start();
  http::ClientSession session({.connector = {.limit = 2}});
  std::vector<tutti::Task<std::string>> tasks;
  for (int i = 0; i < 6; ++i)
    tasks.push_back(tutti::create_task(get_text(session, url_of(server, "/" + std::to_string(i)))));
  co_await until([&] { return gate.waiting.size() == 2; });
  EXPECT_EQ(session.connections_in_use(), 2U);
  tasks[3].cancel();
  for (std::size_t seen = 2; seen < 5; ++seen) {
    gate.waiting[seen - 2].set_result();
    co_await until([&] { return gate.waiting.size() == seen + 1; });
    EXPECT_EQ(session.connections_in_use(), 2U);
  }
  gate.open();
  for (int i = 0; i < 6; ++i) {
    if (i == 3) {
      EXPECT_THROW(co_await tasks[3], tutti::CancelledError);
    } else {
      EXPECT_EQ(co_await tasks[static_cast<std::size_t>(i)], "ok");
    }
  }
  EXPECT_EQ(gate.connections, 2U);
  EXPECT_EQ(gate.paths, (std::vector<std::string>{"/0", "/1", "/2", "/4", "/5"}));
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, PassesOnATurnWhoseTaskWasCancelled) {
  auto server = co_await stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  http::ClientSession session({.connector = {.limit = 1}});
  const auto first = co_await session.get(url_of(server));
  auto second = tutti::create_task(session.get(url_of(server)));
  auto third = tutti::create_task(session.get(url_of(server)));
  co_await tutti::sleep(0ms);
  first.close();    // gives the turn to the second,
  second.cancel();  // which cannot take it any more
  EXPECT_EQ((co_await third).status(), 200);
  EXPECT_THROW(co_await second, tutti::CancelledError);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, LimitsEachHostAndLetsOthersPass) {
  Gate gate;
  auto server = co_await gate.start();
  Gate other_gate;
  auto other = co_await other_gate.start();
  http::ClientSession session({.connector = {.limit = {}, .limit_per_host = 1}});
  auto first = tutti::create_task(get_text(session, url_of(server)));
  auto second = tutti::create_task(get_text(session, url_of(server)));
  auto third = tutti::create_task(get_text(session, url_of(other)));
  co_await until([&] { return gate.waiting.size() == 1 && other_gate.waiting.size() == 1; });
  EXPECT_EQ(session.connections_in_use(), 2U);
  other_gate.open();
  EXPECT_EQ(co_await third, "ok");
  EXPECT_EQ(gate.waiting.size(), 1U);
  gate.open();
  EXPECT_EQ(co_await first, "ok");
  co_await until([&] { return gate.waiting.size() == 2; });
  gate.open();
  EXPECT_EQ(co_await second, "ok");
  EXPECT_EQ(gate.connections, 1U);
  co_await end(other);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, ClosesAnIdleConnectionToMakeRoom) {
  Recorder recorder;
  auto server = co_await recorder.start();
  Recorder other_recorder;
  auto other = co_await other_recorder.start();
  http::ClientSession session({.connector = {.limit = 1}});
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  EXPECT_EQ(co_await get_text(session, url_of(other)), "ok");
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await until([&] { return server.connections() == 0; });
  co_await end(other);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, ClosesAConnectionWhoseBodyWasNotRead) {
  auto server = co_await stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  http::ClientSession session;
  {
    const auto response = co_await session.get(url_of(server));
    EXPECT_EQ(session.connections_in_use(), 1U);
  }
  EXPECT_EQ(session.connections_in_use(), 0U);
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, DoesNotReuseWhatTheServerCloses) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                             "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n"}) {
    auto server = co_await stalling(answer);
    http::ClientSession session;
    EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
    EXPECT_EQ(session.connections_idle(), 0U) << answer;
    co_await end(session, server);
  }
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession once({.connector = {.force_close = true}});
  EXPECT_EQ(co_await get_text(once, url_of(server)), "ok");
  EXPECT_EQ(once.connections_idle(), 0U);
  EXPECT_TRUE(contains(recorder.requests.at(0), "Connection: close\r\n"));
  co_await end(once, server);
}

TUTTI_TEST(HttpPool, DoesNotReuseWhatTheRequestItselfCloses) {
  Recorder recorder;  // which answers as if the connection were to stay
  auto server = co_await recorder.start();
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server), {.headers = {{"Connection", "Close"}}});
  EXPECT_EQ(co_await response.text(), "ok");
  EXPECT_EQ(session.connections_idle(), 0U);
  EXPECT_EQ(session.connections_in_use(), 0U);
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, DoesNotReuseAConnectionOnWhichSomethingCame) {
  std::vector<StreamWriter*> writers;
  auto server = co_await tutti::start_server(
      [&](StreamReader reader, StreamWriter writer) -> Coro<> {
        writers.push_back(&writer);
        while (!(co_await read_request(reader)).empty()) writer.write(kOk);
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  writers.at(0)->write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  co_await until([&] { return server.connections() == 1; });
  for (int i = 0; i < 20; ++i) co_await tutti::sleep(0ms);
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  EXPECT_EQ(writers.size(), 2U);
  co_await end(session, server);
}

/// A server that answers one request on a connection, and cuts the connection off at the second one.
Coro<tutti::Server> forgetful(int& connections) {
  return tutti::start_server(
      [&connections](StreamReader reader, StreamWriter writer) -> Coro<> {
        ++connections;
        (void)co_await read_request(reader);
        writer.write(kOk);
        (void)co_await read_request(reader);
        writer.abort();
      },
      "127.0.0.1", 0);
}

TUTTI_TEST(HttpPool, TriesAnIdempotentRequestAgainIfTheConnectionWasStale) {
  int connections = 0;
  auto server = co_await forgetful(connections);
  http::ClientSession session;
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
    EXPECT_EQ(connections, i);
  }
  EXPECT_NE(co_await error_of<http::ServerDisconnectedError>(session.post(url_of(server), {.data = "once"})),
            "no error");
  EXPECT_EQ(connections, 3);
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, TriesOnlyTwice) {
  int connections = 0;
  auto server = co_await tutti::start_server(
      [&connections](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        if (++connections == 1) {
          writer.write(kOk);
          (void)co_await read_request(reader);
        }
        writer.abort();
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  EXPECT_NE(co_await error_of<http::ServerDisconnectedError>(session.get(url_of(server))), "no error");
  EXPECT_EQ(connections, 2);
  EXPECT_NE(co_await error_of<http::ServerDisconnectedError>(session.get(url_of(server))), "no error");
  EXPECT_EQ(connections, 3);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpPool, ClosesIdleConnectionsAfterAWhile) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session;
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  co_await tutti::sleep(14s);
  EXPECT_EQ(session.connections_idle(), 1U);
  EXPECT_EQ(co_await get_text(session, url_of(server)), "ok");
  co_await tutti::sleep(14s);
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await tutti::sleep(2s);
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await until([&] { return server.connections() == 0; });
  co_await end(session, server);
}

TUTTI_TEST(HttpPool, ClosingTheSessionSendsWaitersAway) {
  Gate gate;
  auto server = co_await gate.start();
  http::ClientSession session({.connector = {.limit = 1}});
  auto first = tutti::create_task(get_text(session, url_of(server)));
  auto second = tutti::create_task(get_text(session, url_of(server)));
  co_await until([&] { return gate.waiting.size() == 1; });
  co_await session.close();
  EXPECT_NE(co_await error_of<http::SessionClosedError>(first), "no error");
  EXPECT_NE(co_await error_of<http::SessionClosedError>(second), "no error");
  EXPECT_EQ(session.connections_in_use(), 0U);
  gate.open();
  co_await end(server);
}

}  // namespace

// SPDX-License-Identifier: MIT
// The limits of ClientTimeout, in virtual time.
#include <string>

#include <gtest/gtest.h>

#include "http_support.hpp"

namespace {

using namespace http_support;

TUTTI_VIRTUAL_TEST(HttpClientTimeout, HasATotalOfFiveMinutes) {
  auto server = co_await stalling("");
  http::ClientSession session;
  const auto begin = tutti::get_running_loop().time();
  const std::string url = url_of(server);
  EXPECT_EQ(co_await error_of<tutti::TimeoutError>(session.get(url)), "GET " + url + ": timed out after 300 s in all");
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 5min);
  EXPECT_NE(
      co_await error_of<http::ServerTimeoutError>(session.get(url, {.timeout = http::ClientTimeout{.total = 1s}})),
      "no error");
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, CountsTheBodyIntoTheTotal) {
  auto server = co_await stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  http::ClientSession session({.timeout = {.total = 10s}});
  const std::string url = url_of(server);
  const auto begin = tutti::get_running_loop().time();
  const auto response = co_await session.get(url);
  co_await tutti::sleep(4s);
  EXPECT_EQ(co_await error_of<http::ServerTimeoutError>(response.read()),
            "GET " + url + ": timed out after 10 s in all");
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 10s);
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, LimitsTheTimeBetweenTwoPieces) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        writer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        for (int i = 0; i < 5; ++i) {
          writer.write("x");
          co_await tutti::sleep(2s);
        }
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
  http::ClientSession session({.timeout = {.sock_read = 3s}});
  const std::string url = url_of(server);
  const auto begin = tutti::get_running_loop().time();
  const auto response = co_await session.get(url);
  EXPECT_EQ(co_await error_of<http::SocketTimeoutError>(response.read()),
            "GET " + url + ": the server sent nothing for 3 s");
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 11s);
  co_await end(session, server);
}

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr int kPieces = 14;

/// A server that takes a request of `kPieces` slowly, and answers then.
Coro<tutti::Server> slow_taker() {
  return tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await reader.readuntil("\r\n\r\n");
        for (int i = 0; i < kPieces; ++i) {
          (void)co_await reader.readexactly(kPiece);
          co_await tutti::sleep(1s);
        }
        writer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\ntaken");
      },
      "127.0.0.1", 0);
}

tutti::AsyncGenerator<std::string> pieces() {
  for (int i = 0; i < kPieces; ++i) co_yield std::string(kPiece, 'x');
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, DoesNotExpectAnAnswerWhileTheRequestIsBeingSent) {
  auto server = co_await slow_taker();
  http::ClientSession session({.timeout = {.sock_read = 10s}});
  const std::string length = std::to_string(kPiece * kPieces);
  const auto begin = tutti::get_running_loop().time();
  const auto whole = co_await session.post(url_of(server), {.data = std::string(kPiece * kPieces, 'x')});
  EXPECT_EQ(co_await whole.text(), "taken");
  const auto streamed =
      co_await session.post(url_of(server), {.headers = {{"Content-Length", length}}, .data = pieces});
  EXPECT_EQ(co_await streamed.text(), "taken");
  EXPECT_GE(tutti::get_running_loop().time() - begin, 24s);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, LeavesTheGeneratorOfABodyItsTime) {
  Recorder recorder;
  auto server = co_await recorder.start();
  http::ClientSession session({.timeout = {.sock_read = 3s}});
  const auto response = co_await session.post(
      url_of(server), {.headers = {{"Content-Length", "2"}}, .data = []() -> tutti::AsyncGenerator<std::string> {
                         co_yield "a";
                         co_await tutti::sleep(20s);
                         co_yield "b";
                       }});
  EXPECT_EQ(co_await response.text(), "ok");
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, EndsARequestThatIsNotTaken) {
  auto server = co_await tutti::start_server(
      [](StreamReader, StreamWriter writer) -> Coro<> { co_await writer.wait_closed(); }, "127.0.0.1", 0);
  http::ClientSession session({.timeout = {.sock_read = 3s}});
  const std::string error = "POST " + url_of(server) + ": the server took nothing for 3 s";
  const std::string whole(std::size_t{32} << 20, 'x');
  const auto endless = []() -> tutti::AsyncGenerator<std::string> {
    for (;;) co_yield std::string(kPiece, 'x');
  };
  EXPECT_EQ(co_await error_of<http::SocketTimeoutError>(session.post(url_of(server), {.data = whole})), error);
  EXPECT_EQ(co_await error_of<http::SocketTimeoutError>(session.post(url_of(server), {.data = endless})), error);
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, ExpectsAnAnswerOnceTheRequestIsSent) {
  auto server = co_await stalling("");
  http::ClientSession session({.timeout = {.sock_read = 3s}});
  const std::string error = "POST " + url_of(server) + ": the server sent nothing for 3 s";
  const auto begin = tutti::get_running_loop().time();
  EXPECT_EQ(co_await error_of<http::SocketTimeoutError>(session.post(url_of(server), {.data = "small"})), error);
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 3s);
  EXPECT_EQ(co_await error_of<http::SocketTimeoutError>(
                session.post(url_of(server), {.data = []() -> tutti::AsyncGenerator<std::string> { co_yield "a"; }})),
            error);
  EXPECT_LE(tutti::get_running_loop().time() - begin, 9s);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, LimitsConnecting) {
  http::ClientSession session({.open_connection = [](std::string, std::uint16_t) -> Coro<tutti::Streams> {
    co_await tutti::sleep(1h);
    throw std::logic_error("unreachable");
  }});
  EXPECT_EQ(co_await error_of<http::ConnectionTimeoutError>(session.get("http://example.com:81/x")),
            "GET http://example.com:81/x: connect example.com:81: timed out after 30 s");
  EXPECT_EQ(co_await error_of<http::ConnectionTimeoutError>(
                session.get("http://example.com/", {.timeout = http::ClientTimeout{.connect = 500ms}})),
            "GET http://example.com/: no connection within 0.5 s");
  EXPECT_EQ(session.connections_in_use(), 0U);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, LimitsTheWaitForAFreeConnection) {
  auto server = co_await stalling("");
  http::ClientSession session({.timeout = {.connect = 5s}, .connector = {.limit = 1}});
  const std::string url = url_of(server);
  auto first = tutti::create_task(session.get(url));
  co_await until([&] { return session.connections_in_use() == 1; });
  EXPECT_EQ(co_await error_of<http::ConnectionTimeoutError>(session.get(url)),
            "GET " + url + ": no connection within 5 s");
  EXPECT_EQ(session.connections_in_use(), 1U);
  first.cancel();
  EXPECT_THROW(co_await first, tutti::CancelledError);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, IsNotMistakenForTheTimeoutOfACaller) {
  auto server = co_await stalling("");
  http::ClientSession session;
  EXPECT_EQ(co_await error_of<tutti::TimeoutError>(tutti::wait_for(session.get(url_of(server)), 2s)),
            "wait_for: timed out after 2 s");
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, server);
}

TUTTI_VIRTUAL_TEST(HttpClientTimeout, MayBeAbsent) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        co_await tutti::sleep(24h);
        writer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
  http::ClientSession session({.timeout = {.total = {}}});
  EXPECT_EQ(co_await (co_await session.get(url_of(server))).text(), "late");
  co_await end(session, server);
}

}  // namespace

// SPDX-License-Identifier: MIT
// Servers that refuse, vanish or talk nonsense: each has its exception, and nothing leaks.
#include <string>

#include <gtest/gtest.h>

#include <tutti/http/json.hpp>

#include "http_support.hpp"

namespace {

using namespace http_support;

/// The error of reading a whole page.
template <class Error>
Coro<std::string> page_error(http::ClientSession& session, std::string url, http::RequestOptions options = {}) {
  return error_of<Error>(
      [](http::ClientSession& own, std::string text, http::RequestOptions given) -> Coro<std::string> {
        const auto response = co_await own.get(text, std::move(given));
        co_return co_await response.read();
      }(session, std::move(url), std::move(options)));
}

/// The error of a page that is exactly these bytes.
template <class Error>
Coro<std::string> answer_error(std::string answer, http::ClientSessionOptions options = {}) {
  auto server = co_await canned(std::move(answer));
  http::ClientSession session(std::move(options));
  const std::string url = url_of(server);
  const std::string text = co_await page_error<Error>(session, url);
  EXPECT_EQ(session.connections_in_use(), 0U);
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await end(session, server);
  EXPECT_TRUE(text.starts_with("GET " + url + ": ")) << text;
  co_return text.substr(std::min(text.size(), url.size() + 6));
}

TUTTI_TEST(HttpClientErrors, NameABadUrl) {
  http::ClientSession session;
  EXPECT_EQ(co_await error_of<http::InvalidUrlClientError>(session.get("no url")),
            "invalid URL 'no url': no scheme (write http:// or https:// in front)");
  for (const char* url :
       {"", "ftp://x/", "http://", "http://a:b:c/", "http://[::1/", "http://x/%zz", "http://a:99999/"}) {
    EXPECT_NE(co_await error_of<http::ClientError>(session.get(url)), "no error") << url;
    EXPECT_NE(co_await error_of<http::InvalidUrlError>(session.get(url)), "no error") << url;
  }
  EXPECT_EQ(co_await error_of<http::InvalidUrlClientError>(session.get("https://u:secret@example.com/x")),
            "invalid URL 'https://example.com/x': TLS is not supported yet: only http, not https");
}

TUTTI_TEST(HttpClientErrors, NameAWrongRequest) {
  http::ClientSession session;
  EXPECT_NE(co_await error_of<tutti::ValueError>(session.request("BAD METHOD", "http://127.0.0.1:1/")), "no error");
  EXPECT_NE(co_await error_of<tutti::ValueError>(session.request("CONNECT", "http://127.0.0.1:1/")), "no error");
  EXPECT_NE(co_await error_of<tutti::ValueError>(
                session.post("http://127.0.0.1:1/", {.data = "a", .json = http::JsonBody(1)})),
            "no error");
}

TUTTI_TEST(HttpClientErrors, NameARefusedConnection) {
  auto server = co_await canned("");
  const std::string url = url_of(server, "/x");
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  co_await end(server);
  http::ClientSession session;
  try {
    co_await session.get(url);
    ADD_FAILURE() << "no error";
  } catch (const http::ClientConnectorError& error) {
    EXPECT_EQ(std::string(error.what()), "GET " + url + ": connect " + address + ": connection refused");
    EXPECT_EQ(error.error_number(), ECONNREFUSED);
  }
  EXPECT_NE(co_await error_of<tutti::OSError>(session.get(url)), "no error");
  EXPECT_NE(co_await error_of<std::exception>(session.get(url)), "no error");
  EXPECT_NE(co_await error_of<http::ClientConnectionError>(session.get(url)), "no error");
  EXPECT_EQ(session.connections_in_use(), 0U);
}

TUTTI_TEST(HttpClientErrors, NameAHostThatDoesNotResolve) {
  http::ClientSession session;
  const std::string text = co_await error_of<http::ClientConnectorDNSError>(session.get("http://nobody.invalid/"));
  EXPECT_TRUE(text.starts_with("GET http://nobody.invalid/: resolve nobody.invalid: ")) << text;
}

TUTTI_TEST(HttpClientErrors, NameAServerThatClosesAtOnce) {
  EXPECT_EQ(co_await answer_error<http::ServerDisconnectedError>(""),
            "the server closed the connection without a response");
  EXPECT_EQ(co_await answer_error<http::ServerDisconnectedError>("HTTP/1.1 200 O"),
            "the server closed the connection inside the head of its response");
}

TUTTI_TEST(HttpClientErrors, NameAReset) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        const std::string request = co_await read_request(reader);
        if (contains(request, "/body")) {
          writer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
          co_await reader.read(1);
        }
        reset(writer);
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  const std::string text = co_await page_error<http::ClientOSError>(session, url_of(server));
  EXPECT_TRUE(contains(text, "connection reset")) << text;
  const auto response =
      co_await session.post(url_of(server, "/body"), {.data = []() -> tutti::AsyncGenerator<std::string> {
                              co_yield "x";
                              co_await tutti::sleep(1h);
                            }});
  const std::string in_body = co_await error_of<http::ClientOSError>(response.read());
  EXPECT_TRUE(contains(in_body, "connection reset")) << in_body;
  EXPECT_EQ(co_await error_of<http::ClientOSError>(response.read()), in_body);
  co_await end(session, server);
}

TUTTI_TEST(HttpClientErrors, NameGarbage) {
  for (const char* garbage :
       {"SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02\x00", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "<html>hello</html>"}) {
    const std::string text = co_await answer_error<http::InvalidResponseError>(garbage);
    EXPECT_TRUE(text.starts_with("invalid response: ")) << garbage << ": " << text;
    EXPECT_FALSE(contains(text, "invalid HTTP response")) << text;  // once is enough
  }
}

TUTTI_TEST(HttpClientErrors, NameABodyThatEndsTooEarly) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    const std::string text = co_await answer_error<http::ClientPayloadError>(answer);
    EXPECT_TRUE(text.starts_with("invalid body: ")) << text;
  }
}

TUTTI_TEST(HttpClientErrors, NameAWrongChunk) {
  const std::string text = co_await answer_error<http::ClientPayloadError>(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n");
  EXPECT_TRUE(text.starts_with("invalid body: ")) << text;
}

TUTTI_TEST(HttpClientErrors, NameABodyThatIsTooLarge) {
  const std::string length = co_await answer_error<http::PayloadTooLargeError>(
      "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", {.max_body_size = 10});
  EXPECT_TRUE(contains(length, "10")) << length;
  const std::string chunks = co_await answer_error<http::ClientPayloadError>(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
      {.max_body_size = 10});
  EXPECT_TRUE(contains(chunks, "10")) << chunks;
  const std::string until_eof =
      co_await answer_error<http::ClientPayloadError>("HTTP/1.0 200 OK\r\n\r\nhello world", {.max_body_size = 10});
  EXPECT_TRUE(contains(until_eof, "10")) << until_eof;
}

TUTTI_TEST(HttpClientErrors, EndEndlessHeaders) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        const std::string request = co_await read_request(reader);
        writer.write(contains(request, "/informational") ? "" : "HTTP/1.1 200 OK\r\n");
        try {
          for (;;) {
            writer.write(contains(request, "/informational") ? "HTTP/1.1 103 Early Hints\r\n\r\n"
                                                             : "X-More: and more\r\n");
            co_await writer.drain();
            co_await tutti::sleep(0ms);
          }
        } catch (const tutti::ConnectionError&) {
        }
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  EXPECT_TRUE(contains(co_await page_error<http::InvalidResponseError>(session, url_of(server)), "invalid response: "));
  EXPECT_TRUE(contains(co_await page_error<http::InvalidResponseError>(session, url_of(server, "/informational")),
                       "invalid response: "));
  co_await end(session, server);
}

TUTTI_TEST(HttpClientErrors, NameAClosedSession) {
  auto server = co_await stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  http::ClientSession session;
  const std::string url = url_of(server);
  const auto response = co_await session.get(url);
  auto reading = tutti::create_task(response.read());
  co_await tutti::sleep(0ms);
  co_await session.close();
  EXPECT_TRUE(session.closed());
  EXPECT_EQ(co_await error_of<http::SessionClosedError>(reading), "GET " + url + ": the session is closed");
  EXPECT_EQ(co_await error_of<http::SessionClosedError>(session.get(url)), "GET " + url + ": the session is closed");
  EXPECT_EQ(co_await error_of<tutti::RuntimeError>(session.get(url)), "GET " + url + ": the session is closed");
  co_await session.close();
  co_await end(server);
}

TUTTI_TEST(HttpClientErrors, NameAResponseThatWasClosed) {
  auto server = co_await stalling("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  response.close();
  EXPECT_EQ(session.connections_in_use(), 0U);
  EXPECT_EQ(co_await error_of<http::ClientPayloadError>(response.read()),
            "GET " + url_of(server) + ": the response was closed before its body was read");
  co_await end(session, server);
}

TUTTI_TEST(HttpClientErrors, LeaveTheResponseReadableThatCameBeforeTheUploadBroke) {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await reader.readuntil("\r\n\r\n");
        writer.write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        writer.close();
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  const auto response = co_await session.post(url_of(server), {.data = []() -> tutti::AsyncGenerator<std::string> {
                                                for (;;) co_yield std::string(1000, 'x');
                                              }});
  EXPECT_EQ(response.status(), 413);
  EXPECT_EQ(co_await response.text(), "no");
  EXPECT_EQ(session.connections_in_use(), 0U);
  co_await end(session, server);
}

// ---- cancellation ----

TUTTI_TEST(HttpClientErrors, CancellationWhileWaitingForTheHeadClosesTheConnection) {
  auto server = co_await stalling("");
  http::ClientSession session;
  auto task = tutti::create_task(session.get(url_of(server)));
  co_await until([&] { return session.connections_in_use() == 1 && server.connections() == 1; });
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  EXPECT_EQ(session.connections_in_use(), 0U);
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await until([&] { return server.connections() == 0; });
  co_await end(session, server);
}

TUTTI_TEST(HttpClientErrors, CancellationWhileConnectingLeavesNothing) {
  http::ClientSession session({.open_connection = [](std::string, std::uint16_t) -> Coro<tutti::Streams> {
    co_await tutti::sleep(1h);
    throw std::logic_error("unreachable");
  }});
  auto task = tutti::create_task(session.get("http://127.0.0.1/"));
  co_await until([&] { return session.connections_in_use() == 1; });
  co_await tutti::sleep(0ms);
  task.cancel();
  EXPECT_THROW(co_await task, tutti::CancelledError);
  EXPECT_EQ(session.connections_in_use(), 0U);
}

TUTTI_TEST(HttpClientErrors, CancellationOfAReadLosesNoByte) {
  tutti::Future<> go_on;
  auto server = co_await tutti::start_server(
      [go_on](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        writer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        co_await go_on;
        writer.write("world");
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  auto reading = tutti::create_task(response.read());
  co_await until([&] { return !response.content().buffered().empty(); });
  reading.cancel();
  EXPECT_THROW(co_await reading, tutti::CancelledError);
  go_on.set_result();
  EXPECT_EQ(co_await response.read(), "helloworld");
  EXPECT_EQ(session.connections_idle(), 1U);
  co_await end(session, server);
}

}  // namespace

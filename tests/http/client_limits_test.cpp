// SPDX-License-Identifier: MIT
// How much a client takes into memory, what its errors tell, and to whom.
#include <exception>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/http/json.hpp>

#include "http_support.hpp"

namespace {

using namespace http_support;

std::string chunked(const std::string& body) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char c : body) answer += std::string("1\r\n") + c + "\r\n";
  return answer + "0\r\n\r\n";
}

std::string sized(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// ---- bodies ----

TUTTI_TEST(HttpClientLimits, ReadsNoMoreThanSixtyFourMebibytesWhole) {
  auto server = co_await stalling("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n");
  http::ClientSession session;
  const auto response = co_await session.get(url_of(server));
  for (int i = 0; i < 2; ++i) {  // it stays so
    EXPECT_EQ(co_await error_of<http::PayloadTooLargeError>(response.read()),
              "GET " + url_of(server) + ": the body is larger than the limit of 67108864 bytes");
  }
  EXPECT_EQ(session.connections_in_use(), 0U);
  const auto wanted = co_await session.get(url_of(server), {.max_read_size = 67108865});
  auto reading = tutti::create_task(wanted.read());
  for (int i = 0; i < 10; ++i) co_await tutti::sleep(0ms);
  EXPECT_FALSE(reading.done());
  reading.cancel();
  EXPECT_THROW(co_await reading, tutti::CancelledError);
  co_await end(session, server);
}

TUTTI_TEST(HttpClientLimits, CountsABodyOfUnknownLength) {
  http::ClientSession session({.max_read_size = 10});
  for (const std::string& answer :
       {chunked("0123456789a"), sized("0123456789a"),
        std::string("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n0123456789a")}) {
    auto server = co_await canned(answer);
    const auto whole = co_await session.get(url_of(server));
    try {
      (void)co_await whole.text();
      ADD_FAILURE() << answer;
    } catch (const http::PayloadTooLargeError& error) {
      EXPECT_EQ(error.limit(), 10U);
      EXPECT_EQ(error.url(), url_of(server));
    }
    const auto stream = co_await session.get(url_of(server));
    std::string text;
    while (auto piece = co_await stream.content().next()) text += *piece;
    EXPECT_EQ(text, "0123456789a");
    co_await end(server);
  }
  co_await session.close();
}

TUTTI_TEST(HttpClientLimits, EndsTheConnectionOnceTooMuchHasCome) {
  tutti::Future<> go_on;
  auto server = co_await tutti::start_server(
      [go_on](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        writer.write(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n");
        co_await go_on;
        writer.write("a\r\n0123456789\r\n");
        (void)co_await reader.read();
      },
      "127.0.0.1", 0);
  http::ClientSession session({.max_read_size = 10});
  const auto response = co_await session.get(url_of(server));
  auto reading = tutti::create_task(response.json());
  co_await until([&] { return response.content().buffered() == "0"; });
  go_on.set_result();
  EXPECT_NE(co_await error_of<http::PayloadTooLargeError>(reading), "no error");
  EXPECT_EQ(session.connections_in_use(), 0U);
  EXPECT_EQ(session.connections_idle(), 0U);
  co_await until([&] { return server.connections() == 0; });
  co_await end(session, server);
}

TUTTI_TEST(HttpClientLimits, CountsOnlyWhatIsLeftToBeRead) {
  auto server = co_await canned({sized("0123456789abcdefghij"), chunked("0123456789abcdefghij")});
  http::ClientSession session({.max_read_size = 8});
  for (int i = 0; i < 2; ++i) {
    const auto response = co_await session.get(url_of(server));
    EXPECT_EQ(co_await response.content().readexactly(12), "0123456789ab");
    EXPECT_EQ(co_await response.read(), "cdefghij");
  }
  co_await end(session, server);
}

TUTTI_TEST(HttpClientLimits, AReadThatIsCancelledLimitsNoStream) {
  tutti::Future<> go_on;
  auto server = co_await tutti::start_server(
      [go_on](StreamReader reader, StreamWriter writer) -> Coro<> {
        (void)co_await read_request(reader);
        writer.write("HTTP/1.0 200 OK\r\n\r\n01234");
        co_await go_on;
        writer.write("56789");
      },
      "127.0.0.1", 0);
  http::ClientSession session({.max_read_size = 6});
  const auto response = co_await session.get(url_of(server));
  auto reading = tutti::create_task(response.read());
  co_await until([&] { return response.content().buffered() == "01234"; });
  reading.cancel();
  EXPECT_THROW(co_await reading, tutti::CancelledError);
  go_on.set_result();
  EXPECT_EQ(co_await response.content().read(), "0123456789");
  co_await end(session, server);
}

TUTTI_TEST(HttpClientLimits, MaxBodySizeLimitsAStreamToo) {
  auto server = co_await canned(chunked("0123456789a"));
  http::ClientSession session({.max_body_size = 10});
  const std::string error = co_await error_of<http::PayloadTooLargeError>([&]() -> Coro<> {
    const auto response = co_await session.get(url_of(server));
    while (co_await response.content().next()) {
    }
  }());
  EXPECT_EQ(error, "GET " + url_of(server) + ": the body is larger than the limit of 10 bytes");
  co_await end(session, server);
}

// ---- errors ----

template <class... Errors>
constexpr bool have_both_handles() {
  return ((std::is_convertible_v<const Errors*, const std::exception*> &&
           std::is_convertible_v<const Errors*, const http::ClientError*>) &&
          ...);
}
static_assert(have_both_handles<http::ClientResponseError, http::ContentTypeError, http::InvalidResponseError,
                                http::TooManyRedirects, http::ClientOSError, http::ClientConnectorError,
                                http::ClientConnectorDNSError, http::ServerDisconnectedError, http::ServerTimeoutError,
                                http::ConnectionTimeoutError, http::SocketTimeoutError, http::SessionClosedError,
                                http::ClientPayloadError, http::PayloadTooLargeError, http::InvalidUrlClientError,
                                http::InvalidUrlRedirectClientError>());

TUTTI_TEST(HttpClientLimits, AnErrorSaysTheSameByBothItsHandles) {
  const std::vector<std::string> answers{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "garbage\r\n\r\n"};
  auto server = co_await canned(answers);
  http::ClientSession session({.raise_for_status = true});
  for (const std::string& url :
       {url_of(server), url_of(server), std::string("http://127.0.0.1:1/"), std::string("x")}) {
    std::exception_ptr error;
    try {
      (void)co_await session.get(url);
    } catch (...) {
      error = std::current_exception();
    }
    const auto what_of = [&]<class Error>(Error*) -> std::string {
      try {
        std::rethrow_exception(error);
      } catch (const Error& caught) {
        return caught.what();
      } catch (...) {
        return "something else";
      }
    };
    const std::string text = what_of(static_cast<http::ClientError*>(nullptr));
    EXPECT_EQ(text, what_of(static_cast<std::exception*>(nullptr)));
    EXPECT_TRUE(contains(text, url)) << text;
  }
  co_await end(session, server);
}

TUTTI_TEST(HttpClientLimits, AnErrorTellsNoPasswordOfAUrlThatIsNone) {
  http::ClientSession session;
  for (const char* url : {"http://me:s3cret@h:0/", "http://me:s3cret@h/%zz#s3cret", "http://me:s3/cret@h/",
                          "http://me:s3#cret@h/", "http://me:s3?cret@h/", "http://me:s3cret@h@i/", "me:s3cret@h/x",
                          "http:/me:s3cret@h/", "http://me:99999/cret@h/", "ftp://me:s3cret@h/", "//me:s3cret@h/"}) {
    try {
      (void)co_await session.get(url);
      ADD_FAILURE() << url;
    } catch (const http::ClientError& error) {
      for (const std::string& text : {error.url(), std::string(error.what())}) {
        const bool fragment_in_text = contains(url, "#s3cret") && text == error.what();
        EXPECT_TRUE(fragment_in_text || !contains(text, "s3")) << text;
        EXPECT_FALSE(contains(text, "99999")) << text;
        EXPECT_TRUE(contains(text, "***@")) << text;
      }
    }
  }
  // What is no password stays, since it says what is wrong.
  EXPECT_TRUE(contains(co_await error_of<http::InvalidUrlClientError>(session.get("http://h/%zz?a@b")), "h/%zz?a@b"));
}

}  // namespace

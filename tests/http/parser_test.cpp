// SPDX-License-Identifier: MIT
// What the parsers read: heads, bodies, trailers, ends, limits. What they refuse is in parser_policy_test.cpp.
#include <tutti/http/parser.hpp>

#include <utility>

#include "parse_all.hpp"

namespace tutti::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Kind = ParserErrorKind;

TEST(RequestParser, ReadsAHeadWithAllItsFields) {
  const auto text =
      "GET /a/b?c=%20d HTTP/1.1\r\nHost: example.com\r\nAccept:\t text/html \t\r\nX-Empty:\r\naccept: */*\r\n\r\n"sv;
  const auto parsed = parse_request(text);
  ASSERT_EQ(parsed.error, std::nullopt) << parsed.message;
  EXPECT_TRUE(parsed.complete);
  EXPECT_EQ(parsed.consumed, text.size());
  EXPECT_EQ(parsed.head,
            (RequestHead{"GET",
                         "/a/b?c=%20d",
                         Version::http11,
                         {{"Host", "example.com"}, {"Accept", "text/html"}, {"X-Empty", ""}, {"accept", "*/*"}}}));
  EXPECT_EQ(parsed.body, "");
  EXPECT_TRUE(parsed.keep_alive);
}

TEST(RequestParser, LeavesTheNextRequestToTheCaller) {
  const auto first = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"s;
  const auto parsed = parse_request(first + "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(parsed.error, std::nullopt);
  EXPECT_EQ(parsed.body, "abc");
  EXPECT_EQ(parsed.consumed, first.size());
}

TEST(RequestParser, ReadsOneRequestAfterTheOtherAfterReset) {
  std::string_view stream =
      "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n"
      "\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
  RequestParser parser;
  std::string body;
  while (!parser.complete()) stream.remove_prefix(parser.feed(stream, body));
  EXPECT_EQ(parser.head().target, "/1");
  EXPECT_EQ(parser.trailers(), (Headers{{"X-T", "1"}}));
  parser.reset();
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.trailers().size(), 0U);
  while (!parser.complete()) stream.remove_prefix(parser.feed(stream, body));
  EXPECT_EQ(parser.take_head().target, "/2");
  EXPECT_EQ(body, "ab");
  EXPECT_TRUE(stream.empty());
}

TEST(RequestParser, StopsBehindTheHeadSoThatItCanBeLookedAt) {
  const auto head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n"s;
  RequestParser parser;
  std::string body;
  EXPECT_EQ(parser.feed(head + "hello", body), head.size());
  EXPECT_TRUE(parser.head_complete());
  EXPECT_FALSE(parser.complete());
  EXPECT_TRUE(expects_continue(parser.head()));
  EXPECT_EQ(parser.content_length(), 5U);
  EXPECT_EQ(body, "");
  EXPECT_EQ(parser.feed("hello", body), 5U);
  EXPECT_TRUE(parser.complete());
  EXPECT_EQ(body, "hello");
}

TEST(RequestParser, TakesNothingWhenItIsComplete) {
  RequestParser parser;
  std::string body;
  parser.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n", body);
  EXPECT_TRUE(parser.complete());
  EXPECT_EQ(parser.feed("GET", body), 0U);
  parser.finish();
}

TEST(RequestParser, ThrowsTheSameErrorUntilItIsReset) {
  RequestParser parser;
  std::string body;
  EXPECT_THROW(parser.feed("GET / HTTP/1.1\nHost: a\n\n", body), ParserError);
  EXPECT_THROW(parser.feed("x", body), ParserError);
  EXPECT_THROW(parser.finish(), ParserError);
  parser.reset();
  parser.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n", body);
  EXPECT_TRUE(parser.complete());
}

TEST(RequestParser, MayEndOnlyBetweenMessages) {
  EXPECT_EQ(parse_request("", {}, true).error, std::nullopt);
  EXPECT_EQ(parse_request("\r\n", {}, true).error, std::nullopt);
  for (const auto text : {"G"sv, "GET / HTTP/1.1\r\n"sv, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"sv,
                          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"sv}) {
    const auto parsed = parse_request(text, {}, true);
    EXPECT_EQ(parsed.error, Kind::truncated) << text;
    EXPECT_FALSE(parsed.complete);
  }
}

TEST(RequestParser, DecidesWhetherTheConnectionGoesOn) {
  const auto keep = [](std::string_view version, std::string_view field) {
    return parse_request("GET / HTTP/"s + std::string(version) + "\r\nHost: a\r\n" + std::string(field) + "\r\n")
        .keep_alive;
  };
  EXPECT_TRUE(keep("1.1", ""));
  EXPECT_FALSE(keep("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keep("1.1", "Connection: foo, Close\r\n"));
  EXPECT_FALSE(keep("1.1", "Connection: foo\r\nConnection: close\r\n"));
  EXPECT_TRUE(keep("1.1", "Connection: keep-alive, Upgrade\r\n"));
  EXPECT_FALSE(keep("1.0", ""));
  EXPECT_TRUE(keep("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(RequestParser, LeavesOutTrailersThatWouldChangeTheMessage) {
  const auto parsed = parse_request(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: evil\r\nX-Sum: 7\r\nAuthorization: "
      "b\r\n"
      "Cookie: c\r\nX-Forwarded-For: d\r\n\r\n");
  EXPECT_EQ(parsed.error, std::nullopt) << parsed.message;
  EXPECT_EQ(parsed.trailers, (Headers{{"X-Sum", "7"}}));
  EXPECT_EQ(parsed.head.headers.get("Host"), "a");
}

struct Limit {
  const char* name;
  ParserLimits limits;
  std::string text;
  std::optional<Kind> error;
  int status;
};

TEST(RequestParser, KeepsEachLimitExactly) {
  const auto get = [](std::string_view rest) { return "GET / HTTP/1.1\r\nHost: a\r\n"s + std::string(rest) + "\r\n"; };
  const auto post = [](std::string_view body) {
    return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"s + std::string(body);
  };
  const auto long_line = "GET /" + std::string(1000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  const Limit cases[] = {
      {"start line fits", {.start_line = 1016}, long_line, {}, 0},
      {"start line", {.start_line = 1015}, long_line, Kind::start_line_too_long, 414},
      {"start line without end", {}, "GET /" + std::string(20'000, 'x'), Kind::start_line_too_long, 414},
      {"field fits", {.field = 100}, get("X: " + std::string(95, 'x') + "\r\n"), {}, 0},
      {"field", {.field = 100}, get("X: " + std::string(96, 'x') + "\r\n"), Kind::head_too_large, 431},
      {"a field without end", {}, get("X: " + std::string(1 << 20, 'x')), Kind::head_too_large, 431},
      {"number of fields fits", {.fields = 3}, get("X: 1\r\nX: 2\r\n"), {}, 0},
      {"number of fields", {.fields = 3}, get("X: 1\r\nX: 2\r\nX: 3\r\n"), Kind::head_too_large, 431},
      {"head fits", {.head = 36}, get("X: 1234\r\n"), {}, 0},
      {"head", {.head = 35}, get("X: 1234\r\n"), Kind::head_too_large, 431},
      {"empty lines and head", {.head = 35}, "\r\n" + get("X: 1234\r\n"), Kind::head_too_large, 431},
      {"length fits", {.body = 3}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", {}, 0},
      {"length", {.body = 3}, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", Kind::body_too_large, 413},
      {"chunks fit", {.body = 3}, post("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), {}, 0},
      {"chunks", {.body = 3}, post("2\r\nab\r\n2\r\n"), Kind::body_too_large, 413},
      {"chunks larger than any number", {}, post("2\r\nab\r\nffffffffffffffff\r\n"), Kind::chunk, 400},
      {"chunk line fits", {.chunk_line = 20}, post("1;a=0123456789abcd\r\nx\r\n0\r\n\r\n"), {}, 0},
      {"chunk line", {.chunk_line = 19}, post("1;a=0123456789abcd\r\nx\r\n"), Kind::chunk, 400},
      {"chunk extension without end", {}, post("1;a=" + std::string(1 << 20, 'x')), Kind::chunk, 400},
      {"trailer fields", {.trailer_fields = 1}, post("0\r\nA: 1\r\nB: 2\r\n\r\n"), Kind::head_too_large, 431},
      {"trailer", {.trailer = 13}, post("0\r\nA: 1\r\nB: 2\r\n\r\n"), Kind::head_too_large, 431},
      {"trailer fits", {.trailer = 14}, post("0\r\nA: 1\r\nB: 2\r\n\r\n"), {}, 0},
  };
  for (const auto& limit : cases) {
    SCOPED_TRACE(limit.name);
    const auto parsed = parse_request(limit.text, limit.limits);
    EXPECT_EQ(parsed.error, limit.error) << parsed.message;
    EXPECT_EQ(parsed.status, limit.status);
    EXPECT_EQ(parsed.complete, !limit.error);
  }
}

TEST(RequestParser, RefusesEndlessTrailersAndFields) {
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "a:\r\n";
  EXPECT_EQ(parse_request("GET / HTTP/1.1\r\nHost: a\r\n" + many).error, Kind::head_too_large);
  EXPECT_EQ(parse_request("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + many).error,
            Kind::head_too_large);
}

TEST(RequestParser, ChangesTheBodyLimitWhenTheRouteIsKnown) {
  const auto head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"sv;
  std::string body;
  RequestParser parser;
  parser.feed(head, body);
  parser.set_body_limit(5);
  try {
    parser.set_body_limit(4);
    FAIL() << "a body that is too large is accepted";
  } catch (const ParserError& error) {
    EXPECT_EQ(error.status(), 413);
  }
  EXPECT_THROW(parser.feed("hello", body), ParserError);
}

TEST(ResponseParser, ReadsABodyWithLength) {
  const auto parsed = parse_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhellorest");
  ASSERT_EQ(parsed.error, std::nullopt) << parsed.message;
  EXPECT_EQ(parsed.head, (ResponseHead{200, "OK", Version::http11, {{"Content-Length", "5"}, {"Server", "x"}}}));
  EXPECT_EQ(parsed.body, "hello");
  EXPECT_TRUE(parsed.complete);
  EXPECT_TRUE(parsed.keep_alive);
}

TEST(ResponseParser, ReadsAChunkedBody) {
  const auto parsed = parse_response(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00A;x=\"a;b\\\"\"\r\n, "
      "world!!!\r\n0\r\nX-Sum: 1\r\n\r\n");
  ASSERT_EQ(parsed.error, std::nullopt) << parsed.message;
  EXPECT_EQ(parsed.body, "hello, world!!!");
  EXPECT_EQ(parsed.trailers, (Headers{{"X-Sum", "1"}}));
  EXPECT_TRUE(parsed.keep_alive);
}

TEST(ResponseParser, ReadsABodyUntilTheStreamEnds) {
  const auto text = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\neverything\r\n\r\n"sv;
  const auto parsed = parse_response(text, Method::get, {}, true);
  ASSERT_EQ(parsed.error, std::nullopt) << parsed.message;
  EXPECT_EQ(parsed.body, "everything\r\n\r\n");
  EXPECT_TRUE(parsed.complete);
  EXPECT_TRUE(parsed.needs_eof);
  EXPECT_FALSE(parsed.keep_alive);
  EXPECT_FALSE(parse_response(text).complete);
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\n\r\n", Method::get, {}, true).error, std::nullopt);
  const auto too_long = parse_response(text, Method::get, {.body = 5}, true);
  EXPECT_EQ(too_long.error, Kind::body_too_large);
  EXPECT_EQ(too_long.body, "every");
}

TEST(ResponseParser, KnowsWhichResponsesHaveNoBody) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
      {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"HEAD", "HTTP/1.1 200 OK\r\n\r\n"},
      {"GET", "HTTP/1.1 204 No Content\r\n\r\n"},
      {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"},
      {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
      {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
      {"CONNECT", "HTTP/1.1 200 OK\r\n\r\n"},
      {"GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"}};
  for (const auto& [method, head] : cases) {
    SCOPED_TRACE(head);
    const auto parsed = parse_response(std::string(head) + "HTTP/1.1 next", method);
    EXPECT_EQ(parsed.error, std::nullopt) << parsed.message;
    EXPECT_TRUE(parsed.complete);
    EXPECT_EQ(parsed.consumed, head.size());
    EXPECT_EQ(parsed.body, "");
    EXPECT_FALSE(parsed.needs_eof);
    EXPECT_EQ(parsed.keep_alive, method != "CONNECT" && parsed.head.status != 101);
  }
  const auto refused = parse_response("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", "CONNECT");
  EXPECT_EQ(refused.body, "no");
}

TEST(ResponseParser, SkipsInformationalResponses) {
  const auto text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"s;
  const auto parsed = parse_response(text);
  ASSERT_EQ(parsed.error, std::nullopt) << parsed.message;
  EXPECT_EQ(parsed.head, (ResponseHead{200, "OK", Version::http11, {{"Content-Length", "2"}}}));
  EXPECT_EQ(parsed.body, "ok");

  ResponseParser parser;
  std::string body;
  parser.feed("HTTP/1.1 100 Continue\r\n\r\n", body);
  EXPECT_FALSE(parser.head_complete());
  EXPECT_FALSE(parser.idle());
  EXPECT_EQ(parser.informational_count(), 1);
  EXPECT_EQ(parser.last_informational(), 100);
  parser.reset();
  EXPECT_EQ(parser.informational_count(), 0);
}

TEST(ResponseParser, RefusesEndlessInformationalResponses) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(parse_response(text + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").error, std::nullopt);
  EXPECT_EQ(parse_response(text + "HTTP/1.1 102 Processing\r\n\r\n").error, Kind::informational);
}

TEST(ResponseParser, NamesWhatIsMissingWhenTheStreamEnds) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "invalid HTTP response: the stream ended before it"},
      {"HTTP/1.1 200", "invalid HTTP response: the stream ended inside the head"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "invalid HTTP response: the stream ended inside the head"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
       "invalid HTTP response: the stream ended 7 bytes before the end of a body of 10"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
       "invalid HTTP response: the stream ended inside a chunked body"}};
  for (const auto& [text, message] : cases) {
    const auto parsed = parse_response(text, Method::get, {}, true);
    EXPECT_EQ(parsed.error, Kind::truncated);
    EXPECT_EQ(parsed.message, message);
  }
}

TEST(ResponseParser, ForgivesAMissingReasonAndItsSpace) {
  for (const auto text :
       {"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n"sv, "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"sv}) {
    const auto parsed = parse_response(text);
    EXPECT_EQ(parsed.error, std::nullopt) << parsed.message;
    EXPECT_EQ(parsed.head.status, 404);
    EXPECT_EQ(parsed.head.reason, "");
  }
}

}  // namespace
}  // namespace tutti::http

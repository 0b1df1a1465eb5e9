// SPDX-License-Identifier: MIT
#include <tutti/http/serializer.hpp>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>
#include <tutti/http/parser.hpp>

namespace tutti::http {
namespace {

using namespace std::string_view_literals;

TEST(Serializer, WritesARequestHead) {
  const RequestHead head{
      "POST", "/a?b=c", Version::http11, {{"Host", "example.com"}, {"Content-Length", "2"}, {"X", ""}}};
  EXPECT_EQ(serialize(head), "POST /a?b=c HTTP/1.1\r\nHost: example.com\r\nContent-Length: 2\r\nX: \r\n\r\n");
}

TEST(Serializer, WritesAResponseHead) {
  EXPECT_EQ(serialize(ResponseHead{.headers = {{"Content-Length", "0"}}}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(serialize(ResponseHead{.status = 404, .reason = "Gone Fishing", .version = Version::http10}),
            "HTTP/1.0 404 Gone Fishing\r\n\r\n");
  EXPECT_EQ(serialize(ResponseHead{.status = 599}), "HTTP/1.1 599 \r\n\r\n");
}

TEST(Serializer, LeavesFramingOutOfResponsesThatMustNotHaveIt) {
  const Headers length{{"content-length", "5"}, {"X", "y"}};
  for (const int status : {100, 103, 204}) {
    const auto text = serialize(ResponseHead{.status = status, .headers = length});
    EXPECT_EQ(text.find("ength"), std::string::npos) << text;
    EXPECT_NE(text.find("X: y"), std::string::npos) << text;
  }
  EXPECT_EQ(serialize(ResponseHead{.status = 204, .headers = {{"Transfer-Encoding", "chunked"}}}),
            "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_NE(serialize(ResponseHead{.status = 304, .headers = length}).find("content-length: 5"), std::string::npos);
}

TEST(Serializer, RefusesRequestsThatCouldBeReadOtherwise) {
  const Headers host{{"Host", "a"}};
  const auto with = [](std::string_view name, std::string_view value) { return Headers{{"Host", "a"}, {name, value}}; };
  const RequestHead cases[] = {
      {.method = "", .headers = host},
      {.method = "GET /x HTTP/1.1\r\nX:", .headers = host},
      {.method = "G T", .headers = host},
      {.target = "", .headers = host},
      {.target = "/a b", .headers = host},
      {.target = "/a\r\nX: y", .headers = host},
      {.target = "/\xc3\xa4", .headers = host},
      {.target = std::string("/\0", 2), .headers = host},
      {.headers = {}},
      {.headers = {{"Host", "a"}, {"host", "b"}}},
      {.headers = with("Content-Length", "+5")},
      {.headers = with("Content-Length", "")},
      {.headers = with("Content-Length", "5, 5")},
      {.headers = {{"Host", "a"}, {"Content-Length", "5"}, {"Content-Length", "5"}}},
      {.headers = {{"Host", "a"}, {"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}},
      {.headers = with("Transfer-Encoding", "gzip, chunked")},
      {.version = Version::http10, .headers = with("Transfer-Encoding", "chunked")},
  };
  for (const auto& head : cases) {
    std::string out = "before";
    EXPECT_THROW(serialize(head, out), ValueError) << head.method << ' ' << head.target;
    EXPECT_EQ(out, "before");
  }
}

TEST(Serializer, RefusesResponsesThatCouldBeReadOtherwise) {
  const ResponseHead cases[] = {
      {.status = 99},
      {.status = 1000},
      {.reason = "OK\r\nX: y"},
      {.reason = std::string("\0", 1)},
      {.headers = {{"Content-Length", "1"}, {"Content-Length", "2"}}},
      {.headers = {{"Transfer-Encoding", "chunked"}, {"Content-Length", "2"}}},
  };
  for (const auto& head : cases) EXPECT_THROW(static_cast<void>(serialize(head)), ValueError) << head.status;
}

TEST(Serializer, NamesTheMessageInAnError) {
  try {
    static_cast<void>(serialize(RequestHead{.target = "/x y", .headers = {{"Host", "a"}}}));
    FAIL() << "a space in the target is accepted";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "request 'GET /x y': the target is empty or has a character that is not allowed");
  }
}

TEST(Serializer, WritesChunks) {
  std::string out;
  append_chunk("hello", out);
  append_chunk("", out);
  append_chunk(std::string(26, 'x'), out);
  append_last_chunk(out);
  EXPECT_EQ(out, "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunk_prefix(0xffff'ffff'ffff'ffff), "ffffffffffffffff\r\n");
}

TEST(Serializer, WritesTrailersThatMayStandThere) {
  std::string out;
  append_last_chunk(out, {{"X-Sum", "7"}});
  EXPECT_EQ(out, "0\r\nX-Sum: 7\r\n\r\n");
  for (const auto name : {"Content-Length"sv, "transfer-encoding"sv, "Host"sv, "Authorization"sv, "Set-Cookie"sv}) {
    EXPECT_THROW(append_last_chunk(out, {{name, "x"}}), ValueError) << name;
  }
  EXPECT_EQ(out, "0\r\nX-Sum: 7\r\n\r\n");
}

TEST(Serializer, WritesWhatTheParserReads) {
  const RequestHead request{"PUT", "/x?y", Version::http11, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}};
  std::string out;
  serialize(request, out);
  append_chunk("one", out);
  append_chunk("two", out);
  append_last_chunk(out, {{"X-End", "yes"}});

  RequestParser parser;
  std::string body;
  std::string_view rest = out;
  while (!parser.complete()) rest.remove_prefix(parser.feed(rest, body));
  EXPECT_EQ(parser.head(), request);
  EXPECT_EQ(body, "onetwo");
  EXPECT_EQ(parser.trailers(), (Headers{{"X-End", "yes"}}));
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace tutti::http

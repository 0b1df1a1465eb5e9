// SPDX-License-Identifier: MIT
// What the parsers refuse, and what a strict parser must still take. Where the public suite Http11Probe has a test for the same
// rule, its name is in the row.
#include <tutti/http/parser.hpp>

#include <random>
#include <span>

#include "parse_all.hpp"

namespace tutti::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Kind = ParserErrorKind;

struct Row {
  std::string_view id;
  std::string text;
  std::optional<Kind> error;
  int status = 400;
};

void check_requests(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    SCOPED_TRACE(row.id);
    const auto parsed = parse_request(row.text);
    EXPECT_EQ(parsed.error, row.error) << parsed.message;
    EXPECT_EQ(parsed.complete, !row.error);
    EXPECT_EQ(parsed.status, row.error ? row.status : 0);
  }
}

std::string get(std::string_view fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n"; }
std::string line(std::string_view request_line) { return std::string(request_line) + "\r\nHost: a\r\n\r\n"; }
std::string host(std::string_view value) { return "GET / HTTP/1.1\r\nHost: " + std::string(value) + "\r\n\r\n"; }
std::string post(std::string_view fields, std::string_view body = "hello") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n" + std::string(body);
}
std::string length(std::string_view value) { return post("Content-Length: " + std::string(value)); }
std::string coding(std::string_view value) { return post("Transfer-Encoding: " + std::string(value), "0\r\n\r\n"); }
std::string chunks(std::string_view body) { return post("Transfer-Encoding: chunked", body); }

TEST(ParserPolicy, RefusesWrongLines) {
  check_requests({
      {"RFC9112-3-CR-ONLY-LINE-ENDING", "GET / HTTP/1.1\rHost: a\r\r\n\r\n", Kind::start_line},
      {"BARE-LF-REQUEST-LINE", "GET / HTTP/1.1\nHost: a\r\n\r\n", Kind::start_line},
      {"BARE-LF-HEADER", "GET / HTTP/1.1\r\nHost: a\n\r\n", Kind::field},
      {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", Kind::field},
      {"CR, LF, CR, X ends no head (CVE-2023-30589)", "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", Kind::field},
      {"SMUG-BARE-CR-HEADER-VALUE", get("X: a\rb\r\n"), Kind::field},
      {"RFC9112-5.1-OBS-FOLD", get("X: a\r\n b\r\n"), Kind::field},
      {"SMUG-TE-OBS-FOLD", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n"), Kind::field},
      {"COMP-WHITESPACE-BEFORE-HEADERS", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", Kind::field},
      {"RFC9110-5.6.2-SP-BEFORE-COLON", get("X : y\r\n"), Kind::field},
      {"SMUG-TE-SP-BEFORE-COLON", post("Transfer-Encoding : chunked", "0\r\n\r\n"), Kind::field},
      {"NORM-SP-BEFORE-COLON-CL", post("Content-Length : 5"), Kind::field},
      {"NORM-TAB-IN-NAME", get("X\tY: y\r\n"), Kind::field},
      {"RFC9112-5-EMPTY-HEADER-NAME", get(": x\r\n"), Kind::field},
      {"RFC9112-5-INVALID-HEADER-NAME", get("X[1]: y\r\n"), Kind::field},
      {"RFC9112-5-HEADER-NO-COLON", get("XY\r\n"), Kind::field},
      {"MAL-NON-ASCII-HEADER-NAME", get("X\xc3\xa4: y\r\n"), Kind::field},
      {"MAL-NUL-IN-HEADER-VALUE", get("X: a\0b\r\n"sv), Kind::field},
      {"MAL-CONTROL-CHARS-HEADER", get("X: a\x01\x7f\r\n"), Kind::field},
      {"SMUG-TE-NULL", coding("chunked\0"sv), Kind::field},
      {"SMUG-TE-VTAB", coding("\vchunked"), Kind::field},
      {"SMUG-TE-FORMFEED", coding("\fchunked"), Kind::field},
      {"COMP-LEADING-CRLF", "\r\n" + get(""), {}},
      {"two empty lines in front", "\r\n\r\n" + get(""), Kind::start_line},
      {"MAL-BINARY-GARBAGE", "\x80\x01garbage"s, Kind::start_line},
      {"a TLS hello", "\x16\x03\x01\x02"s, Kind::start_line},
      {"8-bit bytes in a value are old text", get("X: \xe4\r\n"), {}},
  });
}

TEST(ParserPolicy, RefusesWrongRequestLines) {
  check_requests({
      {"RFC9112-3-MISSING-TARGET", line("GET HTTP/1.1"), Kind::start_line},
      {"an empty target", line("GET  HTTP/1.1"), Kind::start_line},
      {"RFC9112-3-MULTI-SP-REQUEST-LINE", line("GET  / HTTP/1.1"), Kind::start_line},
      {"SPACE-IN-TARGET", line("GET /a b HTTP/1.1"), Kind::start_line},
      {"COMP-REQUEST-LINE-TAB", line("GET\t/\tHTTP/1.1"), Kind::start_line},
      {"a space behind the version", line("GET / HTTP/1.1 "), Kind::start_line},
      {"not a method", line("G(T / HTTP/1.1"), Kind::start_line},
      {"RFC9112-2.3-HTTP09-REQUEST", "GET /\r\n\r\n", Kind::start_line},
      {"COMP-VERSION-MISSING-MINOR", line("GET / HTTP/1"), Kind::start_line},
      {"COMP-VERSION-LEADING-ZEROS", line("GET / HTTP/01.01"), Kind::start_line},
      {"COMP-VERSION-WHITESPACE", line("GET / HTTP/ 1.1"), Kind::start_line},
      {"COMP-VERSION-CASE", line("GET / http/1.1"), Kind::start_line},
      {"RFC9112-2.3-INVALID-VERSION", line("GET / HTTP/9.9"), Kind::version, 505},
      {"HTTP/2.0", line("GET / HTTP/2.0"), Kind::version, 505},
      {"MAL-H2-PREFACE", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Kind::version, 505},
      {"MAL-NUL-IN-URL", line("GET /\0 HTTP/1.1"sv), Kind::start_line},
      {"MAL-NON-ASCII-URL", line("GET /\xc3\xa4 HTTP/1.1"), Kind::target},
      {"MAL-URL-OVERLONG-UTF8", line("GET /\xc0\xaf HTTP/1.1"), Kind::target},
      {"RFC9112-3.2-FRAGMENT-IN-TARGET", line("GET /a#b HTTP/1.1"), Kind::target},
      {"COMP-ASTERISK-WITH-GET", line("GET * HTTP/1.1"), Kind::target},
      {"COMP-OPTIONS-STAR", line("OPTIONS * HTTP/1.1"), {}},
      {"no slash", line("GET a/b HTTP/1.1"), Kind::target},
      {"a scheme that is not served", line("GET ftp://a/ HTTP/1.1"), Kind::target},
      {"COMP-ABSOLUTE-FORM", line("GET http://a/b?c HTTP/1.1"), {}},
      {"absolute with the default port", line("GET HTTP://A:80 HTTP/1.1"), {}},
      {"absolute for another host", line("GET http://b/ HTTP/1.1"), Kind::host},
      {"absolute for another port", line("GET http://a:81/ HTTP/1.1"), Kind::host},
      {"absolute with a user", line("GET http://u@a/ HTTP/1.1"), Kind::target},
      {"absolute without a host", line("GET http:///b HTTP/1.1"), Kind::target},
      {"CONNECT", line("CONNECT a:443 HTTP/1.1"), {}},
      {"CONNECT to a path", line("CONNECT / HTTP/1.1"), Kind::target},
      {"CONNECT without a port", line("CONNECT a HTTP/1.1"), Kind::target},
      {"an unknown method is the server's to answer", line("BREW /pot HTTP/1.1"), {}},
      {"characters that RFC 3986 forbids but links hold", line("GET /a|b?c[]={\"d\"} HTTP/1.1"), {}},
  });
}

TEST(ParserPolicy, WantsOneValidHost) {
  check_requests({
      {"RFC9112-7.1-MISSING-HOST", "GET / HTTP/1.1\r\n\r\n", Kind::host},
      {"RFC9110-5.4-DUPLICATE-HOST", get("Host: b\r\n"), Kind::host},
      {"COMP-DUPLICATE-HOST-SAME", get("host: a\r\n"), Kind::host},
      {"COMP-HOST-WITH-USERINFO", host("u@a"), Kind::host},
      {"COMP-HOST-WITH-PATH", host("a/b"), Kind::host},
      {"COMP-HOST-EMPTY-VALUE", host(""), Kind::host},
      {"SMUG-MULTIPLE-HOST-COMMA", host("a, b"), Kind::host},
      {"two hosts without a space", host("a,b"), Kind::host},
      {"a port that is not a number", host("a:x"), Kind::host},
      {"a port of six digits", host("a:123456"), Kind::host},
      {"port 0", host("a:0"), Kind::host},
      {"no port behind the colon", host("a:"), Kind::host},
      {"two ports", host("a:1:2"), Kind::host},
      {"half an address", host("[::1"), Kind::host},
      {"an address with more behind it", host("[::1]x"), Kind::host},
      {"an address", host("[::1]:8080"), {}},
      {"name and port", host("example-1.com:8080"), {}},
      {"COMP-HTTP10-NO-HOST", "GET / HTTP/1.0\r\n\r\n", {}},
      {"HTTP/1.0 with two", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", Kind::host},
  });
}

TEST(ParserPolicy, JudgesTheHostOfEachRequestOfAConnection) {
  RequestParser parser;
  std::string body;
  const auto refused = [&](const std::string& text) {
    parser.reset();
    try {
      parser.feed(text, body);
    } catch (const ParserError& error) {
      return error.kind() == Kind::host;
    }
    return false;
  };
  EXPECT_TRUE(refused(host("")));
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(refused(host("a")));
    EXPECT_FALSE(refused("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_TRUE(refused("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_TRUE(refused(get("Host: a\r\n")));
    EXPECT_TRUE(refused(host("")));
    EXPECT_TRUE(refused(host("a, b")));
    EXPECT_FALSE(refused(host("b")));
  }
}

/// Changes `text` in one place, to something that matters to a parser.
void mutate(std::string& text, std::mt19937& random) {
  static constexpr auto kMatters = " \t\r\n:/?#*,-aH10\x7f\x80\x01\0"sv;
  const auto any = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  const std::size_t at = any(text.size() - 2);
  const char c = kMatters[any(kMatters.size())];
  switch (any(4)) {
    case 0: text[at] = c; break;
    case 1: text.insert(at, 1, c); break;
    case 2: text.erase(at, 1); break;
    default: text.insert(at, text.substr(at, any(12))); break;
  }
}

/// Calls `judge(head)` so often, with one of `heads` after the other, each changed in up to two places; until a test fails.
template <class Judge>
void for_mutated(std::span<const std::string_view> heads, unsigned seed, std::size_t count, Judge judge) {
  std::mt19937 random(seed);  // the same in each run
  for (std::size_t i = 0; i < count && !::testing::Test::HasFatalFailure(); ++i) {
    std::string head(heads[i % heads.size()]);
    for (auto changes = random() % 3; changes > 0; --changes) mutate(head, random);
    judge(head);
  }
}

TEST(ParserPolicy, JudgesARequestWithoutABodyAsOneWithAnEmptyBody) {
  const std::string_view heads[] = {
      "GET / HTTP/1.1\r\nHost: a:80\r\n"sv,
      "OPTIONS /x?y=%20 HTTP/1.0\r\nHost:\t[::1]:8080 \r\nConnection: keep-alive\r\n"sv,
      "CONNECT / HTTP/1.1\r\nHost: a\r\n"sv,
      "DELETE /1 HTTP/1.0\r\nX-Y: \xe4 z\tw\r\n"sv,
      "HEAD /a HTTP/1.1\r\nAccept: */*\r\nHost: b.example\r\nConnection: close\r\n"sv,
  };
  int taken = 0;
  for_mutated(heads, 1, 5'000, [&](const std::string& head) {
    auto usual = parse_pieces<RequestHead>(RequestParser(), {head + "\r\n"}, false);
    auto other = parse_pieces<RequestHead>(RequestParser(), {head + "Content-Length: 0\r\n\r\n"}, false);
    other.head.headers.remove("Content-Length");
    if (usual.complete) usual.consumed = other.consumed = 0;
    ASSERT_EQ(usual.error, other.error) << head << '\n' << usual.message << '\n' << other.message;
    ASSERT_TRUE(usual == other) << head;
    taken += usual.complete ? 1 : 0;
  });
  EXPECT_GT(taken, 1'000);
}

TEST(ParserPolicy, JudgesAUsualResponseAsOneThatIsNot) {
  const std::string_view heads[] = {
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n"sv,
      "HTTP/1.1 404 Not Found\r\nConnection: keep-alive\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"sv,
      "HTTP/1.1 500 \r\nConnection: close\r\nHost: a\r\n"sv,
      "HTTP/1.0 200 OK\r\nETag: \"x\"\r\n"sv,
      "HTTP/1.1 204 No Content\r\nX-Y: \xe4 z\tw\r\n"sv,
      "HTTP/1.1 299 Fine\r\nContent-Length: 3\r\n"sv,
  };
  int taken = 0;
  for_mutated(heads, 2, 6'000, [&](const std::string& head) {
    for (const std::string_view method : {Method::get, Method::head}) {
      const auto parse = [&](const std::string& text) {
        auto parsed = parse_pieces<ResponseHead>(ResponseParser(method, {.body = 3}), {text}, true);
        parsed.head.headers.remove("Upgrade");
        if (parsed.complete) parsed.consumed = 0;
        return parsed;
      };
      const auto usual = parse(head + "Content-Length: 3\r\n\r\nabc");
      const auto other = parse(head + "Content-Length: 3\r\nUpgrade: x\r\n\r\nabc");
      ASSERT_EQ(usual.error, other.error) << head << '\n' << usual.message << '\n' << other.message;
      ASSERT_TRUE(usual == other) << head << '\n' << usual.message << '\n' << other.message;
      taken += usual.complete ? 1 : 0;
    }
  });
  EXPECT_GT(taken, 4'000);
}

TEST(ParserPolicy, WantsOneContentLengthThatIsANumber) {
  check_requests({
      {"COMP-POST-CL-BODY", length("5"), {}},
      {"COMP-POST-CL-ZERO", post("Content-Length: 0", ""), {}},
      {"COMP-POST-NO-CL-NO-TE", post("X: y", ""), {}},
      {"SMUG-CL-TRAILING-SPACE", length("5 "), {}},
      {"SMUG-CL-EXTRA-LEADING-SP", length("  5"), {}},
      {"RFC9112-6.1-CL-NON-NUMERIC", length("abc"), Kind::framing},
      {"RFC9112-6.1-CL-PLUS-SIGN", length("+5"), Kind::framing},
      {"SMUG-CL-NEGATIVE", length("-1"), Kind::framing},
      {"SMUG-CL-NEGATIVE-ZERO", length("-0"), Kind::framing},
      {"SMUG-CL-UNDERSCORE", length("1_0"), Kind::framing},
      {"SMUG-CL-OCTAL", length("0o5"), Kind::framing},
      {"SMUG-CL-HEX-PREFIX", length("0x5"), Kind::framing},
      {"SMUG-CL-INTERNAL-SPACE", length("5 5"), Kind::framing},
      {"SMUG-CL-LEADING-ZEROS", length("005"), Kind::framing},
      {"SMUG-CL-DOUBLE-ZERO", length("00"), Kind::framing},
      {"SMUG-CL-COMMA-DIFFERENT", length("5, 6"), Kind::framing},
      {"SMUG-CL-COMMA-SAME", length("5, 5"), Kind::framing},
      {"SMUG-DUPLICATE-CL", post("Content-Length: 5\r\nContent-Length: 6"), Kind::framing},
      {"the same twice", post("Content-Length: 5\r\nContent-Length: 5"), Kind::framing},
      {"MAL-CL-EMPTY", length(""), Kind::framing},
      {"MAL-CL-OVERFLOW", length("99999999999999999999"), Kind::framing},
      {"2^64 + 1", length("18446744073709551617"), Kind::framing},
      {"2^63", length("9223372036854775808"), Kind::framing},
      {"a fraction", length("5.0"), Kind::framing},
  });
}

TEST(ParserPolicy, WantsTransferEncodingToBeChunkedAndNothingElse) {
  check_requests({
      {"COMP-CHUNKED-EMPTY", coding("chunked"), {}},
      {"SMUG-TE-CASE-MISMATCH", coding("Chunked"), {}},
      {"SMUG-TE-XCHUNKED without length, COMP-UNKNOWN-TE-501", coding("xchunked"), Kind::transfer_coding, 501},
      {"gzip", coding("gzip"), Kind::transfer_coding, 501},
      {"gzip, chunked", coding("gzip, chunked"), Kind::transfer_coding, 501},
      {"SMUG-TE-IDENTITY without length", coding("identity"), Kind::transfer_coding, 501},
      {"SMUG-TE-NOT-FINAL-CHUNKED", coding("chunked, gzip"), Kind::framing},
      {"chunked, identity", coding("chunked, identity"), Kind::framing},
      {"SMUG-TE-DOUBLE-CHUNKED", coding("chunked, chunked"), Kind::framing},
      {"SMUG-TE-EMPTY-VALUE", coding(""), Kind::framing},
      {"SMUG-TE-TRAILING-COMMA", coding("chunked,"), Kind::framing},
      {"SMUG-TE-LEADING-COMMA", coding(",chunked"), Kind::framing},
      {"quoted", coding("\"chunked\""), Kind::framing},
      {"with a parameter", coding("chunked;q=1"), Kind::framing},
      {"8-bit space",
       coding("\xa0"
              "chunked"),
       Kind::framing},
      {"SMUG-TE-DUPLICATE-HEADERS", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"),
       Kind::framing},
      {"identity first", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), Kind::framing},
      {"twice the same", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), Kind::framing},
      {"SMUG-CLTE-PIPELINE", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\nGET /"), Kind::framing},
      {"SMUG-TECL-PIPELINE", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\nGET /"), Kind::framing},
      {"SMUG-CLTE-CONN-CLOSE",
       post("Connection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), Kind::framing},
      {"SMUG-TE-XCHUNKED", post("Transfer-Encoding: xchunked\r\nContent-Length: 5"), Kind::framing},
      {"SMUG-TE-XCHUNKED, other order", post("Content-Length: 5\r\nTransfer-Encoding: xchunked"), Kind::framing},
      {"SMUG-TE-TRAILING-SPACE", post("Content-Length: 5\r\nTransfer-Encoding: chunked ", "0\r\n\r\n"), Kind::framing},
      {"SMUG-TE-IDENTITY", post("Transfer-Encoding: identity\r\nContent-Length: 5"), Kind::framing},
      {"SMUG-TE-HTTP10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Kind::framing},
  });
}

TEST(ParserPolicy, WantsChunksToBeExact) {
  check_requests({
      {"COMP-CHUNKED-BODY", chunks("5\r\nhello\r\n0\r\n\r\n"), {}},
      {"COMP-CHUNKED-MULTI", chunks("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), {}},
      {"COMP-CHUNKED-HEX-UPPERCASE", chunks("A\r\nhelloworld\r\n0\r\n\r\n"), {}},
      {"COMP-CHUNKED-TRAILER-VALID", chunks("5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"), {}},
      {"COMP-CHUNKED-EXTENSION", chunks("5;ext=value\r\nhello\r\n0;last\r\n\r\n"), {}},
      {"leading zeros", chunks("0005\r\nhello\r\n000\r\n\r\n"), {}},
      {"SMUG-CHUNK-BARE-SEMICOLON", chunks("5;\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-HEX-PREFIX", chunks("0x5\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-UNDERSCORE", chunks("1_0\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-LEADING-SP", chunks(" 5\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-TRAILING-OWS", chunks("5 \r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-NEGATIVE", chunks("-5\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-PLUS", chunks("+5\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"no size", chunks("\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-MISSING-TRAILING-CRLF", chunks("5\r\nhello0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-SPILL", chunks("5\r\nhello!!\r\n0\r\n\r\n"), Kind::chunk},
      {"LF behind the data", chunks("5\r\nhello\n0\r\n\r\n"), Kind::chunk},
      {"LF behind the size", chunks("5\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-BARE-CR-TERM", chunks("5\rhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-EXT-CTRL", chunks("5;a=\0b\r\nhello\r\n0\r\n\r\n"sv), Kind::chunk},
      {"SMUG-CHUNK-EXT-CR", chunks("5;a=\rb\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"a control character in quotes", chunks("5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"LF in the extension", chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"SMUG-CHUNK-EXT-INVALID-TOKEN", chunks("5;a[b=c\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"quotes that do not end", chunks("5;a=\"b\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"the same with a leading zero", chunks("05;a=\"b\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"the same in the last chunk", chunks("0;a=\"b\r\n\r\n"), Kind::chunk},
      {"MAL-CHUNK-SIZE-OVERFLOW", chunks("FFFFFFFFFFFFFFFFF\r\nhello\r\n"), Kind::chunk},
      {"SMUG-CHUNK-INVALID-SIZE-DESYNC", chunks("+\r\nhello\r\n0\r\n\r\n"), Kind::chunk},
      {"Transfer-Encoding in the trailer", chunks("0\r\nTransfer-Encoding: chunked\r\n\r\n"), Kind::framing},
      {"Content-Length in the trailer", chunks("0\r\nContent-Length: 5\r\n\r\n"), Kind::framing},
      {"a folded trailer", chunks("0\r\nX: a\r\n b\r\n\r\n"), Kind::field},
      {"a trailer without a colon", chunks("0\r\nX\r\n\r\n"), Kind::field},
      {"white space before the first trailer", chunks("0\r\n X: a\r\n\r\n"), Kind::field},
      {"LF in the trailer", chunks("0\r\nX: a\n\r\n"), Kind::field},
  });
}

TEST(ParserPolicy, NeverTakesAnIncompleteBodyForAMessage) {
  for (const auto& text : {post("Content-Length: 10"), post("Content-Length: 999999999"), chunks("5\r\nhello\r\n")}) {
    // COMP-POST-CL-UNDERSEND, MAL-POST-CL-HUGE-NO-BODY, COMP-CHUNKED-NO-FINAL
    EXPECT_FALSE(parse_request(text).complete);
    EXPECT_EQ(parse_request(text, {}, true).error, Kind::truncated);
  }
}

TEST(ParserPolicy, RefusesResponsesThatTwoCouldReadDifferently) {
  const auto response = [](std::string_view fields, std::string_view body = "0\r\n\r\n") {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\n" + std::string(body);
  };
  const std::vector<Row> rows = {
      {"both", response("Content-Length: 5\r\nTransfer-Encoding: chunked"), Kind::framing},
      {"both, other order", response("Transfer-Encoding: chunked\r\nContent-Length: 5"), Kind::framing},
      {"two lengths", response("Content-Length: 5\r\nContent-Length: 6"), Kind::framing},
      {"a list of lengths", response("Content-Length: 5, 5"), Kind::framing},
      {"no number", response("Content-Length: five"), Kind::framing},
      {"HTTP/1.0 with chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Kind::framing},
      {"gzip, chunked", response("Transfer-Encoding: gzip, chunked"), Kind::transfer_coding},
      {"gzip", response("Transfer-Encoding: gzip"), Kind::transfer_coding},
      {"a folded field", response("X: a\r\n b"), Kind::field},
      {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", Kind::start_line},
      {"a space before the colon", response("Content-Length : 5"), Kind::field},
      {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", Kind::version},
      {"HTTP/2 without minor", "HTTP/2 200 OK\r\n\r\n", Kind::start_line},
      {"ICY", "ICY 200 OK\r\n\r\n", Kind::start_line},
      {"not HTTP", "220 mail.example ESMTP\r\n", Kind::start_line},
      {"two digits", "HTTP/1.1 20 OK\r\n\r\n", Kind::start_line},
      {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", Kind::start_line},
      {"below 100", "HTTP/1.1 099 OK\r\n\r\n", Kind::start_line},
      {"no status", "HTTP/1.1 OK\r\n\r\n", Kind::start_line},
      {"no status at all", "HTTP/1.1\r\n\r\n", Kind::start_line},
      {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", Kind::start_line},
      {"a control character in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", Kind::start_line},
      {"an empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n", Kind::start_line},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.id);
    const auto parsed = parse_response(row.text, Method::get, {}, true);
    EXPECT_EQ(parsed.error, row.error) << parsed.message;
  }
}

TEST(ParserPolicy, NamesWhatIsWrong) {
  const std::pair<std::string, std::string_view> cases[] = {
      {host("a, b"), "invalid HTTP request: invalid Host 'a, b'"},
      {length("+5"), "invalid HTTP request: invalid Content-Length '+5'"},
      {length("5, 5"), "invalid HTTP request: invalid Content-Length '5, 5'"},
      {post("Transfer-Encoding: chunked\r\nContent-Length: 5"),
       "invalid HTTP request: Content-Length and Transfer-Encoding together"},
      {coding("gzip"), "invalid HTTP request: transfer coding 'gzip'"},
      {get("X : y\r\n"), "invalid HTTP request: white space before the colon of 'X '"},
      {get("X: a\x01\r\n"), "invalid HTTP request: control character in a line: 'X: a\\x01'"},
      {"\x16\x03\x01", "invalid HTTP request: it is not HTTP but looks like TLS"},
      {chunks("5\r\nhello!\r\n"), "invalid HTTP request: a chunk is longer than its size"},
      {line("GET / HTTP/2.0"), "invalid HTTP request: unsupported version 'HTTP/2.0'"}};
  for (const auto& [text, message] : cases) EXPECT_EQ(parse_request(text).message, message);
}

}  // namespace
}  // namespace tutti::http

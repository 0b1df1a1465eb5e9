// SPDX-License-Identifier: MIT
#include <tutti/http/url.hpp>

#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace tutti::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(Url, HasItsParts) {
  const Url url("https://us%65r:p%40ss@Example.COM:8443/a/b;c?d=e&f#g?h");
  EXPECT_EQ(url.scheme(), "https");
  EXPECT_EQ(url.host(), "example.com");
  EXPECT_EQ(url.port(), 8443);
  EXPECT_EQ(url.userinfo(), "us%65r:p%40ss");
  EXPECT_EQ(url.credentials(), std::pair("user"s, "p@ss"s));
  EXPECT_EQ(url.path(), "/a/b;c");
  EXPECT_EQ(url.query(), "d=e&f");
  EXPECT_EQ(url.fragment(), "g?h");
  EXPECT_TRUE(url.secure());
  EXPECT_FALSE(url.host_is_ipv6());
  EXPECT_EQ(url.host_header(), "example.com:8443");
  EXPECT_EQ(url.request_target(), "/a/b;c?d=e&f");
  EXPECT_EQ(url.origin(), "https://example.com:8443");
}

TEST(Url, HasDefaults) {
  const Url url("HTTP://h");
  EXPECT_EQ(url.scheme(), "http");
  EXPECT_EQ(url.port(), 80);
  EXPECT_EQ(url.path(), "");
  EXPECT_FALSE(url.has_query());
  EXPECT_EQ(url.request_target(), "/");
  EXPECT_EQ(url.host_header(), "h");
  EXPECT_EQ(url.credentials(), std::nullopt);
  EXPECT_EQ(Url("https://h").port(), 443);
  EXPECT_EQ(Url("https://h:443/").host_header(), "h");
  EXPECT_EQ(Url("http://h:443/").host_header(), "h:443");
  EXPECT_EQ(Url("http://h:/").port(), 80);
  EXPECT_EQ(Url("http://h:00080/").port(), 80);
  EXPECT_EQ(Url("http://h?q").request_target(), "/?q");
  EXPECT_EQ(Url("http://h/?").request_target(), "/?");
  EXPECT_EQ(Url("http://user@h").credentials(), std::pair("user"s, ""s));
}

TEST(Url, MayHaveAHostThatBeginsLikeAnAddress) {
  EXPECT_EQ(Url("http://10.0.0.1.example/").host(), "10.0.0.1.example");
  EXPECT_EQ(Url("http://user@10.0.0.1.example:81/#x").host(), "10.0.0.1.example");
}

TEST(Url, HasTheSamePartsWithAndWithoutAFragment) {  // one goes the long way
  std::mt19937 random(1);                            // NOLINT(cert-msc51-cpp): the same in each run
  static constexpr std::string_view kMatters = "aZ0.-:/?@%&=[]~ \\|\x7f\xe4";
  const std::string_view urls[] = {"http://example.com:8080/a/b?c=d&e", "https://127.0.0.1/", "http://a", "http://a?x"};
  int taken = 0;
  for (int i = 0; i < 4'000; ++i) {
    std::string text(urls[static_cast<std::size_t>(i) % std::size(urls)]);
    for (auto changes = random() % 3; changes > 0; --changes) {
      const char c = kMatters[random() % kMatters.size()];
      const std::size_t at = random() % text.size();
      random() % 2 == 0 ? text.replace(at, 1, 1, c) : text.insert(at, 1, c);
    }
    const auto parts_of = [](const std::string& url_text) -> std::string {
      try {
        const Url url(url_text);
        const std::string port = std::to_string(url.port()) + (url.has_query() ? " ?" : " -");
        return std::string(url.scheme()) + " " + std::string(url.host()) + " " + port + std::string(url.userinfo()) +
               " " + std::string(url.path()) + " " + std::string(url.query()) + " " + url.to_string();
      } catch (const InvalidUrlError&) {
        return "invalid";
      }
    };
    const std::string parts = parts_of(text);
    ASSERT_EQ(parts, parts_of(text + "#")) << text;
    taken += parts == "invalid" ? 0 : 1;
  }
  EXPECT_GT(taken, 1'500);
}

TEST(Url, TakesIpAddresses) {
  const Url url("http://[2001:DB8::1]:81/x");
  EXPECT_TRUE(url.host_is_ipv6());
  EXPECT_EQ(url.host(), "2001:db8::1");
  EXPECT_EQ(url.host_header(), "[2001:db8::1]:81");
  EXPECT_EQ(url.origin(), "http://[2001:db8::1]:81");
  EXPECT_EQ(url.resolve("/y").str(), "http://[2001:db8::1]:81/y");
  EXPECT_EQ(Url("http://127.0.0.1/").host(), "127.0.0.1");
}

TEST(Url, KeepsWhatWasGiven) {
  for (const auto text : {"http://h/%7Efoo/%7efoo/~foo"sv, "http://h/a/../b/./c//d"sv, "http://h/?a=b+c&d=%20&&e"sv,
                          "http://h/(a)!'*;:@&=+$,"sv, "http://h/a[]{}|^`\"<>?b[]{}|^`\"<>"sv, "http://h/a?b?c"sv}) {
    const Url url(text);
    EXPECT_EQ(url.str(), text);
    EXPECT_EQ("http://h" + url.request_target(), text);
  }
}

TEST(Url, EncodesSpacesAndNonAsciiOnly) {
  EXPECT_EQ(Url("http://h/ä b?ü=ö ä#é").str(), "http://h/%C3%A4%20b?%C3%BC=%C3%B6%20%C3%A4#%C3%A9");
  EXPECT_EQ(Url("http://jürgen:a b@h/").credentials(), std::pair("jürgen"s, "a b"s));
}

TEST(Url, NamesTheReasonOfAnError) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "no scheme (write http:// or https:// in front)"},
      {"example.com/x", "no scheme (write http:// or https:// in front)"},
      {"/path", "no scheme (write http:// or https:// in front)"},
      {" http://h", "no scheme (write http:// or https:// in front)"},
      {"localhost:8080/x", "scheme 'localhost' is neither http nor https"},
      {"ftp://h/", "scheme 'ftp' is neither http nor https"},
      {"http:", "no host"},
      {"http:h", "no host"},
      {"http:/h", "no host"},
      {"http://", "no host"},
      {"http:///x", "no host"},
      {"http://:80/", "no host"},
      {"http://user@/", "no host"},
      {"http://good.example@evil.example@h/", "more than one '@' (within the user or password it is %40)"},
      {"http://a@b@c:", "more than one '@' (within the user or password it is %40)"},
      {"http://us[er@h/", "it does not have the form of a URL"},
      {"http://h:0/", "the port is not within 1 to 65535"},
      {"http://h:65536/", "the port is not within 1 to 65535"},
      {"http://h:99999999999999999999/", "the port is not within 1 to 65535"},
      {"http://h:x/", "the port is not a number"},
      {"http://h:80:80/", "the port is not a number"},
      {"http://h:-1/", "the port is not a number"},
      {"http://a b/", "' ' in the host"},
      {"http://a%20b/", "'%' in the host"},
      {"http://a,b/", "',' in the host"},
      {"http://a]/", "']' in the host"},
      {"http://bücher.example/", "the host is not ASCII (write it in its xn-- form)"},
      {"http://[::1/", "'[' without ']' in the host"},
      {"http://[::1]x/", "characters between ']' and the port"},
      {"http://[::g]/", "not an IPv6 address"},
      {"http://[1.2.3.4]/", "not an IPv6 address"},
      {"http://[]/", "not an IPv6 address"},
      {"http://[v1.x]/", "unknown kind of IP address"},
      {"http://h/a\nb", "control character at offset 10"},
      {"http://h/\x7f", "control character at offset 9"},
      {"http://h/a\tb", "control character at offset 10"},
      {"http://h/\0"sv, "control character at offset 9"},
      {"http:\\\\h\\", "backslash at offset 5"},
      {"http://good\\@evil/", "backslash at offset 11"},
      {"http://h/100%", "'%' without two hexadecimal digits at offset 12 (a percent sign itself is %25)"},
      {"http://h/?%zz", "'%' without two hexadecimal digits at offset 10 (a percent sign itself is %25)"},
  };
  for (const auto& [text, reason] : cases) {
    try {
      const Url url(text);
      ADD_FAILURE() << text << " is accepted as " << url.str();
    } catch (const InvalidUrlError& error) {
      EXPECT_EQ(error.reason(), reason) << text;
    }
  }
}

TEST(Url, NamesTheTextButNoPasswordInAnError) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"htp://h/x", "invalid URL 'htp://h/x': scheme 'htp' is neither http nor https"},
      {"http://me:secret@h:0/", "invalid URL 'http://***@h:0/': the port is not within 1 to 65535"},
      {"http://h/\r\n", "invalid URL 'http://h/\\r\\n': control character at offset 9"},
      {"http://h:0/#access_token=secret", "invalid URL 'http://h:0/#***': the port is not within 1 to 65535"},
      {"http://me:sec#ret@h:0/#s", "invalid URL 'http://***@h:0/#***': the port is not a number"},
  };
  for (const auto& [text, message] : cases) {
    try {
      const Url url(text);
      ADD_FAILURE() << text;
    } catch (const ValueError& error) {
      EXPECT_EQ(error.what(), message);
    }
  }
}

TEST(Url, ShowsNoCredentialsInLogs) {
  const Url url("http://me:secret@h:81/a?b#c");
  EXPECT_EQ(url.to_string(), "http://h:81/a?b");
  EXPECT_EQ(url.str(), "http://me:secret@h:81/a?b#c");
}

TEST(Url, ComparesOrigins) {
  const Url url("http://Example.com/a");
  EXPECT_TRUE(url.same_origin("http://user@example.COM:80/b?c"));
  EXPECT_FALSE(url.same_origin("https://example.com/a"));
  EXPECT_FALSE(url.same_origin("http://example.com:8080/a"));
  EXPECT_FALSE(url.same_origin("http://www.example.com/a"));
}

// RFC 3986 5.4.1 and 5.4.2. "http:g" is the strict reading there, "http:g", which cannot be requested.
TEST(Url, ResolvesReferencesAsTheRfcShows) {
  const Url base("http://a/b/c/d;p?q");
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q#s"},
      {"g#s", "http://a/b/c/g#s"},
      {"g?y#s", "http://a/b/c/g?y#s"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y#s"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/./x", "http://a/b/c/g#s/./x"},
      {"g#s/../x", "http://a/b/c/g#s/../x"},
      {"https://B:1/x/../y?z", "https://b:1/y?z"},
      {"?", "http://a/b/c/d;p?"},
      {"ä b?c|d", "http://a/b/c/%C3%A4%20b?c|d"},
      {"%7e", "http://a/b/c/%7e"},
  };
  for (const auto& [reference, result] : cases) EXPECT_EQ(base.resolve(reference).str(), result) << reference;
  for (const auto reference : {"g:h"sv, "http:g"sv, "mailto:a@b"sv, "javascript:alert(1)"sv, "//"sv, "//h:0"sv,
                               "a\r\nb"sv, "\\\\evil"sv, "http://b ad/"sv}) {
    EXPECT_THROW(static_cast<void>(base.resolve(reference)), InvalidUrlError) << reference;
  }
}

TEST(Url, ResolvesFromAnEmptyPathAndKeepsCredentialsWithinTheOrigin) {
  EXPECT_EQ(Url("http://a").resolve("g").str(), "http://a/g");
  EXPECT_EQ(Url("http://a?q").resolve("../g").str(), "http://a/g");
  EXPECT_EQ(Url("http://u:p@a:81/x").resolve("g").str(), "http://u:p@a:81/g");
  EXPECT_EQ(Url("http://u:p@a/x").resolve("//b/g").str(), "http://b/g");
  EXPECT_EQ(Url("https://a/x").resolve("//b").str(), "https://b");
}

TEST(Url, SetsAndExtendsTheQuery) {
  const Url url("http://h/p?old=1#f");
  EXPECT_EQ(url.with_query({{"a", "1"}, {"b c", "ü&="}}).str(), "http://h/p?a=1&b%20c=%C3%BC%26%3D");
  EXPECT_EQ(url.with_query({}).str(), "http://h/p");
  EXPECT_EQ(url.extend_query({{"a", "1"}}).str(), "http://h/p?old=1&a=1");
  EXPECT_EQ(url.extend_query({}).str(), "http://h/p?old=1");
  EXPECT_EQ(Url("http://h").extend_query({{"a", ""}}).request_target(), "/?a=");
  EXPECT_EQ(Url("http://h/?a=1&b=x+y%20z&&c&=d").query_parameters(),
            (QueryParameters{{"a", "1"}, {"b", "x y z"}, {"c", ""}, {"", "d"}}));
}

TEST(Url, EncodesAndDecodesPercentSigns) {
  EXPECT_EQ(percent_encode("a-._~Z9 /?%\xc3\xa4\0"sv), "a-._~Z9%20%2F%3F%25%C3%A4%00");
  EXPECT_EQ(percent_decode("%41%zz%4%2b+%"), "A%zz%4++%");
  EXPECT_EQ(percent_decode(percent_encode("\x01\xff any")), "\x01\xff any");
}

}  // namespace
}  // namespace tutti::http

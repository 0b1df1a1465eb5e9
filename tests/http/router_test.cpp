// SPDX-License-Identifier: MIT
// From patterns to handlers.
#include <string>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>
#include <tutti/http/router.hpp>

namespace {

using namespace tutti::http;
using tutti::Coro;

Coro<Response> none() { co_return Response(204); }

std::string found(Router& router, std::string_view method, std::string_view path) {
  const Router::Match match = router.find(method, path);
  std::string text = match.handler != nullptr ? "found" : "none";
  for (const auto& [name, value] : match.match_info) text.append(" ").append(name).append("=").append(value);
  for (const std::string& allowed : match.allowed) text.append(" ").append(allowed);
  return text;
}

TEST(Router, FindsLiteralPaths) {
  Router router;
  for (const char* pattern : {"/", "/a", "/a/", "/a/b"}) router.add("GET", pattern, none);
  for (const char* path : {"/", "/a", "/a/", "/a/b", "/%61/b"}) EXPECT_EQ(found(router, "GET", path), "found") << path;
  for (const char* path : {"/b", "/a/c", "/a/b/", "//", "/A", "", "*", "a"}) {
    EXPECT_EQ(found(router, "GET", path), "none") << path;
  }
}

TEST(Router, TakesParametersOutOfThePath) {
  Router router;
  router.add("GET", "/users/{id}", none);
  router.add("GET", "/users/{id}/posts/{post}", none);
  EXPECT_EQ(found(router, "GET", "/users/7"), "found id=7");
  EXPECT_EQ(found(router, "GET", "/users/a%2Fb%20c"), "found id=a/b c");
  EXPECT_EQ(found(router, "GET", "/users/7/posts/x"), "found id=7 post=x");
  EXPECT_EQ(found(router, "GET", "/users/"), "none");
  EXPECT_EQ(found(router, "GET", "/users//posts/x"), "none");
}

TEST(Router, TakesTheRestOfThePath) {
  Router router;
  router.add("GET", "/files/{path...}", none);
  EXPECT_EQ(found(router, "GET", "/files/a/b%20c/"), "found path=a/b c/");
  EXPECT_EQ(found(router, "GET", "/files/"), "found path=");
  EXPECT_EQ(found(router, "GET", "/files"), "none");
}

TEST(Router, PrefersTheMoreExactPattern) {
  Router router;
  router.add("GET", "/{a}", none);
  router.add("GET", "/me", none);
  router.add("GET", "/{all...}", none);
  router.add("GET", "/{x}/one", none);
  router.add("GET", "/me/two", none);
  EXPECT_EQ(found(router, "GET", "/me"), "found");
  EXPECT_EQ(found(router, "GET", "/you"), "found a=you");
  EXPECT_EQ(found(router, "GET", "/me/one"), "found x=me");
  EXPECT_EQ(found(router, "GET", "/me/three"), "found all=me/three");
}

TEST(Router, TellsWhichMethodsAPathHas) {
  Router router;
  router.add("GET", "/x", none);
  router.add("POST", "/x", none);
  router.add("DELETE", "/{any}", none);
  EXPECT_EQ(found(router, "PUT", "/x"), "none DELETE GET HEAD POST");
  EXPECT_EQ(found(router, "DELETE", "/x"), "found any=x");
  EXPECT_EQ(found(router, "HEAD", "/x"), "found");
  EXPECT_EQ(found(router, "HEAD", "/y"), "none DELETE");
}

TEST(Router, RefusesWrongPatterns) {
  Router router;
  for (const char* pattern :
       {"", "x", "/{", "/}", "/{}", "/{...}", "/a{b}", "/{a}b", "/{a}/{a}", "/{a...}/b", "/{{a}}"}) {
    EXPECT_THROW(router.add("GET", pattern, none), tutti::ValueError) << pattern;
  }
  EXPECT_THROW(router.add("NO TOKEN", "/", none), tutti::ValueError);
  router.add("GET", "/{a}", none);
  EXPECT_THROW(router.add("GET", "/{b}", none), tutti::ValueError);
}

}  // namespace

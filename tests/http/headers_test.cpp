// SPDX-License-Identifier: MIT
#include <tutti/http/headers.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>

namespace tutti::http {
namespace {

using namespace std::string_view_literals;
using Views = std::vector<std::string_view>;

TEST(Headers, FindNamesInWhateverCase) {
  const Headers headers{{"Content-Type", "text/html"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(headers.get("content-TYPE"), "text/html");
  EXPECT_EQ(headers.get("X-a"), "1");
  EXPECT_EQ(headers.get("X"), std::nullopt);
  EXPECT_EQ(headers.get("X", "none"), "none");
  EXPECT_EQ(headers.get_all("X-A"), (Views{"1", "2"}));
  EXPECT_EQ(headers.count("X-A"), 2U);
  EXPECT_TRUE(headers.contains("x-A"));
  EXPECT_FALSE(headers.contains("X-"));
}

TEST(Headers, KeepTheOrderAndTheSpelling) {
  Headers headers{{"b", "1"}, {"A", "2"}};
  headers.add("B", "3");
  std::string all;
  for (const auto& [name, value] : headers) all.append(name).append("=").append(value).append(";");
  EXPECT_EQ(all, "b=1;A=2;B=3;");
}

TEST(Headers, GoForwardAsARange) {
  const Headers headers{{"A", "1"}, {"B", ""}, {"C", "3"}};
  static_assert(std::forward_iterator<Headers::const_iterator>);
  auto at = headers.begin();
  EXPECT_EQ(at++->first, "A");
  EXPECT_EQ(at->second, "");
  EXPECT_EQ(std::distance(++at, headers.end()), 1);
  EXPECT_EQ(Headers().begin(), Headers().end());
}

TEST(Headers, AreCopiedAndMovedWhole) {
  Headers headers{{"A", "1"}, {"B", "2"}};
  Headers copy = headers;
  copy.add("C", "3");
  EXPECT_EQ(headers.size(), 2U);
  const Headers moved = std::move(copy);
  EXPECT_EQ(moved.size(), 3U);
  copy = headers;
  EXPECT_EQ(copy, headers);
  headers = moved;
  EXPECT_EQ(headers, moved);
  EXPECT_NE(headers, copy);
  copy.clear();
  EXPECT_TRUE(copy.empty());
  copy.add("D", "4");
  EXPECT_EQ(copy, (Headers{{"D", "4"}}));
}

TEST(Headers, AddTakesAViewOfWhatIsThereAlready) {
  Headers headers{{"Name", "value"}};
  for (int i = 0; i < 100; ++i) headers.add(headers.begin()->first, headers.begin()->second);
  EXPECT_EQ(headers.count("Name"), 101U);
  EXPECT_EQ(headers.get_all("Name"), Views(101, "value"));
}

TEST(Headers, SetReplacesAllWithTheName) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}, {"C", "4"}, {"A", "5"}};
  headers.set("a", "x");
  EXPECT_EQ(headers, (Headers{{"a", "x"}, {"B", "2"}, {"C", "4"}}));
  headers.set("D", "new");
  EXPECT_EQ(headers.size(), 4U);
  EXPECT_FALSE(headers.set_default("d", "other"));
  EXPECT_TRUE(headers.set_default("E", "5"));
  EXPECT_EQ(headers.get("D"), "new");
}

TEST(Headers, SetTakesAViewOfWhatItReplaces) {
  Headers headers{{"A", "a value that is too long to be stored inside the string object"}, {"a", "second"}};
  headers.set("A", *headers.get("A"));
  EXPECT_EQ(headers.size(), 1U);
  EXPECT_TRUE(headers.get("A")->starts_with("a value"));
  EXPECT_EQ(headers.remove(headers.begin()->first), 1U);
  EXPECT_TRUE(headers.empty());
}

TEST(Headers, UpdateReplacesWhatTheOthersHave) {
  Headers headers{{"A", "1"}, {"B", "2"}};
  headers.update({{"a", "3"}, {"C", "4"}, {"A", "5"}});
  EXPECT_EQ(headers, (Headers{{"B", "2"}, {"a", "3"}, {"C", "4"}, {"A", "5"}}));
  headers.update(headers);
  EXPECT_EQ(headers.size(), 4U);
}

TEST(Headers, RemoveTellsHowMany) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  EXPECT_EQ(headers.remove("a"), 2U);
  EXPECT_EQ(headers.remove("a"), 0U);
  EXPECT_EQ(headers.size(), 1U);
}

TEST(Headers, SplitLists) {
  const Headers headers{{"Connection", " close ,, keep-alive"}, {"X", "1"}, {"connection", "Upgrade,"}};
  EXPECT_EQ(headers.get_list("Connection"), (Views{"close", "keep-alive", "Upgrade"}));
  EXPECT_TRUE(headers.list_contains("Connection", "upgrade"));
  EXPECT_TRUE(headers.list_contains("connection", "CLOSE"));
  EXPECT_FALSE(headers.list_contains("Connection", "clos"));
  EXPECT_TRUE(headers.get_list("Y").empty());
}

TEST(Headers, LetNothingInThatBreaksAMessage) {
  Headers headers;
  for (const auto name : {""sv, "a b"sv, "a:"sv, "a\r\n"sv, "\xc3\xa4"sv, "a\0"sv, "(a)"sv}) {
    EXPECT_THROW(headers.add(name, "x"), ValueError) << name;
    EXPECT_THROW(headers.set(name, "x"), ValueError) << name;
  }
  for (const auto value : {"a\r\nB: c"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "\x7f"sv, "\x01"sv}) {
    EXPECT_THROW(headers.add("X", value), ValueError) << value;
    EXPECT_THROW(headers.set("X", value), ValueError) << value;
  }
  EXPECT_TRUE(headers.empty());
  headers.add("X", "tab\tand \xe4 are fine");
}

TEST(Headers, NameTheFieldInAnError) {
  try {
    const Headers headers{{"X-Token", "a\r\nInjected: b"}};
    FAIL() << "an injected line is accepted";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "header field X-Token: invalid value 'a\\r\\nInjected: b'");
  }
}

}  // namespace
}  // namespace tutti::http

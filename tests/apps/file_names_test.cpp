// SPDX-License-Identifier: MIT
// Names of files for URLs: safe, and one for each.
#include "file_names.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace app = tutti::app;

namespace {
std::string name_of(std::string_view url) { return app::FileNames().next(url); }
}  // namespace

TEST(FileNames, TellHostPathAndQuery) {
  EXPECT_EQ(name_of("http://example.com/a/b.html"), "example.com_a_b.html");
  EXPECT_EQ(name_of("http://example.com:8080/a?x=1&y=2"), "example.com_8080_a_x=1_y=2");
}

TEST(FileNames, CallAPageWithoutANameIndex) {
  EXPECT_EQ(name_of("http://example.com"), "example.com_index");
  EXPECT_EQ(name_of("http://example.com/"), "example.com_index");
  EXPECT_EQ(name_of("http://example.com/a/"), "example.com_a_index");
  EXPECT_EQ(name_of("http://example.com/a/?x=1"), "example.com_a_index_x=1");
}

TEST(FileNames, HoldNeitherPasswordNorFragment) {
  EXPECT_EQ(name_of("http://me:secret@example.com/a#part"), "example.com_a");
}

TEST(FileNames, NeverLeadOutOfTheDirectory) {
  for (const std::string url : {"http://h/../../etc/passwd",
                                "../../etc/passwd",
                                "http://../x",
                                "..",
                                ".",
                                "",
                                "/",
                                "-rf",
                                "http://-x/",
                                "http://.hidden",
                                "http://h/a\\..\\b",
                                "http://h/a\nb",
                                "\xff\xfe",
                                "~",
                                "http://h/%2e%2e%2f",
                                "C:\\x",
                                "@",
                                "http://@/",
                                "#",
                                "?"}) {
    const std::string name = name_of(url);
    ASSERT_FALSE(name.empty()) << url;
    EXPECT_EQ(name.find('/'), std::string::npos) << url;
    EXPECT_EQ(name.find('\\'), std::string::npos) << url;
    EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(name[0])) != 0 || name[0] == '_') << url << " -> " << name;
    for (const char c : name) EXPECT_TRUE(c > ' ' && c < '\x7f') << url << " -> " << name;
  }
}

TEST(FileNames, DifferForEachUrl) {
  app::FileNames names;
  EXPECT_EQ(names.next("http://h/a"), "h_a");
  EXPECT_EQ(names.next("http://h/a"), "h_a-2");
  EXPECT_EQ(names.next("http://h/A"), "h_A-3");  // on some file systems the same
  EXPECT_EQ(names.next("http://h/a-2"), "h_a-2-2");
  EXPECT_EQ(names.next("http://h_a"), "h_a_index");
}

TEST(FileNames, AreShortEnoughAndDifferForLongUrls) {
  app::FileNames names;
  std::set<std::string> given;
  for (int i = 0; i < 100; ++i) {
    const std::string name =
        names.next("http://h/" + std::string(1000, 'x') + std::to_string(i) + std::string(1000, 'y') + ".html");
    EXPECT_LE(name.size(), 200U);
    EXPECT_TRUE(name.ends_with(".html"));
    given.insert(name);
  }
  EXPECT_EQ(given.size(), 100U);
}

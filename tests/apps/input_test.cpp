// SPDX-License-Identifier: MIT
// Lists of URLs.
#include "input.hpp"

#include <sstream>

#include <gtest/gtest.h>
#include <tutti/base/error.hpp>

namespace app = tutti::app;

TEST(Input, TakesOneUrlALineWithoutCommentsAndSpace) {
  std::istringstream text("http://a/\n\n# a comment\n  http://b/#part \r\n\t# another\nhttp://c/ d");
  EXPECT_EQ(app::parse_urls(text), (std::vector<std::string>{"http://a/", "http://b/#part", "http://c/ d"}));
}

TEST(Input, OfNothingIsNothing) {
  std::istringstream text("");
  EXPECT_TRUE(app::parse_urls(text).empty());
}

TEST(Input, NamesTheFileThatIsNotThere) {
  try {
    (void)app::read_urls("/nonexistent/urls");
    FAIL();
  } catch (const tutti::FileNotFoundError& error) {
    EXPECT_STREQ(error.what(), "open /nonexistent/urls: no such file or directory");
  }
}

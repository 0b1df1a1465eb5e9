// SPDX-License-Identifier: MIT
// Numbers and foreign text, as people read them.
#include "format.hpp"

#include <chrono>

#include <gtest/gtest.h>

using namespace std::chrono_literals;
namespace app = tutti::app;

TEST(Format, GivesBytesTwoOrThreeDigits) {
  EXPECT_EQ(app::format_bytes(0), "0 B");
  EXPECT_EQ(app::format_bytes(999), "999 B");
  EXPECT_EQ(app::format_bytes(1000), "1.0 kB");
  EXPECT_EQ(app::format_bytes(12'345), "12 kB");
  EXPECT_EQ(app::format_bytes(999'700), "1.0 MB");
  EXPECT_EQ(app::format_bytes(18'446'744'073'709'551'615ULL), "18 EB");
}

TEST(Format, GivesTimesTheUnitThatFits) {
  EXPECT_EQ(app::format_time(0ns), "0 ms");
  EXPECT_EQ(app::format_time(430us), "0.4 ms");
  EXPECT_EQ(app::format_time(12ms), "12 ms");
  EXPECT_EQ(app::format_time(999'900us), "1.00 s");
  EXPECT_EQ(app::format_time(1250ms), "1.25 s");
  EXPECT_EQ(app::format_time(42s), "42.0 s");
  EXPECT_EQ(app::format_time(125s), "2 min 5 s");
}

TEST(Format, LeavesValidTextAlone) {
  EXPECT_EQ(app::printable("http://example.com/grüße/€/😀?a=1"), "http://example.com/grüße/€/😀?a=1");
}

TEST(Format, TakesControlCharactersAndWrongBytesOutOfText) {
  EXPECT_EQ(app::printable("a\x1b[31mb\r\n"), "a\uFFFD[31mb\uFFFD\uFFFD");
  EXPECT_EQ(app::printable("\x7f"), "\uFFFD");
  EXPECT_EQ(app::printable("\xC2\x9B"), "\uFFFD");                            // a control character of terminals
  EXPECT_EQ(app::printable("\xC0\xAF"), "\uFFFD\uFFFD");                      // too long a form of "/"
  EXPECT_EQ(app::printable("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");            // a surrogate
  EXPECT_EQ(app::printable("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // above U+10FFFF
  EXPECT_EQ(app::printable("x\xE2\x82"), "x\uFFFD\uFFFD");                    // cut off
  EXPECT_EQ(app::printable("\xEF\xBF\xBF"), "\uFFFD");                        // not in XML
}

TEST(Format, CutsByCharacters) {
  EXPECT_EQ(app::columns("grüße…"), 6U);
  EXPECT_EQ(app::cut_end("grüße", 5), "grüße");
  EXPECT_EQ(app::cut_end("grüße", 4), "grü…");
  EXPECT_EQ(app::cut_begin("grüße", 3), "…ße");
  EXPECT_EQ(app::cut_begin("abcdef", 4, false), "..ef");
  EXPECT_EQ(app::pad_left("ü", 3), "  ü");
  EXPECT_EQ(app::pad_right("ü", 3), "ü  ");
}

// SPDX-License-Identifier: MIT
// The reader's lines and separators, fed by hand. Each test names the test of CPython's that it mirrors (test_streams.StreamTests).
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/io/streams.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::StreamReader;

/// The partial data of the IncompleteReadError that `read` throws.
Coro<std::string> partial_of(Coro<std::string> read) {
  try {
    co_await std::move(read);
  } catch (const tutti::IncompleteReadError& error) {
    co_return error.partial();
  }
  co_return "no error";
}

Coro<std::size_t> consumed_of(Coro<std::string> read) {
  try {
    co_await std::move(read);
  } catch (const tutti::LimitOverrunError& error) {
    co_return error.consumed();
  }
  co_return std::size_t{9999};
}

// ---- readline ----

TUTTI_TEST(StreamReader, ReadsALineThatComesInPieces) {  // test_readline
  StreamReader reader;
  reader.feed_data("chunk1 ");
  auto task = tutti::create_task(reader.readline());
  co_await tutti::sleep(0s);
  reader.feed_data("chunk2 ");
  reader.feed_data("chunk3 ");
  reader.feed_data("\n chunk4");
  EXPECT_EQ(co_await task, "chunk1 chunk2 chunk3 \n");
  EXPECT_EQ(reader.buffered(), " chunk4");
}

TUTTI_TEST(StreamReader, DropsALineThatIsTooLong) {  // test_readline_limit_with_existing_data, test_readline_limit
  {
    StreamReader reader({.limit = 3});
    reader.feed_data("li");
    reader.feed_data("ne1\nline2\n");
    EXPECT_THROW(co_await reader.readline(), tutti::ValueError);
    EXPECT_EQ(reader.buffered(), "line2\n");  // the line was found: only it is dropped
  }
  {
    StreamReader reader({.limit = 3});
    reader.feed_data("li");
    reader.feed_data("ne1");
    reader.feed_data("li");
    std::string text;
    try {
      (void)co_await reader.readline();
    } catch (const tutti::ValueError& error) {
      text = error.what();
    }
    EXPECT_EQ(
        text,
        "readline: separator is not found, and chunk exceeds the limit of 3 bytes (`limit` of the call or the stream)");
    EXPECT_EQ(reader.buffered(), "");  // its end was not found: all of it
    reader.feed_data("x\n");
    EXPECT_EQ(co_await reader.readline(), "x\n");
  }
}

TUTTI_TEST(StreamReader, TakesALimitForOneCall) {
  StreamReader reader({.limit = 3});
  reader.feed_data("line1\nline2;tail\nx\n");
  EXPECT_EQ(co_await reader.readline(100), "line1\n");
  EXPECT_EQ(co_await reader.readuntil(";", 5), "line2;");
  EXPECT_THROW(co_await reader.readuntil("\n", 3), tutti::LimitOverrunError);
  EXPECT_EQ(co_await reader.readuntil({";", "\n"}, 4), "tail\n");
  EXPECT_THROW(co_await reader.readline(0), tutti::ValueError);
}

TUTTI_TEST(StreamReader, GivesTheLastLineWithoutItsEnd) {  // test_readline_line_byte_eof, test_readline_empty_eof
  StreamReader reader;
  reader.feed_data("some data");
  reader.feed_eof();
  EXPECT_EQ(co_await reader.readline(), "some data");
  EXPECT_EQ(co_await reader.readline(), "");
}

TUTTI_TEST(StreamReader, IteratesOverLines) {
  StreamReader reader;
  reader.feed_data("one\n\ntwo");
  reader.feed_eof();
  std::vector<std::string> lines;
  while (auto line = co_await reader.next()) lines.push_back(*line);
  EXPECT_EQ(lines, (std::vector<std::string>{"one\n", "\n", "two"}));
}

// ---- readuntil ----

TUTTI_TEST(StreamReader, RefusesAnEmptySeparator) {  // test_readuntil_empty_separator
  StreamReader reader;
  EXPECT_THROW(co_await reader.readuntil(""), tutti::ValueError);
  EXPECT_THROW(co_await reader.readuntil(std::vector<std::string>{}), tutti::ValueError);
  EXPECT_THROW(StreamReader({.limit = 0}), tutti::ValueError);
}

TUTTI_TEST(StreamReader, FindsASeparatorInPieces) {  // test_readuntil_multi_chunks
  StreamReader reader;
  reader.feed_data("lineAAA");
  EXPECT_EQ(co_await reader.readuntil("AAA"), "lineAAA");
  reader.feed_data("lineAAAxxx");
  EXPECT_EQ(co_await reader.readuntil("AAA"), "lineAAA");
  EXPECT_EQ(reader.buffered(), "xxx");
  (void)co_await reader.read(3);
  auto task = tutti::create_task(reader.readuntil("aaa"));
  for (const char* piece : {"Q", "Wa", "a", "aXYa"}) {
    co_await tutti::sleep(0s);
    reader.feed_data(piece);
  }
  EXPECT_EQ(co_await task, "QWaaa");
  EXPECT_EQ(reader.buffered(), "XYa");
}

TUTTI_TEST(StreamReader, ThrowsWhatThereWasWhenTheEndComesFirst) {  // test_readuntil_eof
  StreamReader reader;
  reader.feed_data("some dataAA");
  reader.feed_eof();
  EXPECT_EQ(co_await partial_of(reader.readuntil("AAA")), "some dataAA");
  EXPECT_EQ(reader.buffered(), "");
}

TUTTI_TEST(StreamReader, LeavesTheDataWhenTheSeparatorIsTooFar) {  // test_readuntil_limit_found_sep
  StreamReader reader({.limit = 3});
  reader.feed_data("some dataAA");
  EXPECT_EQ(co_await consumed_of(reader.readuntil("AAA")), 9U);
  EXPECT_EQ(reader.buffered(), "some dataAA");
  reader.feed_data("A");
  EXPECT_EQ(co_await consumed_of(reader.readuntil("AAA")), 9U);
  EXPECT_EQ(reader.buffered(), "some dataAAA");
}

TUTTI_TEST(StreamReader, TakesTheSeparatorThatMakesTheShortestPiece) {  // test_readuntil_multi_separator
  StreamReader reader;
  reader.feed_data("line 1\nline 2\r");
  EXPECT_EQ(co_await reader.readuntil({"\r", "\n"}), "line 1\n");
  EXPECT_EQ(co_await reader.readuntil({"\r", "\n"}), "line 2\r");
  reader.feed_data("one\r\ntwo");
  EXPECT_EQ(co_await reader.readuntil({"\n", "\r\n"}), "one\r\n");
  EXPECT_EQ(reader.buffered(), "two");
}

TUTTI_TEST(StreamReader, TakesTheShorterOfTwoSeparatorsThatEndTogether) {  // test_readuntil_multi_separator_limit
  StreamReader reader({.limit = 3});
  reader.feed_data("some dataA");
  const std::vector<std::string> separators{"ome dataA", "A"};
  EXPECT_EQ(co_await consumed_of(reader.readuntil(separators)), 9U);
  EXPECT_EQ(reader.buffered(), "some dataA");
}

TUTTI_TEST(StreamReader,
           MayFindALongSeparatorThatBeginsBeforeAShortOne) {  // test_readuntil_multi_separator_negative_offset
  StreamReader reader;
  reader.feed_data("data");
  auto task = tutti::create_task(reader.readuntil({"A", "long sep"}));
  co_await tutti::sleep(0s);
  reader.feed_data("Z");
  co_await tutti::sleep(0s);
  reader.feed_data("A");
  EXPECT_EQ(co_await task, "dataZA");
}

}  // namespace

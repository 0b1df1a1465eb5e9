// SPDX-License-Identifier: MIT
// Lines of files, and reading what happens to be there.
#include <tutti/fs/file.hpp>

#include <tutti/task/comprehension.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

using Lines = std::vector<std::string>;

TUTTI_TEST(FileLines, AreReadOneByOneAsPythonDoes) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "a\nbb\n\nccc"));
  EXPECT_EQ(co_await file.readline(2), "a\n");
  EXPECT_EQ(co_await file.readline(1), "b");
  EXPECT_EQ(co_await file.readline(0), "");
  EXPECT_EQ(co_await file.readline(), "b\n");
  EXPECT_EQ(co_await file.readline(), "\n");
  EXPECT_EQ(co_await file.readline(), "ccc");
  EXPECT_EQ(co_await file.readline(), "");
}

TUTTI_TEST(FileLines, AreReadTogetherAsPythonDoes) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "a\nbb\n\nccc"));
  const Lines all = co_await file.readlines();
  EXPECT_EQ(all, (Lines{"a\n", "bb\n", "\n", "ccc"}));
  EXPECT_EQ(co_await file.readlines(), Lines{});
  co_await file.seek(0);
  const Lines two = co_await file.readlines(2);
  EXPECT_EQ(two, (Lines{"a\n", "bb\n"}));
  const Lines rest = co_await file.readlines(3);
  EXPECT_EQ(rest, (Lines{"\n", "ccc"}));
  co_await file.seek(0);
  const Lines one = co_await file.readlines(1);
  EXPECT_EQ(one, (Lines{"a\n"}));
  const Lines the_others = co_await file.readlines(0);
  EXPECT_EQ(the_others, (Lines{"bb\n", "\n", "ccc"}));
}

TUTTI_TEST(FileLines, AreIterated) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "1\n22\n333"));
  Lines lines;
  while (auto line = co_await file.next()) lines.push_back(*line);
  EXPECT_EQ(lines, (Lines{"1\n", "22\n", "333"}));
  EXPECT_EQ(co_await file.next(), std::nullopt);
  co_await file.seek(0);
  const auto sizes = co_await collect(file.lines() | amap([](const std::string& line) { return line.size(); }));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 3, 3}));
}

TUTTI_TEST(FileLines, OfAnEmptyFileAreNone) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a"));
  EXPECT_EQ(co_await file.next(), std::nullopt);
  EXPECT_EQ(co_await file.readlines(), Lines{});
}

TUTTI_TEST(FileLines, MayBeLongerThanAllBuffers) {
  const ScratchDirectory scratch;
  const std::string line = std::string(1'000'000, 'x') + '\n';
  for (const std::size_t buffer_size : {0U, 1000U, 65536U}) {
    files::File file = co_await files::open(scratch.make("a", line + line), "r", {.buffer_size = buffer_size});
    if (buffer_size != 0) {
      EXPECT_TRUE(co_await file.readline() == line);
    } else {
      EXPECT_TRUE(co_await file.readline(10) == line.substr(0, 10));
      co_await file.seek(static_cast<std::int64_t>(line.size()));
    }
    EXPECT_EQ(co_await file.tell(), line.size());
  }
}

TUTTI_TEST(FileLines, AreRefusedAboveTheLimitAndNothingIsLost) {
  const ScratchDirectory scratch;
  const std::string contents = "12345\n" + std::string(200'000, 'x') + "\nend\n";
  files::File file = co_await files::open(scratch.make("a", contents), "r", {.line_limit = 6});
  EXPECT_EQ(co_await file.readline(), "12345\n");
  EXPECT_EQ(co_await message_of<LimitOverrunError>([&] { return file.readline(); }),
            "readline " + (scratch / "a") + ": the line is longer than the limit of 6 bytes");
  CO_ASSERT_THROW(co_await file.next(), LimitOverrunError);
  EXPECT_EQ(co_await file.tell(), 6U);
  EXPECT_EQ(co_await file.readline(4), "xxxx");
  EXPECT_TRUE(co_await file.read() == contents.substr(10));
}

TUTTI_TEST(FileLines, AreFoundWithTheSmallestBuffers) {
  const ScratchDirectory scratch;
  const Lines expected{"a\n", "bb\n", "\n", "ccc"};
  for (const std::size_t buffer_size : {0U, 1U, 2U, 3U}) {
    files::File file = co_await files::open(scratch.make("a", "a\nbb\n\nccc"), "r", {.buffer_size = buffer_size});
    EXPECT_EQ(co_await file.readlines(), expected);
  }
}

TUTTI_TEST(FileLines, PeekLeavesWhatItShows) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "abc"));
  EXPECT_EQ(co_await file.peek(), "abc");
  EXPECT_EQ(co_await file.read(1), "a");
  EXPECT_EQ(co_await file.peek(), "bc");
  EXPECT_EQ(co_await file.tell(), 1U);
  EXPECT_EQ(co_await file.read1(1), "b");
  EXPECT_EQ(co_await file.read1(), "c");
  EXPECT_EQ(co_await file.read1(), "");
  EXPECT_EQ(co_await file.peek(), "");
}

}  // namespace
}  // namespace tutti::tests

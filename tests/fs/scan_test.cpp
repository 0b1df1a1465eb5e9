// SPDX-License-Identifier: MIT
// What is in a directory.
#include <tutti/fs/scan.hpp>

#include <algorithm>
#include <map>
#include <optional>

#include <tutti/task/task.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

using Names = std::vector<std::string>;

TUTTI_TEST(Scan, TellsNamesPathsAndTypes) {
  const ScratchDirectory scratch;
  std::ignore = scratch.make("file");
  std::filesystem::create_directory(scratch / "directory");
  std::filesystem::create_symlink("nowhere", scratch / "link");
  ::mkfifo((scratch / "fifo").c_str(), 0600);
  std::map<std::string, files::FileType> found;
  auto entries = files::scandir(scratch.path());
  while (auto entry = co_await entries.next()) {
    EXPECT_EQ(entry->path, scratch / entry->name);
    EXPECT_NE(entry->inode, 0U);
    found[entry->name] = entry->type;
  }
  const std::map<std::string, files::FileType> expected{{"file", files::FileType::regular},
                                                        {"directory", files::FileType::directory},
                                                        {"link", files::FileType::symlink},
                                                        {"fifo", files::FileType::fifo}};
  EXPECT_EQ(found, expected);
}

TUTTI_TEST(Scan, ReadsDirectoriesLargerThanABatch) {
  const ScratchDirectory scratch;
  Names expected;
  for (int i = 1000; i < 1600; ++i) {
    expected.push_back(std::to_string(i));
    std::ignore = scratch.make(expected.back());
  }
  Names names = co_await files::listdir(scratch.path());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, expected);
}

TUTTI_TEST(Scan, OfAnEmptyDirectoryGivesNothing) {
  const ScratchDirectory scratch;
  EXPECT_EQ(co_await files::listdir(scratch.path()), Names{});
  EXPECT_FALSE(co_await files::scandir(scratch.path() + "/").next());
}

TUTTI_TEST(Scan, NamesWhatItCannotRead) {
  const ScratchDirectory scratch;
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::listdir(scratch / "none"); }),
            "scandir " + (scratch / "none") + ": no such file or directory");
  CO_ASSERT_THROW(co_await files::scandir(scratch.make("file")).next(), NotADirectoryError);
}

// The descriptor of a scan that is left in the middle, or cancelled, is closed: the test looks.
TUTTI_TEST(Scan, MayBeLeftInTheMiddle) {
  const ScratchDirectory scratch;
  for (const char* name : {"a", "b", "c"}) std::ignore = scratch.make(name);
  {
    auto entries = files::scandir(scratch.path());
    EXPECT_TRUE(co_await entries.next());
  }
  auto entries = files::scandir(scratch.path());
  auto task = create_task([entries]() -> Coro<> { co_await entries.next(); });
  co_await one_tick();
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(co_await entries.next());

  auto steps = files::walk(scratch.path());
  auto walking = create_task([steps]() -> Coro<> { co_await steps.next(); });
  auto listing = create_task([&]() -> Coro<> { co_await files::listdir(scratch.path()); });
  co_await one_tick();
  walking.cancel();
  listing.cancel();
  CO_ASSERT_THROW(co_await walking, CancelledError);
  CO_ASSERT_THROW(co_await listing, CancelledError);
  EXPECT_FALSE(co_await steps.next());
}

TUTTI_TEST(Scan, WalksDownATree) {
  const ScratchDirectory scratch;
  std::filesystem::create_directories(scratch / "b/deep");
  std::filesystem::create_directories(scratch / "a");
  std::filesystem::create_directory_symlink("b", scratch / "link");
  for (const char* name : {"2", "1", "a/x", "b/deep/y"}) std::ignore = scratch.make(name);
  Names seen;
  auto steps = files::walk(scratch.path());
  while (auto step = co_await steps.next()) {
    std::string line = step->path.substr(scratch.path().size()) + ":";
    for (const auto& name : step->directories) line += " " + name + "/";
    for (const auto& name : step->files) line += " " + name;
    seen.push_back(line);
  }
  EXPECT_EQ(seen, (Names{": a/ b/ 1 2 link", "/a: x", "/b: deep/", "/b/deep: y"}));
  EXPECT_FALSE(co_await files::walk(scratch / "none").next());
}

}  // namespace
}  // namespace tutti::tests

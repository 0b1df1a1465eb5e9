// SPDX-License-Identifier: MIT
// Whole files, copies, and files that go by themselves.
#include <tutti/fs/contents.hpp>

#include <optional>

#include <tutti/fs/scan.hpp>
#include <tutti/fs/temporary.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/try.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

namespace stdfs = std::filesystem;

TUTTI_TEST(Contents, AreWrittenAndRead) {
  const ScratchDirectory scratch;
  EXPECT_EQ(co_await files::write_text(scratch / "a", "text\r\n", {.permissions = 0600}), 6U);
  EXPECT_EQ(co_await files::read_text(scratch / "a"), "text\r\n");
  EXPECT_EQ(stdfs::status(scratch / "a").permissions(), stdfs::perms::owner_read | stdfs::perms::owner_write);
  const std::string bytes(1'500'000, '\xff');
  EXPECT_EQ(co_await files::write_bytes(scratch / "a", bytes), bytes.size());
  EXPECT_TRUE(co_await files::read_bytes(scratch / "a") == bytes);
  EXPECT_EQ(co_await files::read_bytes(scratch.make("empty")), "");
  CO_ASSERT_THROW(co_await files::read_bytes(scratch / "none"), FileNotFoundError);
  CO_ASSERT_THROW(co_await files::write_bytes("/dev/full", "x"), OSError);
}

TUTTI_TEST(Contents, AreReplacedAllAtOnce) {
  const ScratchDirectory scratch;
  const std::string path = scratch.make("a", "old");
  stdfs::permissions(path, stdfs::perms::owner_all);
  stdfs::create_hard_link(path, scratch / "same");
  co_await files::write_text(path, "new", {.atomic = true});
  EXPECT_EQ(contents_of(path), "new");
  EXPECT_EQ(contents_of(scratch / "same"), "old");
  EXPECT_EQ(stdfs::status(path).permissions(), stdfs::perms::owner_all);
  co_await files::write_text(scratch / "b", "made", {.atomic = true, .permissions = 0600});
  EXPECT_EQ(contents_of(scratch / "b"), "made");
  EXPECT_EQ(stdfs::status(scratch / "b").permissions(), stdfs::perms::owner_read | stdfs::perms::owner_write);
  CO_ASSERT_THROW(co_await files::write_text(scratch.path(), "x", {.atomic = true}), OSError);
  CO_ASSERT_THROW(co_await files::write_text(scratch / "none/a", "x", {.atomic = true}), FileNotFoundError);
  EXPECT_EQ((co_await files::listdir(scratch.path())).size(), 3U);
}

TUTTI_TEST(Contents, ThatAreReplacedAreTheOldOrTheNewOnesAfterACancellation) {
  const ScratchDirectory scratch;
  for (int ticks = 0; ticks < 12; ++ticks) {
    const std::string path = scratch.make("a", "old");
    auto task = create_task(ticks % 2 == 0 ? files::write_text(path, std::string(100'000, 'x'), {.atomic = true})
                                           : files::write_bytes(path, std::string(100'000, 'x'), {.atomic = true}));
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    task.cancel();
    try {
      co_await task;
    } catch (const CancelledError&) {
    }
    co_await testing::wait_all_tasks_blocked();
    const std::string contents = contents_of(path);
    EXPECT_TRUE(contents == "old" || contents == std::string(100'000, 'x')) << contents.size() << " bytes";
  }
}

TUTTI_TEST(Contents, AreCopied) {
  const ScratchDirectory scratch;
  const std::string bytes(20'000'000, 'x');
  const std::string from = scratch.make("from", bytes);
  EXPECT_EQ(co_await files::copyfile(from, scratch.make("to", "longer than nothing")), bytes.size());
  EXPECT_TRUE(contents_of(scratch / "to") == bytes);
  EXPECT_EQ(co_await files::copyfile(scratch.make("empty"), scratch / "to"), 0U);
  EXPECT_EQ(contents_of(scratch / "to"), "");
  EXPECT_GT(co_await files::copyfile("/proc/self/status", scratch / "to"), 0U);
  EXPECT_TRUE(contents_of(scratch / "to").starts_with("Name:"));

  stdfs::create_symlink("from", scratch / "link");
  EXPECT_EQ(co_await message_of<OSError>([&] { return files::copyfile(from, scratch / "link"); }),
            "copy " + from + " -> " + (scratch / "link") + ": they are the same file");
  EXPECT_EQ(stdfs::file_size(from), bytes.size());
  EXPECT_EQ(co_await message_of<OSError>([&] { return files::copyfile(from, "/dev/full"); }),
            "copy " + from + " -> /dev/full: no space left on device");
  for (const std::string& source : {scratch / "none", scratch.path(), Fifo(scratch / "fifo").path()}) {
    CO_ASSERT_THROW(co_await files::copyfile(source, scratch / "to"), OSError);
  }
  // Whichever of the two is to blame, and under the type that says why.
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::copy(scratch / "none", scratch / "to"); }),
            "copy " + (scratch / "none") + " -> " + (scratch / "to") + ": no such file or directory");
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::copy(from, scratch / "none/to"); }),
            "copy " + from + " -> " + (scratch / "none/to") + ": no such file or directory");
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::copyfile("", scratch / "to"); }),
            "copy '' -> " + (scratch / "to") + ": no such file or directory");
  EXPECT_TRUE(contents_of(scratch / "to").starts_with("Name:"));
}

TUTTI_TEST(Contents, AreCopiedWithTheirPermissionsAlsoIntoADirectory) {
  const ScratchDirectory scratch;
  const std::string from = scratch.make("from", "1");
  stdfs::permissions(from, stdfs::perms::owner_all);
  stdfs::create_directory(scratch / "directory");
  EXPECT_EQ(co_await files::copy(from, scratch / "directory"), scratch / "directory/from");
  EXPECT_EQ(contents_of(scratch / "directory/from"), "1");
  EXPECT_EQ(stdfs::status(scratch / "directory/from").permissions(), stdfs::perms::owner_all);
}

TUTTI_TEST(Contents, OfACopyThatIsCancelledEndEarly) {
  const ScratchDirectory scratch;
  const std::string from = scratch.make("from", std::string(20'000'000, 'x'));
  for (const int ticks : {0, 1, 3, 6}) {
    auto task = create_task(files::copyfile(from, scratch / "to"));
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    task.cancel();
    try {
      co_await task;
    } catch (const CancelledError&) {
    }
  }
  EXPECT_EQ(stdfs::file_size(from), 20'000'000U);
}

// ---- files that go by themselves ----

TUTTI_TEST(Temporary, FilesWithoutANameAreNowhereToBeSeen) {
  const ScratchDirectory scratch;
  files::File file = co_await files::temporary_file({.directory = scratch.path()});
  EXPECT_TRUE(stdfs::is_empty(scratch.path()));
  co_await file.write("kept");
  co_await file.seek(0);
  EXPECT_EQ(co_await file.read(), "kept");
  CO_ASSERT_THROW(co_await files::temporary_file({.directory = scratch / "none"}), FileNotFoundError);
}

TUTTI_TEST(Temporary, NamedFilesGoWhenTheyAreClosed) {
  const ScratchDirectory scratch;
  files::NamedTemporaryFile file =
      co_await files::named_temporary_file({.directory = scratch.path(), .prefix = "pre", .suffix = ".txt"});
  const std::string path = file.name();
  EXPECT_TRUE(path.starts_with(scratch / "pre"));
  EXPECT_TRUE(path.ends_with(".txt"));
  co_await file.write("x");
  co_await file.flush();
  EXPECT_EQ(contents_of(path), "x");
  co_await file.close();
  EXPECT_FALSE(stdfs::exists(path));
  co_await file.close();

  co_await async_with(co_await files::named_temporary_file({.directory = scratch.path()}),
                      [](files::NamedTemporaryFile& inside) -> Coro<> { co_await inside.write("y"); });
  {
    const files::NamedTemporaryFile dropped = co_await files::named_temporary_file({.directory = scratch.path()});
  }
  EXPECT_TRUE(stdfs::is_empty(scratch.path()));

  files::NamedTemporaryFile kept = co_await files::named_temporary_file({.directory = scratch.path()});
  kept.keep();
  co_await kept.close();
  EXPECT_TRUE(stdfs::exists(kept.name()));
}

TUTTI_TEST(Temporary, DirectoriesGoWithEverythingInThem) {
  const ScratchDirectory scratch;
  files::TemporaryDirectory directory = co_await files::temporary_directory({.directory = scratch.path()});
  const std::string path = directory.path();
  co_await files::write_text(directory / "a", "1");
  stdfs::create_directory(directory / "deep");
  co_await directory.cleanup();
  EXPECT_FALSE(stdfs::exists(path));
  EXPECT_EQ(directory.path(), "");
  co_await directory.cleanup();
  {
    const files::TemporaryDirectory dropped = co_await files::temporary_directory({.directory = scratch.path()});
    co_await files::write_text(dropped / "a", "1");
  }
  co_await async_with(
      co_await files::temporary_directory({.directory = scratch.path()}),
      [](files::TemporaryDirectory& inside) -> Coro<> { co_await files::write_text(inside / "a", "1"); });
  EXPECT_TRUE(stdfs::is_empty(scratch.path()));
  files::TemporaryDirectory kept = co_await files::temporary_directory({.directory = scratch.path()});
  EXPECT_TRUE(stdfs::is_directory(kept.keep()));
  CO_ASSERT_THROW(co_await files::temporary_directory({.directory = scratch / "none"}), FileNotFoundError);
}

TUTTI_TEST(Contents, ThatAreReadAreLeftAtOnceByACancellation) {
  const ScratchDirectory scratch;
  const std::string path = scratch.make("a", std::string(3'000'000, 'x'));
  for (int ticks = 0; ticks < 6; ++ticks) {
    const auto reading = create_task(
        [&]() -> Coro<> { (void)co_await (ticks % 2 == 0 ? files::read_text(path) : files::read_bytes(path)); });
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    if (reading.cancel()) {
      CO_ASSERT_THROW(co_await reading, CancelledError);
    } else {
      co_await reading;
    }
  }
  EXPECT_EQ((co_await files::read_text(path)).size(), 3'000'000U);
}

TUTTI_TEST(Temporary, LeavesNothingBehindWhenItIsCancelled) {
  const ScratchDirectory scratch;
  for (int ticks = 0; ticks < 4; ++ticks) {
    std::vector<Task<>> tasks;
    tasks.push_back(create_task([&]() -> Coro<> {
      files::NamedTemporaryFile file = co_await files::named_temporary_file({.directory = scratch.path()});
      co_await file.close();
    }));
    tasks.push_back(create_task([&]() -> Coro<> {
      files::TemporaryDirectory directory = co_await files::temporary_directory({.directory = scratch.path()});
      co_await directory.cleanup();
    }));
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    for (const auto& task : tasks) task.cancel();
    for (const auto& task : tasks) {
      try {
        co_await task;
      } catch (const CancelledError&) {
      }
    }
  }
  while (get_running_loop().external_work != 0) co_await one_tick();
  co_await one_tick();  // what came back last is dropped
  EXPECT_TRUE(stdfs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace tutti::tests

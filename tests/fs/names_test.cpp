// SPDX-License-Identifier: MIT
// Names of files and directories, and what is known of them.
#include <tutti/fs/names.hpp>

#include <tutti/task/gather.hpp>
#include <tutti/task/task.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

namespace stdfs = std::filesystem;

TUTTI_TEST(Names, TellWhatIsThere) {
  const ScratchDirectory scratch;
  const std::string file = scratch.make("file", "12345");
  const std::string link = scratch / "link";
  const std::string broken = scratch / "broken";
  stdfs::create_symlink(file, link);
  stdfs::create_symlink("nowhere", broken);
  EXPECT_TRUE(co_await files::exists(file));
  EXPECT_TRUE(co_await files::exists(link));
  EXPECT_FALSE(co_await files::exists(broken));
  EXPECT_FALSE(co_await files::exists(scratch / "none"));
  EXPECT_TRUE(co_await files::is_file(file));
  EXPECT_TRUE(co_await files::is_file(link));
  EXPECT_FALSE(co_await files::is_file(scratch.path()));
  EXPECT_TRUE(co_await files::is_dir(scratch.path()));
  EXPECT_FALSE(co_await files::is_dir(file));
  EXPECT_TRUE(co_await files::is_symlink(link));
  EXPECT_TRUE(co_await files::is_symlink(broken));
  EXPECT_FALSE(co_await files::is_symlink(file));
  EXPECT_EQ(co_await files::getsize(file), 5U);
  EXPECT_TRUE(co_await files::samefile(file, link));
  EXPECT_FALSE(co_await files::samefile(file, scratch.path()));
}

TUTTI_TEST(Names, TellWhatStatTells) {
  const ScratchDirectory scratch;
  const std::string file = scratch.make("file", "12345");
  stdfs::create_symlink("file", scratch / "link");
  struct stat expected{};
  ::stat(file.c_str(), &expected);
  const files::Stat status = co_await files::stat(scratch / "link");
  EXPECT_TRUE(status.is_file());
  EXPECT_EQ(status.size, 5U);
  EXPECT_EQ(status.permissions, expected.st_mode & 07777U);
  EXPECT_EQ(status.inode, expected.st_ino);
  EXPECT_EQ(status.links, 1U);
  EXPECT_EQ(status.user, expected.st_uid);
  EXPECT_EQ(status.group, expected.st_gid);
  EXPECT_EQ(status.block_size, static_cast<std::uint32_t>(expected.st_blksize));
  EXPECT_EQ(status.blocks, static_cast<std::uint64_t>(expected.st_blocks));
  EXPECT_EQ(std::chrono::duration_cast<std::chrono::seconds>(status.modified.time_since_epoch()).count(),
            expected.st_mtim.tv_sec);
  const files::Stat of_link = co_await files::lstat(scratch / "link");
  EXPECT_TRUE(of_link.is_symlink());
  EXPECT_EQ((co_await files::stat("/dev/null")).type, files::FileType::character_device);
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::stat(scratch / "none"); }),
            "stat " + (scratch / "none") + ": no such file or directory");
  CO_ASSERT_THROW(co_await files::lstat(file + "/a"), NotADirectoryError);
}

TUTTI_TEST(Names, TellWhatMayBeDone) {
  const ScratchDirectory scratch;
  const std::string file = scratch.make("file");
  using files::Access;
  EXPECT_TRUE(co_await files::access(file, Access::exists));
  EXPECT_TRUE(co_await files::access(file, Access::read | Access::write));
  EXPECT_FALSE(co_await files::access(file, Access::execute));
  EXPECT_FALSE(co_await files::access(scratch / "none", Access::exists));
  const files::DiskUsage usage = co_await files::disk_usage(scratch.path());
  EXPECT_GT(usage.total, 0U);
  EXPECT_LE(usage.used, usage.total);
}

TUTTI_TEST(Names, OfDirectoriesAreMadeAndRemoved) {
  const ScratchDirectory scratch;
  co_await files::mkdir(scratch / "a", 0700);
  EXPECT_EQ(stdfs::status(scratch / "a").permissions(), stdfs::perms::owner_all);
  EXPECT_EQ(co_await message_of<FileExistsError>([&] { return files::mkdir(scratch / "a"); }),
            "mkdir " + (scratch / "a") + ": file exists");
  CO_ASSERT_THROW(co_await files::mkdir(scratch / "b/c"), FileNotFoundError);
  co_await files::makedirs(scratch / "a/b/c/d/");
  EXPECT_TRUE(stdfs::is_directory(scratch / "a/b/c/d"));
  CO_ASSERT_THROW(co_await files::makedirs(scratch / "a/b/c/d"), FileExistsError);
  co_await files::makedirs(scratch / "a/b/c/d", {.exist_ok = true});
  CO_ASSERT_THROW(co_await files::makedirs(scratch.make("file"), {.exist_ok = true}), FileExistsError);
  CO_ASSERT_THROW(co_await files::makedirs(scratch / "file/a"), NotADirectoryError);

  EXPECT_EQ(co_await message_of<OSError>([&] { return files::rmdir(scratch / "a"); }),
            "rmdir " + (scratch / "a") + ": directory not empty");
  co_await files::rmdir(scratch / "a/b/c/d");
  co_await files::removedirs(scratch / "a/b/c");
  EXPECT_FALSE(stdfs::exists(scratch / "a"));
  EXPECT_TRUE(stdfs::exists(scratch / "file"));
  CO_ASSERT_THROW(co_await files::rmdir(scratch / "file"), NotADirectoryError);
}

TUTTI_TEST(Names, OfWholeTreesAreRemoved) {
  const ScratchDirectory scratch;
  stdfs::create_directories(scratch / "tree/a/b");
  std::ignore = scratch.make("tree/a/file");
  std::ignore = scratch.make("kept");
  stdfs::create_symlink("../kept", scratch / "tree/link");
  stdfs::create_symlink("tree", scratch / "link");
  CO_ASSERT_THROW(co_await files::rmtree(scratch / "link"), NotADirectoryError);
  co_await files::rmtree(scratch / "tree");
  EXPECT_FALSE(stdfs::exists(scratch / "tree"));
  EXPECT_TRUE(stdfs::exists(scratch / "kept"));
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::rmtree(scratch / "tree"); }),
            "rmtree " + (scratch / "tree") + ": no such file or directory");
}

TUTTI_TEST(Names, AreChanged) {
  const ScratchDirectory scratch;
  co_await files::rename(scratch.make("a", "1"), scratch / "b");
  EXPECT_EQ(contents_of(scratch / "b"), "1");
  co_await files::replace(scratch.make("a", "2"), scratch / "b");
  EXPECT_EQ(contents_of(scratch / "b"), "2");
  EXPECT_FALSE(stdfs::exists(scratch / "a"));
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::rename(scratch / "a", scratch / "c"); }),
            "rename " + (scratch / "a") + " -> " + (scratch / "c") + ": no such file or directory");
  stdfs::create_directories(scratch / "old/place");
  co_await files::renames(scratch.make("old/place/x", "3"), scratch / "new/place/y");
  EXPECT_EQ(contents_of(scratch / "new/place/y"), "3");
  EXPECT_FALSE(stdfs::exists(scratch / "old"));
}

TUTTI_TEST(Names, AreRemoved) {
  const ScratchDirectory scratch;
  co_await files::remove(scratch.make("a"));
  co_await files::unlink(scratch.make("b"));
  EXPECT_TRUE(stdfs::is_empty(scratch.path()));
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::remove(scratch / "a"); }),
            "remove " + (scratch / "a") + ": no such file or directory");
  CO_ASSERT_THROW(co_await files::remove(scratch.path()), IsADirectoryError);
  CO_ASSERT_THROW(co_await files::remove(std::string("a\0b", 3)), ValueError);
}

TUTTI_TEST(Names, AreLinked) {
  const ScratchDirectory scratch;
  const std::string file = scratch.make("file", "1");
  co_await files::symlink("file", scratch / "symbolic");
  EXPECT_EQ(co_await files::readlink(scratch / "symbolic"), "file");
  EXPECT_EQ(co_await files::realpath(scratch / "./symbolic"), stdfs::canonical(file));
  co_await files::link(file, scratch / "hard");
  EXPECT_EQ((co_await files::stat(file)).links, 2U);
  CO_ASSERT_THROW(co_await files::symlink("x", file), FileExistsError);
  CO_ASSERT_THROW(co_await files::link(scratch / "none", scratch / "y"), FileNotFoundError);
  CO_ASSERT_THROW(co_await files::readlink(file), OSError);
  CO_ASSERT_THROW(co_await files::realpath(scratch / "none"), FileNotFoundError);
}

TUTTI_TEST(Names, HavePermissionsTimesAndASize) {
  const ScratchDirectory scratch;
  const std::string file = scratch.make("file", "12345");
  co_await files::chmod(file, 0604);
  co_await files::truncate(file, 3);
  const files::FileTime accessed{std::chrono::nanoseconds(1'500'000'000)};
  const files::FileTime modified{std::chrono::nanoseconds(-500'000'000)};  // before 1970
  co_await files::utime(file, accessed, modified);
  files::Stat status = co_await files::stat(file);
  EXPECT_EQ(status.permissions, 0604U);
  EXPECT_EQ(status.size, 3U);
  EXPECT_EQ(status.accessed, accessed);
  EXPECT_EQ(status.modified, modified);
  co_await files::utime(file);
  status = co_await files::stat(file);
  EXPECT_GT(status.modified, accessed);
  CO_ASSERT_THROW(co_await files::chmod(scratch / "none", 0600), FileNotFoundError);
  CO_ASSERT_THROW(co_await files::utime(scratch / "none"), FileNotFoundError);
  CO_ASSERT_THROW(co_await files::truncate(scratch / "none", 0), FileNotFoundError);
}

// What the kernel or a thread has begun may be done or not; the task leaves at once, and nothing is left open.
TUTTI_TEST(Names, CallsOnThemAreCancelled) {
  const ScratchDirectory scratch;
  const std::string file = scratch.make("file");
  for (int ticks = 0; ticks < 2; ++ticks) {
    std::vector<Task<>> tasks;
    tasks.push_back(create_task([&]() -> Coro<> { co_await files::stat(file); }));
    tasks.push_back(create_task([&]() -> Coro<> { co_await files::realpath(file); }));
    tasks.push_back(create_task(files::makedirs(scratch / "a/b", {.exist_ok = true})));
    tasks.push_back(create_task(files::rename(file, scratch / "moved")));
    tasks.push_back(create_task(files::chmod(scratch.path(), 0700)));
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    for (const auto& task : tasks) EXPECT_TRUE(task.cancel());
    for (const auto& task : tasks) CO_ASSERT_THROW(co_await task, CancelledError);
  }
}

/// What `call` returns is awaited in a task, whatever it gives.
template <class F>
Task<> task_of(F call) {
  return create_task([call]() -> Coro<> { (void)co_await call(); });
}

// On names in a directory that is not there, so that nothing is left to be done behind their backs.
TUTTI_TEST(Names, AllOtherCallsOnThemAreCancelledToo) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "none/file";
  const std::string other = scratch / "none/other";
  for (int ticks = 0; ticks < 2; ++ticks) {
    std::vector<Task<>> tasks;
    tasks.push_back(task_of([&] { return files::lstat(path); }));
    tasks.push_back(task_of([&] { return files::exists(path); }));
    tasks.push_back(task_of([&] { return files::is_file(path); }));
    tasks.push_back(task_of([&] { return files::is_dir(path); }));
    tasks.push_back(task_of([&] { return files::is_symlink(path); }));
    tasks.push_back(task_of([&] { return files::getsize(path); }));
    tasks.push_back(task_of([&] { return files::samefile(path, other); }));
    tasks.push_back(task_of([&] { return files::access(path, files::Access::read); }));
    tasks.push_back(task_of([&] { return files::disk_usage(path); }));
    tasks.push_back(task_of([&] { return files::readlink(path); }));
    tasks.push_back(task_of([&] { return files::mkdir(path); }));
    tasks.push_back(task_of([&] { return files::rmdir(path); }));
    tasks.push_back(task_of([&] { return files::removedirs(path); }));
    tasks.push_back(task_of([&] { return files::rmtree(path); }));
    tasks.push_back(task_of([&] { return files::remove(path); }));
    tasks.push_back(task_of([&] { return files::unlink(path); }));
    tasks.push_back(task_of([&] { return files::replace(path, other); }));
    tasks.push_back(task_of([&] { return files::renames(path, scratch / "file"); }));
    tasks.push_back(task_of([&] { return files::symlink(other, path); }));
    tasks.push_back(task_of([&] { return files::link(other, path); }));
    tasks.push_back(task_of([&] { return files::utime(path); }));
    tasks.push_back(task_of([&] { return files::truncate(path, 0); }));
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    for (const auto& task : tasks) EXPECT_TRUE(task.cancel());
    for (const auto& task : tasks) CO_ASSERT_THROW(co_await task, CancelledError);
  }
}

}  // namespace
}  // namespace tutti::tests

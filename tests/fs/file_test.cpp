// SPDX-License-Identifier: MIT
// Files: modes, reading, writing, the position. What is expected was seen in CPython's open(…, "b").
#include <tutti/fs/file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/task/task.hpp>
#include <tutti/task/try.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

using files::Whence;

TUTTI_TEST(File, WritesAndReadsBack) {
  const ScratchDirectory scratch;
  files::File out = co_await files::open(scratch / "a", "w");
  EXPECT_EQ(co_await out.write("one\n"), 4U);
  EXPECT_EQ(co_await out.tell(), 4U);
  EXPECT_EQ(contents_of(scratch / "a"), "");
  co_await out.flush();
  EXPECT_EQ(contents_of(scratch / "a"), "one\n");
  co_await out.writelines({"two", "three"});
  co_await out.close();
  EXPECT_EQ(contents_of(scratch / "a"), "one\ntwothree");

  files::File in = co_await files::open(scratch / "a");
  EXPECT_EQ(co_await in.read(2), "on");
  EXPECT_EQ(co_await in.readline(), "e\n");
  EXPECT_EQ(co_await in.read(), "twothree");
  EXPECT_EQ(co_await in.read(), "");
  EXPECT_EQ(co_await in.read(5), "");
  EXPECT_EQ(co_await in.seek(-5, Whence::end), 7U);
  EXPECT_EQ(co_await in.read(100), "three");
  EXPECT_EQ(co_await in.seek(3), 3U);
  std::string memory(4, '.');
  EXPECT_EQ(co_await in.readinto(memory), 4U);
  EXPECT_EQ(memory, "\ntwo");
}

TUTTI_TEST(File, KnowsPythonsModes) {
  const ScratchDirectory scratch;
  const std::pair<const char*, const char*> modes[] = {{"r", "rb"},    {"rb", "rb"}, {"br", "rb"},  {"r+b", "rb+"},
                                                       {"+r", "rb+"},  {"w", "wb"},  {"w+", "rb+"}, {"ab", "ab"},
                                                       {"a+b", "ab+"}, {"xb", "xb"}, {"x+", "xb+"}};
  for (const auto& [mode, name] : modes) {
    const std::string path = *name == 'x' ? scratch / mode : scratch.make("a", "abc");
    files::File file = co_await files::open(path, mode);
    EXPECT_EQ(file.mode(), name);
    EXPECT_EQ(file.readable(), *name == 'r' || file.mode().ends_with('+')) << mode;
    EXPECT_EQ(file.writable(), *name != 'r' || file.mode().ends_with('+')) << mode;
    EXPECT_EQ(co_await file.tell(), *name == 'a' ? 3U : 0U);
    EXPECT_EQ(co_await file.size(), *mode == 'w' || *name == 'x' ? 0U : 3U) << mode;
    EXPECT_EQ(::fcntl(file.fileno(), F_GETFD), FD_CLOEXEC);
  }
  for (const char* mode : {"", "b", "rw", "rr", "r++", "q", "rbb", "rt", "U"}) {
    CO_ASSERT_THROW(co_await files::open(scratch / "a", mode), ValueError) << mode;
  }
}

TUTTI_TEST(File, NamesWhatItCouldNotOpen) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "none";
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::open(path); }),
            "open " + path + ": no such file or directory");
  const std::string file = scratch.make("file");
  EXPECT_EQ(co_await message_of<FileExistsError>([&] { return files::open(file, "x"); }),
            "open " + file + ": file exists");
  for (const char* mode : {"r", "w"}) {
    EXPECT_EQ(co_await message_of<IsADirectoryError>([&] { return files::open(scratch.path(), mode); }),
              "open " + scratch.path() + ": is a directory");
  }
  EXPECT_EQ(co_await message_of<NotADirectoryError>([&] { return files::open(file + "/a"); }),
            "open " + file + "/a: not a directory");
  CO_ASSERT_THROW(co_await files::open(std::string("a\0b", 3)), ValueError);
  EXPECT_EQ(co_await message_of<FileNotFoundError>([&] { return files::open(""); }),
            "open '': no such file or directory");
  EXPECT_EQ(co_await message_of<ValueError>([&] { return files::open(file, "q"); }),
            "open " + file + ": invalid mode: 'q'");
}

TUTTI_TEST(File, MakesANewOneWithThePermissionsAsked) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w", {.permissions = 0600});
  const files::Stat status = co_await file.stat();
  EXPECT_EQ(status.permissions, 0600U);
  EXPECT_TRUE(status.is_file());
}

// As root every file may be opened; what it was not opened for may be done by nobody.
TUTTI_TEST(File, RefusesWhatItWasNotOpenedFor) {
  const ScratchDirectory scratch;
  const std::string path = scratch.make("a", "abc");
  files::File in = co_await files::open(path);
  const std::string unwritable = ": the file was not opened for writing";
  EXPECT_EQ(co_await message_of<files::UnsupportedOperation>([&] { return in.write("x"); }),
            "write " + path + unwritable);
  EXPECT_EQ(co_await message_of<files::UnsupportedOperation>([&] { return in.truncate(1); }),
            "truncate " + path + unwritable);
  CO_ASSERT_THROW(co_await in.pwrite("x", 0), files::UnsupportedOperation);
  CO_ASSERT_THROW(co_await in.writelines({"x"}), files::UnsupportedOperation);
  co_await in.flush();
  files::File out = co_await files::open(path, "a");
  EXPECT_EQ(co_await message_of<files::UnsupportedOperation>([&] { return out.read(1); }),
            "read " + path + ": the file was not opened for reading");
  CO_ASSERT_THROW(co_await out.readline(), files::UnsupportedOperation);
  CO_ASSERT_THROW(co_await out.next(), files::UnsupportedOperation);
  CO_ASSERT_THROW(co_await out.pread(1, 0), files::UnsupportedOperation);
}

TUTTI_TEST(File, RefusesEverythingOnceItIsClosed) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w+");
  const int fd = file.fileno();
  EXPECT_FALSE(file.closed());
  co_await file.close();
  EXPECT_TRUE(file.closed());
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  co_await file.close();
  EXPECT_EQ(co_await message_of<ValueError>([&] { return file.read(1); }),
            "read " + (scratch / "a") + ": the file is closed");
  CO_ASSERT_THROW(co_await file.write("x"), ValueError);
  CO_ASSERT_THROW(co_await file.flush(), ValueError);
  CO_ASSERT_THROW(co_await file.seek(0), ValueError);
  CO_ASSERT_THROW(co_await file.lines().next(), ValueError);
  EXPECT_THROW(static_cast<void>(file.fileno()), ValueError);
  EXPECT_EQ(file.name(), scratch / "a");
  const files::File moved = std::move(file);
  CO_ASSERT_THROW(co_await file.read(), ValueError);  // NOLINT(bugprone-use-after-move): what that does is the test
}

TUTTI_TEST(File, MixesReadsAndWritesAsPythonDoes) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "0123456789"), "r+");
  EXPECT_EQ(co_await file.read(2), "01");
  EXPECT_EQ(co_await file.tell(), 2U);
  EXPECT_EQ(co_await file.write("AB"), 2U);
  EXPECT_EQ(co_await file.tell(), 4U);
  EXPECT_EQ(co_await file.read(2), "45");
  EXPECT_EQ(co_await file.seek(-1, Whence::current), 5U);
  EXPECT_EQ(co_await file.write("C"), 1U);
  EXPECT_EQ(co_await file.read(1), "6");
  EXPECT_EQ(co_await file.seek(0), 0U);
  EXPECT_EQ(co_await file.read(), "01AB4C6789");
  EXPECT_EQ(co_await file.seek(20), 20U);
  EXPECT_EQ(co_await file.write("Z"), 1U);
  EXPECT_EQ(co_await file.tell(), 21U);
  EXPECT_EQ(co_await file.truncate(15), 15U);
  EXPECT_EQ(co_await file.tell(), 21U);
  EXPECT_EQ(co_await file.read(3), "");
  EXPECT_EQ(co_await file.seek(8), 8U);
  EXPECT_EQ(co_await file.read(3), std::string("89\0", 3));
  EXPECT_EQ(co_await file.truncate(), 11U);
  EXPECT_EQ(co_await file.read(), "");
  co_await file.close();
  EXPECT_EQ(contents_of(scratch / "a"), std::string("01AB4C6789\0", 11));
}

TUTTI_TEST(File, ReadsBackLinesThatItHasJustWritten) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "old"), "w+");
  EXPECT_EQ(co_await file.read(), "");
  EXPECT_EQ(co_await file.write("hello\nworld\n"), 12U);
  EXPECT_EQ(co_await file.seek(0), 0U);
  EXPECT_EQ(co_await file.readline(), "hello\n");
  EXPECT_EQ(co_await file.write("W"), 1U);
  EXPECT_EQ(co_await file.readline(), "orld\n");
  EXPECT_EQ(co_await file.tell(), 12U);
  EXPECT_EQ(co_await file.truncate(3), 3U);
  EXPECT_EQ(co_await file.seek(0, Whence::end), 3U);
  EXPECT_EQ(co_await file.seek(0), 0U);
  EXPECT_EQ(co_await file.read(), "hel");
  EXPECT_EQ(co_await message_of<OSError>([&] { return file.seek(-1); }),
            "seek " + (scratch / "a") + ": invalid argument");
  CO_ASSERT_THROW(co_await file.seek(-5, Whence::current), OSError);
  EXPECT_EQ(co_await file.tell(), 3U);
}

TUTTI_TEST(File, AppendsWhereverThePositionIs) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "abc"), "a+");
  EXPECT_EQ(co_await file.read(), "");
  EXPECT_EQ(co_await file.seek(0), 0U);
  EXPECT_EQ(co_await file.read(1), "a");
  co_await file.write("X");
  EXPECT_EQ(co_await file.tell(), 4U);
  EXPECT_EQ(co_await file.seek(1), 1U);
  co_await file.write("YZ");
  EXPECT_EQ(co_await file.seek(0), 0U);
  EXPECT_EQ(co_await file.read(), "abcXYZ");
}

TUTTI_TEST(File, ReadsAndWritesAtAnOffsetPastThePosition) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "0123456789"), "r+");
  EXPECT_EQ(co_await file.read(3), "012");
  EXPECT_EQ(co_await file.pread(4, 8), "89");
  EXPECT_EQ(co_await file.pread(4, 80), "");
  co_await file.write("AB");
  EXPECT_EQ(co_await file.pread(3, 2), "2AB");
  EXPECT_EQ(co_await file.pwrite("xy", 5), 2U);
  EXPECT_EQ(co_await file.tell(), 5U);
  EXPECT_EQ(co_await file.read(), "xy789");
  std::string memory(6, '.');
  EXPECT_EQ(co_await file.preadinto(memory, 7), 3U);
  EXPECT_EQ(memory, "789...");
}

TUTTI_TEST(File, HasItsTurnBesideOneThatIsReadWithoutEnd) {
  const ScratchDirectory scratch;
  files::File hot = co_await files::open(scratch.make("hot", std::string(1 << 20, 'h')));
  files::File other = co_await files::open(scratch.make("other", "once"));
  int rounds = 0;
  const auto busy = create_task([&]() -> Coro<> {
    for (; rounds < 5000; ++rounds) (void)co_await hot.pread(256 * 1024, 0);  // all that an iteration may read
  });
  co_await sleep(Duration::zero());
  EXPECT_EQ(co_await other.pread(4, 0), "once");
  EXPECT_LT(rounds, 5000);
  busy.cancel();
  CO_ASSERT_THROW(co_await busy, CancelledError);
}

TUTTI_TEST(File, ReadsPastThePageCacheIntoAnyMemory) {
  const ScratchDirectory scratch;
  std::string blocks(8192 + 100, 'a');
  blocks.replace(4096, 4096, 4096, 'b');
  const std::string path = scratch.make("a", blocks);
  Fd direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (!direct) CO_SKIP() << "this file system has no O_DIRECT";
  files::File file = files::fdopen(std::move(direct), "r", {.buffer_size = 0});
  EXPECT_EQ(co_await file.pread(4096, 4096), blocks.substr(4096, 4096));
  std::string memory(4097, '.');
  EXPECT_EQ(co_await file.preadinto(MutableBytes(memory).subspan(1), 0), 4096U);
  EXPECT_EQ(memory, "." + blocks.substr(0, 4096));
  EXPECT_EQ(co_await file.pread(16384, 4096), blocks.substr(4096));
}

TUTTI_TEST(File, PutsWhatItWroteOnTheDisk) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w");
  co_await file.write("1");
  co_await file.fsync();
  EXPECT_EQ(contents_of(scratch / "a"), "1");
  co_await file.write("2");
  co_await file.fdatasync();
  EXPECT_EQ(contents_of(scratch / "a"), "12");
}

TUTTI_TEST(File, CountsWhatIsBufferedAsItsSize) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w");
  co_await file.write("12345");
  EXPECT_EQ(co_await file.size(), 5U);
}

TUTTI_TEST(File, WithoutABufferWritesAtOnceAndReadsNoFurther) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "abcdef"), "r+", {.buffer_size = 0});
  EXPECT_EQ(co_await file.read(2), "ab");
  EXPECT_EQ(::lseek(file.fileno(), 0, SEEK_CUR), 2);
  co_await file.write("XY");
  EXPECT_EQ(contents_of(scratch / "a"), "abXYef");
  EXPECT_EQ(co_await file.readline(), "ef");
}

TUTTI_TEST(File, SharesItsPositionWithWhoeverHasTheDescriptor) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w");
  co_await file.write("one ");
  co_await file.flush();
  EXPECT_EQ(::write(file.fileno(), "two ", 4), 4);
  co_await file.write("three");
  co_await file.close();
  EXPECT_EQ(contents_of(scratch / "a"), "one two three");
}

TUTTI_TEST(File, IsMadeFromADescriptor) {
  const ScratchDirectory scratch;
  Fd descriptor(::open(scratch.make("a", "abc").c_str(), O_RDONLY | O_CLOEXEC));
  const int number = descriptor.get();
  files::File file = files::fdopen(std::move(descriptor));
  EXPECT_EQ(file.name(), "<fd " + std::to_string(number) + ">");
  EXPECT_EQ(co_await file.read(), "abc");
  EXPECT_THROW(static_cast<void>(files::fdopen(Fd(), "r")), OSError);
}

TUTTI_TEST(File, IsClosedAtTheEndOfAsyncWith) {
  const ScratchDirectory scratch;
  files::File outside = co_await files::open(scratch / "a", "w");
  co_await async_with(outside, [](files::File& file) -> Coro<> { co_await file.write("within"); });
  EXPECT_TRUE(outside.closed());
  EXPECT_EQ(contents_of(scratch / "a"), "within");
  const std::string read =
      co_await async_with(co_await files::open(scratch / "a"),
                          [](files::File& file) -> Coro<std::string> { co_return co_await file.read(); });
  EXPECT_EQ(read, "within");
}

TUTTI_TEST(File, ReadsAFileOfTheKernelThatSaysItIsEmpty) {
  files::File file = co_await files::open("/proc/self/status");
  const std::string all = co_await file.read();
  EXPECT_TRUE(all.starts_with("Name:"));
  EXPECT_NE(all.find("VmPeak"), std::string::npos);
}

TUTTI_TEST(File, ReadsAndWritesMoreThanFitsInOneCall) {
  const ScratchDirectory scratch;
  std::string all;
  for (int i = 0; i < 3000; ++i) all += std::string(999, static_cast<char>(i)) + "\n";
  files::File file = co_await files::open(scratch / "a", "w+");
  EXPECT_EQ(co_await file.write(all), all.size());
  EXPECT_EQ(co_await file.write("end"), 3U);
  co_await file.seek(0);
  EXPECT_TRUE(co_await file.read(all.size()) == all);
  EXPECT_EQ(co_await file.read(), "end");
  co_await file.seek(0);
  EXPECT_TRUE(co_await file.read() == all + "end");
  EXPECT_TRUE(co_await file.pread(all.size(), 0) == all);
  std::string memory(all.size(), '\0');
  co_await file.seek(0);
  EXPECT_EQ(co_await file.readinto(memory), all.size());
  EXPECT_TRUE(memory == all);
  co_await file.pwrite(all, 3);
  EXPECT_EQ(co_await file.size(), all.size() + 3);
}

}  // namespace
}  // namespace tutti::tests

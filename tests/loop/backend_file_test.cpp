// SPDX-License-Identifier: MIT
// Reads and writes of files, pipes and devices, on every back end.
#include "backend_fixture.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include "support/scratch_directory.hpp"

namespace tutti::tests {
namespace {

using BackendFileTest = BackendTest;
INSTANTIATE_TEST_SUITE_P(Each, BackendFileTest, all_backends, backend_name);

TEST_P(BackendFileTest, ReadsAndWritesAFileAtAnOffset) {
  char name[] = "/tmp/tutti-backend-XXXXXX";
  const Fd file(::mkostemp(name, O_CLOEXEC));
  ASSERT_TRUE(file);
  ::unlink(name);
  CountedOperation write;
  write.prepare_write(file.get(), "0123456789", 5);
  EXPECT_EQ(submit_and_finish(write), 10);
  std::array<char, 4> buffer{};
  CountedOperation read;
  read.prepare_read(file.get(), buffer, 7);
  EXPECT_EQ(submit_and_finish(read), 4);
  EXPECT_EQ(std::string_view(buffer.data(), 4), "2345");
  CountedOperation at_end;
  at_end.prepare_read(file.get(), buffer, 15);
  EXPECT_EQ(submit_and_finish(at_end), 0);
}

TEST_P(BackendFileTest, ReadsAndWritesAFileAtItsOwnPosition) {
  char name[] = "/tmp/tutti-backend-XXXXXX";
  const Fd file(::mkostemp(name, O_CLOEXEC));
  ASSERT_TRUE(file);
  ::unlink(name);
  for (const std::string_view part : {"one", "two"}) {
    CountedOperation write;
    write.prepare_write(file.get(), part);
    EXPECT_EQ(submit_and_finish(write), 3);
  }
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  std::array<char, 4> buffer{};
  CountedOperation first;
  first.prepare_read(file.get(), buffer);
  EXPECT_EQ(submit_and_finish(first), 4);
  EXPECT_EQ(std::string_view(buffer.data(), 4), "onet");
  CountedOperation second;
  second.prepare_read(file.get(), buffer);
  EXPECT_EQ(submit_and_finish(second), 2);
}

TEST_P(BackendFileTest, ReadsFromAPipeThatBlocks) {
  Pair pipe = pipe_pair();
  std::array<char, 8> buffer{};
  CountedOperation read;
  read.prepare_read(pipe.left.get(), buffer);
  backend().submit(read);
  settle();
  EXPECT_FALSE(read.done());
  write_all(pipe.right, "piped");
  EXPECT_EQ(finish(read), 5);
  pipe.right.reset();
  CountedOperation end;
  end.prepare_read(pipe.left.get(), buffer);
  EXPECT_EQ(submit_and_finish(end), 0);
}

TEST_P(BackendFileTest, WritesToAFullPipeOnceThereIsRoom) {
  const Pair pipe = pipe_pair();
  ::fcntl(pipe.right.get(), F_SETPIPE_SZ, 4096);
  const std::string page(4096, 'p');
  CountedOperation fill;
  fill.prepare_write(pipe.right.get(), page);
  EXPECT_EQ(submit_and_finish(fill), 4096);
  CountedOperation more;
  more.prepare_write(pipe.right.get(), page);
  backend().submit(more);
  settle();
  EXPECT_FALSE(more.done());
  std::string buffer(4096, '\0');
  ASSERT_EQ(::read(pipe.left.get(), buffer.data(), buffer.size()), 4096);
  EXPECT_EQ(finish(more), 4096);
}

TEST_P(BackendFileTest, ServesTheNamesOfFiles) {
  char name[] = "/tmp/tutti-backend-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::string directory = std::string(name) + "/directory";
  const std::string path = directory + "/file";
  const std::string moved = std::string(name) + "/moved";
  CountedOperation operation;
  const auto ask = [&] {
    operation.deliveries = 0;
    return submit_and_finish(operation);
  };

  operation.prepare_mkdirat(AT_FDCWD, directory.c_str(), 0700);
  EXPECT_EQ(ask(), 0);
  operation.prepare_openat(AT_FDCWD, path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  Fd file(ask());
  ASSERT_TRUE(file);
  EXPECT_EQ(ask(), -EEXIST);
  operation.prepare_write(file.get(), "12345");
  EXPECT_EQ(ask(), 5);
  for (const bool data_only : {false, true}) {
    operation.prepare_fsync(file.get(), data_only);
    EXPECT_EQ(ask(), 0);
  }
  backend().forget(file.get());
  operation.prepare_close(file.release());
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(ask(), -EBADF);

  operation.prepare_renameat(AT_FDCWD, path.c_str(), moved.c_str());
  EXPECT_EQ(ask(), 0);
  struct statx status{};
  operation.prepare_statx(AT_FDCWD, moved.c_str(), 0, STATX_BASIC_STATS, &status);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(status.stx_size, 5U);
  operation.prepare_unlinkat(AT_FDCWD, moved.c_str(), 0);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(ask(), -ENOENT);
  for (const char* each : {directory.c_str(), static_cast<const char*>(name)}) {
    operation.prepare_unlinkat(AT_FDCWD, each, AT_REMOVEDIR);
    EXPECT_EQ(ask(), 0);
  }
}

TEST_P(BackendFileTest, SaysWhetherItServesFilesWithoutHoldingUpTheLoop) {
  EXPECT_EQ(backend().native_files(), backend().name() == "uring");
}

// A file that on io_uring does not wait when it has O_NONBLOCK, but gives EAGAIN.
TEST_P(BackendFileTest, WaitsForAnInotifyEvent) {
  const test_support::ScratchDirectory directory;
  const Fd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), directory.path().c_str(), IN_CREATE), 0);
  alignas(inotify_event) std::array<char, 1024> buffer{};
  CountedOperation read;
  read.prepare_read(watch.get(), buffer);
  backend().submit(read);
  settle();
  EXPECT_FALSE(read.done());
  const Fd made(::open((directory / "file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_GT(finish(read), 0);

  CountedOperation cancelled;
  cancelled.prepare_read(watch.get(), buffer);
  backend().submit(cancelled);
  settle();
  backend().cancel(cancelled);
  EXPECT_EQ(finish(cancelled), -ECANCELED);
}

}  // namespace
}  // namespace tutti::tests

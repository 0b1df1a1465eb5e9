// SPDX-License-Identifier: MIT
// Files that fail, go, or lose their loop; and several tasks on one file.
#include <tutti/fs/file.hpp>

#include <memory>

#include <tutti/loop/io_backend.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/thread_pool.hpp>
#include <tutti/task/timeout.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

using namespace std::chrono_literals;

TUTTI_TEST(FileEnd, AFullDiskIsToldAndTheFileClosedAllTheSame) {
  files::File file = co_await files::open("/dev/full", "w", {.buffer_size = 16});
  EXPECT_EQ(co_await file.write(std::string(16, '1')), 16U);
  for (const std::string& data : {std::string("22"), std::string(100, '3')}) {
    CO_ASSERT_THROW(co_await file.write(data), OSError);
    EXPECT_EQ(co_await file.tell(), 16U);  // as in Python: it is not taken
  }
  std::string message = co_await message_of<OSError>([&] { return file.flush(); });
  EXPECT_EQ(message, "write /dev/full: no space left on device");
  message = co_await message_of<OSError>([&] { return file.close(); });
  EXPECT_EQ(message, "write /dev/full: no space left on device");
  EXPECT_TRUE(file.closed());
  co_await file.close();
}

TUTTI_TEST(FileEnd, WhatCouldNotBeWrittenIsReportedWhenNobodyCloses) {
  {
    files::File file = co_await files::open("/dev/full", "w");
    co_await file.write("lost");
  }
  co_await testing::wait_all_tasks_blocked();
  testing::expect_report("a file was closed that could not be written");
}

TUTTI_TEST(FileEnd, WhatIsBufferedIsWrittenWhenTheFileGoes) {
  const ScratchDirectory scratch;
  int fd = -1;
  {
    files::File file = co_await files::open(scratch / "a", "w");
    fd = file.fileno();
    co_await file.write("kept");
  }
  while (::fcntl(fd, F_GETFD) != -1) co_await one_tick();
  EXPECT_EQ(contents_of(scratch / "a"), "kept");
}

TUTTI_TEST(FileEnd, CallsUnderWayOutliveTheFile) {
  const ScratchDirectory scratch;
  const Fifo fifo(scratch / "fifo");
  auto file = std::make_unique<files::File>(co_await files::open(fifo.path()));
  const int fd = file->fileno();
  auto first = create_task(file->read(2));
  auto second = create_task(file->readline());
  auto unstarted = file->read(1);
  co_await testing::wait_all_tasks_blocked();
  file.reset();
  fifo.put("12three\n");
  EXPECT_EQ(co_await first, "12");
  EXPECT_EQ(co_await second, "three\n");
  CO_ASSERT_THROW(co_await std::move(unstarted), ValueError);
  while (::fcntl(fd, F_GETFD) != -1) co_await one_tick();
}

TUTTI_TEST(FileEnd, ClosingWaitsForTheCallsBefore) {
  const ScratchDirectory scratch;
  const Fifo fifo(scratch / "fifo");
  files::File file = co_await files::open(fifo.path());
  auto read = create_task(file.read(1));
  co_await one_tick();
  auto one = create_task(file.close());
  auto two = create_task(file.close());
  co_await testing::wait_all_tasks_blocked();
  EXPECT_TRUE(file.closed());
  EXPECT_FALSE(one.done());
  CO_ASSERT_THROW(co_await file.read(1), ValueError);
  fifo.put("x");
  EXPECT_EQ(co_await read, "x");
  co_await gather(one, two);
}

TUTTI_TEST(FileEnd, APipeGivesWhatIsThereAndThenItsEnd) {
  const ScratchDirectory scratch;
  ::mkfifo((scratch / "fifo").c_str(), 0600);
  // Each waits for the other one to open it.
  auto [out, in] = co_await gather(files::open(scratch / "fifo", "w"), files::open(scratch / "fifo"));
  EXPECT_FALSE(in.seekable());
  co_await out.write("some");
  co_await out.flush();
  EXPECT_EQ(co_await in.read1(), "some");
  EXPECT_EQ(co_await message_of<files::UnsupportedOperation>([&in] { return in.seek(0); }),
            "seek " + (scratch / "fifo") + ": the file has no positions");
  CO_ASSERT_THROW(co_await in.tell(), files::UnsupportedOperation);
  co_await out.write("rest");
  co_await out.close();
  EXPECT_EQ(co_await in.read(), "rest");
  EXPECT_EQ(co_await in.read(), "");
}

TUTTI_TEST(FileEnd, APipeNobodyReadsIsBroken) {
  const ScratchDirectory scratch;
  auto fifo = std::make_unique<Fifo>(scratch / "fifo");
  files::File file = co_await files::open(fifo->path(), "w");
  fifo.reset();
  co_await file.write("x");
  CO_ASSERT_THROW(co_await file.close(), BrokenPipeError);
}

TUTTI_TEST(FileEnd, CallsAreServedInTheOrderInWhichTheyCome) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w+", {.buffer_size = 4});
  std::vector<Task<>> tasks;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(create_task([&file, i]() -> Coro<> { co_await file.write(std::to_string(i) + " "); }));
    expected += std::to_string(i) + " ";
  }
  co_await gather(tasks);
  co_await file.seek(0);
  auto [a, b, c] = co_await gather(file.read(2), file.read(4), file.read());
  EXPECT_EQ(a + b + c, expected);
}

TUTTI_TEST(FileEnd, AFileThatIsAtHandKeepsNobodyFromTheirTurn) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", std::string(65536, 'x')));
  const std::uint64_t begin = get_running_loop().iterations();
  for (int i = 0; i < 1000; ++i) co_await file.pread(4096, static_cast<std::uint64_t>(i % 16) * 4096);
  EXPECT_GT(get_running_loop().iterations() - begin, 10U);
}

TUTTI_VIRTUAL_TEST(FileEnd, TimeStandsStillWhileAThreadHasTheFile) {
  const ScratchDirectory scratch;
  co_await timeout(1ms, [&]() -> Coro<> {
    files::File file = co_await files::open(scratch / "a", "w");
    co_await file.write(std::string(1'000'000, 'x'));
    co_await file.fsync();
    co_await file.close();
  });
}

// ---- a loop that is closed over them ----

class FileLoop : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "uring" && !lowlevel::uring_available()) GTEST_SKIP();
    make_loop();
  }
  void make_loop() {
    loop = std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_backend(GetParam())});
    loop->set_exception_handler([](EventLoop&, const ExceptionContext&) {});
    threads = std::make_shared<ThreadPoolExecutor>();
    set_default_executor(*loop, threads);
  }
  /// And waits for what threads still do.
  void close_loop() {
    loop->close();
    threads->shutdown(true);
  }

  std::unique_ptr<EventLoop> loop;
  std::shared_ptr<ThreadPoolExecutor> threads;
};
INSTANTIATE_TEST_SUITE_P(Each, FileLoop, ::testing::Values("uring", "epoll", "poll"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(FileLoop, WritesWhatIsBufferedWhenItCloses) {
  const ScratchDirectory scratch;
  std::optional<files::File> file;
  loop->run_until_complete([&]() -> Coro<> {
    file = co_await files::open(scratch / "a", "w");
    co_await file->write("kept");
  });
  const int fd = file->fileno();
  close_loop();
  EXPECT_EQ(contents_of(scratch / "a"), "kept");
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_TRUE(file->closed());
}

TEST_P(FileLoop, EndsReadsAndWritesThatWaitWhenItCloses) {
  const ScratchDirectory scratch;
  const Fifo full(scratch / "full");
  const Fifo empty(scratch / "empty");
  int fds[2] = {-1, -1};
  loop->run_until_complete([&]() -> Coro<> {
    files::File in = co_await files::open(empty.path());
    files::File out = co_await files::open(full.path(), "w");
    fds[0] = in.fileno();
    fds[1] = out.fileno();
    create_task(in.read(1));
    create_task(in.read(1));
    create_task(out.write(std::string(200'000, 'x')));
    for (int i = 0; i < 3; ++i) co_await one_tick();
  });
  close_loop();
  for (const int fd : fds) EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_EQ(full.take(), std::string(4096, 'x'));
}

TEST_P(FileLoop, ClosesOverCallsOnTheDisk) {
  const ScratchDirectory scratch;
  for (int ticks = 0; ticks < 4; ++ticks) {
    SCOPED_TRACE(ticks);
    make_loop();
    loop->run_until_complete([&]() -> Coro<> {
      files::File file = co_await files::open(scratch / "a", "w+");
      co_await file.write("kept");
      create_task(file.fsync());
      create_task(file.read());
      create_task(files::open(scratch / "b", "w"));
      for (int i = 0; i < ticks; ++i) co_await one_tick();
    });
    close_loop();
    EXPECT_EQ(contents_of(scratch / "a"), "kept");
  }
}

}  // namespace
}  // namespace tutti::tests

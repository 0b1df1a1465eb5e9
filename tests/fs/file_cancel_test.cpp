// SPDX-License-Identifier: MIT
// Files and tasks that are cancelled: nothing that was read is lost, nothing that was taken is not written.
#include <tutti/fs/file.hpp>

#include <tutti/task/gather.hpp>
#include <tutti/task/task.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

TUTTI_TEST(FileCancel, OpensNothingWhenItWasCancelledBefore) {
  const ScratchDirectory scratch;
  auto task = create_task(files::open(scratch / "a", "w"));
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(std::filesystem::exists(scratch / "a"));
}

TUTTI_TEST(FileCancel, ClosesWhatWasOpenedForNobody) {
  const ScratchDirectory scratch;
  auto task = create_task(files::open(scratch.make("a")));
  co_await one_tick();
  task.cancel("no need");
  std::string message;
  try {
    co_await task;
  } catch (const CancelledError& error) {
    message = error.message();
  }
  EXPECT_EQ(message, "no need");
}

TUTTI_TEST(FileCancel, OpeningAPipeNeedNotWaitForItsOtherEnd) {
  const ScratchDirectory scratch;
  ::mkfifo((scratch / "fifo").c_str(), 0600);
  auto task = create_task(files::open(scratch / "fifo"));
  for (int i = 0; i < 3; ++i) co_await one_tick();
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  const Fd both(::open((scratch / "fifo").c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));  // frees the thread, if one waits
}

TUTTI_TEST(FileCancel, ReadingLosesNothing) {
  const ScratchDirectory scratch;
  const Fifo fifo(scratch / "fifo");
  files::File file = co_await files::open(fifo.path());
  auto task = create_task(file.read(6));
  co_await one_tick();
  fifo.put("abc");
  co_await testing::wait_all_tasks_blocked();
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  fifo.put("def");
  EXPECT_EQ(co_await file.read(4), "abcd");

  auto late = create_task(file.readline());
  co_await one_tick();
  fifo.put("g\n");
  get_running_loop().call_soon([late] { late.cancel(); });  // in the iteration in which the bytes come
  CO_ASSERT_THROW(co_await late, CancelledError);
  EXPECT_EQ(co_await file.readline(), "efg\n");

  auto lines = create_task(file.readlines());
  co_await one_tick();
  fifo.put("1\n2\n");
  co_await testing::wait_all_tasks_blocked();
  lines.cancel();
  CO_ASSERT_THROW(co_await lines, CancelledError);
  EXPECT_EQ(co_await file.readline(), "1\n");

  std::string memory(4, '.');
  auto into = create_task(file.readinto(memory));
  co_await testing::wait_all_tasks_blocked();
  into.cancel();
  CO_ASSERT_THROW(co_await into, CancelledError);
  fifo.put("34");
  EXPECT_EQ(co_await file.read(4), "2\n34");

  for (const bool peeks : {false, true}) {
    auto looking = create_task([&]() -> Coro<> {
      if (peeks) {
        co_await file.peek();
      } else {
        co_await file.next();
      }
    });
    co_await testing::wait_all_tasks_blocked();
    looking.cancel();
    CO_ASSERT_THROW(co_await looking, CancelledError);
    fifo.put("line\n");
    EXPECT_EQ(co_await file.readline(), "line\n");
  }

  auto done = create_task(file.read(1));
  fifo.put("5");
  EXPECT_EQ(co_await done, "5");
  EXPECT_FALSE(done.cancel());
}

TUTTI_TEST(FileCancel, ReadingFromTheDiskLosesNothing) {
  const ScratchDirectory scratch;
  const std::string contents(300'000, 'x');
  files::File file = co_await files::open(scratch.make("a", contents), "r+");
  co_await file.fsync();
  EXPECT_EQ(::posix_fadvise(file.fileno(), 0, 0, POSIX_FADV_DONTNEED), 0);  // else all is at hand
  for (int i = 0; i < 3; ++i) {
    auto task = create_task(file.read(200'000));
    for (int tick = 0; tick < i; ++tick) co_await one_tick();
    task.cancel();
    try {
      co_await task;
    } catch (const CancelledError&) {
      continue;
    }
    co_await file.seek(0);
  }
  EXPECT_EQ(co_await file.tell(), 0U);
  EXPECT_TRUE(co_await file.read() == contents);
}

TUTTI_TEST(FileCancel, WritingTakesAllOrNothing) {
  const ScratchDirectory scratch;
  const Fifo fifo(scratch / "fifo");
  files::File file = co_await files::open(fifo.path(), "w", {.buffer_size = 10});
  auto taken = create_task(file.write(std::string(5000, '1')));
  auto waiting = create_task(file.write("never"));
  auto lines = create_task(file.writelines({"never", "ever"}));
  co_await testing::wait_all_tasks_blocked();
  waiting.cancel();
  lines.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
  CO_ASSERT_THROW(co_await lines, CancelledError);
  taken.cancel();
  CO_ASSERT_THROW(co_await taken, CancelledError);
  EXPECT_EQ(fifo.take(), std::string(4096, '1'));
  co_await file.write("2");
  co_await file.close();
  EXPECT_EQ(fifo.take(), std::string(904, '1') + "2");
}

TUTTI_TEST(FileCancel, WritingToTheDiskIsDoneByTheNextWhoWrites) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w");
  std::string expected;
  for (int i = 0; i < 4; ++i) {
    const std::string data(100'000, static_cast<char>('a' + i));
    auto task = create_task(file.write(data));
    for (int tick = 0; tick < i; ++tick) co_await one_tick();
    task.cancel();
    co_await gather(return_exceptions, task);
    const std::uint64_t position = co_await file.tell();
    EXPECT_EQ(position % data.size(), 0U);
    if (position > expected.size()) expected += data;
  }
  EXPECT_EQ(co_await file.tell(), expected.size());
  co_await file.close();
  EXPECT_TRUE(contents_of(scratch / "a") == expected);
}

TUTTI_TEST(FileCancel, TheNextInLineGetsTheTurn) {
  const ScratchDirectory scratch;
  const Fifo fifo(scratch / "fifo");
  files::File file = co_await files::open(fifo.path());
  auto second = create_task([&]() -> Coro<std::string> {
    co_await one_tick();
    co_return co_await file.read(1);
  });
  auto first = create_task([&]() -> Coro<std::string> {
    std::string byte = co_await file.read(1);
    second.cancel();  // it has the turn, and has not run yet
    co_return byte;
  });
  auto third = create_task([&]() -> Coro<std::string> {
    co_await one_tick();
    co_await one_tick();
    co_return co_await file.read(1);
  });
  co_await testing::wait_all_tasks_blocked();
  fifo.put("1");
  EXPECT_EQ(co_await first, "1");
  CO_ASSERT_THROW(co_await second, CancelledError);
  fifo.put("3");
  EXPECT_EQ(co_await third, "3");
}

TUTTI_TEST(FileCancel, SeveralReadersOfOneOffsetDoNotHoldUpWhoComesNext) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", std::string(50'000, 'x')), "r+");
  co_await file.fsync();
  EXPECT_EQ(::posix_fadvise(file.fileno(), 0, 0, POSIX_FADV_DONTNEED), 0);
  auto one = create_task(file.pread(40'000, 0));
  auto two = create_task(file.pread(40'000, 10'000));
  co_await one_tick();
  one.cancel();
  co_await gather(return_exceptions, one);
  EXPECT_EQ((co_await two).size(), 40'000U);
  co_await file.pwrite("y", 0);
  EXPECT_EQ(co_await file.read(2), "yx");
}

TUTTI_TEST(FileCancel, ClosingGoesOnByItself) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch / "a", "w");
  co_await file.write("kept");
  const int fd = file.fileno();
  auto task = create_task(file.close());
  co_await one_tick();
  task.cancel();
  co_await gather(return_exceptions, task);
  EXPECT_TRUE(file.closed());
  co_await file.close();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_EQ(contents_of(scratch / "a"), "kept");
}

TUTTI_TEST(FileCancel, WhatIsDoneOnTheDiskLeavesAtOnce) {
  const ScratchDirectory scratch;
  files::File file = co_await files::open(scratch.make("a", "abc"), "r+");
  for (int ticks = 0; ticks < 2; ++ticks) {
    std::vector<Task<>> tasks;
    tasks.push_back(create_task(file.fsync()));
    tasks.push_back(create_task([&]() -> Coro<> { co_await file.stat(); }));
    tasks.push_back(create_task([&]() -> Coro<> { co_await file.truncate(3); }));
    tasks.push_back(create_task(file.flush()));
    tasks.push_back(create_task(file.fdatasync()));
    tasks.push_back(create_task([&]() -> Coro<> { co_await file.pwrite("abc", 0); }));
    tasks.push_back(create_task([&]() -> Coro<> { co_await file.size(); }));
    tasks.push_back(create_task([&]() -> Coro<> { co_await file.seek(0); }));
    tasks.push_back(create_task([&]() -> Coro<> { co_await file.tell(); }));
    for (int i = 0; i < ticks; ++i) co_await one_tick();
    for (const auto& task : tasks) task.cancel();
    co_await gather(return_exceptions, tasks);
  }
  EXPECT_EQ(co_await file.read(), "abc");
}

}  // namespace
}  // namespace tutti::tests

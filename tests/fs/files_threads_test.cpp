// SPDX-License-Identifier: MIT
// Files on a back end that leaves them to threads, with tasks that are cancelled at any moment.
#include <tutti/fs/file.hpp>

#include <random>

#include <tutti/fs/contents.hpp>
#include <tutti/fs/scan.hpp>
#include <tutti/fs/temporary.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

RunOptions on_epoll() {
  return {.loop_factory = [] {
    return std::make_unique<EventLoop>(LoopOptions{.backend = lowlevel::make_epoll_backend()});
  }};
}

/// Writes blocks of one letter each; a block is there whole or not at all, whatever is cancelled.
Coro<> write_with_cancellations(std::string path, std::uint32_t seed) {
  constexpr std::size_t kBlock = 3000;
  std::mt19937 random(seed);
  files::File file = co_await files::open(path, "w+", {.buffer_size = 4096});
  for (int round = 0; round < 10; ++round) {
    std::vector<Task<>> tasks;
    for (int i = 0; i < 4; ++i) {
      tasks.push_back(create_task([&file, letter = static_cast<char>('a' + i)]() -> Coro<> {
        co_await file.write(std::string(kBlock, letter));
      }));
    }
    tasks.push_back(create_task([&file]() -> Coro<> { co_await file.pread(kBlock, 0); }));
    for (std::uint32_t ticks = random() % 4; ticks != 0; --ticks) co_await one_tick();
    tasks[random() % tasks.size()].cancel();
    co_await gather(return_exceptions, tasks);
  }
  EXPECT_EQ(co_await file.tell() % kBlock, 0U);
  co_await file.seek(0);
  for (;;) {
    const std::string block = co_await file.read(kBlock);
    if (block.empty()) break;
    EXPECT_EQ(block, std::string(kBlock, block.front()));
  }
}

TEST(FilesThreads, WriteWholeBlocksHoweverTheyAreCancelled) {
  const ScratchDirectory scratch;
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Runner(on_epoll()).run(write_with_cancellations(scratch / "a", seed));
  }
}

TEST(FilesThreads, OutliveTheTasksAndTheLoop) {
  const ScratchDirectory scratch;
  for (int ticks = 0; ticks < 6; ++ticks) {
    Runner(on_epoll()).run([&]() -> Coro<> {
      files::File file = co_await files::open(scratch / "a", "w+");
      const auto calls = gather(return_exceptions, file.write(std::string(100'000, 'x')), file.fsync());
      create_task(files::copyfile(scratch.make("from", std::string(100'000, 'y')), scratch / "to"));
      create_task(files::write_text(scratch / "text", "text", {.atomic = true}));
      create_task([&]() -> Coro<> { co_await files::named_temporary_file({.directory = scratch.path()}); });
      create_task([&]() -> Coro<> { co_await files::listdir(scratch.path()); });
      for (int i = 0; i < ticks; ++i) co_await one_tick();
    });
  }
}

}  // namespace
}  // namespace tutti::tests

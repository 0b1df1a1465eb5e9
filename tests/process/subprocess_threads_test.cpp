// SPDX-License-Identifier: MIT
// Children of loops on several threads.
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/process/subprocess.hpp>
#include <tutti/task/run.hpp>

namespace tutti::tests {
namespace {

using subprocess::PIPE;

// If one thread's pipe came into another thread's child, its reader would not see the end.
TEST(SubprocessThreads, ChildrenDoNotInheritThePipesOfOtherThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([] {
      run([]() -> Coro<> {
        for (int round = 0; round < 10; ++round) {
          const auto process = co_await create_subprocess_exec("cat", {}, {.input = PIPE, .output = PIPE});
          EXPECT_EQ((co_await process.communicate("to and fro")).output, "to and fro");
          EXPECT_EQ(process.returncode(), 0);
        }
      });
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tutti::tests

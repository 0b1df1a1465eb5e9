// SPDX-License-Identifier: MIT
// Virtual time and threads: it does not jump while one of them works for the loop.
#include <chrono>
#include <thread>

#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::get_running_loop;
using tutti::sleep;

TUTTI_VIRTUAL_TEST(VirtualClock, WaitsForWorkOutside) {
  auto& loop = get_running_loop();
  const auto begin = loop.time();
  const tutti::Future<> done;
  ++loop.external_work;
  std::thread worker([&loop, &done] {
    loop.call_soon_threadsafe([&loop, &done] {
      --loop.external_work;
      done.set_result();
    });
  });
  auto sleeper = tutti::create_task(sleep(1s));
  co_await done;
  EXPECT_EQ(loop.time(), begin);
  worker.join();
  co_await sleeper;
}

}  // namespace

// SPDX-License-Identifier: MIT
// Async tests: on each back end, or in virtual time, in which an hour passes at once.
//
//   make build && build/release/examples/example_15_async_test
#include <chrono>

#include <gtest/gtest.h>

#include <tutti/testing/test.hpp>
#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region code]
// What is to be tested: asks again, after twice as long each time.
template <class F>
Coro<int> retry(F attempt, int times) {
  auto delay = 1min;
  for (int i = 1; i < times; ++i, delay *= 2) {
    auto [outcome] = co_await tutti::gather(tutti::return_exceptions, attempt());
    if (outcome) co_return outcome.value();
    co_await tutti::sleep(delay);
  }
  co_return co_await attempt();
}
// [endregion]

// [region tests]
// The body of a test is a coroutine. It runs once on each back end, with a loop of its own; a task, a descriptor or
// an exception that it leaves behind fails it.
TUTTI_TEST(Retry, GivesTheFirstSuccess) {
  CO_ASSERT_EQ(co_await retry([]() -> Coro<int> { co_return 42; }, 3), 42);  // leaves the test if it fails
}

// Here time stands still while anything runs, and jumps when all tasks wait: this test takes no time.
TUTTI_VIRTUAL_TEST(Retry, WaitsLongerEachTime) {
  const auto begin = tutti::get_running_loop().time();
  int calls = 0;
  auto flaky = [&calls]() -> Coro<int> {
    if (++calls < 4) throw tutti::ConnectionError(104, "flaky");
    co_return calls;
  };
  EXPECT_EQ(co_await retry(flaky, 5), 4);
  EXPECT_EQ(tutti::get_running_loop().time() - begin, 7min);
}
// [endregion]

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

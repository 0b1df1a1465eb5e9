// SPDX-License-Identifier: MIT
// Async generators and what is built of them, when the task that asks is cancelled.
#include <chrono>
#include <exception>
#include <vector>

#include <tutti/task/async_generator.hpp>
#include <tutti/task/comprehension.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

/// Sets `flag` when the body is left.
struct OnExit {
  bool& flag;
  ~OnExit() { flag = true; }
};

AsyncGenerator<int, int> slow_between(bool& left) {
  const OnExit note{left};
  for (;;) {
    try {
      co_yield 0;
    } catch (const RuntimeError&) {
    }
    co_await sleep(1h);
  }
}

TUTTI_VIRTUAL_TEST(AsyncGeneratorCancel, OfASendOrAThrowArrivesWhereTheBodyWaits) {
  for (const bool throws : {false, true}) {
    bool left = false;
    auto generator = slow_between(left);
    (void)co_await generator.next();
    const auto task = create_task([&]() -> Coro<> {
      if (throws) {
        (void)co_await generator.athrow(RuntimeError("go on"));
      } else {
        (void)co_await generator.asend(1);
      }
    });
    co_await turn();
    task.cancel();
    CO_ASSERT_THROW(co_await task, CancelledError);
    EXPECT_TRUE(left);
    EXPECT_FALSE(co_await generator.next());
  }
}

AsyncGenerator<int> slow_to_close(bool& left) {
  const OnExit note{left};
  std::exception_ptr error;
  try {
    co_yield 1;
  } catch (...) {
    error = std::current_exception();
  }
  co_await sleep(1h);
  if (error) std::rethrow_exception(error);
}

TUTTI_VIRTUAL_TEST(AsyncGeneratorCancel, OfACloseEndsTheCleanup) {
  bool left = false;
  auto generator = slow_to_close(left);
  (void)co_await generator.next();
  const auto closing = create_task([&]() -> Coro<> { co_await generator.aclose(); });
  co_await turn();
  EXPECT_FALSE(left);
  closing.cancel();
  CO_ASSERT_THROW(co_await closing, CancelledError);
  EXPECT_TRUE(left);
  EXPECT_FALSE(co_await generator.next());
}

AsyncGenerator<int> one_and_no_more(bool& left) {
  const OnExit note{left};
  co_yield 1;
  co_await sleep(1h);
}

TUTTI_VIRTUAL_TEST(ComprehensionCancel, ArrivesInItsSourceAndEndsThat) {
  bool left = false;
  const auto task = create_task([&]() -> Coro<> {
    (void)co_await collect(one_and_no_more(left) | afilter([](int) { return true; }) |
                           amap([](int item) -> Coro<int> { co_return item + 1; }));
  });
  co_await turn();
  EXPECT_FALSE(left);
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(left);
}

}  // namespace
}  // namespace tutti::tests

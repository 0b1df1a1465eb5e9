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

AsyncGenerator<int> all_numbers(bool& left) {
  const OnExit note{left};
  for (int i = 0;; ++i) co_yield i;
}

TUTTI_VIRTUAL_TEST(ComprehensionCancel, ArrivesInTheFunctionAndEndsTheWholeChain) {
  for (const bool filters : {false, true}) {
    bool left = false;
    const auto slow = [](auto) -> Coro<bool> {
      co_await sleep(1h);
      co_return true;
    };
    const auto task = create_task([&]() -> Coro<> {
      if (filters) {
        (void)co_await collect(all_numbers(left) | aenumerate() | atake(2) | afilter(slow));
      } else {
        (void)co_await collect(all_numbers(left) | aenumerate() | atake(2) | amap(slow));
      }
    });
    co_await turn();
    EXPECT_FALSE(left);
    task.cancel();
    CO_ASSERT_THROW(co_await task, CancelledError);
    EXPECT_TRUE(left);
  }
}

TUTTI_VIRTUAL_TEST(ComprehensionCancel, EndsWhatIsMadeOfARange) {
  auto items = from_range(std::vector{1, 2, 3}) | amap([](int item) -> Coro<int> {
                 co_await sleep(1h);
                 co_return item;
               });
  const auto task = create_task([&]() -> Coro<> { (void)co_await items.next(); });
  co_await turn();
  task.cancel();
  CO_ASSERT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(co_await items.next());
}

}  // namespace
}  // namespace tutti::tests

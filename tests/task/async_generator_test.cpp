// SPDX-License-Identifier: MIT
// Async generators: items, what is sent and thrown into them, closing. Mirrors test_asyncgen.AsyncGenAsyncioTest.
#include <tutti/task/async_generator.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::AsyncGenerator;
using tutti::Coro;

AsyncGenerator<int> count_to(int end) {
  for (int i = 0; i < end; ++i) co_yield i;
}

AsyncGenerator<int> slow_pair() {
  co_yield 1;
  co_await tutti::sleep(10ms);
  co_yield 2;
  co_await tutti::sleep(10ms);
}

Coro<std::vector<int>> to_list(AsyncGenerator<int> generator) {
  std::vector<int> items;
  while (auto item = co_await generator.next()) items.push_back(*item);
  co_return items;
}

template <class Error, class A>
Coro<std::string> message_of(A awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (const Error& error) {
    co_return error.what();
  }
  co_return "nothing was thrown";
}

// ---- items ----

// test_async_gen_asyncio_01, _03
TUTTI_VIRTUAL_TEST(AsyncGenerator, GivesItsItemsInOrderWaitingBetweenThem) {
  EXPECT_EQ(co_await to_list(slow_pair()), (std::vector{1, 2}));
}

// test_async_gen_asyncio_anext_04 (run1)
TUTTI_VIRTUAL_TEST(AsyncGenerator, GivesNothingForEverAfterItsEnd) {
  auto generator = count_to(1);
  EXPECT_EQ(co_await generator.next(), 0);
  EXPECT_FALSE(generator.ended());
  EXPECT_EQ(co_await generator.next(), std::nullopt);
  EXPECT_TRUE(generator.ended());
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

// test_async_gen_asyncio_02
TUTTI_VIRTUAL_TEST(AsyncGenerator, EndsWithTheExceptionThatLeavesItsBody) {
  auto generator = []() -> AsyncGenerator<int> {
    co_yield 1;
    co_await tutti::sleep(10ms);
    throw std::domain_error("division by zero");
  }();
  EXPECT_EQ(co_await generator.next(), 1);
  EXPECT_EQ(co_await message_of<std::domain_error>(generator.next()), "division by zero");
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

// The tick table: `async for` over an async generator that does not wait takes no iteration.
TUTTI_VIRTUAL_TEST(AsyncGenerator, TakesNoIterationUnlessItsBodyWaits) {
  const auto iterations = co_await tutti::testing::ticks([]() -> Coro<> { (void)co_await to_list(count_to(100)); });
  EXPECT_EQ(iterations, 0U);
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, RunsAMillionItemsWithoutGrowingTheStack) {
  long sum = 0;
  auto generator = count_to(1'000'000);
  while (auto item = co_await generator.next()) sum += *item;
  EXPECT_EQ(sum, 499'999'500'000L);
}

AsyncGenerator<int> passed_on(AsyncGenerator<int> source) {
  while (auto item = co_await source.next()) co_yield *item;
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, MayStandOnAnother) {
  EXPECT_EQ(co_await to_list(passed_on(passed_on(slow_pair()))), (std::vector{1, 2}));
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, GivesMoveOnlyItems) {
  auto generator = []() -> AsyncGenerator<std::unique_ptr<int>> {
    co_yield std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    co_yield std::move(second);
  }();
  EXPECT_EQ(**co_await generator.next(), 1);
  EXPECT_EQ(**co_await generator.next(), 2);
  EXPECT_FALSE(co_await generator.next());
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, GivesReferencesThatTheConsumerMayWriteThrough) {
  std::vector<int> numbers{1, 2};
  auto generator = [](std::vector<int>& all) -> AsyncGenerator<int&> {
    for (int& number : all) co_yield number;
  }(numbers);
  while (auto number = co_await generator.next()) *number *= 10;
  EXPECT_EQ(numbers, (std::vector{10, 20}));
  EXPECT_THROW((void)tutti::OptionalRef<int>().value(), std::bad_optional_access);
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, ConvertsWhatIsYielded) {
  auto generator = []() -> AsyncGenerator<std::string> { co_yield "text"; }();
  EXPECT_EQ(co_await generator.next(), "text");
  co_await generator.aclose();
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, MayBeAskedByATaskAndWithATimeLimit) {
  auto generator = slow_pair();
  EXPECT_EQ(co_await tutti::create_task(generator.next()), 1);
  EXPECT_EQ(co_await tutti::wait_for(generator.next(), 1h), 2);
  EXPECT_EQ(co_await message_of<tutti::TimeoutError>(tutti::wait_for(generator.next(), 1ms)),
            "wait_for: timed out after 0.001 s");
  EXPECT_TRUE(generator.ended());
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, PassesACancellationToWhereItsBodyWaits) {
  std::string seen;
  auto generator = [](std::string* out) -> AsyncGenerator<int> {
    try {
      co_await tutti::sleep(1h);
    } catch (const tutti::CancelledError& error) {
      *out = error.message();
      throw;
    }
    co_yield 1;
  }(&seen);
  auto task = tutti::create_task(generator.next());
  co_await tutti::sleep(0s);
  EXPECT_TRUE(generator.running());
  task.cancel("enough");
  EXPECT_EQ(co_await message_of<tutti::CancelledError>(task), "enough");
  EXPECT_EQ(seen, "enough");
  EXPECT_FALSE(generator.running());
  EXPECT_TRUE(generator.ended());
}

// ---- wrong use ----

// CPython: "anext(): asynchronous generator is already running" (test_async_gen_api_01 and issue 30773)
TUTTI_VIRTUAL_TEST(AsyncGenerator, RefusesASecondCallWhileOneRunsIt) {
  auto generator = []() -> AsyncGenerator<int> {
    co_await tutti::sleep(10ms);
    co_yield 1;
  }();
  auto first = tutti::create_task(generator.next());
  co_await tutti::sleep(0s);
  const std::string why = ": asynchronous generator is already running";
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(generator.next()), "next()" + why);
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(generator.athrow(std::domain_error("x"))), "athrow()" + why);
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(generator.aclose()), "aclose()" + why);
  EXPECT_EQ(co_await first, 1);
  co_await generator.aclose();
}

// test_async_gen_await_same_anext_coro_twice, test_async_gen_await_same_aclose_coro_twice
TUTTI_VIRTUAL_TEST(AsyncGenerator, RefusesToAwaitOneCallTwice) {
  auto generator = count_to(2);
  auto next = generator.next();
  co_await next;
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(std::move(next)), "cannot reuse already awaited next()");
  auto close = generator.aclose();
  co_await close;
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(std::move(close)), "cannot reuse already awaited aclose()");
}

// ---- asend ----

AsyncGenerator<int, int> doubles(bool* finished) {
  struct Finally {
    bool* flag;
    ~Finally() { *flag = true; }
  } const finally{finished};
  co_await tutti::sleep(10ms);
  std::optional<int> sent = co_yield 1;
  co_await tutti::sleep(10ms);
  sent = co_yield sent.value_or(-1) * 2;
  co_await tutti::sleep(10ms);
}

// test_async_gen_asyncio_asend_01
TUTTI_VIRTUAL_TEST(AsyncGenerator, GivesItsBodyWhatIsSent) {
  bool finished = false;
  auto generator = doubles(&finished);
  EXPECT_EQ(co_await generator.next(), 1);
  EXPECT_EQ(co_await generator.asend(100), 200);
  EXPECT_EQ(co_await generator.next(), std::nullopt);
  EXPECT_TRUE(finished);
}

// test_async_gen_asyncio_anext_05: __anext__ sends None
TUTTI_VIRTUAL_TEST(AsyncGenerator, SendsNothingWithNext) {
  bool finished = false;
  auto generator = doubles(&finished);
  EXPECT_EQ(co_await generator.next(), 1);
  EXPECT_EQ(co_await generator.next(), -2);
  co_await generator.aclose();
  EXPECT_TRUE(finished);
}

// test_async_gen_asyncio_asend_02
TUTTI_VIRTUAL_TEST(AsyncGenerator, PassesAnExceptionOutOfAsend) {
  auto generator = []() -> AsyncGenerator<int, int> {
    co_yield 1;
    co_await tutti::sleep(10ms);
    throw std::domain_error("division by zero");
  }();
  co_await generator.next();
  EXPECT_EQ(co_await message_of<std::domain_error>(generator.asend(100)), "division by zero");
}

// CPython: TypeError "can't send non-None value to a just-started async generator"
TUTTI_VIRTUAL_TEST(AsyncGenerator, TakesNoValueBeforeItsStart) {
  bool finished = false;
  auto generator = doubles(&finished);
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(generator.asend(1)),
            "asend(): cannot send a value to a just-started asynchronous generator");
  EXPECT_EQ(co_await generator.next(), 1);
  co_await generator.aclose();
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, TakesMoveOnlyValues) {
  auto generator = []() -> AsyncGenerator<int, std::unique_ptr<int>> {
    auto sent = co_yield 0;
    while (sent) sent = co_yield **sent;
  }();
  EXPECT_EQ(co_await generator.next(), 0);
  EXPECT_EQ(co_await generator.asend(std::make_unique<int>(5)), 5);
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

// ---- athrow ----

AsyncGenerator<int> catching(std::vector<std::string>* seen) {
  try {
    co_yield 1;
    co_yield 2;
  } catch (const std::domain_error& error) {
    seen->emplace_back(error.what());
  }
  co_await tutti::sleep(10ms);
  co_yield 1000;
}

// test_async_gen_asyncio_anext_04 (run2), _athrow_03
TUTTI_VIRTUAL_TEST(AsyncGenerator, GoesOnIfItCatchesWhatIsThrownIn) {
  std::vector<std::string> seen;
  auto generator = catching(&seen);
  EXPECT_EQ(co_await generator.next(), 1);
  EXPECT_EQ(co_await generator.athrow(std::domain_error("in")), 1000);
  EXPECT_EQ(seen, std::vector<std::string>{"in"});
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

// test_async_gen_asyncio_athrow_01, _02
TUTTI_VIRTUAL_TEST(AsyncGenerator, EndsWithWhatIsThrownInIfItDoesNotCatchIt) {
  std::vector<std::string> seen;
  auto generator = catching(&seen);
  co_await generator.next();
  const auto error = std::make_exception_ptr(std::logic_error("same"));
  std::exception_ptr out;
  try {
    co_await generator.athrow(error);
  } catch (...) {
    out = std::current_exception();
  }
  EXPECT_EQ(out, error);
  EXPECT_TRUE(generator.ended());
  EXPECT_EQ(co_await generator.athrow(std::logic_error("late")), std::nullopt);
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, EndsWithoutRunningIfThrownIntoBeforeItsStart) {
  std::vector<std::string> seen;
  auto generator = catching(&seen);
  EXPECT_EQ(co_await message_of<std::domain_error>(generator.athrow(std::domain_error("early"))), "early");
  EXPECT_TRUE(generator.ended());
  EXPECT_EQ(co_await message_of<tutti::ValueError>(count_to(1).athrow(std::exception_ptr())),
            "athrow(): there is no exception to throw");
}

// ---- aclose ----

// test_async_gen_asyncio_aclose_07, _10
TUTTI_VIRTUAL_TEST(AsyncGenerator, CloseLetsItsBodyCleanUpAndWait) {
  std::vector<std::string> log;
  auto generator = [](std::vector<std::string>* out) -> AsyncGenerator<int> {
    std::exception_ptr exit;
    try {
      co_yield 1;
    } catch (const tutti::GeneratorExit&) {
      exit = std::current_exception();
    }
    co_await tutti::sleep(10ms);
    out->emplace_back("cleaned up");
    if (exit) std::rethrow_exception(exit);
    out->emplace_back("never here");
  }(&log);
  co_await generator.next();
  co_await generator.aclose();
  EXPECT_EQ(log, std::vector<std::string>{"cleaned up"});
  EXPECT_TRUE(generator.ended());
}

// test_async_gen_asyncio_aclose_06, _11
TUTTI_VIRTUAL_TEST(AsyncGenerator, CloseFailsIfItsBodyYieldsAgain) {
  auto generator = []() -> AsyncGenerator<int> {
    try {
      co_yield 1;
    } catch (const tutti::GeneratorExit&) {
    }
    co_yield 12;
  }();
  co_await generator.next();
  EXPECT_EQ(co_await message_of<tutti::RuntimeError>(generator.aclose()), "async generator ignored GeneratorExit");
}

// test_async_gen_asyncio_aclose_12
TUTTI_VIRTUAL_TEST(AsyncGenerator, CloseGivesWhatElseLeavesTheBody) {
  auto generator = []() -> AsyncGenerator<int> {
    try {
      co_yield 1;
    } catch (const tutti::GeneratorExit&) {
      throw std::domain_error("while closing");
    }
  }();
  co_await generator.next();
  EXPECT_EQ(co_await message_of<std::domain_error>(generator.aclose()), "while closing");
}

// test_async_gen_aclose_twice_with_different_coros, test_async_gen_aclose_after_exhaustion
TUTTI_VIRTUAL_TEST(AsyncGenerator, CloseDoesNothingToOneThatEndedOrWasNotStarted) {
  auto never_started = count_to(3);
  co_await never_started.aclose();
  co_await never_started.aclose();
  EXPECT_EQ(co_await never_started.next(), std::nullopt);
  auto exhausted = count_to(1);
  (void)co_await to_list(exhausted);
  co_await exhausted.aclose();
}

TUTTI_VIRTUAL_TEST(AsyncGenerator, ReleasesItsArgumentsAtItsEnd) {
  auto argument = std::make_shared<int>(1);
  auto generator = [](std::shared_ptr<int> held) -> AsyncGenerator<int> { co_yield *held; }(argument);
  EXPECT_EQ(argument.use_count(), 2);
  (void)co_await generator.next();
  (void)co_await generator.next();
  EXPECT_EQ(argument.use_count(), 1);
}

}  // namespace

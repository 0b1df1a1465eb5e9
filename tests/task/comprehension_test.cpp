// SPDX-License-Identifier: MIT
// Collecting, mapping and filtering async generators. Mirrors test_asyncgen's test_async_gen_expression_* and
// test_coroutines.CoroAsyncIOCompatTest / test_coroutines.CoroutineTest.test_comp_*.
#include <tutti/task/comprehension.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/sleep.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::AsyncGenerator;
using tutti::Coro;

AsyncGenerator<int> arange(int end) {
  for (int i = 0; i < end; ++i) {
    co_await tutti::sleep(10ms);
    co_yield i;
  }
}

// Says in `log` when it is closed.
AsyncGenerator<int> endless(std::vector<std::string>& log) {
  std::exception_ptr why;
  try {
    for (int i = 0;; ++i) co_yield i;
  } catch (...) {
    why = std::current_exception();
  }
  co_await tutti::sleep(10ms);
  log.emplace_back("closed");
  std::rethrow_exception(why);
}

// test_comp_1, test_comp_2: [i async for i in f()]
TUTTI_VIRTUAL_TEST(Comprehension, CollectsAVector) {
  EXPECT_EQ(co_await tutti::collect(arange(3)), (std::vector{0, 1, 2}));
  EXPECT_TRUE((co_await tutti::collect(arange(0))).empty());
}

// test_comp_3, test_comp_4: {i async for i in f()}, {i: i + 1 async for i in f()}
TUTTI_VIRTUAL_TEST(Comprehension, CollectsSetsAndMaps) {
  EXPECT_EQ(co_await tutti::collect<std::set<int>>(arange(5) | tutti::amap([](int i) { return i % 2; })),
            (std::set{0, 1}));
  const auto map = co_await tutti::collect<std::map<int, std::string>>(
      arange(4) | tutti::amap([](int i) { return std::pair(i % 3, std::to_string(i)); }));
  EXPECT_EQ(map, (std::map<int, std::string>{{0, "3"}, {1, "1"}, {2, "2"}}));
}

TUTTI_VIRTUAL_TEST(Comprehension, CollectsWhatCanOnlyBeMoved) {
  auto generator = arange(2) | tutti::amap([](int i) { return std::make_unique<int>(i); });
  const auto all = co_await tutti::collect(std::move(generator));
  CO_ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(*all[1], 1);
}

// test_async_gen_expression_01: (i * 2 async for i in arange(n))
TUTTI_VIRTUAL_TEST(Comprehension, MapsWithAFunction) {
  EXPECT_EQ(co_await tutti::collect(tutti::amap(arange(4), [](int i) { return i * 2; })), (std::vector{0, 2, 4, 6}));
}

// test_comp_5: [await f(i) async for i in g()]. The captures of the coroutine lambda live as long as the generator.
TUTTI_VIRTUAL_TEST(Comprehension, MapsWithACoroutine) {
  auto mapped = [] {
    return arange(3) | tutti::amap([factor = std::string("item ")](int i) -> Coro<std::string> {
             co_await tutti::sleep(10ms);
             co_return factor + std::to_string(i);
           });
  }();
  const std::vector<std::string> items{"item 0", "item 1", "item 2"};
  EXPECT_EQ(co_await tutti::collect(std::move(mapped)), items);
}

// test_async_gen_expression_02: (i * 2 for i in range(n) if await wrap(i))
TUTTI_VIRTUAL_TEST(Comprehension, FiltersWithAFunctionOrACoroutine) {
  const auto odd = [](int i) { return i % 2 == 1; };
  const auto small = [](int i) -> Coro<bool> {
    co_await tutti::sleep(10ms);
    co_return i < 5;
  };
  EXPECT_EQ(co_await tutti::collect(tutti::afilter(tutti::afilter(arange(10), odd), small)), (std::vector{1, 3}));
}

TUTTI_VIRTUAL_TEST(Comprehension, TakesOrdinaryRanges) {
  const std::vector<std::string> words{"a", "bb", "ccc"};
  EXPECT_EQ(co_await tutti::collect(words | tutti::amap(&std::string::size)), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(co_await tutti::collect(tutti::from_range(std::views::iota(1, 4))), (std::vector{1, 2, 3}));
  std::vector<std::unique_ptr<int>> owners;
  owners.push_back(std::make_unique<int>(7));
  const auto moved = co_await tutti::collect(tutti::from_range(std::move(owners)));
  CO_ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(*moved[0], 7);
}

TUTTI_VIRTUAL_TEST(Comprehension, CountsItems) {
  auto words = std::vector<std::string>{"a", "b"};
  auto counted = tutti::aenumerate(tutti::from_range(words), 1);
  EXPECT_EQ(co_await counted.next(), std::pair(std::size_t{1}, std::string("a")));
  EXPECT_EQ(co_await counted.next(), std::pair(std::size_t{2}, std::string("b")));
  EXPECT_FALSE(co_await counted.next());
}

TUTTI_VIRTUAL_TEST(Comprehension, PassesReferencesThrough) {
  std::vector<int> numbers{1, 2, 3};
  auto references = [](std::vector<int>& all) -> AsyncGenerator<int&> {
    for (int& number : all) co_yield number;
  };
  auto generator = references(numbers) | tutti::afilter([](int i) { return i != 2; }) | tutti::aenumerate();
  while (auto item = co_await generator.next()) item->second += 10;
  EXPECT_EQ(numbers, (std::vector{11, 2, 13}));
}

TUTTI_VIRTUAL_TEST(Comprehension, IsLazy) {
  int calls = 0;
  auto mapped = arange(100) | tutti::amap([&](int i) {
                  ++calls;
                  return i;
                });
  EXPECT_EQ(calls, 0);
  (void)co_await mapped.next();
  EXPECT_EQ(calls, 1);
  co_await mapped.aclose();
}

TUTTI_VIRTUAL_TEST(Comprehension, TakesNoMoreThanAskedForAndClosesItsSource) {
  std::vector<std::string> log;
  EXPECT_EQ(co_await tutti::collect(endless(log) | tutti::atake(3)), (std::vector{0, 1, 2}));
  EXPECT_EQ(log, std::vector<std::string>{"closed"});
}

TUTTI_VIRTUAL_TEST(Comprehension, LeavesASourceOpenThatSomebodyElseHolds) {
  std::vector<std::string> log;
  auto source = endless(log);
  EXPECT_EQ(co_await tutti::collect(tutti::atake(source, 2)), (std::vector{0, 1}));
  EXPECT_EQ(co_await tutti::collect(tutti::atake(source, 2)), (std::vector{2, 3}));
  EXPECT_TRUE(log.empty());
  co_await source.aclose();
  EXPECT_EQ(log, std::vector<std::string>{"closed"});
}

TUTTI_VIRTUAL_TEST(Comprehension, ClosesTheWholeChainWhenItIsClosed) {
  std::vector<std::string> log;
  auto chain = endless(log) | tutti::afilter([](int i) { return i > 1; }) | tutti::amap([](int i) { return i * 10; });
  EXPECT_EQ(co_await chain.next(), 20);
  co_await chain.aclose();
  EXPECT_EQ(log, std::vector<std::string>{"closed"});
}

// test_comp_7: an exception of the function leaves the comprehension
TUTTI_VIRTUAL_TEST(Comprehension, EndsWithTheExceptionOfItsFunction) {
  std::vector<std::string> log;
  try {
    (void)co_await tutti::collect(endless(log) | tutti::amap([](int i) {
                                    if (i == 2) throw std::domain_error("two");
                                    return i;
                                  }));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const std::domain_error& error) {
    EXPECT_STREQ(error.what(), "two");
  }
  EXPECT_EQ(log, std::vector<std::string>{"closed"});
}

}  // namespace

// SPDX-License-Identifier: MIT
// Tests that are coroutines, on GoogleTest.
//
//   TUTTI_TEST(Queue, WakesTheOldestGetterFirst) {     // runs on each back end: Queue.WakesTheOldestGetterFirst/uring, …/epoll, …/poll
//     tutti::Queue<int> queue;
//     auto getter = tutti::create_task(queue.get());
//     co_await queue.put(1);
//     CO_ASSERT_EQ(co_await getter, 1);
//   }
//
// Each test has a loop of its own, in debug mode, and its body is that loop's main task. A test fails if it leaves a task pending, a
// descriptor open, an exception that nobody retrieved or a coroutine that nobody awaited, or if it takes longer than 20 s.
#pragma once

#include <concepts>
#include <exception>
#include <type_traits>

#include <gtest/gtest.h>

#include <tutti/task/coro.hpp>
#include <tutti/testing/assertions.hpp>
#include <tutti/testing/reports.hpp>
#include <tutti/testing/ticks.hpp>
#include <tutti/testing/virtual_clock.hpp>

namespace tutti::testing {

/// Base of fixtures. A fixture's `SetUp` and `TearDown` are functions or coroutines; the object lives inside the running loop.
/// `TearDown` runs whatever happened before.
class Fixture {
 protected:
  Fixture() = default;
  ~Fixture() = default;
  void SetUp() {}
  void TearDown() {}
};

/// The present test may take this long in real time, from its start. The environment's TUTTI_TEST_TIME_LIMIT (seconds; 0: no limit)
/// goes first. *Errors*: `RuntimeError` outside of a test.
void set_time_limit(Duration limit);

namespace detail {

enum class Place { each_backend, virtual_time };
using Body = Coro<> (*)();

bool register_test(const char* suite, const char* name, Place place, Body body, const char* file, int line);
/// Runs one test now, as GoogleTest would; `backend` is a name, or null for virtual time.
void run_test(const char* name, const char* backend, Body body, const char* file, int line);
void report_exception(const std::exception_ptr& error, const char* where);

// A friend of each test: what fixtures declare is protected, mostly.
struct Access {
  template <class Test>
  static Coro<> set_up(Test& test) {
    if constexpr (std::is_void_v<decltype(test.SetUp())>) {
      test.SetUp();
    } else {
      co_await test.SetUp();
    }
    co_return;
  }
  template <class Test>
  static Coro<> tear_down(Test& test) {
    if constexpr (std::is_void_v<decltype(test.TearDown())>) {
      test.TearDown();
    } else {
      co_await test.TearDown();
    }
    co_return;
  }
  template <class Test>
  static Coro<> run() {
    static_assert(std::derived_from<Test, Fixture>, "the fixture must derive from tutti::testing::Fixture");
    Test test;
    std::exception_ptr error;
    try {
      co_await set_up(test);
      if (!::testing::Test::HasFatalFailure() && !::testing::Test::IsSkipped()) co_await test.body();
    } catch (...) {
      error = std::current_exception();
    }
    try {
      co_await tear_down(test);
    } catch (...) {
      if (error) report_exception(std::current_exception(), "TearDown");
      if (!error) error = std::current_exception();
    }
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail
}  // namespace tutti::testing

/// A test on each back end; skipped where the kernel refuses one.
#define TUTTI_TEST(suite, name) TUTTI_TEST_CLASS_(suite, name, ::tutti::testing::Fixture, each_backend)
/// The same with a fixture, which names the suite.
#define TUTTI_TEST_F(fixture, name) TUTTI_TEST_CLASS_(fixture, name, fixture, each_backend)
/// A test in virtual time: `sleep(1h)` takes none.
#define TUTTI_VIRTUAL_TEST(suite, name) TUTTI_TEST_CLASS_(suite, name, ::tutti::testing::Fixture, virtual_time)
/// The same with a fixture.
#define TUTTI_VIRTUAL_TEST_F(fixture, name) TUTTI_TEST_CLASS_(fixture, name, fixture, virtual_time)

#define TUTTI_TEST_CLASS_(suite, name, fixture, place)                                     \
  class suite##_##name##_Test final : public fixture {                                     \
    friend struct ::tutti::testing::detail::Access;                                        \
    ::tutti::Coro<> body();                                                                \
    static const bool registered_;                                                         \
  };                                                                                       \
  const bool suite##_##name##_Test::registered_ = ::tutti::testing::detail::register_test( \
      #suite, #name, ::tutti::testing::detail::Place::place,                               \
      &::tutti::testing::detail::Access::run<suite##_##name##_Test>, __FILE__, __LINE__);  \
  ::tutti::Coro<> suite##_##name##_Test::body()

// SPDX-License-Identifier: MIT
// The tests of CPython's test_asyncio, each under its own name, which `scripts/conformance` counts.
//
//   CONFORMANCE(test_tasks, BaseTaskTests, test_cancel) { … co_await … }     test_tasks.BaseTaskTests.test_cancel of CPython
//
// tests/conformance/cpython_tests.tsv lists all of them. What a test expects comes from CPython's test, or from a run of Python.
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>
#include <tutti/base/exception_group.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "support/turns.hpp"

/// A coroutine on one back end in virtual time: for what has nothing to do with I/O.
#define CONFORMANCE(file, suite, name) CONFORMANCE_COROUTINE_(file, suite, name, virtual_time)
/// A coroutine on each back end in real time: for I/O.
#define CONFORMANCE_IO(file, suite, name) CONFORMANCE_COROUTINE_(file, suite, name, each_backend)
/// A plain function that runs loops itself: for what happens before, around and after a run. See `new_test_loop`.
#define CONFORMANCE_OUTSIDE(file, suite, name)                                                                       \
  static void file##_##suite##_##name();                                                                             \
  [[maybe_unused]] static const bool file##_##suite##_##name##_registered =                                          \
      ::tutti::conformance::register_outside(#file "_" #suite, #name, &file##_##suite##_##name, __FILE__, __LINE__); \
  static void file##_##suite##_##name()

/// The same as `CONFORMANCE` once with tasks as usual and once with eager ones, as CPython runs it in two classes.
#define CONFORMANCE_LAZY_AND_EAGER(file, suite, name)                                 \
  static ::tutti::Coro<> file##_##suite##_##name##_body();                            \
  CONFORMANCE_COROUTINE_(file, suite, name, virtual_time) {                           \
    return ::tutti::conformance::run_lazy_and_eager(&file##_##suite##_##name##_body); \
  }                                                                                   \
  static ::tutti::Coro<> file##_##suite##_##name##_body()

// Without the class that TUTTI_TEST makes: hundreds of tests should compile quickly.
#define CONFORMANCE_COROUTINE_(file, suite, name, place)                                                              \
  static ::tutti::Coro<> file##_##suite##_##name();                                                                   \
  [[maybe_unused]] static const bool file##_##suite##_##name##_registered = ::tutti::testing::detail::register_test(  \
      #file "_" #suite, #name, ::tutti::testing::detail::Place::place, &file##_##suite##_##name, __FILE__, __LINE__); \
  static ::tutti::Coro<> file##_##suite##_##name()

namespace tutti::conformance {

using namespace std::chrono_literals;
using test_support::turn;

bool register_outside(const char* suite, const char* name, void (*body)(), const char* file, int line);

Coro<> run_lazy_and_eager(Coro<> (*body)());

/// A loop in virtual time, whose reports the test answers for.
std::unique_ptr<EventLoop> new_test_loop();

/// test_utils.run_briefly: what is ready now runs, and what that makes ready.
Coro<> briefly();
/// The same on a loop that does not run.
void run_briefly(EventLoop& loop);

/// Ends only by being cancelled.
Coro<> forever();
/// What an `async def` of one `return` becomes.
template <class T>
Coro<T> give(T value) {
  co_return value;
}
/// Sleeps, then gives `value`.
template <class T>
Coro<T> give_after(Duration delay, T value) {
  co_await sleep(delay);
  co_return value;
}
Coro<> sleeper(Duration delay);
template <class Error = ValueError>
Coro<> raise(std::string message = "raised") {
  throw Error(message);
  co_return;
}

/// What awaiting it throws; null if nothing.
template <class A>
Coro<std::exception_ptr> error_of(A awaitable) {
  try {
    (void)co_await std::move(awaitable);
  } catch (...) {
    co_return std::current_exception();
  }
  co_return nullptr;
}
/// What calling it throws; null if nothing.
template <class F>
std::exception_ptr error_of_call(F function) {
  try {
    (void)function();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}
/// The message of `error`, which must be an `Error`.
template <class Error>
std::string message_in(const std::exception_ptr& error) {
  if (!error) {
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }
  try {
    std::rethrow_exception(error);
  } catch (const Error& caught) {
    return caught.what();
  } catch (...) {
    ADD_FAILURE() << "thrown was " << describe(error);
  }
  return "";
}
/// Python's, which its tests like to raise.
struct ZeroDivisionError : std::runtime_error {
  ZeroDivisionError() : std::runtime_error("division by zero") {}
};
/// Python tests `get_error_types(group) == {Errors...}`: the types that its exceptions have, however many there are.
template <class... Errors>
bool is_group_of(const std::exception_ptr& error) {
  const ExceptionGroupContents* group = group_contents(error);
  if (group == nullptr) return false;
  const auto is_one_of_them = [](const std::exception_ptr& item) { return (holds<Errors>(item) || ...); };
  const auto has = [&](bool (*is)(const std::exception_ptr&)) {
    return std::any_of(group->exceptions().begin(), group->exceptions().end(), is);
  };
  return std::all_of(group->exceptions().begin(), group->exceptions().end(), is_one_of_them) &&
         (has(&holds<Errors>) && ...);
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The time that has passed on the loop's clock.
class Elapsed {
 public:
  explicit Elapsed(const EventLoop& loop = get_running_loop()) : loop_(loop), begin_(loop.time()) {}
  [[nodiscard]] Duration operator()() const { return loop_.time() - begin_; }

 private:
  const EventLoop& loop_;
  TimePoint begin_;
};

}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
// Coroutines that the tests of the task layer are made of.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <tutti/base/error.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace tutti::tests {

using namespace std::chrono_literals;

/// Ends at once.
inline Coro<int> noop(int value = 1) { co_return value; }
/// Ends only by being cancelled.
inline Coro<> forever() { co_await Future<>(); }
/// One iteration, as `asyncio.sleep(0)`; what CPython's tests call `run_briefly`.
inline auto turn() { return sleep(0s); }
inline Coro<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await turn();
}
template <class Error = ValueError>
Coro<> raise(std::string message = "raised") {
  throw Error(message);
  co_return;
}
template <class Error = ValueError>
Coro<> raise_later(std::string message = "raised") {
  co_await turn();
  throw Error(message);
}

/// The message of the `Error` that awaiting it throws; a failure if it throws none.
template <class Error, class A>
Coro<std::string> message_of(A awaitable) {
  try {
    (void)co_await std::move(awaitable);
  } catch (const Error& error) {
    co_return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  co_return "";
}

}  // namespace tutti::tests

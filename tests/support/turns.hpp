// SPDX-License-Identifier: MIT
// Iterations of the loop, and what an awaitable throws.
#pragma once

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <tutti/task/coro.hpp>
#include <tutti/task/sleep.hpp>

namespace test_support {

/// One iteration, as `asyncio.sleep(0)`; what CPython's tests call `run_briefly`.
inline auto turn() { return tutti::sleep(tutti::Duration::zero()); }

inline tutti::Coro<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await turn();
}

/// Lets the loop go round until `condition()` holds; what CPython's tests call `run_until`.
template <class Condition>
tutti::Coro<> until(Condition condition) {
  while (!condition()) co_await turn();
}

/// The message of the `Error` that awaiting it throws; a failure if it throws none.
template <class Error, class Awaitable>
tutti::Coro<std::string> message_of(Awaitable awaitable) {
  try {
    (void)co_await std::move(awaitable);
  } catch (const Error& error) {
    co_return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  co_return "";
}

}  // namespace test_support

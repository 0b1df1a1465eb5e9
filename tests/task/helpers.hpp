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

#include "support/turns.hpp"

namespace tutti::tests {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::turn;
using test_support::turns;

/// Ends at once.
inline Coro<int> noop(int value = 1) { co_return value; }
/// Ends only by being cancelled.
inline Coro<> forever() { co_await Future<>(); }
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

}  // namespace tutti::tests

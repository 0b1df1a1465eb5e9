// SPDX-License-Identifier: MIT
// Limits in time: for one awaitable, and for a block.
//
//   make build && build/release/examples/example_13_timeout
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

Coro<std::string> answer(std::chrono::milliseconds after) {
  co_await tutti::sleep(after);
  co_return "42";
}

// [region wait_for]
Coro<> one_awaitable() {
  std::cout << "in time: " << co_await tutti::wait_for(answer(1ms), 10s) << '\n';
  try {
    co_await tutti::wait_for(answer(1h), 10ms);  // cancels it, waits for its end, then throws
  } catch (const tutti::TimeoutError& error) {
    std::cout << "too late: " << error.what() << '\n';
  }
}
// [endregion]

// [region timeout]
Coro<> a_block() {
  try {
    // Python's `async with timeout(…)`: the body is a lambda, for leaving the block must be able to await.
    co_await tutti::timeout(10s, [](tutti::Timeout& limit) -> Coro<> {
      std::cout << co_await answer(1ms) << '\n';
      limit.reschedule(tutti::get_running_loop().time() + 20ms);  // what follows must be quick
      std::cout << co_await answer(1h) << '\n';
    });
  } catch (const tutti::TimeoutError&) {
    std::cout << "the block timed out\n";
  }
}
// [endregion]

int main() {
  tutti::run(one_awaitable());
  tutti::run(a_block());
}

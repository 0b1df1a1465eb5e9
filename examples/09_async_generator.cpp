// SPDX-License-Identifier: MIT
// An async generator: items that come one by one, with waits between them.
//
//   make build && build/release/examples/example_09_async_generator
#include <chrono>
#include <iostream>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::AsyncGenerator;
using tutti::Coro;

// [region generator]
// A coroutine that says co_yield, and returns an AsyncGenerator: Python's `async def` with `yield` in it.
AsyncGenerator<int> ticker(int count) {
  for (int i = 0; i < count; ++i) {
    co_await tutti::sleep(1ms);
    co_yield i;
  }
}

// This one cleans up, even when nobody asks for all of its items.
AsyncGenerator<int> forever() {
  try {
    for (int i = 0;; ++i) co_yield i;
  } catch (const tutti::GeneratorExit&) {
    std::cout << "the generator was closed\n";
    throw;
  }
}
// [endregion]

// [region main]
Coro<> async_main() {
  // Python's `async for i in ticker(3)`: next() gives an optional, empty at the end.
  auto ticks = ticker(3);
  while (auto i = co_await ticks.next()) std::cout << "tick " << *i << '\n';

  auto numbers = forever();
  while (auto i = co_await numbers.next()) {
    std::cout << "number " << *i << '\n';
    if (*i == 2) break;
  }
  co_await numbers.aclose();  // else the end of run() does it
}

int main() { tutti::run(async_main()); }
// [endregion]

// SPDX-License-Identifier: MIT
// A coroutine: a call makes it, running it comes later.
//
//   make build && build/release/examples/example_02_coroutine
#include <iostream>
#include <string>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;

// [region coroutine]
// A function that says co_await or co_return, and returns a Coro, is a coroutine: Python's `async def`.
// It takes its parameters by value, for it may run long after the call.
Coro<std::string> greet(std::string name) {
  std::cout << "greet runs\n";
  co_return "hello, " + name;
}
// [endregion]

// [region main]
int main() {
  Coro<std::string> coroutine = greet("world");  // nothing has run yet
  std::cout << "it was called\n";

  // A coroutine runs once: it moves into run(), which makes a loop, runs it to its end and closes the loop.
  std::string text = tutti::run(std::move(coroutine));
  std::cout << text << '\n';
}
// [endregion]

// SPDX-License-Identifier: MIT
// Awaiting a coroutine: values and exceptions come back as from a function.
//
//   make build && build/release/examples/example_03_await
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region await]
Coro<int> price(std::string item) {
  co_await tutti::sleep(1ms);  // as if it asked a database
  if (item == "unicorn") throw tutti::ValueError("no such item: " + item);
  co_return static_cast<int>(item.size());
}

Coro<int> total(std::string first, std::string second) {
  int sum = co_await price(first);  // waits for it; the thread serves others meanwhile
  sum += co_await price(second);
  co_return sum;
}
// [endregion]

// [region main]
Coro<> async_main() {
  std::cout << "apple and pear: " << co_await total("apple", "pear") << '\n';
  try {
    co_await total("apple", "unicorn");
  } catch (const tutti::ValueError& error) {  // thrown in price, it came up through total
    std::cout << "error: " << error.what() << '\n';
  }
}

int main() { tutti::run(async_main()); }
// [endregion]

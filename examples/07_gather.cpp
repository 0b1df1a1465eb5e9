// SPDX-License-Identifier: MIT
// gather: several things at once, all results in order.
//
//   make build && build/release/examples/example_07_gather
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region coroutines]
Coro<std::string> name() {
  co_await tutti::sleep(20ms);
  co_return "Ada";
}

Coro<int> year() {
  co_await tutti::sleep(10ms);
  co_return 1815;
}

Coro<int> broken() {
  co_await tutti::sleep(1ms);
  throw tutti::ValueError("broken");
}
// [endregion]

// [region gather]
Coro<> async_main() {
  // The results have the types and the order of the arguments, whoever is ready first.
  auto [who, when] = co_await tutti::gather(name(), year());
  std::cout << who << ", born in " << when << '\n';

  // The first exception comes out of gather; the others run on.
  try {
    co_await tutti::gather(year(), broken());
  } catch (const tutti::ValueError& error) {
    std::cout << "error: " << error.what() << '\n';
  }

  // With return_exceptions each result is an Outcome: a value or an exception.
  auto [good, bad] = co_await tutti::gather(tutti::return_exceptions, year(), broken());
  std::cout << "good: " << good.value() << ", bad: " << tutti::describe(bad.error()) << '\n';
}

int main() { tutti::run(async_main()); }
// [endregion]

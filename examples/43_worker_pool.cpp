// SPDX-License-Identifier: MIT
// A worker pool in one call: a function over many items, so many at a time.
//
//   make build && build/release/examples/example_43_worker_pool
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region job]
Coro<std::string> job(int milliseconds) {
  if (milliseconds == 13) throw tutti::ValueError("13 is out of order");
  co_await tutti::sleep(std::chrono::milliseconds(milliseconds));
  co_return std::to_string(milliseconds) + " ms";
}
// [endregion]

// [region main]
Coro<> async_main() {
  const std::vector<int> items{60, 20, 40, 5};

  std::cout << "in their order:";
  for (const std::string& result : co_await tutti::map_concurrently(items, job, {.limit = 3})) {
    std::cout << ' ' << result;
  }

  std::cout << "\nas they come:";
  auto results = tutti::map_as_completed(items, job, {.limit = 4});
  while (auto result = co_await results.next()) std::cout << ' ' << *result;

  try {
    co_await tutti::map_concurrently(std::vector<int>{3'600'000, 13}, job);  // the first error ends all others
  } catch (const tutti::ValueError& error) {
    std::cout << "\nfailed: " << error.what() << '\n';
  }

  for (const auto& outcome : co_await tutti::map_concurrently(tutti::return_exceptions, std::vector<int>{1, 13}, job)) {
    std::cout << (outcome ? outcome.value() : tutti::describe(outcome.error())) << '\n';
  }
}

int main() { tutti::run(async_main()); }
// [endregion]

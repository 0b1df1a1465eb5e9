// SPDX-License-Identifier: MIT
// Blocking versus non-blocking: what a thread does while it waits.
//
//   make build && build/release/examples/example_01_blocking
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region blocking]
// Holds the thread while it waits: nothing else can happen.
void brew(std::string drink, std::chrono::milliseconds time) {
  std::cout << drink << " begins\n";
  std::this_thread::sleep_for(time);
  std::cout << drink << " is ready\n";
}
// [endregion]

// [region nonblocking]
// Gives the thread back while it waits: co_await is the place where others take their turn.
Coro<> brew_async(std::string drink, std::chrono::milliseconds time) {
  std::cout << drink << " begins\n";
  co_await tutti::sleep(time);
  std::cout << drink << " is ready\n";
}
// [endregion]

// [region main]
int main() {
  std::cout << "one after another:\n";
  brew("coffee", 60ms);
  brew("tea", 40ms);
  brew("milk", 20ms);

  std::cout << "all together:\n";
  tutti::run([]() -> Coro<> {
    // All three begin at once; the shortest wait ends first. It takes 60 ms in all, not 120.
    co_await tutti::gather(brew_async("coffee", 60ms), brew_async("tea", 40ms), brew_async("milk", 20ms));
  });
}
// [endregion]

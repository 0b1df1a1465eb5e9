// SPDX-License-Identifier: MIT
// Threads beside the loop: work that would hold it up, and threads that hand work to it.
//
//   make build && build/release/examples/example_16_threads
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region to_thread]
// Takes long and never awaits: in the loop's thread it would hold up everybody.
int count_primes(int limit) {
  int primes = 0;
  for (int n = 2; n < limit; ++n) {
    bool prime = true;
    for (int d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    primes += prime ? 1 : 0;
  }
  return primes;
}

Coro<> out_of_the_loop() {
  auto primes = tutti::to_thread(count_primes, 20'000);  // another thread begins
  std::cout << "the loop is free\n";
  std::cout << co_await primes << " primes\n";
}
// [endregion]

// [region threadsafe]
Coro<std::string> hello(std::string name) {
  co_await tutti::sleep(1ms);
  co_return "hello, " + name;
}

Coro<> into_the_loop() {
  tutti::EventLoop& loop = tutti::get_running_loop();
  // A thread may not touch the loop, its tasks or futures. These functions are the way in.
  std::jthread stranger([&loop] {
    loop.call_soon_threadsafe([] { std::cout << "called from a thread\n"; });
    auto future = tutti::run_coroutine_threadsafe(hello("thread"), loop);
    std::cout << future.result() << '\n';  // blocks this thread, not the loop
  });
  co_await tutti::to_thread([&stranger] { stranger.join(); });
}
// [endregion]

int main() {
  tutti::run(out_of_the_loop());
  tutti::run(into_the_loop());
}

// SPDX-License-Identifier: MIT
// Cancellation and cleanup: a cancelled task gets an exception where it waits.
//
//   make build && build/release/examples/example_20_cancellation
#include <chrono>
#include <exception>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

struct Desk {
  ~Desk() { std::cout << "the desk is tidy\n"; }
};

// [region worker]
Coro<> say_goodbye() {
  co_await tutti::sleep(1ms);
  std::cout << "goodbye was sent\n";
}

Coro<> worker() {
  Desk desk;  // destructors run as always: most cleanup needs nothing else
  std::exception_ptr error;
  try {
    co_await tutti::sleep(1h);
  } catch (const std::exception&) {
    std::cout << "not reached: CancelledError is not a std::exception\n";
  } catch (const tutti::CancelledError& cancelled) {
    std::cout << "cancelled: " << cancelled.message() << '\n';
    error = std::current_exception();  // co_await is not allowed in a handler, so remember it ...
  }
  co_await say_goodbye();                    // ... and clean up behind it
  if (error) std::rethrow_exception(error);  // a cancellation is passed on, else nobody knows
}
// [endregion]

// [region main]
Coro<> async_main() {
  auto task = tutti::create_task(worker());
  co_await tutti::sleep(0s);  // let it begin
  task.cancel("time to go home");
  try {
    co_await task;
  } catch (const tutti::CancelledError&) {
    std::cout << "it ended; cancelled: " << std::boolalpha << task.cancelled() << '\n';
  }
}

int main() { tutti::run(async_main()); }
// [endregion]

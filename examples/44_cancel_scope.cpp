// SPDX-License-Identifier: MIT
// Cancel scopes: a limit in time whose result is an optional, a cleanup that is shielded, and all tasks of a group in one scope.
//
//   make build && build/release/examples/example_44_cancel_scope
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region move_on]
Coro<std::string> answer(std::chrono::milliseconds time) {
  co_await tutti::sleep(time);
  co_return "after " + std::to_string(time.count()) + " ms";
}

Coro<> limits() {
  for (const auto time : {1ms, 3'600'000ms}) {
    const auto text = co_await tutti::move_on_after(20ms, [&] { return answer(time); });
    std::cout << text.value_or("never mind") << '\n';
  }
}
// [endregion]

// [region shield]
// In a cancelled scope every wait throws, not only the first one. What must be awaited all the same stands in a shield.
Coro<> worker(std::string name) {
  std::exception_ptr error;
  try {
    co_await tutti::sleep(1h);
  } catch (...) {
    error = std::current_exception();
  }
  const auto clean_up = [&]() -> Coro<> { std::cout << co_await answer(1ms) << ", " << name << " has cleaned up\n"; };
  co_await tutti::move_on_after(1s, clean_up, {.shield = true});
  std::rethrow_exception(error);
}
// [endregion]

// [region group]
Coro<> together() {
  co_await tutti::cancel_scope([](tutti::CancelScope& scope) -> Coro<> {
    tutti::get_running_loop().call_later(5ms, [&scope] { scope.cancel("it is late"); });
    co_await tutti::task_group([](tutti::TaskGroup& group) -> Coro<> {
      group.create_task(worker("ann"));  // the tasks of the group are in the scope
      group.create_task(worker("bob"));
      co_return;
    });
  });
  std::cout << "all are home\n";
}
// [endregion]

int main() {
  tutti::run(limits());
  tutti::run(together());
}

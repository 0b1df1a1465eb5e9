// SPDX-License-Identifier: MIT
// A task group: tasks that do not outlive the block that makes them.
//
//   make build && build/release/examples/example_14_task_group
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region group]
Coro<> worker(std::string name, std::chrono::milliseconds time) {
  co_await tutti::sleep(time);
  std::cout << name << " is done\n";
}

Coro<> all_goes_well() {
  co_await tutti::task_group([](tutti::TaskGroup& group) -> Coro<> {
    group.create_task(worker("slow", 50ms));
    group.create_task(worker("fast", 1ms));
    std::cout << "the body is done\n";
    co_return;
  });
  std::cout << "so are all its tasks\n";
}
// [endregion]

// [region failure]
Coro<> one_fails() {
  try {
    co_await tutti::task_group([](tutti::TaskGroup& group) -> Coro<> {
      group.create_task(worker("never", 1h));  // cancelled when the other one fails
      group.create_task([]() -> Coro<> {
        co_await tutti::sleep(1ms);
        throw tutti::ValueError("out of order");
      });
      co_return;
    });
  } catch (const tutti::ExceptionGroup& errors) {  // all that failed, as one
    std::cout << errors.what() << '\n';
    if (errors.subgroup<tutti::ValueError>()) std::cout << "there is a ValueError in it\n";
  }
}
// [endregion]

int main() {
  tutti::run(all_goes_well());
  tutti::run(one_fails());
}

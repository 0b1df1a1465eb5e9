// SPDX-License-Identifier: MIT
// Producers and consumers over a memory channel: its ends are closed, and so everybody knows when it is over.
//
//   make build && build/release/examples/example_41_memory_channel
#include <iostream>
#include <string>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;

// [region producer]
// It owns its end: when the coroutine ends, however it ends, the end is closed.
Coro<> producer(std::string name, tutti::SendChannel<std::string> sender) {
  for (int i = 1; i <= 3; ++i) {
    co_await sender.send(name + " " + std::to_string(i));  // waits until somebody takes it
  }
}
// [endregion]

// [region consumer]
Coro<> consumer(tutti::ReceiveChannel<std::string> receiver) {
  while (auto item = co_await receiver.next()) {  // nothing once all producers are done
    std::cout << *item << '\n';
  }
  std::cout << "no more\n";
}
// [endregion]

// [region main]
int main() {
  tutti::run([]() -> Coro<> {
    auto [sender, receiver] = tutti::open_memory_channel<std::string>();  // no buffer: hand to hand
    co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
      group.create_task(producer("ann", sender.clone()));
      group.create_task(producer("bob", std::move(sender)));
      group.create_task(consumer(std::move(receiver)));
      co_return;
    });
  });
}
// [endregion]

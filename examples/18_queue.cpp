// SPDX-License-Identifier: MIT
// Producer and consumers: a bounded queue holds back whoever is too fast.
//
//   make build && build/release/examples/example_18_queue
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using tutti::Coro;

// [region producer]
Coro<> producer(tutti::Queue<int>& queue) {
  for (int i = 1; i <= 5; ++i) {
    co_await queue.put(i);  // waits while the queue is full
    std::cout << "put " << i << '\n';
  }
  queue.shutdown();  // no more will come; what is there can still be taken
}
// [endregion]

// [region consumer]
Coro<> consumer(std::string name, tutti::Queue<int>& queue) {
  // next() gives nothing once the queue was shut down and is empty.
  while (auto item = co_await queue.next()) {
    std::cout << name << " got " << *item << '\n';
    queue.task_done();
  }
  std::cout << name << " goes home\n";
}
// [endregion]

// [region main]
int main() {
  tutti::run([]() -> Coro<> {
    tutti::Queue<int> queue(2);
    // The coroutines take the queue by reference: the group ends before the queue does.
    co_await tutti::task_group([&queue](tutti::TaskGroup& group) -> Coro<> {
      group.create_task(producer(queue));
      group.create_task(consumer("ann", queue));
      group.create_task(consumer("bob", queue));
      co_return;
    });
    co_await queue.join();  // every item that was put was also done
    std::cout << "all done\n";
  });
}
// [endregion]

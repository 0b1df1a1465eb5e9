// SPDX-License-Identifier: MIT
// A thread that calls back into the loop which waits for it, and learns when nobody waits any more.
//
//   make build && build/release/examples/example_47_from_thread
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region thread]
// An ordinary function that blocks; in between it needs something of the loop.
int parse_file(tutti::SendChannel<std::string>& rows) {
  int count = 0;
  for (const char* row : {"one", "two", "three"}) {
    tutti::from_thread::run(rows.send(row));  // blocks this thread until somebody took it; the loop goes on
    ++count;
  }
  return count;
}
// [endregion]

// [region main]
Coro<> async_main() {
  auto [sender, receiver] = tutti::open_memory_channel<std::string>();
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    group.create_task([&]() -> Coro<> {
      const int count = co_await tutti::to_thread([&] { return parse_file(sender); });
      std::cout << count << " rows sent\n";
      sender.close();
    });
    while (auto row = co_await receiver.next()) std::cout << "row " << *row << '\n';
  });

  // Cancellation goes the other way: into the coroutine that the thread waits for, and then into the thread.
  tutti::concurrent::Future<std::string> ending;
  co_await tutti::move_on_after(5ms, [&]() -> Coro<> {
    co_await tutti::to_thread([&] {
      try {
        tutti::from_thread::run([]() -> Coro<> { co_await tutti::sleep(1h); });
      } catch (const tutti::CancelledError&) {
        ending.set_result("the thread knows that nobody waits");
      }
    });
  });
  std::cout << co_await tutti::wrap_future(ending) << '\n';
}

int main() { tutti::run(async_main()); }
// [endregion]

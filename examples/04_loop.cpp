// SPDX-License-Identifier: MIT
// The functions of the loop: tasks, callbacks, and running until something is done.
//
//   make build && build/release/examples/example_04_loop
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region tasks]
Coro<std::string> work(std::string name) {
  std::cout << name << ": first step\n";
  co_await tutti::sleep(0ms);  // one turn for the others
  std::cout << name << ": second step\n";
  co_return name + " is done";
}

Coro<> async_main() {
  // A task runs on its own: its first step comes in the loop's next iteration.
  auto a = tutti::create_task(work("a"), {.name = "worker a"});
  auto b = tutti::create_task(work("b"));
  std::cout << "two tasks wait for their turn\n";
  std::cout << co_await b << '\n';
  std::cout << co_await a << " (" << a.get_name() << ")\n";
}
// [endregion]

// [region loop]
// The same by hand, without run(): a loop that is made, used several times, and closed by its owner.
void by_hand() {
  std::unique_ptr<tutti::EventLoop> loop = tutti::new_event_loop();
  loop->call_soon([] { std::cout << "callback: soon\n"; });
  loop->call_later(20ms, [] { std::cout << "callback: never, it is called off\n"; }).cancel();
  std::string result = loop->run_until_complete(work("c"));
  std::cout << result << '\n';

  loop->call_later(1ms, [&loop] { loop->stop(); });
  loop->run_forever();  // until stop()
  std::cout << "stopped\n";
  loop->close();
}
// [endregion]

int main() {
  tutti::run(async_main());
  by_hand();
}

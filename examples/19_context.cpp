// SPDX-License-Identifier: MIT
// Context variables: values that follow a task wherever it goes.
//
//   make build && build/release/examples/example_19_context
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region context]
// Like a thread-local variable, but for tasks. It must outlive all tasks, so make it a global.
tutti::ContextVar<std::string> user("user", "nobody");

void log(std::string text) { std::cout << "[" << user.get() << "] " << text << '\n'; }

Coro<> handle(std::string name) {
  user.set(name);  // in this task only
  log("comes in");
  co_await tutti::sleep(0s);  // another task runs now, with its own value
  log("goes out");
}

Coro<> async_main() {
  co_await tutti::gather(handle("ann"), handle("bob"));
  log("the caller's value is untouched");

  // A task begins with a copy of its creator's context.
  auto token = user.set("root");
  co_await tutti::create_task([]() -> Coro<> {
    log("inherited");
    co_return;
  });
  user.reset(token);
  log("as before");
}
// [endregion]

int main() { tutti::run(async_main()); }

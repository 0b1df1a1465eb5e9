// SPDX-License-Identifier: MIT
// A custom loop and the policy that gives it to everybody.
//
//   make build && build/release/examples/example_11_policy
#include <iostream>
#include <memory>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;

// [region loop]
// A loop that tells what it is. A real one might set a task factory, an exception handler, another clock or back end.
class TalkingLoop : public tutti::EventLoop {
 public:
  explicit TalkingLoop(tutti::LoopOptions options = {}) : EventLoop(std::move(options)) {
    set_exception_handler([](EventLoop&, const tutti::ExceptionContext& context) {
      std::cout << "the loop heard: " << context.message << ": " << tutti::describe(context.exception) << '\n';
    });
  }
};
// [endregion]

// [region policy]
// Everything that makes a loop asks the policy: run(), Runner, new_event_loop().
class TalkingPolicy : public tutti::DefaultEventLoopPolicy {
 public:
  std::unique_ptr<tutti::EventLoop> new_event_loop() override {
    std::cout << "the policy makes a loop\n";
    return std::make_unique<TalkingLoop>();
  }
};
// [endregion]

// [region main]
Coro<> async_main() {
  tutti::EventLoop& loop = tutti::get_running_loop();
  std::cout << "talking loop: " << std::boolalpha << (dynamic_cast<TalkingLoop*>(&loop) != nullptr) << '\n';
  loop.call_soon([] { throw tutti::RuntimeError("a callback failed"); });
  co_await tutti::sleep(std::chrono::seconds(0));
}

int main() {
  tutti::set_event_loop_policy(std::make_shared<TalkingPolicy>());
  tutti::run(async_main());
  tutti::set_event_loop_policy(nullptr);  // the default again

  // Without a policy: a factory for one run.
  tutti::run(async_main(), {.loop_factory = [] { return std::make_unique<TalkingLoop>(); }});
}
// [endregion]

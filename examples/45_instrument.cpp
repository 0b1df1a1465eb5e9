// SPDX-License-Identifier: MIT
// An instrument: who is told what the loop does. This one counts, and finds the step that held up all others.
//
//   make build && build/release/examples/example_45_instrument
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::AnyTask;
using tutti::Coro;

// [region instrument]
class Meter final : public tutti::Instrument {
 public:
  void task_spawned(const AnyTask& task) override { std::cout << task.get_name() << " begins\n"; }
  void before_task_step(const AnyTask&) override { begun_ = std::chrono::steady_clock::now(); }
  void after_task_step(const AnyTask& task) override {
    ++steps_[task.get_name()];
    const auto took = std::chrono::steady_clock::now() - begun_;
    if (took > longest_) {
      longest_ = took;
      slowest_ = task.get_name();
    }
  }
  void task_exited(const AnyTask& task) override {
    std::cout << task.get_name() << " ends after " << steps_[task.get_name()] << " steps\n";
  }
  [[nodiscard]] const std::string& slowest() const { return slowest_; }

 private:
  std::map<std::string, int> steps_;
  std::chrono::steady_clock::time_point begun_;
  std::chrono::steady_clock::duration longest_{};
  std::string slowest_;
};
// [endregion]

// [region main]
Coro<> async_main() {
  const auto meter = std::make_shared<Meter>();
  tutti::add_instrument(meter);  // for this loop; without one nothing is slower
  auto good = tutti::create_task([]() -> Coro<> { co_await tutti::sleep(1ms); }, {.name = "good"});
  auto bad = tutti::create_task([]() -> Coro<> { co_return std::this_thread::sleep_for(200ms); }, {.name = "bad"});
  co_await tutti::gather(good, bad);
  tutti::remove_instrument(*meter);
  std::cout << "the slowest step was one of " << meter->slowest() << '\n';
}

int main() { tutti::run(async_main()); }
// [endregion]

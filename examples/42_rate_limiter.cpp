// SPDX-License-Identifier: MIT
// Two kinds of limits: so many at a time (CapacityLimiter), and so many in a given time.
//
//   make build && build/release/examples/example_42_rate_limiter
#include <algorithm>
#include <chrono>
#include <iostream>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region rate]
// Lets one through each `interval`: whoever comes too early waits for its turn.
class RateLimiter {
 public:
  explicit RateLimiter(tutti::Duration interval) : interval_(interval) {}

  Coro<> turn() {
    const tutti::TimePoint now = tutti::get_running_loop().time();
    const tutti::TimePoint mine = std::max(now, next_);
    next_ = mine + interval_;
    co_await tutti::sleep(mine - now);
  }

 private:
  tutti::Duration interval_;
  tutti::TimePoint next_{};
};
// [endregion]

// [region main]
Coro<> request(int number, RateLimiter& rate, tutti::CapacityLimiter& capacity, int& running) {
  co_await rate.turn();
  auto token = co_await capacity.scoped();  // at most two at a time
  if (++running > 2) std::cout << "too many\n";
  co_await tutti::sleep(5ms);
  --running;
  std::cout << "request " << number << '\n';
}

int main() {
  tutti::run([]() -> Coro<> {
    RateLimiter rate(2ms);
    tutti::CapacityLimiter capacity(2);
    int running = 0;
    const auto begin = tutti::get_running_loop().time();
    co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
      for (int i = 1; i <= 6; ++i) group.create_task(request(i, rate, capacity, running));
      co_return;
    });
    const auto took = tutti::get_running_loop().time() - begin;
    std::cout << (took >= 15ms ? "three rounds of 5 ms, two at a time\n" : "too fast\n");
  });
}
// [endregion]

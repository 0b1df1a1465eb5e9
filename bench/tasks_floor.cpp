// SPDX-License-Identifier: MIT
// The scheduler's workloads on the floor program: what the machine lets a loop of coroutines cost.
//   tasks_floor W1|W1b|W2|W3|W4 [n]
#include <string>
#include <vector>

#include "floor_loop.hpp"
#include "measure.hpp"

using floor_loop::Coro;
using floor_loop::Sleep;
using floor_loop::Task;
using floor_loop::Yield;

namespace {

std::uint64_t count = 0;

[[gnu::noinline]] Task trivial() {
  ++count;
  co_return;
}

Task spawn_and_join(std::uint64_t n) {
  std::vector<Task> tasks;
  tasks.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    tasks.push_back(trivial());
    tasks.back().start();
  }
  for (auto& task : tasks) co_await task;
}

Task spawn_in_batches(std::uint64_t n) {
  for (std::uint64_t batch = 0; batch < n / 1000; ++batch) {
    std::vector<Task> tasks;
    tasks.reserve(1000);
    for (int i = 0; i < 1000; ++i) {
      tasks.push_back(trivial());
      tasks.back().start();
    }
    for (auto& task : tasks) co_await task;
  }
}

Task yielder(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    co_await Yield{};
    ++count;
  }
}

Task two_yielders(std::uint64_t n) {
  Task first = yielder(n / 2);
  Task second = yielder(n / 2);
  first.start();
  second.start();
  co_await first;
  co_await second;
}

[[gnu::noinline]] Coro<std::uint64_t> child(std::uint64_t i) { co_return i & 1; }

Task await_children(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) count += co_await child(i);
}

Task sleeper(std::uint64_t ns) {
  co_await Sleep{ns};
  ++count;
}

Task sleepers(std::uint64_t n, std::uint64_t ns) {
  std::vector<Task> tasks;
  tasks.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    tasks.push_back(sleeper(ns));
    tasks.back().start();
  }
  for (auto& task : tasks) co_await task;
}

void measure(const char* name, std::uint64_t n, std::uint64_t expected, Task body) {
  count = 0;
  const std::uint64_t begin = bench::now_ns();
  floor_loop::run(std::move(body));
  const std::uint64_t ns = bench::now_ns() - begin;
  bench::report("floor", name, n, ns, count == expected);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto n = [&](std::uint64_t by_default) { return bench::argument(argc, argv, 2, by_default); };
  bench::set_base();
  if (what == "W1") {
    measure("W1", n(1'000'000), n(1'000'000), spawn_and_join(n(1'000'000)));
    measure("W1warm", n(1'000'000), n(1'000'000), spawn_and_join(n(1'000'000)));
  } else if (what == "W1b") {
    measure("W1b", n(1'000'000), n(1'000'000), spawn_in_batches(n(1'000'000)));
  } else if (what == "W2") {
    measure("W2", n(10'000'000), n(10'000'000), two_yielders(n(10'000'000)));
  } else if (what == "W3") {
    measure("W3", n(10'000'000), n(10'000'000) / 2, await_children(n(10'000'000)));
  } else if (what == "W4") {
    const std::uint64_t asleep = bench::sleep_seconds() * 1'000'000'000ULL;
    const std::uint64_t begin = bench::now_ns();
    floor_loop::run(sleepers(n(1'000'000), asleep));
    bench::report_sleep("floor", n(1'000'000), bench::now_ns() - begin, asleep, count == n(1'000'000));
  } else {
    std::fputs("usage: tasks_floor W1|W1b|W2|W3|W4 [n]\n", stderr);
    return 2;
  }
}

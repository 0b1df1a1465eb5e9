// SPDX-License-Identifier: MIT
// The scheduler's workloads on Tutti, with full semantics: results, exceptions, cancellation, names, contexts.
//   tasks_tutti W1|W1b|W2|W3|W4|W5|W6|W7|timers|wait_for|gather2|gather1000 [n]
#include <cstdlib>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <tutti/tutti.hpp>

#include "measure.hpp"

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::Task;

namespace {

std::uint64_t count = 0;

[[gnu::noinline]] Coro<> trivial() {
  ++count;
  co_return;
}

Coro<> spawn_and_join(std::uint64_t n) {
  std::vector<Task<>> tasks;
  tasks.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) tasks.push_back(tutti::create_task(trivial()));
  for (auto& task : tasks) co_await task;
}

Coro<> spawn_in_batches(std::uint64_t n) {
  for (std::uint64_t batch = 0; batch < n / 1000; ++batch) co_await spawn_and_join(1000);
}

Coro<> yielder(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    co_await tutti::sleep(0s);
    ++count;
  }
}

Coro<> two_yielders(std::uint64_t n) {
  auto first = tutti::create_task(yielder(n / 2));
  auto second = tutti::create_task(yielder(n / 2));
  co_await first;
  co_await second;
}

[[gnu::noinline]] Coro<std::uint64_t> child(std::uint64_t i) { co_return i & 1; }

Coro<> await_children(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) count += co_await child(i);
}

Coro<> sleeper(std::chrono::seconds time) {
  co_await tutti::sleep(time);
  ++count;
}

Coro<> sleepers(std::uint64_t n, std::chrono::seconds time) {
  std::vector<Task<>> tasks;
  tasks.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) tasks.push_back(tutti::create_task(sleeper(time)));
  for (auto& task : tasks) co_await task;
}

Coro<> produce(tutti::Queue<std::uint64_t>& queue, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) co_await queue.put(i);
}

Coro<> consume(tutti::Queue<std::uint64_t>& queue, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) count += (co_await queue.get()) & 1;
}

Coro<> through_a_queue(std::uint64_t n) {
  tutti::Queue<std::uint64_t> queue(128);
  co_await tutti::gather(produce(queue, n), consume(queue, n));
}

// Two loops on two threads call each other in turn.
struct PingPong {
  tutti::EventLoop here;
  tutti::EventLoop* there = nullptr;
  std::uint64_t left = 0;

  void ping() {
    there->call_soon_threadsafe([this] { here.call_soon_threadsafe([this] { pong(); }); });
  }
  void pong() {
    ++count;
    if (--left != 0) return ping();
    there->call_soon_threadsafe([loop = there] { loop->stop(); });
    here.stop();
  }
};

void across_threads(std::uint64_t n) {
  PingPong game;
  game.left = n;
  std::latch ready(1);
  std::thread other([&] {
    tutti::EventLoop loop;
    game.there = &loop;
    loop.call_soon([&] { ready.count_down(); });
    loop.run_forever();
  });
  ready.wait();
  count = 0;
  const std::uint64_t begin = bench::now_ns();
  game.here.call_soon([&] { game.ping(); });
  game.here.run_forever();
  bench::report("tutti", "W6", n, bench::now_ns() - begin, count == n);
  other.join();
}

// Two busy loops on two threads call each other's functions, a hundred of them in each iteration.
struct Busy {
  tutti::EventLoop* loop = nullptr;
  Busy* other = nullptr;
  std::uint64_t to_send = 0;
  std::uint64_t to_receive = 0;

  void turn() {
    for (int i = 0; i < 100 && to_send != 0; ++i, --to_send) {
      other->loop->call_soon_threadsafe([there = other] { --there->to_receive; });
    }
    if (to_send == 0 && to_receive == 0) return loop->stop();
    loop->call_soon([this] { turn(); });
  }
  void run(std::latch& begin) {
    begin.arrive_and_wait();
    loop->call_soon([this] { turn(); });
    loop->run_forever();
  }
};

void between_busy_threads(std::uint64_t n) {
  tutti::EventLoop loops[2];  // they outlive both threads: each is called by the other to the end
  Busy busy[2];
  for (int i = 0; i < 2; ++i) busy[i] = {&loops[i], &busy[1 - i], n / 2, n / 2};
  std::latch begin(2);
  std::thread second([&] { busy[1].run(begin); });
  const std::uint64_t start = bench::now_ns();
  busy[0].run(begin);
  second.join();
  const bool ok = busy[0].to_receive == 0 && busy[1].to_receive == 0;
  bench::report("tutti", "W7", n, bench::now_ns() - start, ok);
}

struct Measured {
  std::uint64_t ns = 0;
  std::uint64_t allocations = 0;
};

// Adds and cancels timers at random distances while `pending` others wait.
Coro<> timers(std::uint64_t n, std::uint64_t pending, Measured& measured) {
  auto& loop = tutti::get_running_loop();
  std::vector<tutti::TimerHandle> waiting;
  std::uint64_t random = 88172645463325252ULL;
  const auto distance = [&random] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return 1s + std::chrono::nanoseconds(random % 60'000'000'000ULL);
  };
  for (std::uint64_t i = 0; i < pending; ++i) waiting.push_back(loop.call_later(distance(), [] {}));
  const std::uint64_t allocations = bench::allocations();
  const std::uint64_t begin = bench::now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    loop.call_later(distance(), [] {}).cancel();
    ++count;
  }
  measured = {bench::now_ns() - begin, bench::allocations() - allocations};
  for (auto& timer : waiting) timer.cancel();
  co_return;
}

Coro<> limited(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) count += co_await tutti::wait_for(child(i), 10s);
}

Coro<> gather_two(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    auto [a, b] = co_await tutti::gather(child(i), child(i + 1));
    count += a + b;
  }
}

Coro<> gather_thousand(std::uint64_t n) {
  for (std::uint64_t batch = 0; batch < n / 1000; ++batch) {
    std::vector<Coro<std::uint64_t>> children;
    children.reserve(1000);
    for (std::uint64_t i = 0; i < 1000; ++i) children.push_back(child(i));
    for (const std::uint64_t value : co_await tutti::gather(children)) count += value;
  }
}

void measure(const char* name, std::uint64_t n, std::uint64_t expected, Coro<> body) {
  count = 0;
  const std::uint64_t begin = bench::now_ns();
  const std::uint64_t allocations = bench::allocations();
  tutti::run(std::move(body));
  const std::uint64_t ns = bench::now_ns() - begin;
  bench::report("tutti", name, n, ns, count == expected, bench::allocations() - allocations);
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
    const auto time = std::chrono::seconds(bench::sleep_seconds());
    const std::uint64_t allocations = bench::allocations();
    const std::uint64_t begin = bench::now_ns();
    tutti::run(sleepers(n(1'000'000), time));
    const std::uint64_t ns = bench::now_ns() - begin;
    const auto asleep = static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
    bench::report_sleep("tutti", n(1'000'000), ns, asleep, count == n(1'000'000), bench::allocations() - allocations);
  } else if (what == "W5") {
    measure("W5", n(5'000'000), n(5'000'000) / 2, through_a_queue(n(5'000'000)));
  } else if (what == "W6") {
    across_threads(n(100'000));
  } else if (what == "W7") {
    between_busy_threads(n(2'000'000));
  } else if (what == "timers") {
    for (const std::uint64_t pending : {0ULL, 1000ULL, 1'000'000ULL}) {
      count = 0;
      Measured measured;
      tutti::run(timers(n(5'000'000), pending, measured));
      bench::report("tutti", ("timer-" + std::to_string(pending)).c_str(), n(5'000'000), measured.ns,
                    count == n(5'000'000), measured.allocations);
    }
  } else if (what == "wait_for") {
    measure("wait_for", n(2'000'000), n(2'000'000) / 2, limited(n(2'000'000)));
  } else if (what == "gather2") {
    measure("gather2", n(1'000'000), n(1'000'000), gather_two(n(1'000'000)));
  } else if (what == "gather1000") {
    measure("gather1000", n(1'000'000), n(1'000'000) / 2, gather_thousand(n(1'000'000)));
  } else {
    std::fputs("usage: tasks_tutti W1|W1b|W2|W3|W4|W5|W6|W7|timers|wait_for|gather2|gather1000 [n]\n", stderr);
    return 2;
  }
}

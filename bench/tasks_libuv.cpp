// SPDX-License-Identifier: MIT
// What the workloads have in common with libuv, a loop of callbacks without tasks: turns of the loop, sleepers, timers.
//   tasks_libuv W2|W4|W6|W7|timers [n]
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <uv.h>

#include "measure.hpp"

namespace {

std::uint64_t count = 0;
std::uint64_t limit = 0;

// One iteration of the loop each, which runs one callback.
void turns(uv_loop_t* loop, std::uint64_t n) {
  limit = n;
  uv_idle_t idle;
  uv_idle_init(loop, &idle);
  uv_idle_start(&idle, [](uv_idle_t* handle) {
    if (++count == limit) uv_idle_stop(handle);
  });
  uv_run(loop, UV_RUN_DEFAULT);
}

// Each timer is an allocation of its own, as each sleeper has one.
void sleepers(uv_loop_t* loop, std::uint64_t n, std::uint64_t seconds) {
  std::vector<std::unique_ptr<uv_timer_t>> timers(n);
  for (std::uint64_t i = 0; i < n; ++i) {
    timers[i] = std::make_unique<uv_timer_t>();
    uv_timer_init(loop, timers[i].get());
    if (i % 1000 == 0) uv_update_time(loop);
    uv_timer_start(timers[i].get(), [](uv_timer_t*) { ++count; }, seconds * 1000, 0);
  }
  uv_run(loop, UV_RUN_DEFAULT);
}

std::uint64_t add_and_cancel(uv_loop_t* loop, std::uint64_t n, std::uint64_t pending) {
  std::uint64_t random = 88172645463325252ULL;
  const auto distance_ms = [&random] {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    return 1000 + random % 60'000;
  };
  std::vector<uv_timer_t> waiting(pending);
  for (uv_timer_t& timer : waiting) {
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, [](uv_timer_t*) {}, distance_ms(), 0);
  }
  uv_timer_t timer;
  uv_timer_init(loop, &timer);
  const std::uint64_t begin = bench::now_ns();
  for (std::uint64_t i = 0; i < n; ++i) {
    uv_timer_start(&timer, [](uv_timer_t*) {}, distance_ms(), 0);
    count += uv_timer_stop(&timer) == 0 ? 1 : 0;
  }
  const std::uint64_t ns = bench::now_ns() - begin;
  for (uv_timer_t& other : waiting) uv_close(reinterpret_cast<uv_handle_t*>(&other), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  uv_run(loop, UV_RUN_DEFAULT);
  return ns;
}

// Two loops on two threads call each other in turn.
struct PingPong {
  uv_async_t here{};
  uv_async_t there{};
  std::uint64_t left = 0;
};

void across_threads(uv_loop_t* loop, std::uint64_t n) {
  PingPong game;
  game.left = n;
  uv_loop_t far;
  uv_loop_init(&far);
  uv_async_init(&far, &game.there, [](uv_async_t* async) {
    auto* both = static_cast<PingPong*>(async->data);
    if (both->left == 0) return uv_close(reinterpret_cast<uv_handle_t*>(async), nullptr);
    uv_async_send(&both->here);
  });
  uv_async_init(loop, &game.here, [](uv_async_t* async) {
    auto* both = static_cast<PingPong*>(async->data);
    ++count;
    if (--both->left == 0) uv_close(reinterpret_cast<uv_handle_t*>(async), nullptr);
    uv_async_send(&both->there);
  });
  game.here.data = game.there.data = &game;
  std::thread other([&] { uv_run(&far, UV_RUN_DEFAULT); });
  const std::uint64_t begin = bench::now_ns();
  uv_async_send(&game.there);
  uv_run(loop, UV_RUN_DEFAULT);
  bench::report("libuv", "W6", n, bench::now_ns() - begin, count == n);
  other.join();
  uv_loop_close(&far);
}

// Two busy loops on two threads send each other functions, a hundred in each turn; libuv's own way for that is a queue of the
// program's under a lock, and one uv_async_t that wakes the loop.
struct Busy {
  uv_loop_t loop{};
  uv_async_t wake{};
  uv_idle_t turns{};
  std::mutex lock;
  std::vector<std::function<void()>> queue;
  Busy* other = nullptr;
  std::uint64_t to_send = 0;
  std::uint64_t to_receive = 0;

  void open(Busy& there, std::uint64_t n) {
    other = &there;
    to_send = to_receive = n;
    uv_loop_init(&loop);
    uv_async_init(&loop, &wake, [](uv_async_t* async) { static_cast<Busy*>(async->data)->take(); });
    uv_idle_init(&loop, &turns);
    wake.data = turns.data = this;
    uv_idle_start(&turns, [](uv_idle_t* idle) { static_cast<Busy*>(idle->data)->turn(); });
  }
  void call_threadsafe(std::function<void()> function) {
    {
      const std::lock_guard guard(lock);
      queue.push_back(std::move(function));
    }
    uv_async_send(&wake);
  }
  void take() {
    std::vector<std::function<void()>> taken;
    {
      const std::lock_guard guard(lock);
      taken.swap(queue);
    }
    for (const auto& function : taken) function();
  }
  void turn() {
    for (int i = 0; i < 100 && to_send != 0; ++i, --to_send) {
      other->call_threadsafe([there = other] { --there->to_receive; });
    }
    if (to_send == 0 && to_receive == 0) uv_stop(&loop);
  }
};

void between_busy_threads(std::uint64_t n) {
  Busy busy[2];
  for (int i = 0; i < 2; ++i) busy[i].open(busy[1 - i], n / 2);
  std::latch begin(2);
  const auto run = [&](Busy& side) {
    begin.arrive_and_wait();
    uv_run(&side.loop, UV_RUN_DEFAULT);
  };
  std::thread second([&] { run(busy[1]); });
  const std::uint64_t start = bench::now_ns();
  run(busy[0]);
  second.join();
  bench::report("libuv", "W7", n, bench::now_ns() - start, busy[0].to_receive == 0 && busy[1].to_receive == 0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto n = [&](std::uint64_t by_default) { return bench::argument(argc, argv, 2, by_default); };
  uv_loop_t loop;
  uv_loop_init(&loop);
  bench::set_base();
  if (what == "W2") {
    const std::uint64_t begin = bench::now_ns();
    turns(&loop, n(10'000'000));
    bench::report("libuv", "W2", n(10'000'000), bench::now_ns() - begin, count == n(10'000'000));
  } else if (what == "W4") {
    const std::uint64_t seconds = bench::sleep_seconds();
    const std::uint64_t begin = bench::now_ns();
    sleepers(&loop, n(1'000'000), seconds);
    // Its clock has whole milliseconds and is read once an iteration, so a timer may fire up to 1 ms early.
    const std::uint64_t ns = bench::now_ns() - begin + 1'000'000;
    bench::report_sleep("libuv", n(1'000'000), ns, seconds * 1'000'000'000ULL, count == n(1'000'000));
  } else if (what == "W6") {
    across_threads(&loop, n(100'000));
  } else if (what == "W7") {
    between_busy_threads(n(2'000'000));
  } else if (what == "timers") {
    for (const std::uint64_t pending : {0ULL, 1000ULL, 1'000'000ULL}) {
      count = 0;
      const std::uint64_t ns = add_and_cancel(&loop, n(2'000'000), pending);
      bench::report("libuv", ("timer-" + std::to_string(pending)).c_str(), n(2'000'000), ns, count == n(2'000'000));
    }
  } else {
    std::fputs("usage: tasks_libuv W2|W4|W6|W7|timers [n]\n", stderr);
    return 2;
  }
}

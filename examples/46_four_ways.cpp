// SPDX-License-Identifier: MIT
// The same work in four ways: one after another, in threads, in processes, as coroutines. What helps depends on what the work waits for.
//
//   make build && build/release/examples/example_46_four_ways
#include <chrono>
#include <cstdio>
#include <ranges>
#include <thread>
#include <vector>

#include <tutti/executors/process_pool.hpp>
#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region work]
// I/O-bound: the processor has nothing to do meanwhile.
int wait_blocking(int job) { return std::this_thread::sleep_for(40ms), job; }
Coro<int> wait_awaiting(int job) { return tutti::sleep(40ms, job); }

// CPU-bound: the processor has nothing else to do.
int count_primes(int limit) {
  int count = 0;
  for (int n = 2, d = 2; n < 400'000 + limit; ++n, d = 2) {
    while (d * d <= n && n % d != 0) ++d;
    count += d * d > n ? 1 : 0;
  }
  return count;
}
Coro<int> count_awaiting(int limit) { co_return count_primes(limit); }
// [endregion]

// [region ways]
template <class Way>
void measure(Way way) {
  const auto begin = std::chrono::steady_clock::now();
  for (const int result : way()) (void)result;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  std::printf("%8.1f ms", took.count());
}

void compare(const char* kind, int (*work)(int), Coro<int> (*awaiting)(int)) {
  const std::vector<int> jobs{1, 2, 3, 4, 5, 6};
  tutti::ThreadPoolExecutor threads({.max_workers = 6});
  tutti::ProcessPoolExecutor processes({.max_workers = 6});
  std::printf("%s", kind);
  measure([&] { return jobs | std::views::transform(work); });
  measure([&] { return threads.map(work, jobs); });
  measure([&] { return processes.map(work, jobs); });
  measure([&] { return tutti::run([&] { return tutti::gather(jobs | std::views::transform(awaiting)); }); });
  std::puts("");
}
// [endregion]

int main() {
  std::puts("             blocking    threads  processes    asyncio");
  compare("I/O-bound", wait_blocking, wait_awaiting);
  compare("CPU-bound", count_primes, count_awaiting);
}

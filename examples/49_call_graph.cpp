// SPDX-License-Identifier: MIT
// The call graph: who awaits whom. Where is this program now, and why does it not go on?
//
//   make build && build/release/examples/example_49_call_graph
#include <chrono>
#include <cstdio>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;

// [region print]
Coro<> read_page() {
  co_await tutti::sleep(1ms);
  co_await tutti::print_call_graph();  // the running task: this coroutine, whoever awaits it, and so on
}

Coro<> fetch() { co_await read_page(); }

Coro<> crawl() {
  auto page = tutti::create_task(fetch(), {.name = "fetch"});
  co_await tutti::gather(page, tutti::sleep(1ms));
}
// [endregion]

// [region hang]
Coro<> consume(tutti::Queue<int>& queue) { co_await queue.get(); }

Coro<> find_what_hangs() {
  tutti::Queue<int> queue;
  auto consumer = tutti::create_task(consume(queue), {.name = "consumer"});
  co_await tutti::sleep(1ms);
  std::puts("--");
  tutti::print_call_graph(consumer);  // another task: where does it wait?
  std::puts("--");
  tutti::print_all_tasks(stdout);  // or all of them
  queue.put_nowait(1);
  co_await consumer;
}
// [endregion]

int main() {
  tutti::run(crawl());
  tutti::run(find_what_hangs());
}

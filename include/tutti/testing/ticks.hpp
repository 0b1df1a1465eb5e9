// SPDX-License-Identifier: MIT
// Counts the loop's iterations: how long something takes in the only unit that does not depend on the machine.
#pragma once

#include <cstdint>
#include <utility>

#include <tutti/loop/event_loop.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/sleep.hpp>

namespace tutti::testing {

/// How many iterations of the loop pass while the task awaits what `body()` returns. What that throws comes through.
template <CoroutineFunction F>
Coro<std::uint64_t> ticks(F body) {
  co_await sleep(Duration::zero());
  const EventLoop& loop = get_running_loop();
  const std::uint64_t begin = loop.iterations();
  co_await body();
  co_return loop.iterations() - begin;
}

}  // namespace tutti::testing

// SPDX-License-Identifier: MIT
// What the tests of this layer share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

namespace sync_test {

using Log = std::vector<int>;

/// asyncio.sleep(0): lets each ready task run once.
inline auto one_tick() { return tutti::sleep(tutti::Duration::zero()); }

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Runs each of these coroutine functions on a loop of its own, while the other loop is there.
template <class First, class Second>
void run_on_two_loops(First first, Second second) {
  tutti::Runner one;
  tutti::Runner other;
  one.run(std::move(first));
  other.run(std::move(second));
}

}  // namespace sync_test

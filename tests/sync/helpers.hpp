// SPDX-License-Identifier: MIT
// What the tests of this layer share.
#pragma once

#include <memory>
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

/// Runs each of these coroutine functions on a loop of its own.
template <class First, class Second>
void run_on_two_loops(First first, Second second) {
  auto one = tutti::new_event_loop();
  auto other = tutti::new_event_loop();
  one->run_until_complete(std::move(first));
  other->run_until_complete(std::move(second));
  tutti::detail::cancel_all_tasks(*one);
}

}  // namespace sync_test

// SPDX-License-Identifier: MIT
// What tests of cancel scopes share.
#pragma once

#include "task/helpers.hpp"

namespace tutti::tests {

/// How many of `count` waits throw `CancelledError`.
inline Coro<int> count_cancelled(int count) {
  int cancelled = 0;
  for (int i = 0; i < count; ++i) {
    try {
      if (i % 2 == 0) {
        co_await sleep(10ms);
      } else {
        co_await turn();
      }
    } catch (const CancelledError&) {
      ++cancelled;
    }
  }
  co_return cancelled;
}

}  // namespace tutti::tests

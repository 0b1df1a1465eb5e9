// SPDX-License-Identifier: MIT
// Checkpoints: after Trio's test_checkpoint.
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/checkpoint.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

TUTTI_TEST(Checkpoint, LetsOthersRunOnce) {
  bool ran = false;
  get_running_loop().call_soon([&] { ran = true; });
  co_await checkpoint_if_cancelled();
  EXPECT_FALSE(ran);
  co_await checkpoint();
  EXPECT_TRUE(ran);
  ran = false;
  get_running_loop().call_soon([&] { ran = true; });
  co_await cancel_shielded_checkpoint();
  EXPECT_TRUE(ran);
}

TUTTI_TEST(Checkpoint, ThrowsInACancelledScopeUnlessItIsShielded) {
  for (const bool only_if : {false, true}) {
    bool shielded = false;
    bool passed = false;
    const bool whole = co_await cancel_scope([&](CancelScope& scope) -> Coro<> {
      scope.cancel();
      co_await cancel_shielded_checkpoint();
      shielded = true;
      if (only_if) {
        co_await checkpoint_if_cancelled();
      } else {
        co_await checkpoint();
      }
      passed = true;
    });
    EXPECT_TRUE(shielded);
    EXPECT_FALSE(passed);
    EXPECT_FALSE(whole);
  }
}

TUTTI_TEST(Checkpoint, ThrowsInACancelledTask) {
  const auto task = create_task([]() -> Coro<> {
    current_task()->cancel();
    co_await checkpoint_if_cancelled();
    ADD_FAILURE() << "it was cancelled";
  });
  CO_ASSERT_THROW(co_await task, CancelledError);
  const auto waiting = create_task([]() -> Coro<> { co_await cancel_shielded_checkpoint(); });
  co_await turns(1);
  waiting.cancel();
  CO_ASSERT_THROW(co_await waiting, CancelledError);
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// shield: CPython's test_tasks.
#include <string>

#include <tutti/task/gather.hpp>
#include <tutti/task/shield.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

// test_tasks.BaseTaskTests.test_shield_result
TUTTI_TEST(Shield, GivesTheInnerResult) {
  EXPECT_EQ(co_await shield(noop(42)), 42);
  EXPECT_EQ(co_await shield([] { return noop(43); }), 43);
}

// test_tasks.BaseTaskTests.test_shield_exception
TUTTI_TEST(Shield, PassesTheInnerException) { EXPECT_THROW(co_await shield(raise_later()), ValueError); }

// test_tasks.BaseTaskTests.test_shield_effect
TUTTI_TEST(Shield, KeepsACancellationFromTheInnerTask) {
  bool done = false;
  const auto inner = [&]() -> Coro<> {
    co_await turns(4);
    done = true;
  };
  auto outer = create_task([&]() -> Coro<> { co_await shield(inner()); });
  co_await turns(2);
  outer.cancel();
  EXPECT_THROW(co_await outer, CancelledError);
  EXPECT_FALSE(done);
  co_await turns(6);
  EXPECT_TRUE(done);
}

// test_tasks.BaseTaskTests.test_shield_cancel_inner
TUTTI_TEST(Shield, IsCancelledIfTheInnerOneIs) {
  const Future<int> inner;
  const auto outer = shield(inner);
  co_await turn();
  inner.cancel();
  co_await turn();
  EXPECT_TRUE(outer.cancelled());
}

// test_tasks.BaseTaskTests.test_shield_cancel_outer
TUTTI_TEST(Shield, CancelledLeavesTheInnerOnePending) {
  const Future<int> inner;
  const auto outer = shield(inner);
  co_await turn();
  outer.cancel();
  co_await turn();
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(inner.done());
}

// test_tasks.BaseTaskTests.test_shield_cancel_outer_result
TUTTI_TEST(Shield, CancelledIgnoresALaterResult) {
  const Future<int> inner;
  const auto outer = shield(inner);
  outer.cancel();
  co_await turn();
  inner.set_result(1);
  co_await turn();
  EXPECT_TRUE(outer.cancelled());
}

// test_tasks.BaseTaskTests.test_shield_cancel_outer_exception, test_shield_duplicate_log_once
TUTTI_TEST(Shield, CancelledReportsALaterExceptionOnce) {
  const Future<int> inner;
  const auto outer = shield(inner);
  outer.cancel();
  co_await turn();
  inner.set_exception(RuntimeError("too late"));
  co_await turns(2);
  testing::expect_report("exception in shielded future");
}

// test_tasks.BaseTaskTests.test_shield_shortcut
TUTTI_TEST(Shield, OfADoneFutureIsThatFuture) {
  const Future<int> inner;
  inner.set_result(42);
  EXPECT_EQ(shield(inner), inner);
  EXPECT_EQ(co_await shield(inner), 42);
}

// test_tasks.BaseTaskTests.test_shield_gather
TUTTI_TEST(Shield, AroundAGatherLeavesItsChildren) {
  const Future<int> a;
  const Future<int> b;
  const auto parent = gather(a, b);
  const auto outer = shield(parent);
  co_await turn();
  outer.cancel();
  co_await turn();
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(parent.done());
  a.set_result(0);
  b.set_result(1);
  auto [first, second] = co_await parent;
  EXPECT_EQ(first + second, 1);
}

// test_tasks.BaseTaskTests.test_gather_shield
TUTTI_TEST(Shield, InsideAGatherIsCancelledAndItsInnerOneIsNot) {
  const Future<int> a;
  const Future<int> b;
  const auto both = gather(shield(a), shield(b));
  co_await turn();
  both.cancel();
  EXPECT_THROW(co_await both, CancelledError);
  EXPECT_FALSE(a.done());
  EXPECT_FALSE(b.done());
  a.set_result(1);
  b.set_result(2);
}

TUTTI_TEST(Shield, DroppedWithItsInnerFutureLeaksNothing) {
  {
    const auto outer = shield(Future<std::string>());
  }
  co_return;
}

}  // namespace
}  // namespace tutti::tests

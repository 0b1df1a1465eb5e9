// SPDX-License-Identifier: MIT
// Cancel scopes inside of each other, with and without shields.
#include <string>
#include <vector>

#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/run.hpp>

#include "task/helpers.hpp"
#include "task/scope_support.hpp"

namespace tutti::tests {
namespace {

using Log = std::vector<std::string>;

TUTTI_VIRTUAL_TEST(NestedCancelScopes, EndTheExceptionAtTheOutermostThatIsCancelled) {
  for (const bool both : {false, true}) {
    Log log;
    EXPECT_FALSE(co_await cancel_scope([&](CancelScope& outer) -> Coro<> {
      CancelScope inner;
      EXPECT_THROW((void)co_await inner.run([&]() -> Coro<> {
        outer.cancel("outer");
        if (both) inner.cancel("inner");
        co_await turn();
      }),
                   CancelledError);
      EXPECT_FALSE(inner.cancelled_caught());
      log.emplace_back("still in the outer one");
      co_await turn();
    }));
    EXPECT_EQ(log.size(), 1U);
  }
}

TUTTI_VIRTUAL_TEST(NestedCancelScopes, GoOnBehindAnInnerOneThatWasCancelled) {
  EXPECT_TRUE(co_await cancel_scope([]() -> Coro<> {
    EXPECT_FALSE(co_await cancel_scope([](CancelScope& inner) -> Coro<> {
      inner.cancel();
      co_await turn();
    }));
    EXPECT_EQ(co_await count_cancelled(3), 0);
  }));
}

TUTTI_VIRTUAL_TEST(NestedCancelScopes, WithOneDeadlineAreBothLeft) {
  EXPECT_FALSE(co_await move_on_after(1s, []() -> Coro<> {
    co_await move_on_after(1s, []() -> Coro<> { co_await sleep(1h); });
    co_await sleep(1h);
  }));
}

TUTTI_VIRTUAL_TEST(NestedCancelScopes, AreOutOfReachBehindAShield) {
  const TimePoint begin = get_running_loop().time();
  Log log;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    co_await cancel_scope(
        [&]() -> Coro<> {
          co_await sleep(5s);
          log.emplace_back("shielded");
        },
        {.shield = true});
    EXPECT_EQ(get_running_loop().time(), begin + 5s);
    co_await turn();
    log.emplace_back("not shielded");
  }));
  EXPECT_EQ(log, Log{"shielded"});
}

TUTTI_VIRTUAL_TEST(NestedCancelScopes, CanBeCancelledInsideOfAShield) {
  EXPECT_FALSE(co_await cancel_scope([&](CancelScope& outer) -> Coro<> {
    outer.cancel();
    EXPECT_FALSE(co_await move_on_after(1s, []() -> Coro<> { co_await sleep(1h); }, {.shield = true}));
    co_await turn();
  }));
}

TUTTI_VIRTUAL_TEST(NestedCancelScopes, AreCancelledAtOnceWhenTheShieldIsLowered) {
  EXPECT_FALSE(co_await cancel_scope([&](CancelScope& outer) -> Coro<> {
    outer.cancel();
    co_await cancel_scope(
        [&](CancelScope& inner) -> Coro<> {
          EXPECT_TRUE(inner.shield());
          EXPECT_EQ(co_await count_cancelled(2), 0);
          get_running_loop().call_later(1s, [&] { inner.set_shield(false); });
          try {
            co_await sleep(1h);
          } catch (const CancelledError&) {
          }
          inner.set_shield(true);
          EXPECT_EQ(co_await count_cancelled(2), 0);
        },
        {.shield = true});
    co_await turn();
  }));
}

TUTTI_VIRTUAL_TEST(CancelScope, ShieldsACleanup) {
  Log log;
  EXPECT_FALSE(co_await move_on_after(1s, [&]() -> Coro<> {
    std::exception_ptr error;
    try {
      co_await sleep(1h);
    } catch (...) {
      error = std::current_exception();
    }
    EXPECT_THROW(co_await turn(), CancelledError);
    co_await move_on_after(1s,
                           [&]() -> Coro<> {
                             co_await turn();
                             log.emplace_back("cleaned up");
                           },
                           {.shield = true});
    std::rethrow_exception(error);
  }));
  EXPECT_EQ(log, Log{"cleaned up"});
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// CPython's test_timeouts.
#include <optional>
#include <string>
#include <utility>

#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

TimePoint now() { return get_running_loop().time(); }

// `async with limit: body`, where `limit` is looked at afterwards; gives what leaves the block.
template <class Body>
Coro<std::exception_ptr> within(Timeout& limit, Body body) {
  limit.enter();
  std::exception_ptr error;
  try {
    co_await body();
  } catch (...) {
    error = std::current_exception();
  }
  co_return limit.exit(std::move(error));
}

// `try: await sleep(delay) finally: raise Error`
template <class Error>
Coro<> sleep_finally_raise(Duration delay) {
  try {
    co_await sleep(delay);
  } catch (...) {
    throw Error();
  }
  throw Error();
}

bool is_timeout_caused_by_cancellation(const std::exception_ptr& error) {
  if (!holds<TimeoutError>(error)) return false;
  const auto cause = error_of_call([&] {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& timeout) {
      std::rethrow_if_nested(timeout);
    }
  });
  return is_cancelled(cause);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_basic) {
  Timeout limit(now() + 10ms);
  EXPECT_TRUE(holds<TimeoutError>(co_await within(limit, [] { return sleeper(10s); })));
  EXPECT_TRUE(limit.expired());
  EXPECT_THROW(co_await timeout(10ms, [] { return sleeper(10s); }), TimeoutError);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_at_basic) {
  const TimePoint deadline = now() + 10ms;
  Timeout limit(deadline);
  EXPECT_TRUE(holds<TimeoutError>(co_await within(limit, [] { return sleeper(10s); })));
  EXPECT_TRUE(limit.expired());
  EXPECT_EQ(limit.when(), deadline);
  EXPECT_EQ(now(), deadline);
  EXPECT_THROW(co_await timeout_at(now() + 10ms, [] { return sleeper(10s); }), TimeoutError);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_nested_timeouts) {
  const TimePoint deadline = now() + 10ms;
  Timeout outer(deadline);
  Timeout inner(deadline);
  std::exception_ptr from_inner;
  const auto error = co_await within(outer, [&]() -> Coro<> {
    from_inner = co_await within(inner, [] { return sleeper(10s); });
    std::rethrow_exception(from_inner);
  });
  EXPECT_TRUE(holds<TimeoutError>(error));
  EXPECT_TRUE(is_cancelled(from_inner));  // only the outer one times out
  EXPECT_TRUE(outer.expired());
  EXPECT_TRUE(inner.expired());
}

CONFORMANCE(test_timeouts, TimeoutTests, test_waiter_cancelled) {
  bool cancelled = false;
  const auto body = [&]() -> Coro<> {
    try {
      co_await sleep(10s);
    } catch (const CancelledError&) {
      cancelled = true;
      throw;
    }
  };
  EXPECT_THROW(co_await timeout(10ms, body), TimeoutError);
  EXPECT_TRUE(cancelled);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_not_called) {
  Timeout limit(now() + 10s);
  EXPECT_EQ(co_await within(limit, [] { return sleeper(10ms); }), nullptr);
  EXPECT_FALSE(limit.expired());
  EXPECT_GT(limit.when(), now());
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_disabled) {
  co_await timeout(std::nullopt, [](Timeout& limit) -> Coro<> {
    co_await sleep(10ms);
    EXPECT_FALSE(limit.expired());
    EXPECT_EQ(limit.when(), std::nullopt);
  });
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_at_disabled) {
  Timeout limit(std::nullopt);
  EXPECT_EQ(co_await within(limit, [] { return sleeper(10ms); }), nullptr);
  EXPECT_FALSE(limit.expired());
  EXPECT_EQ(limit.when(), std::nullopt);
}

// A deadline that is there already, over a sleep.
Coro<> expect_immediate_timeout(Duration delay, Duration body) {
  const TimePoint begin = now();
  std::optional<TimePoint> when;
  const auto error = co_await error_of(timeout(delay, [&](Timeout& limit) -> Coro<> {
    when = limit.when();
    co_await sleep(body);
  }));
  EXPECT_TRUE(holds<TimeoutError>(error));
  EXPECT_EQ(when, begin + delay);
  EXPECT_EQ(now(), begin);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_zero) { co_await expect_immediate_timeout(0s, 10s); }

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_zero_sleep_zero) { co_await expect_immediate_timeout(0s, 0s); }

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_in_the_past_sleep_zero) {
  co_await expect_immediate_timeout(-11s, 0s);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_foreign_exception_passed) {
  Timeout limit(now() + 10ms);
  EXPECT_TRUE(holds<ZeroDivisionError>(co_await within(limit, []() -> Coro<> {
    throw ZeroDivisionError();
    co_return;
  })));
  EXPECT_FALSE(limit.expired());
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_exception_context) {
  const auto error = co_await error_of(timeout(10ms, []() -> Coro<> {
    const auto first = error_of_call([] { throw ZeroDivisionError(); });
    co_await sleep(1s);  // the `finally` of a block that failed
    std::rethrow_exception(first);
  }));
  EXPECT_TRUE(is_timeout_caused_by_cancellation(error));
}

CONFORMANCE(test_timeouts, TimeoutTests, test_foreign_exception_on_timeout) {
  EXPECT_THROW(co_await timeout(10ms, [] { return sleep_finally_raise<ZeroDivisionError>(1s); }), ZeroDivisionError);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_foreign_exception_on_timeout_2) {
  Timeout limit(now() + 10ms);
  const auto error = co_await within(limit, []() -> Coro<> {
    std::exception_ptr first = co_await error_of(raise<ValueError>());
    std::exception_ptr second = co_await error_of(sleeper(1s));
    EXPECT_TRUE(holds<ValueError>(first));
    EXPECT_TRUE(is_cancelled(second));
    throw ZeroDivisionError();
  });
  EXPECT_TRUE(holds<ZeroDivisionError>(error));
  EXPECT_TRUE(limit.expired());
}

CONFORMANCE(test_timeouts, TimeoutTests, test_foreign_cancel_doesnt_timeout_if_not_expired) {
  co_await create_task([]() -> Coro<> {
    Timeout limit(now() + 10s);
    EXPECT_TRUE(is_cancelled(co_await within(limit, []() -> Coro<> {
      current_task()->cancel();
      co_await sleep(10s);
    })));
    EXPECT_FALSE(limit.expired());
  });
}

CONFORMANCE(test_timeouts, TimeoutTests, test_outer_task_is_not_cancelled) {
  const auto task =
      create_task([]() -> Coro<> { EXPECT_THROW(co_await timeout(1ms, [] { return sleeper(10s); }), TimeoutError); });
  co_await task;
  EXPECT_FALSE(task.cancelled());
  EXPECT_TRUE(task.done());
}

CONFORMANCE(test_timeouts, TimeoutTests, test_nested_timeouts_concurrent) {
  std::exception_ptr from_inner;
  const auto outer = [&]() -> Coro<> {
    from_inner = co_await error_of(timeout(100ms, []() -> Coro<> {
      testing::virtual_clock().advance(10ms);  // busy
      co_await sleep(1s);
    }));
    if (is_cancelled(from_inner)) std::rethrow_exception(from_inner);
  };
  EXPECT_THROW(co_await timeout(2ms, outer), TimeoutError);
  EXPECT_TRUE(is_cancelled(from_inner));
}

CONFORMANCE(test_timeouts, TimeoutTests, test_nested_timeouts_loop_busy) {
  const Elapsed elapsed;
  bool inner_timed_out = false;
  const auto outer = [&]() -> Coro<> {
    const auto inner = []() -> Coro<> {
      testing::virtual_clock().advance(99ms);  // busy
      co_await sleep(1s);
    };
    EXPECT_THROW(co_await timeout(10ms, inner), TimeoutError);
    inner_timed_out = true;
    co_await sleep(10s);
  };
  EXPECT_THROW(co_await timeout(100ms, outer), TimeoutError);
  EXPECT_TRUE(inner_timed_out);
  EXPECT_EQ(elapsed(), 100ms);
}

CONFORMANCE(test_timeouts, TimeoutTests, test_reschedule) {
  const TimePoint deadline1 = now() + 10s;
  const TimePoint deadline2 = deadline1 + 20s;
  const Future<Timeout*> entered;
  Timeout limit(deadline1);
  const auto task = create_task([&]() -> Coro<> {
    const auto error = co_await within(limit, [&]() -> Coro<> {
      entered.set_result(&limit);
      co_await sleep(50s);
    });
    if (error) std::rethrow_exception(error);
  });
  co_await entered;
  EXPECT_EQ(limit.when(), deadline1);
  limit.reschedule(deadline2);
  EXPECT_EQ(limit.when(), deadline2);
  limit.reschedule(std::nullopt);
  EXPECT_EQ(limit.when(), std::nullopt);
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(limit.expired());
}

CONFORMANCE(test_timeouts, TimeoutTests, test_nested_timeout_in_finally) {
  std::exception_ptr from_inner;
  const auto error = co_await error_of(timeout(10ms, [&]() -> Coro<> {
    const auto first = co_await error_of(sleeper(1s));
    from_inner = co_await error_of(timeout(10ms, [] { return sleeper(10s); }));
    std::rethrow_exception(first);
  }));
  EXPECT_TRUE(is_timeout_caused_by_cancellation(error));
  EXPECT_TRUE(is_timeout_caused_by_cancellation(from_inner));
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_after_cancellation) {
  co_await create_task([]() -> Coro<> {
    current_task()->cancel();
    EXPECT_THROW(co_await sleep(1s), CancelledError);
    EXPECT_THROW(co_await timeout(0s, [] { return sleeper(1s); }), TimeoutError);
  });
}

CONFORMANCE(test_timeouts, TimeoutTests, test_cancel_in_timeout_after_cancellation) {
  co_await create_task([]() -> Coro<> {
    current_task()->cancel();
    EXPECT_THROW(co_await sleep(1s), CancelledError);
    const auto cleanup = []() -> Coro<> {
      current_task()->cancel();
      co_await sleep(2s);
    };
    EXPECT_THROW(co_await timeout(1s, cleanup), CancelledError);
  });
}

template <class F>
void expect_refused(F function, const std::string& why) {
  const std::string message = message_in<RuntimeError>(error_of_call(function));
  EXPECT_TRUE(contains(message, why)) << message;
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_already_entered) {
  co_await timeout(10ms, [](Timeout& limit) -> Coro<> {
    expect_refused([&] { limit.enter(); }, "has already been entered");
    co_return;
  });
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_double_enter) {
  Timeout limit(now() + 10ms);
  EXPECT_EQ(co_await within(limit, [] { return sleeper(0s); }), nullptr);
  expect_refused([&] { limit.enter(); }, "has already been entered");
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_finished) {
  Timeout limit(now() + 10ms);
  EXPECT_EQ(co_await within(limit, [] { return sleeper(0s); }), nullptr);
  expect_refused([&] { limit.reschedule(now() + 20ms); }, "finished");
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_expired) {
  Timeout limit(now() + 10ms);
  EXPECT_TRUE(holds<TimeoutError>(co_await within(limit, [] { return sleeper(1s); })));
  expect_refused([&] { limit.reschedule(now() + 20ms); }, "expired");
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_expiring) {
  co_await timeout(10ms, [](Timeout& limit) -> Coro<> {
    EXPECT_THROW(co_await sleep(1s), CancelledError);
    expect_refused([&] { limit.reschedule(now() + 20ms); }, "expiring");
  });
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_not_entered) {
  Timeout limit(now() + 10ms);
  expect_refused([&] { limit.reschedule(now() + 20ms); }, "has not been entered");
  co_return;
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_without_task) {
  Timeout limit(now() + 10ms);
  bool refused = false;
  get_running_loop().call_soon([&] {
    expect_refused([&] { limit.enter(); }, "task");
    refused = true;
  });
  co_await turn();
  EXPECT_TRUE(refused);
  expect_refused([&] { limit.reschedule(now() + 20ms); }, "has not been entered");
}

CONFORMANCE(test_timeouts, TimeoutTests, test_timeout_taskgroup) {
  Timeout limit(now() + 10ms);
  const auto error = co_await within(limit, []() -> Coro<> {
    co_await task_group([](TaskGroup& group) -> Coro<> {
      group.create_task(sleep_finally_raise<ZeroDivisionError>(2s));
      (void)co_await error_of(raise<ValueError>());
      co_await sleep(1s);  // the `finally` of a block that failed
    });
  });
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  CO_ASSERT_TRUE(is_group_of<ZeroDivisionError>(error));
  EXPECT_EQ(group_contents(error)->exceptions().size(), 1U);
  EXPECT_TRUE(limit.expired());
}

}  // namespace
}  // namespace tutti::conformance

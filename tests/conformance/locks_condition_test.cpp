// SPDX-License-Identifier: MIT
// CPython's test_locks: Condition.
#include <optional>
#include <string>
#include <vector>

#include <tutti/sync/condition.hpp>
#include <tutti/sync/lock.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using Log = std::vector<int>;

Coro<> wait_and_log(Condition& condition, Log& log, int number, bool release) {
  co_await condition.acquire();
  co_await condition.wait();
  log.push_back(number);
  if (release) condition.release();
}

CONFORMANCE(test_locks, ConditionTests, test_wait) {
  Condition condition;
  Log result;
  const auto t1 = create_task(wait_and_log(condition, result, 1, false));
  const auto t2 = create_task(wait_and_log(condition, result, 2, false));
  const auto t3 = create_task(wait_and_log(condition, result, 3, false));
  co_await turn();
  EXPECT_EQ(result, Log{});
  EXPECT_FALSE(condition.locked());

  co_await condition.acquire();
  condition.notify();
  co_await turn();
  EXPECT_EQ(result, Log{});
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await turn();
  EXPECT_EQ(result, Log{1});
  EXPECT_TRUE(condition.locked());

  condition.notify(2);
  co_await turn();
  EXPECT_EQ(result, Log{1});
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await turn();
  EXPECT_EQ(result, (Log{1, 2}));
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await turn();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_TRUE(condition.locked());
  EXPECT_TRUE(t1.done());
  EXPECT_TRUE(t2.done());
  EXPECT_TRUE(t3.done());
}

CONFORMANCE(test_locks, ConditionTests, test_wait_cancel) {
  Condition condition;
  co_await condition.acquire();
  const auto task = create_task(condition.wait());
  get_running_loop().call_soon([=] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_FALSE(contains(condition.to_string(), "waiters")) << condition.to_string();
  EXPECT_TRUE(condition.locked());
}

CONFORMANCE(test_locks, ConditionTests, test_wait_cancel_contested) {
  Condition condition;
  co_await condition.acquire();
  EXPECT_TRUE(condition.locked());
  const auto task = create_task(condition.wait());
  co_await turn();
  EXPECT_FALSE(condition.locked());

  // It is notified and finds the lock taken before it is cancelled.
  co_await condition.acquire();
  EXPECT_TRUE(condition.locked());
  condition.notify();
  get_running_loop().call_soon([=] { task.cancel(); });
  get_running_loop().call_soon([&] { condition.release(); });
  (void)co_await error_of(task);
  EXPECT_TRUE(condition.locked());
}

CONFORMANCE(test_locks, ConditionTests, test_wait_cancel_after_notify) {
  Condition condition;
  bool waited = false;
  const auto waiter = create_task([&]() -> Coro<> {
    const auto guard = co_await condition.scoped();
    waited = true;
    co_await condition.wait();
  });
  co_await turn();  // it waits
  co_await condition.acquire();
  condition.notify();
  co_await turn();  // it wants the lock
  waiter.cancel();
  co_await turn();  // it is being cancelled
  condition.release();
  co_await turn();  // now it can leave
  EXPECT_TRUE(waiter.cancelled());
  EXPECT_TRUE(waited);
}

CONFORMANCE(test_locks, ConditionTests, test_wait_unacquired) {
  Condition condition;
  EXPECT_THROW(co_await condition.wait(), RuntimeError);
}

CONFORMANCE(test_locks, ConditionTests, test_wait_for) {
  Condition condition;
  bool presult = false;
  Log result;
  const auto task = create_task([&]() -> Coro<> {
    co_await condition.acquire();
    if (co_await condition.wait_for([&] { return presult; })) {
      result.push_back(1);
      condition.release();
    }
  });
  co_await turn();
  EXPECT_EQ(result, Log{});

  co_await condition.acquire();
  condition.notify();
  condition.release();
  co_await turn();
  EXPECT_EQ(result, Log{});

  presult = true;
  co_await condition.acquire();
  condition.notify();
  condition.release();
  co_await turn();
  EXPECT_EQ(result, Log{1});
  EXPECT_TRUE(task.done());
}

CONFORMANCE(test_locks, ConditionTests, test_wait_for_unacquired) {
  Condition condition;
  // Nothing has to be waited for, so the lock is not needed.
  const auto result = co_await condition.wait_for([] { return std::optional<Log>(Log{1, 2, 3}); });
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_THROW(co_await condition.wait_for([] { return false; }), RuntimeError);
}

CONFORMANCE(test_locks, ConditionTests, test_notify) {
  Condition condition;
  Log result;
  const auto t1 = create_task(wait_and_log(condition, result, 1, true));
  const auto t2 = create_task(wait_and_log(condition, result, 2, true));
  const auto t3 = create_task(wait_and_log(condition, result, 3, true));
  co_await turn();
  EXPECT_EQ(result, Log{});

  co_await condition.acquire();
  condition.notify(1);
  condition.release();
  co_await turn();
  EXPECT_EQ(result, Log{1});

  co_await condition.acquire();
  condition.notify(1);
  condition.notify(2048);
  condition.release();
  co_await turn();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_TRUE(t1.done());
  EXPECT_TRUE(t2.done());
  EXPECT_TRUE(t3.done());
}

CONFORMANCE(test_locks, ConditionTests, test_notify_all) {
  Condition condition;
  Log result;
  const auto t1 = create_task(wait_and_log(condition, result, 1, true));
  const auto t2 = create_task(wait_and_log(condition, result, 2, true));
  co_await turn();
  EXPECT_EQ(result, Log{});

  co_await condition.acquire();
  condition.notify_all();
  condition.release();
  co_await turn();
  EXPECT_EQ(result, (Log{1, 2}));
  EXPECT_TRUE(t1.done());
  EXPECT_TRUE(t2.done());
}

CONFORMANCE(test_locks, ConditionTests, test_notify_unacquired) {
  Condition condition;
  EXPECT_THROW(condition.notify(), RuntimeError);
  co_return;
}

CONFORMANCE(test_locks, ConditionTests, test_notify_all_unacquired) {
  Condition condition;
  EXPECT_THROW(condition.notify_all(), RuntimeError);
  co_return;
}

CONFORMANCE(test_locks, ConditionTests, test_repr) {
  Condition condition;
  EXPECT_TRUE(contains(condition.to_string(), "unlocked")) << condition.to_string();
  co_await condition.acquire();
  EXPECT_TRUE(contains(condition.to_string(), "[locked")) << condition.to_string();
  condition.release();

  Log log;
  const auto t1 = create_task(wait_and_log(condition, log, 1, true));
  co_await turn();
  EXPECT_TRUE(contains(condition.to_string(), "waiters:1")) << condition.to_string();
  const auto t2 = create_task(wait_and_log(condition, log, 2, true));
  co_await turn();
  EXPECT_TRUE(contains(condition.to_string(), "waiters:2")) << condition.to_string();
  co_await condition.acquire();
  condition.notify_all();
  condition.release();
  co_await wait({t1, t2});
}

CONFORMANCE(test_locks, ConditionTests, test_context_manager) {
  Condition condition;
  EXPECT_FALSE(condition.locked());
  {
    const auto guard = co_await condition.scoped();
    EXPECT_TRUE(condition.locked());
  }
  EXPECT_FALSE(condition.locked());
}

Coro<> expect_one_lock(Lock& lock, Condition& condition) {
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(condition.locked());
  {
    const auto guard = co_await condition.scoped();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(condition.locked());
  }
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(condition.locked());
  {
    const auto guard = co_await lock.scoped();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(condition.locked());
  }
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(condition.locked());
}

CONFORMANCE(test_locks, ConditionTests, test_explicit_lock) {
  Lock lock;
  Condition condition(lock);
  co_await expect_one_lock(lock, condition);
  Condition another(lock);
  co_await expect_one_lock(lock, another);
}

// A lock belongs to the loop on which somebody first waited for it; CPython's test sets that by a private attribute.
CONFORMANCE_OUTSIDE(test_locks, ConditionTests, test_ambiguous_loops) {
  Lock lock;
  Lock free_lock;
  Condition condition(free_lock);
  const auto first_loop = new_test_loop();
  first_loop->run_until_complete([&]() -> Coro<> {
    co_await lock.acquire();
    EXPECT_THROW(co_await wait_for(lock.acquire(), 1s), TimeoutError);
    lock.release();
    co_await condition.acquire();
    EXPECT_THROW(co_await wait_for(condition.wait(), 1s), TimeoutError);
    condition.release();
  });
  const auto second_loop = new_test_loop();
  const std::string expected = "is bound to a different event loop";
  second_loop->run_until_complete([&]() -> Coro<> {
    const auto guard = co_await lock.scoped();  // free, so no loop has to do with it
    Condition of_that_lock(lock);
    const auto error = co_await error_of(of_that_lock.acquire());
    EXPECT_TRUE(contains(message_in<RuntimeError>(error), expected));
  });
  second_loop->run_until_complete([&]() -> Coro<> {
    co_await condition.acquire();
    const auto error = co_await error_of(condition.wait());
    EXPECT_TRUE(contains(message_in<RuntimeError>(error), expected));
    if (condition.locked()) condition.release();
  });
}

CONFORMANCE(test_locks, ConditionTests, test_timeout_in_block) {
  Condition condition;
  const auto guard = co_await condition.scoped();
  EXPECT_THROW(co_await wait_for(condition.wait(), 500ms), TimeoutError);
}

// Waits on `condition` until `wake`; notes what it throws and throws it on.
Coro<> note_error(Condition& condition, const bool& wake, std::exception_ptr& raised) {
  const auto guard = co_await condition.scoped();
  raised = co_await error_of(condition.wait_for([&] { return wake; }));
  EXPECT_TRUE(is_cancelled(raised));
  std::rethrow_exception(raised);
}

CONFORMANCE(test_locks, ConditionTests, test_cancelled_error_wakeup) {
  Condition condition;
  const bool wake = false;
  std::exception_ptr raised;
  const auto task = create_task(note_error(condition, wake, raised));
  co_await turn();
  task.cancel("foo");
  const auto error = co_await error_of(task);
  EXPECT_EQ(message_in<CancelledError>(error), "foo");
  EXPECT_EQ(error, raised);  // the very same
}

CONFORMANCE(test_locks, ConditionTests, test_cancelled_error_re_aquire) {
  Condition condition;
  bool wake = false;
  std::exception_ptr raised;
  const auto task = create_task(note_error(condition, wake, raised));
  co_await turn();
  co_await condition.acquire();
  wake = true;
  condition.notify();
  co_await turn();
  task.cancel("foo");  // while it tries to get the lock back
  condition.release();
  const auto error = co_await error_of(task);
  EXPECT_EQ(message_in<CancelledError>(error), "foo");
  EXPECT_EQ(error, raised);
}

// Takes one from `state` whenever it is not 0; ends when it is negative.
Coro<> consume(Condition& condition, int& state) {
  const auto guard = co_await condition.scoped();
  for (;;) {
    co_await condition.wait_for([&] { return state != 0; });
    if (state < 0) co_return;
    --state;
  }
}

// A consumer is cancelled at the moment it is notified, or (`relock`) when it gets the lock back: another one must take over.
Coro<> cancel_a_consumer(bool relock) {
  Condition condition;
  int state = 0;
  const auto first = create_task(consume(condition, state));
  const auto second = create_task(consume(condition, state));
  co_await turn();
  {
    const auto guard = co_await condition.scoped();
    state += 1;
    condition.notify(1);
    if (relock) co_await turn();
    first.cancel();
    co_await error_of(wait_for(condition.wait_for([&] { return state == 0; }), 10ms));
    EXPECT_EQ(state, 0);
    state = -1;
    condition.notify_all();
  }
  co_await second;
  EXPECT_TRUE(first.cancelled());
}

CONFORMANCE(test_locks, ConditionTests, test_cancelled_wakeup) { co_await cancel_a_consumer(false); }

CONFORMANCE(test_locks, ConditionTests, test_cancelled_wakeup_relock) { co_await cancel_a_consumer(true); }

}  // namespace
}  // namespace tutti::conformance

// SPDX-License-Identifier: MIT
#include <tutti/sync/condition.hpp>

#include <string>

#include <tutti/base/error.hpp>

#include "helpers.hpp"

namespace {

using namespace sync_test;
using tutti::Condition;
using tutti::Coro;
using tutti::Lock;
using tutti::RuntimeError;

// test_locks.ConditionTests.test_wait
TUTTI_VIRTUAL_TEST(Condition, GivesTheLockToOneNotifiedTaskAfterTheOther) {
  Condition condition;
  Log result;
  const auto waiter = [&](int number) {
    return [&condition, &result, number]() -> Coro<bool> {
      co_await condition.acquire();
      co_await condition.wait();
      result.push_back(number);
      co_return true;
    };
  };
  auto t1 = tutti::create_task(waiter(1));
  auto t2 = tutti::create_task(waiter(2));
  auto t3 = tutti::create_task(waiter(3));

  co_await one_tick();
  EXPECT_EQ(result, Log{});
  EXPECT_FALSE(condition.locked());

  co_await condition.acquire();
  condition.notify();
  co_await one_tick();
  EXPECT_EQ(result, Log{});
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, Log{1});
  EXPECT_TRUE(condition.locked());

  condition.notify(2);
  co_await one_tick();
  EXPECT_EQ(result, Log{1});
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2}));
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_TRUE(condition.locked());
  CO_ASSERT_TRUE(t1.done() && t2.done() && t3.done());
  EXPECT_TRUE(t1.result() && t2.result() && t3.result());
}

// test_locks.ConditionTests.test_wait_unacquired
TUTTI_VIRTUAL_TEST(Condition, RefusesToWaitWithoutTheLock) {
  Condition condition;
  CO_ASSERT_THROW(co_await condition.wait(), RuntimeError);
}

// test_locks.ConditionTests.test_wait_for
TUTTI_VIRTUAL_TEST(Condition, WaitsForAPredicate) {
  Condition condition;
  bool fulfilled = false;
  Log result;
  auto task = tutti::create_task([&]() -> Coro<bool> {
    co_await condition.acquire();
    if (co_await condition.wait_for([&] { return fulfilled; })) {
      result.push_back(1);
      condition.release();
    }
    co_return true;
  });
  co_await one_tick();
  EXPECT_EQ(result, Log{});

  co_await condition.acquire();
  condition.notify();
  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, Log{});

  fulfilled = true;
  co_await condition.acquire();
  condition.notify();
  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, Log{1});
  CO_ASSERT_TRUE(task.done());
  EXPECT_TRUE(task.result());
}

// test_locks.ConditionTests.test_wait_for_unacquired
TUTTI_VIRTUAL_TEST(Condition, GivesWhatThePredicateGaveAndNeedsTheLockOnlyToWait) {
  Condition condition;
  const std::string text = "abc";
  EXPECT_EQ(co_await condition.wait_for([&] { return &text; }), &text);
  CO_ASSERT_THROW(co_await condition.wait_for([] { return false; }), RuntimeError);
}

// test_locks.ConditionTests.test_notify
TUTTI_VIRTUAL_TEST(Condition, NotifiesAsManyAsItIsTold) {
  Condition condition;
  Log result;
  const auto waiter = [&](int number) {
    return [&condition, &result, number]() -> Coro<bool> {
      co_await condition.acquire();
      co_await condition.wait();
      result.push_back(number);
      condition.release();
      co_return true;
    };
  };
  auto t1 = tutti::create_task(waiter(1));
  auto t2 = tutti::create_task(waiter(2));
  auto t3 = tutti::create_task(waiter(3));
  co_await one_tick();
  EXPECT_EQ(result, Log{});

  co_await condition.acquire();
  condition.notify(1);
  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, Log{1});

  co_await condition.acquire();
  condition.notify(1);
  condition.notify(2048);
  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2, 3}));
  EXPECT_TRUE(t1.done() && t2.done() && t3.done());
}

// test_locks.ConditionTests.test_notify_all
TUTTI_VIRTUAL_TEST(Condition, NotifiesAll) {
  Condition condition;
  Log result;
  const auto waiter = [&](int number) {
    return [&condition, &result, number]() -> Coro<> {
      const auto guard = co_await condition.scoped();
      co_await condition.wait();
      result.push_back(number);
    };
  };
  auto t1 = tutti::create_task(waiter(1));
  auto t2 = tutti::create_task(waiter(2));
  co_await one_tick();
  EXPECT_EQ(result, Log{});

  co_await condition.acquire();
  condition.notify_all();
  condition.release();
  co_await one_tick();
  EXPECT_EQ(result, (Log{1, 2}));
  EXPECT_TRUE(t1.done() && t2.done());
}

// test_locks.ConditionTests.test_notify_unacquired, test_notify_all_unacquired
TEST(Condition, RefusesToNotifyWithoutTheLock) {
  Condition condition;
  EXPECT_THROW(condition.notify(), RuntimeError);
  EXPECT_THROW(condition.notify_all(), RuntimeError);
}

// test_locks.ConditionTests.test_repr
TUTTI_VIRTUAL_TEST(Condition, TellsItsStateAsText) {
  Condition condition;
  EXPECT_EQ(condition.to_string(), "<Condition [unlocked]>");
  const auto wait = [&]() -> Coro<> {
    const auto guard = co_await condition.scoped();
    co_await condition.wait();
  };
  auto t1 = tutti::create_task(wait);
  auto t2 = tutti::create_task(wait);
  co_await one_tick();
  co_await condition.acquire();
  EXPECT_EQ(condition.to_string(), "<Condition [locked, waiters:2]>");
  condition.notify_all();
  condition.release();
  co_await tutti::gather(t1, t2);
}

// test_locks.ConditionTests.test_context_manager
TUTTI_VIRTUAL_TEST(Condition, IsReleasedByItsGuard) {
  Condition condition;
  EXPECT_FALSE(condition.locked());
  {
    const auto guard = co_await condition.scoped();
    EXPECT_TRUE(condition.locked());
  }
  EXPECT_FALSE(condition.locked());
}

// test_locks.ConditionTests.test_explicit_lock
TUTTI_VIRTUAL_TEST(Condition, MayShareALock) {
  Lock lock;
  Condition condition(lock);
  {
    const auto guard = co_await condition.scoped();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(condition.locked());
  }
  EXPECT_FALSE(lock.locked());
  {
    const auto guard = co_await lock.scoped();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(condition.locked());
  }
  EXPECT_FALSE(condition.locked());
}

// test_locks.ConditionTests.test_ambiguous_loops
TEST(Condition, RefusesToWaitOnASecondLoopAndKeepsTheLock) {
  Lock lock;
  Condition condition(lock);
  run_on_two_loops(
      [&]() -> Coro<> {
        tutti::create_task([&]() -> Coro<> {
          co_await condition.acquire();
          co_await condition.wait();
        });
        co_await one_tick();
      },
      [&]() -> Coro<> {
        const auto guard = co_await condition.scoped();
        std::string message;
        try {
          co_await condition.wait();
        } catch (const RuntimeError& error) {
          message = error.what();
        }
        EXPECT_EQ(message, "Condition is bound to a different event loop");
        EXPECT_TRUE(condition.locked());
      });
}

TEST(Condition, MayOutliveALoopThatIsClosedOverAWaitingTask) {
  Condition condition;
  std::vector<std::string> reports;
  auto loop = tutti::new_event_loop();
  loop->set_exception_handler(
      [&](tutti::EventLoop&, const tutti::ExceptionContext& context) { reports.push_back(context.message); });
  loop->run_until_complete([&]() -> Coro<> {
    tutti::create_task([&]() -> Coro<> {
      const auto guard = co_await condition.scoped();
      co_await condition.wait();
    });
    co_await one_tick();
  });
  loop->close();
  EXPECT_EQ(reports, std::vector<std::string>{"task was destroyed but it is pending"});
  EXPECT_EQ(condition.to_string(), "<Condition [unlocked]>");
}

}  // namespace

// SPDX-License-Identifier: MIT
// CPython's test_taskgroups, first part: what the tasks, the body and a cancellation from outside do to a group.
#include <optional>
#include <string>
#include <utility>

#include <tutti/task/task_group.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

struct MyError : std::runtime_error {
  MyError() : std::runtime_error("mine") {}
};
struct MyBaseError : BaseException {};

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
template <class Error>
Coro<> crash_after(Duration delay) {
  co_await sleep(delay);
  throw Error();
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_01) {
  std::optional<Task<int>> t1;
  std::optional<Task<int>> t2;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    t1 = group.create_task(give_after(100ms, 42));
    t2 = group.create_task(give_after(200ms, 11));
    co_return;
  });
  EXPECT_EQ(t1->result(), 42);
  EXPECT_EQ(t2->result(), 11);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_02) {
  std::optional<Task<int>> t1;
  std::optional<Task<int>> t2;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    t1 = group.create_task(give_after(100ms, 42));
    co_await sleep(150ms);
    t2 = group.create_task(give_after(200ms, 11));
  });
  EXPECT_EQ(t1->result(), 42);
  EXPECT_EQ(t2->result(), 11);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_03) {
  std::optional<Task<int>> t1;
  std::optional<Task<int>> t2;
  co_await task_group([&](TaskGroup& group) -> Coro<> {
    t1 = group.create_task(give_after(1s, 42));
    co_await sleep(150ms);
    t1->cancel();
    t2 = group.create_task(give_after(200ms, 11));
  });
  EXPECT_TRUE(t1->cancelled());
  EXPECT_EQ(t2->result(), 11);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_04) {
  int num = 0;
  bool t2_cancel = false;
  std::optional<Task<>> t2;
  const auto error = co_await error_of(create_task([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      group.create_task(crash_after<ZeroDivisionError>(100ms));
      t2 = group.create_task([&]() -> Coro<> {
        try {
          co_await sleep(1s);
        } catch (const CancelledError&) {
          t2_cancel = true;
          throw;
        }
        num += 1;
      });
      co_return;
    });
    num += 10;
  }));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_EQ(num, 0);
  EXPECT_TRUE(t2_cancel);
  EXPECT_TRUE(t2->cancelled());
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_cancel_children_on_child_error) {
  int num = 0;
  bool t2_cancel = false;
  bool runner_cancel = false;
  const auto error = co_await error_of(create_task([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      for (int i = 0; i < 3; ++i) group.create_task(crash_after<ZeroDivisionError>(100ms));
      group.create_task([&]() -> Coro<> {
        try {
          co_await sleep(5s);
        } catch (const CancelledError&) {
          t2_cancel = true;
          throw;
        }
        num += 1;
      });
      try {
        co_await sleep(10s);
      } catch (const CancelledError&) {
        runner_cancel = true;
        throw;
      }
    });
    num += 10;
  }));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
  EXPECT_EQ(num, 0);
  EXPECT_TRUE(t2_cancel);
  EXPECT_TRUE(runner_cancel);
}

// Five tasks that count their cancellation, and a body that does or does not sleep and count its own.
Coro<> cancelled_from_outside(int& num, bool body_sleeps) {
  const auto runner = create_task([&]() -> Coro<> {
    co_await task_group([&](TaskGroup& group) -> Coro<> {
      for (int i = 0; i < 5; ++i) {
        group.create_task([&]() -> Coro<> {
          try {
            co_await sleep(5s);
          } catch (const CancelledError&) {
            num += 1;
            throw;
          }
        });
      }
      if (!body_sleeps) co_return;
      try {
        co_await sleep(10s);
      } catch (const CancelledError&) {
        num += 10;
        throw;
      }
    });
  });
  co_await sleep(100ms);
  EXPECT_FALSE(runner.done());
  runner.cancel();
  EXPECT_THROW(co_await runner, CancelledError);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_cancellation) {
  int num = 0;
  co_await cancelled_from_outside(num, false);
  EXPECT_EQ(num, 5);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_07) {
  int num = 0;
  co_await cancelled_from_outside(num, true);
  EXPECT_EQ(num, 15);
}

// Starts `body` as a task, cancels it after 100 ms, gives what it ends with.
template <class Body>
Coro<std::exception_ptr> error_when_cancelled(Body body) {
  const auto runner = create_task(body);
  co_await sleep(100ms);
  EXPECT_FALSE(runner.done());
  runner.cancel();
  co_return co_await error_of(runner);
}

Coro<> fill_and_sleep(TaskGroup& group) {
  for (int i = 0; i < 5; ++i) group.create_task(sleep_finally_raise<ZeroDivisionError>(10s));
  co_await sleep(10s);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_08) {
  const auto error = co_await error_when_cancelled([]() -> Coro<> { co_await task_group(fill_and_sleep); });
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
}

// The body fails, after a while or at once, and its tasks are cancelled.
Coro<> body_fails(bool sleeps_first) {
  std::optional<Task<int>> t1;
  std::optional<Task<int>> t2;
  const auto error = co_await error_of(task_group([&](TaskGroup& group) -> Coro<> {
    t1 = group.create_task(give_after(1s, 42));
    t2 = group.create_task(give_after(2s, 11));
    if (sleeps_first) co_await sleep(100ms);
    throw ZeroDivisionError();
  }));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
  EXPECT_TRUE(t1->cancelled());
  EXPECT_TRUE(t2->cancelled());
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_09) { co_await body_fails(true); }

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_10) { co_await body_fails(false); }

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_11) {
  const auto error = co_await error_when_cancelled(
      []() -> Coro<> { co_await task_group([](TaskGroup&) -> Coro<> { co_await task_group(fill_and_sleep); }); });
  CO_ASSERT_TRUE(is_group_of<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(group_contents(error)->exceptions().at(0)));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_12) {
  const auto error = co_await error_when_cancelled([]() -> Coro<> {
    co_await task_group([](TaskGroup& outer) -> Coro<> {
      outer.create_task(sleeper(10s));
      co_await task_group(fill_and_sleep);
    });
  });
  CO_ASSERT_TRUE(is_group_of<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(group_contents(error)->exceptions().at(0)));
}

// Two groups, one in the other, each with a task that fails.
Coro<> nested_groups(Duration outer_delay, Duration inner_delay) {
  co_await task_group([=](TaskGroup& outer) -> Coro<> {
    outer.create_task(crash_after<ZeroDivisionError>(outer_delay));
    co_await task_group([=](TaskGroup& inner) -> Coro<> {
      inner.create_task(crash_after<ZeroDivisionError>(inner_delay));
      co_return;
    });
  });
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_13) {
  const auto error = co_await error_of(create_task(nested_groups(100ms, 10s)));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_14) {
  const auto error = co_await error_of(create_task(nested_groups(10s, 100ms)));
  CO_ASSERT_TRUE(is_group_of<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(group_contents(error)->exceptions().at(0)));
}

// The body takes longer to be cancelled than its task to fail.
Coro<> slow_to_cancel() {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(crash_after<ZeroDivisionError>(300ms));
    std::exception_ptr error;
    try {
      co_await sleep(10s);
    } catch (const CancelledError&) {
      error = std::current_exception();
    }
    co_await sleep(500ms);
    std::rethrow_exception(error);
  });
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_15) {
  const auto error = co_await error_when_cancelled(slow_to_cancel);
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_16) {
  const auto error = co_await error_when_cancelled([]() -> Coro<> { co_await create_task(slow_to_cancel); });
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<ZeroDivisionError>(error));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_17) {
  int num = 0;
  const auto error = co_await error_when_cancelled([&]() -> Coro<> {
    co_await task_group([&](TaskGroup&) -> Coro<> {
      try {
        co_await sleep(10s);
      } catch (const CancelledError&) {
        num += 10;
        throw;
      }
    });
  });
  EXPECT_TRUE(is_cancelled(error));
  EXPECT_EQ(num, 10);
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_18) {
  int num = 0;
  const auto error = co_await error_when_cancelled([&]() -> Coro<> {
    co_await task_group([&](TaskGroup&) -> Coro<> {
      try {
        co_await sleep(10s);
      } catch (const CancelledError&) {
        num += 10;
        throw MyError();
      }
    });
  });
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE(is_group_of<MyError>(error));
  EXPECT_EQ(num, 10);
}

template <class TaskError, class BodyError>
Coro<> both_fail() {
  co_await task_group([](TaskGroup& group) -> Coro<> {
    group.create_task(crash_after<TaskError>(100ms));
    co_await sleep_finally_raise<BodyError>(10s);
  });
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_19) {
  const auto error = co_await error_of(create_task(both_fail<ZeroDivisionError, MyError>()));
  EXPECT_TRUE(holds<ExceptionGroup>(error));
  EXPECT_TRUE((is_group_of<ZeroDivisionError, MyError>(error)));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_20) {
  EXPECT_TRUE(holds<KeyboardInterrupt>(co_await error_of(both_fail<ZeroDivisionError, KeyboardInterrupt>())));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_20a) {
  const auto error = co_await error_of(both_fail<ZeroDivisionError, MyBaseError>());
  EXPECT_TRUE(holds<BaseExceptionGroup>(error));
  EXPECT_TRUE((is_group_of<ZeroDivisionError, MyBaseError>(error)));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_21a) {
  const auto error = co_await error_of(both_fail<MyBaseError, MyError>());
  EXPECT_TRUE(holds<BaseExceptionGroup>(error));
  EXPECT_TRUE((is_group_of<MyBaseError, MyError>(error)));
}

CONFORMANCE_LAZY_AND_EAGER(test_taskgroups, BaseTestTaskGroup, test_taskgroup_22) {
  const auto runner = create_task([]() -> Coro<> {
    co_await task_group([](TaskGroup& group) -> Coro<> {
      group.create_task(give_after(1s, 42));
      group.create_task(give_after(2s, 11));
      co_return;
    });
  });
  co_await sleep(50ms);
  runner.cancel();
  EXPECT_THROW(co_await runner, CancelledError);
}

}  // namespace
}  // namespace tutti::conformance

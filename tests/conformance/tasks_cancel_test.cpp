// SPDX-License-Identifier: MIT
// CPython's test_tasks: how a cancellation travels, what it says, how it is counted and taken back.
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/wait.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

CONFORMANCE(test_tasks, BaseTaskTests, test_cancelling) {
  const auto task = create_task(sleeper(10s));
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 2U);
  EXPECT_THROW(co_await task, CancelledError);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_uncancel_basic) {
  const auto task = create_task([]() -> Coro<> {
    try {
      co_await sleep(10s);
      co_return;
    } catch (const CancelledError&) {
      current_task()->uncancel();
    }
    co_await sleep(10s);
  });
  co_await sleep(10ms);

  EXPECT_TRUE(task.cancel());  // the first sleep
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_FALSE(task.cancelled());
  co_await sleep(10ms);
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_FALSE(task.cancelled());

  EXPECT_TRUE(task.cancel());  // the second one
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_FALSE(task.cancelled());
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(task.done());

  task.uncancel();
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(task.done());
}

struct Reached {
  bool timed_out = false;
  bool block_finished = false;
  bool outer_code = false;
};

// A timeout made by hand, with the rules that CPython's test spells out.
Coro<Reached> request_with_timeout(Duration duration, Duration limit) {
  const AnyTask task = *current_task();
  Reached reached;
  const TimerHandle handle = get_running_loop().call_later(limit, [&] {
    reached.timed_out = true;
    task.cancel();
  });
  try {
    std::exception_ptr error;
    try {
      co_await sleep(duration);
      reached.block_finished = true;
    } catch (...) {
      error = std::current_exception();
    }
    handle.cancel();
    if (reached.timed_out && task.uncancel() == 0 && is_cancelled(error)) throw TimeoutError();
    if (error) std::rethrow_exception(error);
  } catch (const TimeoutError&) {
    EXPECT_TRUE(reached.timed_out);
  }
  reached.outer_code = true;
  co_await turn();
  co_return reached;
}

CONFORMANCE(test_tasks, BaseTaskTests, test_uncancel_structured_blocks) {
  const auto slow = create_task(request_with_timeout(10s, 100ms));
  Reached reached = co_await slow;
  EXPECT_TRUE(reached.timed_out);
  EXPECT_FALSE(reached.block_finished);
  EXPECT_TRUE(reached.outer_code);
  EXPECT_EQ(slow.cancelling(), 0U);

  const auto quick = create_task(request_with_timeout(0s, 10s));
  reached = co_await quick;
  EXPECT_FALSE(reached.timed_out);
  EXPECT_TRUE(reached.block_finished);
  EXPECT_TRUE(reached.outer_code);
  EXPECT_EQ(quick.cancelling(), 0U);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_uncancel_resets_must_cancel) {
  const Future<> future;
  const auto task = create_task([&]() -> Coro<int> {
    co_await future;
    co_return 42;
  });
  co_await turn();
  future.set_result();  // now it is runnable
  task.cancel();
  EXPECT_EQ(task.cancelling(), 1U);
  task.uncancel();
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_EQ(co_await task, 42);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel) {
  const auto task = create_task(give_after(10s, 12));
  get_running_loop().call_soon([&] { task.cancel(); });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_with_message_then_future_result) {
  for (const string message : {"", "my message"}) {
    const auto coro = [&]() -> Coro<> {
      const auto task = create_task(sleeper(10s));
      co_await turn();
      task.cancel(message);
      co_await wait({task});
      task.result();
    };
    EXPECT_EQ(message_in<CancelledError>(co_await error_of(create_task(coro))), message);
  }
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_with_message_then_future_exception) {
  for (const string message : {"", "my message"}) {
    const auto coro = [&]() -> Coro<> {
      const auto task = create_task(sleeper(10s));
      co_await turn();
      task.cancel(message);
      co_await wait({task});
      (void)task.exception();
    };
    EXPECT_EQ(message_in<CancelledError>(co_await error_of(create_task(coro))), message);
  }
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancellation_exception_context) {
  const Future<> future;
  const auto task = create_task([&]() -> Coro<> {
    const auto inner = create_task([&]() -> Coro<> {
      future.set_result();
      co_await sleep(10s);
    });
    co_await future;
    get_running_loop().call_soon([=] { inner.cancel("msg"); });
    try {
      co_await inner;
    } catch (const CancelledError&) {
      std::throw_with_nested(ValueError("cancelled"));
    }
  });
  const auto error = co_await error_of(task);
  EXPECT_EQ(message_in<ValueError>(error), "cancelled");
  const auto cause = error_of_call([&] {
    try {
      std::rethrow_exception(error);
    } catch (const ValueError& outer) {
      std::rethrow_if_nested(outer);
    }
  });
  EXPECT_EQ(message_in<CancelledError>(cause), "msg");
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_with_message_before_starting_task) {
  const auto task = create_task([]() -> Coro<> {
    const auto inner = create_task(sleeper(10s));
    inner.cancel("my message");
    co_await wait({inner});
    (void)inner.exception();
  });
  EXPECT_EQ(message_in<CancelledError>(co_await error_of(task)), "my message");
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_yield) {
  const auto task = create_task([]() -> Coro<int> {
    co_await turn();
    co_await turn();
    co_return 12;
  });
  co_await turn();
  EXPECT_FALSE(task.done());
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_inner_future) {
  const Future<> future;
  const auto task = create_task([&]() -> Coro<int> {
    co_await future;
    co_return 12;
  });
  co_await briefly();
  future.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(task.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_both_task_and_inner_future) {
  const Future<> future;
  const auto task = create_task([&]() -> Coro<int> {
    co_await future;
    co_return 12;
  });
  co_await briefly();
  future.cancel();
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(task.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_task_catching) {
  const Future<> future1;
  const Future<> future2;
  const auto task = create_task([&]() -> Coro<int> {
    co_await future1;
    try {
      co_await future2;
    } catch (const CancelledError&) {
      co_return 42;
    }
    co_return 0;
  });
  co_await briefly();
  future1.set_result();
  co_await briefly();
  task.cancel();
  EXPECT_TRUE(future2.cancelled());
  EXPECT_EQ(co_await task, 42);
  EXPECT_FALSE(task.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_task_ignoring) {
  const Future<> future1;
  const Future<> future2;
  const Future<int> future3;
  const auto task = create_task([&]() -> Coro<int> {
    co_await future1;
    try {
      co_await future2;
    } catch (const CancelledError&) {  // ignored
    }
    co_return co_await future3;
  });
  co_await briefly();
  future1.set_result();
  co_await briefly();
  task.cancel();
  EXPECT_TRUE(future2.cancelled());
  co_await briefly();
  EXPECT_FALSE(task.done());
  future3.set_result(42);
  EXPECT_EQ(co_await task, 42);
  EXPECT_FALSE(future3.cancelled());
  EXPECT_FALSE(task.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_current_task) {
  const Elapsed elapsed;
  const auto task = create_task([]() -> Coro<int> {
    current_task()->cancel();
    co_await sleep(100s);  // leaves at once
    co_return 12;
  });
  EXPECT_FALSE(task.cancelled());
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(elapsed(), 0s);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_at_end) {
  const auto task = create_task([]() -> Coro<int> {
    current_task()->cancel();
    co_return 12;
  });
  EXPECT_FALSE(task.cancelled());
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.done());
  EXPECT_TRUE(task.cancelled());
  EXPECT_FALSE(task.cancel());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_awaited_task) {
  const Future<> future;
  std::optional<Task<>> nested;
  const auto task = create_task([&]() -> Coro<> {
    nested = create_task([&]() -> Coro<> { co_await future; });
    co_await turn();
    current_task()->cancel();  // while it does not wait
    co_await *nested;
  });
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(nested->cancelled());
  EXPECT_TRUE(future.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_task_cancel_sleeping_task) {
  const Elapsed elapsed;
  const auto doit = []() -> Coro<string> {
    const auto inner = create_task(sleeper(5000s));
    get_running_loop().call_later(100ms, [=] { inner.cancel(); });
    try {
      co_await inner;
    } catch (const CancelledError&) {
      co_return "cancelled";
    }
    co_return "slept in";
  };
  EXPECT_EQ(co_await doit(), "cancelled");
  EXPECT_EQ(elapsed(), 100ms);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_task_cancel_waiter_future) {
  const Future<> future;
  const auto task = create_task([&]() -> Coro<> { co_await future; });
  co_await briefly();
  task.cancel();
  co_await briefly();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(future.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_yield_future_passes_cancel) {
  int proof = 0;
  const Future<> waiter;
  const auto inner = [&]() -> Coro<> {
    try {
      co_await waiter;
    } catch (const CancelledError&) {
      proof += 1;
      throw;
    }
    ADD_FAILURE() << "got past the waiter";
  };
  const auto outer = create_task([&]() -> Coro<> {
    try {
      co_await inner();
      proof += 10;
    } catch (const CancelledError&) {
      proof += 100;
    }
  });
  co_await briefly();
  outer.cancel();
  co_await outer;
  EXPECT_EQ(proof, 101);
  EXPECT_TRUE(waiter.cancelled());
}

CONFORMANCE(test_tasks, BaseTaskTests, test_yield_wait_does_not_shield_cancel) {
  int proof = 0;
  const Future<> waiter;
  const auto outer = create_task([&]() -> Coro<> {
    co_await wait({create_task([&]() -> Coro<> {
      co_await waiter;
      proof += 1;
    })});
    proof += 100;
  });
  co_await briefly();
  outer.cancel();
  EXPECT_THROW(co_await outer, CancelledError);
  waiter.set_result();
  co_await briefly();
  EXPECT_EQ(proof, 1);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_gather_1) {
  const Future<int> future;
  const auto child = [](Future<int> inner) -> Coro<int> { co_return co_await inner; };
  const auto gathered = gather(child(future));
  co_await briefly();
  // Called when the child has ended and the gather has not heard of it yet.
  std::optional<bool> cancel_result;
  future.add_done_callback([&] { cancel_result = gathered.cancel(); });
  future.set_result(42);
  const auto [result] = co_await gathered;
  EXPECT_EQ(cancel_result, false);
  EXPECT_FALSE(gathered.cancelled());
  EXPECT_EQ(result, 42);
}

CONFORMANCE(test_tasks, BaseTaskTests, test_cancel_gather_2) {
  for (const string message : {"", "my message"}) {
    const auto work = []() -> Coro<> {
      for (int i = 0; i < 21; ++i) co_await gather(return_exceptions, sleeper(50ms));
    };
    const auto main = [&]() -> Coro<> {
      const auto task = create_task(work);
      co_await sleep(200ms);
      task.cancel(message);
      co_await task;
    };
    EXPECT_EQ(message_in<CancelledError>(co_await error_of(main())), message);
  }
}

}  // namespace
}  // namespace tutti::conformance

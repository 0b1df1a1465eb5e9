// SPDX-License-Identifier: MIT
// CPython's test_futures and test_futures2.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/context.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using Bag = std::vector<int>;

CONFORMANCE(test_futures, BaseFutureTests, test_initial_state) {
  const Future<> future;
  EXPECT_FALSE(future.cancelled());
  EXPECT_FALSE(future.done());
  future.cancel();
  EXPECT_TRUE(future.cancelled());
  co_return;
}

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_constructor_without_loop) {
  EXPECT_THROW(Future<>(), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_constructor_use_running_loop) {
  const auto loop = new_test_loop();
  const auto future = loop->run_until_complete([]() -> Coro<Future<>> { co_return Future<>(); });
  EXPECT_EQ(&future.get_loop(), loop.get());
}

CONFORMANCE(test_futures, BaseFutureTests, test_cancel) {
  const Future<int> future;
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_THROW(future.result(), CancelledError);
  EXPECT_THROW((void)future.exception(), CancelledError);
  EXPECT_THROW(future.set_result(0), InvalidStateError);
  EXPECT_THROW(future.set_exception(ValueError("")), InvalidStateError);
  EXPECT_FALSE(future.cancel());
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_result) {
  const Future<int> future;
  EXPECT_THROW(future.result(), InvalidStateError);
  future.set_result(42);
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_EQ(future.result(), 42);
  EXPECT_EQ(future.exception(), nullptr);
  EXPECT_THROW(future.set_result(0), InvalidStateError);
  EXPECT_THROW(future.set_exception(ValueError("")), InvalidStateError);
  EXPECT_FALSE(future.cancel());
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_exception) {
  const auto error = std::make_exception_ptr(RuntimeError(""));
  const Future<int> future;
  EXPECT_THROW((void)future.exception(), InvalidStateError);
  future.set_exception(error);
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(future.done());
  EXPECT_THROW(future.result(), RuntimeError);
  EXPECT_EQ(future.exception(), error);
  EXPECT_THROW(future.set_result(0), InvalidStateError);
  EXPECT_THROW(future.set_exception(ValueError("")), InvalidStateError);
  EXPECT_FALSE(future.cancel());
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_exception_class) {
  const Future<> future;
  future.set_exception(RuntimeError("made here"));
  EXPECT_EQ(message_in<RuntimeError>(future.exception()), "made here");
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_yield_from_twice) {
  const Future<int> future;
  Bag seen;
  const auto task = create_task([&]() -> Coro<> {
    seen.push_back(co_await future);
    const std::uint64_t before = get_running_loop().iterations();
    seen.push_back(co_await future);
    EXPECT_EQ(get_running_loop().iterations(), before);  // the second await does not wait
  });
  co_await turn();
  EXPECT_TRUE(seen.empty());
  future.set_result(42);
  co_await task;
  EXPECT_EQ(seen, (Bag{42, 42}));
}

// Lets go of the last handle of a future and gives the reports about it.
template <class T>
std::size_t reports_without(std::optional<Future<T>>& future) {
  future.reset();
  return testing::take_reports().size();
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_abandoned) {
  std::optional<Future<>> future{std::in_place};
  EXPECT_EQ(reports_without(future), 0U);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_not_called_after_cancel) {
  std::optional<Future<>> future{std::in_place};
  future->set_exception(ValueError(""));
  future->cancel();
  EXPECT_EQ(reports_without(future), 0U);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_result_unretrieved) {
  std::optional<Future<int>> future{std::in_place};
  future->set_result(42);
  EXPECT_EQ(reports_without(future), 0U);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_result_retrieved) {
  std::optional<Future<int>> future{std::in_place};
  future->set_result(42);
  EXPECT_EQ(future->result(), 42);
  EXPECT_EQ(reports_without(future), 0U);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_exception_unretrieved) {
  std::optional<Future<>> future{std::in_place};
  future->set_exception(RuntimeError("boom"));
  EXPECT_EQ(reports_without(future), 1U);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_exception_retrieved) {
  std::optional<Future<>> future{std::in_place};
  future->set_exception(RuntimeError("boom"));
  EXPECT_TRUE(holds<RuntimeError>(future->exception()));
  EXPECT_EQ(reports_without(future), 0U);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_tb_logger_exception_result_retrieved) {
  std::optional<Future<>> future{std::in_place};
  future->set_exception(RuntimeError("boom"));
  EXPECT_THROW(future->result(), RuntimeError);
  EXPECT_EQ(reports_without(future), 0U);
  co_return;
}

void expect_never_retrieved(bool debug) {
  const auto loop = new_test_loop();
  loop->set_debug(debug);
  const auto error = std::make_exception_ptr(std::bad_alloc());
  std::optional<Future<>> future{*loop};
  future->set_exception(error);
  future.reset();
  const auto reports = testing::take_reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(contains(reports[0].message, "exception was never retrieved")) << reports[0].message;
  EXPECT_EQ(reports[0].exception, error);
}

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_future_exception_never_retrieved) {
  expect_never_retrieved(false);
}

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_future_exception_never_retrieved_debug) {
  expect_never_retrieved(true);
}

CONFORMANCE(test_futures, BaseFutureTests, test_wrap_future_future) {
  const Future<int> future;
  EXPECT_EQ(wrap_future(future), future);
  co_return;
}

CONFORMANCE(test_futures, BaseFutureTests, test_wrap_future_cancel) {
  const concurrent::Future<int> source;
  const auto future = wrap_future(source, get_running_loop());
  future.cancel();
  co_await briefly();
  EXPECT_TRUE(source.cancelled());
  EXPECT_TRUE(future.cancelled());
}

CONFORMANCE(test_futures, BaseFutureTests, test_wrap_future_cancel2) {
  const concurrent::Future<int> source;
  const auto future = wrap_future(source, get_running_loop());
  source.set_result(42);
  future.cancel();
  co_await briefly();
  EXPECT_FALSE(source.cancelled());
  EXPECT_EQ(source.result(), 42);
  EXPECT_TRUE(future.cancelled());
}

// ---- callbacks ----

struct Bagged {
  Future<string> future;
  Bag bag;
  CallbackToken add(int thing) {
    return future.add_done_callback([this, thing] { bag.push_back(thing); });
  }
};

CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_callbacks_remove_first_callback) {
  Bagged f;
  const auto first = f.add(42);
  f.add(17);
  f.add(100);
  EXPECT_EQ(f.future.remove_done_callback(first), 1U);
  EXPECT_EQ(f.future.remove_done_callback(first), 0U);
  EXPECT_EQ(f.bag, Bag{});
  f.future.set_result("foo");
  co_await briefly();
  EXPECT_EQ(f.bag, (Bag{17, 100}));
  EXPECT_EQ(f.future.result(), "foo");
}

CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_callbacks_remove_first_and_second_callback) {
  Bagged f;
  const auto first = f.add(42);
  const auto second = f.add(17);
  f.add(100);
  f.future.remove_done_callback(first);
  f.future.remove_done_callback(second);
  f.future.remove_done_callback(first);
  EXPECT_EQ(f.bag, Bag{});
  f.future.set_result("foo");
  co_await briefly();
  EXPECT_EQ(f.bag, Bag{100});
  EXPECT_EQ(f.future.result(), "foo");
}

CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_callbacks_remove_third_callback) {
  Bagged f;
  f.add(42);
  f.add(17);
  const auto third = f.add(100);
  f.future.remove_done_callback(third);
  f.future.remove_done_callback(third);
  EXPECT_EQ(f.bag, Bag{});
  f.future.set_result("foo");
  co_await briefly();
  EXPECT_EQ(f.bag, (Bag{42, 17}));
  EXPECT_EQ(f.future.result(), "foo");
}

CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_callbacks_invoked_on_set_result) {
  Bagged f;
  f.add(42);
  f.add(17);
  EXPECT_EQ(f.bag, Bag{});
  f.future.set_result("foo");
  EXPECT_EQ(f.bag, Bag{});  // through the loop, never inside
  co_await briefly();
  EXPECT_EQ(f.bag, (Bag{42, 17}));
  EXPECT_EQ(f.future.result(), "foo");
}

CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_callbacks_invoked_on_set_exception) {
  Bagged f;
  f.add(100);
  EXPECT_EQ(f.bag, Bag{});
  const auto error = std::make_exception_ptr(RuntimeError(""));
  f.future.set_exception(error);
  co_await briefly();
  EXPECT_EQ(f.bag, Bag{100});
  EXPECT_EQ(f.future.exception(), error);
}

// A token stands for one callback, where Python removes all that are equal.
CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_remove_done_callback) {
  Bagged f;
  std::vector<CallbackToken> ones{f.add(1)};
  const auto two = f.add(2);
  EXPECT_EQ(f.future.remove_done_callback(two), 1U);
  EXPECT_EQ(f.future.remove_done_callback(CallbackToken{}), 0U);
  f.add(2);
  for (int i = 0; i < 5; ++i) ones.push_back(f.add(1));
  std::size_t removed = 0;
  for (const CallbackToken one : ones) removed += f.future.remove_done_callback(one);
  EXPECT_EQ(removed, 6U);
  EXPECT_EQ(f.bag, Bag{});
  f.future.set_result("foo");
  co_await briefly();
  EXPECT_EQ(f.bag, Bag{2});
  EXPECT_EQ(f.future.result(), "foo");
}

// Callbacks that are on their way cannot be removed any more.
CONFORMANCE(test_futures, BaseFutureDoneCallbackTests, test_schedule_callbacks_list_mutation_1) {
  Bagged f;
  CallbackToken second;
  std::optional<std::size_t> removed;
  f.future.add_done_callback([&] { removed = f.future.remove_done_callback(second); });
  second = f.add(1);
  f.add(2);
  f.future.set_result("foo");
  co_await briefly();
  EXPECT_EQ(removed, 0U);
  EXPECT_EQ(f.bag, (Bag{1, 2}));
}

// ---- the context in which an exception handler runs ----

ContextVar<string> name("name", "foo");

CONFORMANCE_OUTSIDE(test_futures2, FutureTests, test_task_exc_handler_correct_context) {
  const auto loop = new_test_loop();
  std::vector<string> names;
  loop->set_exception_handler([&](EventLoop&, const ExceptionContext&) { names.push_back(name.get()); });
  loop->run_until_complete([]() -> Coro<> {
    (void)create_task([]() -> Coro<> {
      name.set("bar");
      throw ZeroDivisionError();
      co_return;
    });
    co_await turn();
  });
  EXPECT_EQ(names, std::vector<string>{"bar"});
}

CONFORMANCE_OUTSIDE(test_futures2, FutureTests, test_handle_exc_handler_correct_context) {
  const auto loop = new_test_loop();
  std::vector<string> names;
  loop->set_exception_handler([&](EventLoop&, const ExceptionContext&) { names.push_back(name.get()); });
  loop->run_until_complete([&]() -> Coro<> {
    loop->call_soon([] {
      name.set("bar");
      throw ZeroDivisionError();
    });
    co_await turn();
  });
  EXPECT_EQ(names, std::vector<string>{"bar"});
}

}  // namespace
}  // namespace tutti::conformance

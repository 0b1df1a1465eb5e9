// SPDX-License-Identifier: MIT
// CPython's test_tasks: gather, of futures and of coroutines.
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/loop/policy.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>

#include "conformance/conformance.hpp"
#include "support/turns.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using Numbers = std::vector<Future<int>>;

// CPython runs GatherTestsBase on futures and on coroutines that await them.
Numbers as_they_are(const Numbers& futures) { return futures; }
std::vector<Coro<int>> in_coroutines(const Numbers& futures) {
  const auto wrap = [](Future<int> future) -> Coro<int> { co_return co_await future; };
  std::vector<Coro<int>> coros;
  coros.reserve(futures.size());
  for (const auto& future : futures) coros.push_back(wrap(future));
  return coros;
}

// _run_loop: whatever is ready, and what follows from it.
Coro<> settle() { return test_support::turns(6); }

template <class Wrap>
Coro<> expect_success(Wrap wrap) {
  const Numbers children{Future<int>(), Future<int>(), Future<int>()};
  const auto all = gather(wrap(children));
  int calls = 0;
  all.add_done_callback([&] { ++calls; });
  children[1].set_result(1);
  children[0].set_result(2);
  co_await settle();
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(all.done());
  children[2].set_result(3);
  co_await settle();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(all.result(), (std::vector{2, 1, 3}));
}

CONFORMANCE(test_tasks, GatherTestsBase, test_success) {
  co_await expect_success(as_they_are);
  co_await expect_success(in_coroutines);
}

template <class Wrap>
Coro<> expect_success_with_exceptions(Wrap wrap) {
  const Numbers children{Future<int>(), Future<int>(), Future<int>()};
  const auto all = gather(return_exceptions, wrap(children));
  int calls = 0;
  all.add_done_callback([&] { ++calls; });
  children[1].set_result(1);
  children[0].set_result(2);
  co_await settle();
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(all.done());
  children[2].set_result(3);
  co_await settle();
  EXPECT_EQ(calls, 1);
  const auto results = all.result();
  CO_ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].value(), 2);
  EXPECT_EQ(results[1].value(), 1);
  EXPECT_EQ(results[2].value(), 3);
}

CONFORMANCE(test_tasks, GatherTestsBase, test_result_exception_success) {
  co_await expect_success_with_exceptions(as_they_are);
  co_await expect_success_with_exceptions(in_coroutines);
}

template <class Wrap>
Coro<> expect_one_exception(Wrap wrap) {
  const Numbers children{Future<int>(), Future<int>(), Future<int>(), Future<int>(), Future<int>()};
  const auto all = gather(wrap(children));
  int calls = 0;
  all.add_done_callback([&] { ++calls; });
  const auto error = std::make_exception_ptr(ValueError("b"));
  children[0].set_result(1);
  children[1].set_exception(error);
  co_await settle();
  EXPECT_TRUE(all.done());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(all.exception(), error);
  // The others change nothing any more.
  children[2].set_result(3);
  children[3].cancel();
  children[4].set_exception(RuntimeError("e"));
  (void)children[4].exception();
  co_await settle();
  EXPECT_EQ(calls, 1);
}

CONFORMANCE(test_tasks, GatherTestsBase, test_one_exception) {
  co_await expect_one_exception(as_they_are);
  co_await expect_one_exception(in_coroutines);
}

template <class Wrap>
Coro<> expect_exceptions_returned(Wrap wrap) {
  const Numbers children{Future<int>(), Future<int>(), Future<int>(), Future<int>()};
  const auto all = gather(return_exceptions, wrap(children));
  int calls = 0;
  all.add_done_callback([&] { ++calls; });
  const auto error = std::make_exception_ptr(ValueError("c"));
  const auto error2 = std::make_exception_ptr(RuntimeError("d"));
  children[1].set_result(1);
  children[2].set_exception(error);
  children[0].set_result(3);
  co_await settle();
  EXPECT_FALSE(all.done());
  children[3].set_exception(error2);
  co_await settle();
  EXPECT_TRUE(all.done());
  EXPECT_EQ(calls, 1);
  const auto results = all.result();
  CO_ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[0].value(), 3);
  EXPECT_EQ(results[1].value(), 1);
  EXPECT_EQ(results[2].error(), error);
  EXPECT_EQ(results[3].error(), error2);
}

CONFORMANCE(test_tasks, GatherTestsBase, test_return_exceptions) {
  co_await expect_exceptions_returned(as_they_are);
  co_await expect_exceptions_returned(in_coroutines);
}

// PYTHONASYNCIODEBUG is TUTTI_DEBUG here.
CONFORMANCE_OUTSIDE(test_tasks, GatherTestsBase, test_env_var_debug) {
  const char* before = std::getenv("TUTTI_DEBUG");
  const std::optional<string> saved = before == nullptr ? std::nullopt : std::optional<string>(before);
  ::unsetenv("TUTTI_DEBUG");
  EXPECT_FALSE(new_event_loop()->get_debug());
  ::setenv("TUTTI_DEBUG", "", 1);
  EXPECT_FALSE(new_event_loop()->get_debug());
  ::setenv("TUTTI_DEBUG", "1", 1);
  EXPECT_TRUE(new_event_loop()->get_debug());
  saved ? ::setenv("TUTTI_DEBUG", saved->c_str(), 1) : ::unsetenv("TUTTI_DEBUG");
}

CONFORMANCE_OUTSIDE(test_tasks, FutureGatherTests, test_constructor_empty_sequence_without_loop) {
  EXPECT_THROW((void)gather(), RuntimeError);
  EXPECT_THROW((void)gather(Numbers()), RuntimeError);
}

CONFORMANCE(test_tasks, FutureGatherTests, test_constructor_empty_sequence_use_running_loop) {
  const auto all = gather(Numbers());
  EXPECT_EQ(&all.get_loop(), &get_running_loop());
  co_await settle();
  EXPECT_TRUE(all.done());
  EXPECT_TRUE(all.result().empty());
}

CONFORMANCE_OUTSIDE(test_tasks, FutureGatherTests, test_constructor_heterogenous_futures) {
  const auto one_loop = new_test_loop();
  const auto other_loop = new_test_loop();
  const Future<int> future1(*one_loop);
  const Future<int> future2(*other_loop);
  EXPECT_THROW((void)gather(future1, future2), ValueError);
}

CONFORMANCE_OUTSIDE(test_tasks, FutureGatherTests, test_constructor_homogenous_futures) {
  const auto other_loop = new_test_loop();
  const Numbers children{Future<int>(*other_loop), Future<int>(*other_loop), Future<int>(*other_loop)};
  for (int i = 0; i < 2; ++i) {
    const auto all = gather(children);
    EXPECT_EQ(&all.get_loop(), other_loop.get());
    run_briefly(*other_loop);
    EXPECT_FALSE(all.done());
  }
}

CONFORMANCE(test_tasks, FutureGatherTests, test_one_cancellation) {
  const Numbers children{Future<int>(), Future<int>(), Future<int>(), Future<int>(), Future<int>()};
  const auto all = gather(children);
  int calls = 0;
  all.add_done_callback([&] { ++calls; });
  children[0].set_result(1);
  children[1].cancel();
  co_await settle();
  EXPECT_TRUE(all.done());
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(all.cancelled());
  EXPECT_TRUE(is_cancelled(all.exception()));
  children[2].set_result(3);
  children[3].cancel();
  children[4].set_exception(RuntimeError("e"));
  (void)children[4].exception();
}

CONFORMANCE(test_tasks, FutureGatherTests, test_result_exception_one_cancellation) {
  const Numbers children{Future<int>(), Future<int>(), Future<int>(), Future<int>(), Future<int>(), Future<int>()};
  const auto all = gather(return_exceptions, children);
  int calls = 0;
  all.add_done_callback([&] { ++calls; });
  const auto error = std::make_exception_ptr(ValueError("b"));
  const auto error2 = std::make_exception_ptr(RuntimeError("f"));
  children[0].set_result(1);
  children[1].set_exception(error);
  children[2].cancel();
  co_await settle();
  EXPECT_FALSE(all.done());
  children[3].set_result(3);
  children[4].cancel();
  children[5].set_exception(error2);
  const auto results = co_await all;
  CO_ASSERT_EQ(results.size(), 6U);
  EXPECT_EQ(results[0].value(), 1);
  EXPECT_EQ(results[1].error(), error);
  EXPECT_TRUE(is_cancelled(results[2].error()));
  EXPECT_EQ(results[3].value(), 3);
  EXPECT_TRUE(is_cancelled(results[4].error()));
  EXPECT_EQ(results[5].error(), error2);
  co_await turn();
  EXPECT_EQ(calls, 1);
}

CONFORMANCE_OUTSIDE(test_tasks, CoroutineGatherTests, test_constructor_without_loop) {
  auto first = give<string>("abc");
  auto second = give<string>("abc");
  EXPECT_THROW((void)gather(std::move(first), std::move(second)), RuntimeError);
  first.close();
  second.close();
}

CONFORMANCE_OUTSIDE(test_tasks, CoroutineGatherTests, test_constructor_use_running_loop) {
  const auto loop = new_test_loop();
  const auto all = loop->run_until_complete(
      []() -> Coro<Future<std::tuple<string, string>>> { co_return gather(give<string>("abc"), give<string>("abc")); });
  EXPECT_EQ(&all.get_loop(), loop.get());
  EXPECT_EQ(loop->run_until_complete(all), (std::tuple<string, string>("abc", "abc")));
}

CONFORMANCE(test_tasks, CoroutineGatherTests, test_duplicate_coroutines) {
  int runs = 0;
  const auto run = [&](string s) -> Coro<string> {
    ++runs;
    co_return s;
  };
  const auto c = create_task(run("abc"));
  const auto all = gather(c, c, run("def"), c);
  co_await settle();
  EXPECT_EQ(all.result(), (std::tuple<string, string, string, string>("abc", "abc", "def", "abc")));
  EXPECT_EQ(runs, 2);
}

CONFORMANCE(test_tasks, CoroutineGatherTests, test_cancellation_broadcast) {
  int proof = 0;
  const Future<> waiter;
  const auto inner = [&]() -> Coro<> {
    co_await waiter;
    proof += 1;
  };
  const auto child1 = create_task(inner);
  const auto child2 = create_task(inner);
  const auto gatherer = gather(child1, child2);
  const auto outer = create_task([&]() -> Coro<> {
    co_await gatherer;
    proof += 100;
  });
  co_await briefly();
  EXPECT_TRUE(outer.cancel());
  EXPECT_THROW(co_await outer, CancelledError);
  EXPECT_FALSE(gatherer.cancel());
  EXPECT_TRUE(waiter.cancelled());
  EXPECT_TRUE(child1.cancelled());
  EXPECT_TRUE(child2.cancelled());
  co_await briefly();
  EXPECT_EQ(proof, 0);
}

CONFORMANCE(test_tasks, CoroutineGatherTests, test_exception_marking) {
  const auto inner = [](Future<> future) -> Coro<> {
    co_await future;
    throw RuntimeError("should not be ignored");
  };
  const Future<> a;
  const Future<> b;
  const auto outer = create_task([&]() -> Coro<> { co_await gather(inner(a), inner(b)); });
  co_await briefly();
  a.set_result();
  co_await briefly();
  b.set_result();
  co_await briefly();
  EXPECT_TRUE(holds<RuntimeError>(outer.exception()));
  EXPECT_TRUE(testing::take_reports().empty());
}

}  // namespace
}  // namespace tutti::conformance

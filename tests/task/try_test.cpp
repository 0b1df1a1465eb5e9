// SPDX-License-Identifier: MIT
// catch_, finally_, except_star, async_with. What is expected was seen to be what CPython 3.11 does with the same statements.
#include <tutti/task/try.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/task/task_group.hpp>
#include <tutti/task/timeout.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;

using Log = std::vector<std::string>;

Coro<int> answer() {
  co_await tutti::sleep(1ms);
  co_return 42;
}

template <class Error>
Coro<int> failing(Error error) {
  co_await tutti::sleep(1ms);
  throw error;
}

template <class A>
Coro<std::string> what_leaves(A awaitable) {
  std::exception_ptr error;
  try {
    (void)co_await std::move(awaitable);
  } catch (...) {
    error = std::current_exception();
  }
  co_return error ? tutti::describe(error) : "nothing";
}

// ---- catch_ ----

TUTTI_VIRTUAL_TEST(Catch, GivesTheExceptionAndLetsTheHandlerAwait) {
  Log log;
  if (auto error = co_await tutti::catch_<std::domain_error>(failing(std::domain_error("deep")))) {
    co_await tutti::sleep(1s);
    log.emplace_back(error->what());
    EXPECT_EQ(tutti::describe(error.exception()), tutti::describe(std::make_exception_ptr(*error)));
  }
  EXPECT_EQ(log, Log{"deep"});
}

TUTTI_VIRTUAL_TEST(Catch, GivesTheResultIfNothingIsThrown) {
  auto outcome = co_await tutti::catch_<std::domain_error>(answer());
  EXPECT_FALSE(outcome);
  EXPECT_EQ(std::move(outcome).value(), 42);
  EXPECT_FALSE(outcome.exception());
  auto owner = co_await tutti::catch_<std::domain_error>(
      []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(1); });
  EXPECT_EQ(*std::move(owner).value(), 1);
  int variable = 0;
  auto reference = co_await tutti::catch_<std::domain_error>([&]() -> Coro<int&> { co_return variable; });
  EXPECT_EQ(&reference.value(), &variable);
}

TUTTI_VIRTUAL_TEST(Catch, ThrowsTheCaughtOneIfItsValueIsAskedFor) {
  auto error = co_await tutti::catch_<std::logic_error>(failing(std::domain_error("deep")));
  CO_ASSERT_TRUE(error);
  EXPECT_STREQ((*error).what(), "deep");
  EXPECT_THROW((void)std::move(error).value(), std::domain_error);
}

TUTTI_VIRTUAL_TEST(Catch, LetsOtherExceptionsPass) {
  EXPECT_EQ(co_await what_leaves(tutti::catch_<std::domain_error>(failing(tutti::ValueError("other")))),
            "ValueError: other");
}

// `except Exception` does not catch a cancellation; `except CancelledError` does.
TUTTI_VIRTUAL_TEST(Catch, CatchesACancellationOnlyIfAskedTo) {
  auto passes = tutti::create_task([]() -> Coro<> { co_await tutti::catch_<std::exception>(tutti::sleep(1h)); });
  auto catches = tutti::create_task([]() -> Coro<std::string> {
    auto cancelled = co_await tutti::catch_<tutti::CancelledError>(tutti::sleep(1h));
    co_return cancelled ? cancelled->message() : "";
  });
  co_await tutti::sleep(0s);
  passes.cancel();
  catches.cancel("stop");
  EXPECT_EQ(co_await catches, "stop");
  EXPECT_EQ(co_await what_leaves(passes), "CancelledError");
}

TUTTI_VIRTUAL_TEST(Catch, KeepsTheLambdaWithItsCapturesAlive) {
  auto waiting = [] {
    return tutti::catch_<std::domain_error>([text = std::string("a text that is too long for the object")]() -> Coro<> {
      co_await tutti::sleep(1ms);
      throw std::domain_error(text);
    });
  }();
  auto error = co_await std::move(waiting);
  CO_ASSERT_TRUE(error);
  EXPECT_STREQ(error->what(), "a text that is too long for the object");
}

// ---- finally_ ----

TUTTI_VIRTUAL_TEST(Finally, RunsTheCleanupAndGivesTheResult) {
  Log log;
  const int result = co_await tutti::finally_(answer(), [&]() -> Coro<> {
    co_await tutti::sleep(1ms);
    log.emplace_back("cleanup");
  });
  EXPECT_EQ(result, 42);
  co_await tutti::finally_(tutti::sleep(1ms), [&] { log.emplace_back("plain"); });
  co_await tutti::finally_([&]() -> Coro<> { co_return; }, tutti::sleep(1ms));
  EXPECT_EQ(log, (Log{"cleanup", "plain"}));
}

TUTTI_VIRTUAL_TEST(Finally, RunsTheCleanupAfterAnException) {
  bool cleaned = false;
  EXPECT_EQ(co_await what_leaves(tutti::finally_(failing(tutti::ValueError("body")), [&] { cleaned = true; })),
            "ValueError: body");
  EXPECT_TRUE(cleaned);
}

TUTTI_VIRTUAL_TEST(Finally, PassesOnTheExceptionOfTheCleanup) {
  const auto cleanup = [] { throw tutti::RuntimeError("cleanup"); };
  EXPECT_EQ(co_await what_leaves(tutti::finally_(failing(tutti::ValueError("body")), cleanup)),
            "RuntimeError: cleanup");
  EXPECT_EQ(co_await what_leaves(tutti::finally_(answer(), cleanup)), "RuntimeError: cleanup");
}

TUTTI_VIRTUAL_TEST(Finally, RunsTheCleanupAfterACancellationAndPassesThatOn) {
  Log log;
  auto task = tutti::create_task([&]() -> Coro<> {
    co_await tutti::finally_(tutti::sleep(1h), [&]() -> Coro<> {
      co_await tutti::sleep(1s);
      log.emplace_back("cleanup");
    });
  });
  co_await tutti::sleep(0s);
  task.cancel("stop");
  EXPECT_EQ(co_await what_leaves(task), "CancelledError: stop");
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(log, Log{"cleanup"});
}

TUTTI_VIRTUAL_TEST(Finally, CanBeCutOffByASecondCancellation) {
  Log log;
  auto task = tutti::create_task([&]() -> Coro<> {
    co_await tutti::finally_(tutti::sleep(1h), [&]() -> Coro<> {
      co_await tutti::sleep(1s);
      log.emplace_back("cleanup");
    });
  });
  co_await tutti::sleep(0s);
  task.cancel("first");
  co_await tutti::sleep(1ms);
  task.cancel("second");
  EXPECT_EQ(co_await what_leaves(task), "CancelledError: second");
  EXPECT_TRUE(log.empty());
}

// ---- except_star ----

std::exception_ptr value(const char* text) { return std::make_exception_ptr(tutti::ValueError(text)); }
std::exception_ptr other(const char* text) { return std::make_exception_ptr(tutti::RuntimeError(text)); }

Coro<> raise(std::exception_ptr error) {
  co_await tutti::sleep(1ms);
  std::rethrow_exception(error);
}

std::exception_ptr mixed_group() {
  return tutti::make_exception_group(
      "g", {value("1"), other("2"), tutti::make_exception_group("n", {value("3"), other("4")})});
}

const std::string kRest =
    "ExceptionGroup: g (2 sub-exceptions: RuntimeError: 2; ExceptionGroup: n (1 sub-exception: RuntimeError: 4))";

TUTTI_VIRTUAL_TEST(ExceptStar, HandsOverTheMatchingOnesAndPassesTheRestOn) {
  std::string seen;
  const auto handler = [&](const tutti::ExceptionGroup& group) { seen = group.what(); };
  EXPECT_EQ(co_await what_leaves(tutti::except_star<tutti::ValueError>(raise(mixed_group()), handler)), kRest);
  EXPECT_EQ(seen, "g (2 sub-exceptions: ValueError: 1; ExceptionGroup: n (1 sub-exception: ValueError: 3))");
}

TUTTI_VIRTUAL_TEST(ExceptStar, HandlesAWholeGroupAndASingleException) {
  std::size_t count = 0;
  const auto handler = [&](auto& group) -> Coro<> {
    co_await tutti::sleep(1ms);
    count += group.exceptions().size();
  };
  co_await tutti::except_star<tutti::ValueError>(raise(tutti::make_exception_group("g", {value("1"), value("2")})),
                                                 handler);
  EXPECT_EQ(count, 2U);
  co_await tutti::except_star<tutti::ValueError>(raise(value("1")), handler);
  EXPECT_EQ(count, 3U);
}

TUTTI_VIRTUAL_TEST(ExceptStar, LeavesAloneWhatItIsNotFor) {
  const auto handler = [](const tutti::ExceptionGroup&) { ADD_FAILURE() << "called"; };
  const auto error = other("1");
  try {
    co_await tutti::except_star<tutti::ValueError>(raise(error), handler);
    ADD_FAILURE() << "nothing was thrown";
  } catch (...) {
    EXPECT_EQ(std::current_exception(), error);
  }
  EXPECT_EQ(co_await tutti::except_star<tutti::ValueError>(answer(), handler), 42);
}

TUTTI_VIRTUAL_TEST(ExceptStar, GivesNoResultIfTheHandlerWasCalled) {
  const auto result = co_await tutti::except_star<tutti::ValueError>(failing(tutti::ValueError("1")),
                                                                     [](const tutti::ExceptionGroup&) {});
  EXPECT_EQ(result, std::nullopt);
}

TUTTI_VIRTUAL_TEST(ExceptStar, PutsTheHandlersExceptionInAGroupWithTheRest) {
  const auto handler = [](const tutti::ExceptionGroup&) -> Coro<> { throw tutti::ValueError("new"); };
  EXPECT_EQ(co_await what_leaves(tutti::except_star<tutti::ValueError>(raise(mixed_group()), handler)),
            "ExceptionGroup:  (2 sub-exceptions: ValueError: new; " + kRest + ")");
  EXPECT_EQ(co_await what_leaves(tutti::except_star<tutti::ValueError>(raise(value("1")), handler)), "ValueError: new");
}

TUTTI_VIRTUAL_TEST(ExceptStar, ThrowsAllAgainIfItsHandlerSaysThrow) {
  const auto error = mixed_group();
  try {
    co_await tutti::except_star<tutti::ValueError>(raise(error), [](const tutti::ExceptionGroup&) { throw; });
    ADD_FAILURE() << "nothing was thrown";
  } catch (...) {
    EXPECT_EQ(std::current_exception(), error);
  }
}

TUTTI_VIRTUAL_TEST(ExceptStar, HandlesWhatLeavesATaskGroup) {
  Log log;
  co_await tutti::except_star<tutti::ValueError>(
      [] {
        return tutti::task_group([](tutti::TaskGroup& group) -> Coro<> {
          group.create_task(raise(value("child")));
          co_await tutti::sleep(1h);
        });
      },
      [&](const tutti::ExceptionGroup& group) { log.push_back(tutti::describe(group.exceptions().at(0))); });
  EXPECT_EQ(log, Log{"ValueError: child"});
}

TUTTI_VIRTUAL_TEST(ExceptStar, HandlesACancellationOnlyIfAskedTo) {
  Log log;
  auto passes = tutti::create_task([&]() -> Coro<> {
    co_await tutti::except_star<std::exception>(tutti::sleep(1h), [&](const auto&) { log.emplace_back("passes"); });
  });
  auto handles = tutti::create_task([&]() -> Coro<> {
    co_await tutti::except_star<tutti::CancelledError>(tutti::sleep(1h),
                                                       [&](const auto&) { log.emplace_back("handles"); });
  });
  co_await tutti::sleep(0s);
  passes.cancel();
  handles.cancel();
  EXPECT_EQ(co_await what_leaves(passes), "CancelledError");
  EXPECT_EQ(co_await what_leaves(handles), "nothing");
  EXPECT_EQ(log, Log{"handles"});
}

TUTTI_VIRTUAL_TEST(ExceptStar, TakesRequestsToLeaveAsABaseExceptionGroup) {
  std::string seen;
  const auto cancelled = std::make_exception_ptr(tutti::CancelledError("c"));
  EXPECT_EQ(co_await what_leaves(tutti::except_star<tutti::CancelledError>(
                raise(tutti::make_exception_group("g", {value("1"), cancelled})),
                [&](const tutti::BaseExceptionGroup& group) { seen = tutti::describe(group.exceptions().at(0)); })),
            "ExceptionGroup: g (1 sub-exception: ValueError: 1)");
  EXPECT_EQ(seen, "CancelledError: c");
}

// ---- async_with ----

class Manager {
 public:
  explicit Manager(Log& log, bool suppress = false) : log_(&log), suppress_(suppress) {}
  Coro<Manager&> enter() {
    co_await tutti::sleep(1ms);
    log_->emplace_back("enter");
    co_return *this;
  }
  Coro<bool> exit(std::exception_ptr error) {
    co_await tutti::sleep(1ms);
    log_->push_back("exit " + (error ? tutti::describe(error) : "normally"));
    co_return suppress_;
  }
  void use() const { log_->emplace_back("use"); }

 private:
  Log* log_;
  bool suppress_;
};
static_assert(tutti::AsyncContextManager<Manager>);
static_assert(!tutti::AsyncContextManager<tutti::TaskGroup>);
static_assert(!tutti::AsyncContextManager<int>);

/// Gives nothing to its body and suppresses nothing.
struct Plain {
  Log* log;
  Coro<> enter() {
    log->emplace_back("enter");
    co_return;
  }
  Coro<> exit(std::exception_ptr) {
    log->emplace_back("exit");
    co_return;
  }
};
static_assert(tutti::AsyncContextManager<Plain>);

TUTTI_VIRTUAL_TEST(AsyncWith, EntersRunsTheBodyAndLeaves) {
  Log log;
  Manager manager(log);
  const auto result = co_await tutti::async_with(manager, [](Manager& entered) -> Coro<int> {
    entered.use();
    co_return co_await answer();
  });
  EXPECT_EQ(result, 42);
  EXPECT_EQ(log, (Log{"enter", "use", "exit normally"}));
}

TUTTI_VIRTUAL_TEST(AsyncWith, HandsTheExceptionToExitAndPassesItOn) {
  Log log;
  EXPECT_EQ(co_await what_leaves(tutti::async_with(Manager(log), [] { return failing(tutti::ValueError("body")); })),
            "ValueError: body");
  EXPECT_EQ(log, (Log{"enter", "exit ValueError: body"}));
}

TUTTI_VIRTUAL_TEST(AsyncWith, DropsTheExceptionIfExitGivesTrue) {
  Log log;
  EXPECT_EQ(co_await tutti::async_with(Manager(log, true), [] { return failing(tutti::ValueError("body")); }),
            std::nullopt);
  EXPECT_EQ(co_await tutti::async_with(Manager(log, true), [] { return answer(); }), 42);
  co_await tutti::async_with(Manager(log, true), [](auto&) -> Coro<> { throw tutti::ValueError("body"); });
}

TUTTI_VIRTUAL_TEST(AsyncWith, LeavesAfterACancellation) {
  Log log;
  auto task = tutti::create_task([&]() -> Coro<> {
    co_await tutti::async_with(Manager(log), [](auto&) -> Coro<> { co_await tutti::sleep(1h); });
  });
  co_await tutti::sleep(1s);
  task.cancel();
  EXPECT_EQ(co_await what_leaves(task), "CancelledError");
  EXPECT_EQ(log, (Log{"enter", "exit CancelledError"}));
}

TUTTI_VIRTUAL_TEST(AsyncWith, PassesACancellationOnThatComesWhileItEntersOrLeaves) {
  for (const bool enters : {false, true}) {
    Log log;
    auto task = tutti::create_task(
        [&]() -> Coro<> { co_await tutti::async_with(Manager(log, true), []() -> Coro<> { co_return; }); });
    co_await tutti::sleep(0s);
    if (!enters) co_await tutti::sleep(1ms);
    task.cancel();
    EXPECT_EQ(co_await what_leaves(task), "CancelledError");
    EXPECT_EQ(log, enters ? Log{} : Log{"enter"});
  }
}

TUTTI_VIRTUAL_TEST(AsyncWith, PassesTheResultThroughIfExitCannotSuppress) {
  Log log;
  auto body = []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
  auto result = co_await tutti::async_with(Plain{&log}, body);
  static_assert(std::is_same_v<decltype(result), std::unique_ptr<int>>);
  EXPECT_EQ(*result, 5);
  EXPECT_EQ(log, (Log{"enter", "exit"}));
}

TUTTI_VIRTUAL_TEST(AsyncWith, DoesNotLeaveWhatItCouldNotEnter) {
  struct Broken : Plain {
    Coro<> enter() { throw tutti::ValueError("enter"); }
  };
  Log log;
  EXPECT_EQ(co_await what_leaves(tutti::async_with(Broken{{&log}}, []() -> Coro<> { co_return; })),
            "ValueError: enter");
  EXPECT_TRUE(log.empty());
}

}  // namespace

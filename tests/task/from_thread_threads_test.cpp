// SPDX-License-Identifier: MIT
// from_thread: from a worker thread back into the loop.
#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <tutti/loop/context.hpp>
#include <tutti/task/cancel_scope.hpp>
#include <tutti/task/from_thread.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/thread_pool.hpp>

#include "task/helpers.hpp"

namespace tutti::tests {
namespace {

/// A thread that stands still until the test lets it go.
struct Gate {
  std::promise<void> begun;
  std::promise<void> open;
  void pass() {
    begun.set_value();
    open.get_future().wait();
  }
};

TUTTI_TEST(FromThread, RunsACoroutineOnTheLoopThatWaits) {
  const auto here = std::this_thread::get_id();
  EventLoop& loop = get_running_loop();
  EXPECT_EQ(co_await to_thread([&] {
              EXPECT_NE(std::this_thread::get_id(), here);
              return from_thread::run([&]() -> Coro<int> {
                EXPECT_EQ(std::this_thread::get_id(), here);
                EXPECT_EQ(&get_running_loop(), &loop);
                co_await turns(3);
                co_return 5;
              });
            }),
            5);
}

TUTTI_TEST(FromThread, CallsAFunctionOnTheLoopsThread) {
  const auto here = std::this_thread::get_id();
  int number = 0;
  co_await to_thread([&] {
    from_thread::run_sync([&] { number = std::this_thread::get_id() == here ? 1 : 2; });
    EXPECT_EQ(from_thread::run_sync([] { return std::string("text"); }), "text");
    EXPECT_EQ(*from_thread::run_sync([] { return std::make_unique<int>(3); }), 3);
    EXPECT_EQ(&from_thread::run_sync([&]() -> int& { return number; }), &number);
  });
  EXPECT_EQ(number, 1);
}

TUTTI_TEST(FromThread, ThrowsWhatTheCoroutineOrFunctionThrows) {
  EXPECT_THROW(co_await to_thread([] { from_thread::run(raise_later<ValueError>()); }), ValueError);
  co_await to_thread([] {
    EXPECT_THROW(from_thread::run_sync([] { throw OSError(13, "there"); }), OSError);
    EXPECT_EQ(from_thread::run(noop(3)), 3);  // the thread goes on
  });
}

TUTTI_TEST(FromThread, RunsInACopyOfTheThreadsContext) {
  static ContextVar<int> variable("from_thread_test", 0);
  variable.set(1);
  EXPECT_EQ(co_await to_thread([] {
              variable.set(2);
              const int there = from_thread::run([]() -> Coro<int> {
                const int found = variable.get();
                variable.set(3);
                co_return found;
              });
              EXPECT_EQ(variable.get(), 2);
              return there;
            }),
            2);
  EXPECT_EQ(variable.get(), 1);
}

TUTTI_TEST(FromThread, MayGoBackAndForth) {
  EXPECT_EQ(co_await to_thread([] {
              return from_thread::run(
                  []() -> Coro<int> { co_return 1 + co_await to_thread([] { return from_thread::run(noop(5)); }); });
            }),
            6);
}

TEST(FromThread, IsRefusedOutsideOfToThread) {
  auto coro = noop();
  EXPECT_THROW(from_thread::run(std::move(coro)), RuntimeError);
  EXPECT_THROW(from_thread::run_sync([] {}), RuntimeError);
  EXPECT_THROW(from_thread::check_cancelled(), RuntimeError);
  run([]() -> Coro<> {
    EXPECT_THROW(from_thread::run_sync([] {}), RuntimeError);  // it would wait for itself
    EXPECT_THROW(co_await run_in_executor([] { from_thread::check_cancelled(); }), RuntimeError);
  });
}

// ---- cancellation ----

TUTTI_TEST(FromThreadCancel, OfTheTaskThatWaitsCancelsTheCoroutineAndThenTheThread) {
  std::promise<bool> thrown;
  bool cleaned_up = false;
  bool began = false;
  auto task = create_task([&]() -> Coro<> {
    co_await to_thread([&] {
      try {
        from_thread::run([&]() -> Coro<> {
          began = true;
          std::exception_ptr error;
          try {
            co_await forever();
          } catch (...) {
            error = std::current_exception();
          }
          co_await turns(3);
          cleaned_up = true;
          std::rethrow_exception(error);
        });
        thrown.set_value(false);
      } catch (const CancelledError&) {
        try {
          from_thread::run_sync([] { ADD_FAILURE() << "nobody waits any more"; });
          thrown.set_value(false);
        } catch (const CancelledError&) {
          thrown.set_value(true);
        }
        throw;
      }
    });
  });
  co_await test_support::until([&] { return began; });
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  EXPECT_TRUE(co_await to_thread([&] { return thrown.get_future().get(); }));
  EXPECT_TRUE(cleaned_up);  // the thread waited for it
}

TUTTI_TEST(FromThreadCancel, TellsAThreadThatAsks) {
  Gate gate;
  std::promise<bool> cancelled;
  auto task = create_task([&]() -> Coro<> {
    co_await to_thread([&] {
      from_thread::check_cancelled();
      gate.pass();
      try {
        from_thread::check_cancelled();
        cancelled.set_value(false);
      } catch (const CancelledError&) {
        cancelled.set_value(true);
      }
    });
  });
  co_await turn();
  co_await to_thread([&] { gate.begun.get_future().wait(); });
  task.cancel();
  EXPECT_THROW(co_await task, CancelledError);
  gate.open.set_value();
  EXPECT_TRUE(co_await to_thread([&] { return cancelled.get_future().get(); }));
}

TUTTI_TEST(FromThreadCancel, ByAScopeIsTheSame) {
  std::promise<void> thrown;
  bool began = false;
  CancelScope scope;
  get_running_loop().call_soon([&] {
    create_task([&]() -> Coro<> {
      co_await test_support::until([&] { return began; });
      scope.cancel();
    });
  });
  EXPECT_FALSE(co_await scope.run([&]() -> Coro<> {
    co_await to_thread([&] {
      try {
        from_thread::run([&]() -> Coro<> {
          began = true;
          co_await forever();
        });
      } catch (const CancelledError&) {
        thrown.set_value();
      }
    });
  }));
  co_await to_thread([&] { thrown.get_future().wait(); });
}

TUTTI_TEST(FromThreadCancel, OfTheCoroutineByItselfIsThrownInTheThread) {
  const auto gives_up = []() -> Coro<> {
    current_task()->cancel();
    co_await turn();
  };
  co_await to_thread([&] {
    EXPECT_THROW(from_thread::run(gives_up), CancelledError);
    from_thread::check_cancelled();  // the call itself was not
  });
  EXPECT_THROW(co_await to_thread([&] { from_thread::run(gives_up); }), CancelledError);
  EXPECT_EQ(current_task()->cancelling(), 0U);
}

TEST(FromThreadCancel, ByALoopThatIsClosedOverTheCoroutine) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::promise<std::string> outcome;
  const auto loop = new_event_loop();
  loop->set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  bool began = false;
  set_default_executor(*loop, std::shared_ptr<Executor>(&pool, [](Executor*) {}));
  loop->create_task([&]() -> Coro<> {
    co_await to_thread([&] {
      try {
        from_thread::run([&]() -> Coro<> {
          began = true;
          co_await forever();
        });
      } catch (const CancelledError&) {
        try {
          from_thread::run_sync([] {});
        } catch (const RuntimeError& error) {
          outcome.set_value(error.what());
        }
      }
    });
  });
  loop->run_until_complete([&]() -> Coro<> { co_await test_support::until([&] { return began; }); });
  loop->close();
  EXPECT_EQ(outcome.get_future().get(), "from_thread::run: the event loop is closed");
}

TEST(FromThreadCancel, ByTheEndOfRun) {
  std::atomic<bool> thrown = false;
  run([&]() -> Coro<> {
    bool began = false;
    create_task([&]() -> Coro<> {
      co_await to_thread([&] {
        try {
          from_thread::run([&]() -> Coro<> {
            began = true;
            co_await forever();
          });
        } catch (const CancelledError&) {
          thrown = true;
        }
      });
    });
    co_await test_support::until([&] { return began; });
  });
  EXPECT_TRUE(thrown);  // run() waits for the executor's threads
}

}  // namespace
}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// Calls in threads, and their way back to the loop.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <tutti/loop/context.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/thread_pool.hpp>
#include <tutti/testing/test.hpp>

namespace {

using namespace std::chrono_literals;
using tutti::Coro;

/// A thread that stands still until the test lets it go.
class Gate {
 public:
  void open() { promise_.set_value(); }
  /// What a job calls.
  [[nodiscard]] auto wait() const {
    return [gate = gate_] { gate.wait(); };
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> gate_ = promise_.get_future().share();
};

TUTTI_TEST(RunInExecutor, GivesTheResultOfAnotherThread) {
  const auto here = std::this_thread::get_id();
  EXPECT_NE(co_await tutti::run_in_executor([] { return std::this_thread::get_id(); }), here);
  EXPECT_EQ(co_await tutti::get_running_loop().run_in_executor([] { return std::string("text"); }), "text");
  bool called = false;
  co_await tutti::run_in_executor([&] { called = true; });
  EXPECT_TRUE(called);
  EXPECT_EQ(std::this_thread::get_id(), here);
}

TUTTI_TEST(RunInExecutor, CarriesWhatOnlyMovesBothWays) {
  auto number = std::make_unique<int>(7);
  auto result =
      co_await tutti::run_in_executor([number = std::move(number)] { return std::make_unique<int>(*number + 1); });
  EXPECT_EQ(*result, 8);
  int here = 1;
  EXPECT_EQ(&co_await tutti::run_in_executor([&here]() -> int& { return here; }), &here);
}

TUTTI_TEST(RunInExecutor, HandsOverArguments) {
  const auto join = [](const std::string& a, std::unique_ptr<int> b) { return a + std::to_string(*b); };
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(co_await tutti::run_in_executor(pool, join, "a", std::make_unique<int>(1)), "a1");
  EXPECT_EQ(co_await tutti::get_running_loop().run_in_executor(pool, join, "b", std::make_unique<int>(2)), "b2");
  EXPECT_EQ(co_await tutti::to_thread(join, "c", std::make_unique<int>(3)), "c3");
  const std::string kept = "here";
  EXPECT_EQ(co_await tutti::run_in_executor(pool, &std::string::size, kept), 4U);
  EXPECT_EQ(kept, "here");
}

TUTTI_TEST(RunInExecutor, CarriesTheException) {
  auto failing = tutti::run_in_executor([]() -> int { throw tutti::ValueError("from the thread"); });
  try {
    co_await failing;
    ADD_FAILURE() << "nothing was thrown";
  } catch (const tutti::ValueError& error) {
    EXPECT_STREQ(error.what(), "from the thread");
  }
}

// test_events: EventLoopTestsMixin.test_run_in_executor_cancel
TUTTI_TEST(RunInExecutor, LetsACallThatWasStartedRunOnWhenItsFutureIsCancelled) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  Gate gate;
  std::promise<void> started;
  std::atomic<bool> ended = false;
  auto running = tutti::run_in_executor(pool, [&, wait = gate.wait()] {
    started.set_value();
    wait();
    ended = true;
  });
  co_await tutti::to_thread([&] { started.get_future().wait(); });
  EXPECT_TRUE(running.cancel());
  EXPECT_THROW(co_await running, tutti::CancelledError);
  EXPECT_FALSE(ended);
  gate.open();
  co_await tutti::run_in_executor(pool, [] {});
  EXPECT_TRUE(ended);
}

TUTTI_TEST(RunInExecutor, NeverRunsACallThatWasCancelledBeforeItsStart) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  Gate gate;
  auto first = tutti::run_in_executor(pool, gate.wait());
  std::atomic<bool> called = false;
  auto second = tutti::run_in_executor(pool, [&] { called = true; });
  second.cancel();
  co_await tutti::sleep(0s);  // a future's callbacks run in the next iteration
  EXPECT_THROW(co_await second, tutti::CancelledError);
  gate.open();
  co_await first;
  co_await tutti::run_in_executor(pool, [] {});
  EXPECT_FALSE(called);
}

TUTTI_TEST(RunInExecutor, CancelsWhatAShutdownLeaves) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  Gate gate;
  auto first = tutti::run_in_executor(pool, gate.wait());
  while (pool.threads() == 0) co_await tutti::sleep(0s);
  auto second = tutti::run_in_executor(pool, [] { return 2; });
  co_await tutti::to_thread([&] { gate.open(); });
  co_await first;
  pool.shutdown(true, true);
  try {
    EXPECT_EQ(co_await second, 2);  // the thread was faster than the shutdown
  } catch (const tutti::CancelledError&) {
    EXPECT_TRUE(second.cancelled());
  }
  EXPECT_THROW(tutti::run_in_executor(pool, [] {}), tutti::RuntimeError);
}

tutti::ContextVar<int> request("request", 0);

// test_threads: ToThreadTests.test_to_thread_contextvars
TUTTI_TEST(ToThread, RunsInACopyOfTheContext) {
  request.set(8);
  EXPECT_EQ(co_await tutti::to_thread([] {
              const int seen = request.get();
              request.set(9);
              return seen;
            }),
            8);
  EXPECT_EQ(request.get(), 8);
  EXPECT_EQ(co_await tutti::run_in_executor([] { return request.get(); }), 0);
}

TUTTI_TEST(ThreadPool, StartsNoMoreThreadsThanItMay) {
  tutti::ThreadPoolExecutor pool({.max_workers = 3});
  EXPECT_EQ(pool.threads(), 0U);
  std::vector<tutti::Future<std::thread::id>> futures;
  for (int i = 0; i < 100; ++i) {
    futures.push_back(tutti::run_in_executor(pool, [] { return std::this_thread::get_id(); }));
  }
  std::set<std::thread::id> ids;
  for (auto& future : futures) ids.insert(co_await future);
  EXPECT_LE(ids.size(), 3U);
  EXPECT_LE(pool.threads(), 3U);
}

TUTTI_TEST(ThreadPool, UsesAnIdleThreadAgain) {
  tutti::ThreadPoolExecutor pool({.max_workers = 8});
  co_await tutti::run_in_executor(pool, [] {});
  // The thread may not be idle yet when its result is here; sooner or later it is.
  while (true) {
    const std::size_t before = pool.threads();
    co_await tutti::run_in_executor(pool, [] {});
    if (pool.threads() == before) break;
  }
  EXPECT_LE(pool.threads(), 8U);
}

TUTTI_TEST(ThreadPool, CallsItsInitializerInEachThread) {
  thread_local int prepared = 0;
  std::atomic<int> calls = 0;
  tutti::ThreadPoolExecutor pool({.max_workers = 2, .initializer = [&] {
                                    prepared = 5;
                                    ++calls;
                                  }});
  EXPECT_EQ(co_await tutti::run_in_executor(pool, [] { return prepared; }), 5);
  EXPECT_EQ(calls, static_cast<int>(pool.threads()));
}

TUTTI_TEST(ThreadPool, RefusesAllOnceAnInitializerFailed) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1, .initializer = [] { throw tutti::ValueError("no"); }});
  auto refused = tutti::run_in_executor(pool, [] {});
  EXPECT_THROW(co_await refused, tutti::BrokenThreadPool);
  EXPECT_THROW(tutti::run_in_executor(pool, [] {}), tutti::BrokenExecutor);
  tutti::testing::expect_report("exception in the initializer of a thread: ValueError: no");
}

TEST(ThreadPoolAlone, RunsAllJobsBeforeItEnds) {
  struct Count final : tutti::Job {
    explicit Count(std::atomic<int>& total) : counter(total) {}
    void run() noexcept override { ++counter; }
    void refuse(std::exception_ptr) noexcept override {}
    std::atomic<int>& counter;
  };
  std::atomic<int> count = 0;
  {
    tutti::ThreadPoolExecutor pool({.max_workers = 2});
    for (int i = 0; i < 50; ++i) pool.submit(std::make_unique<Count>(count));
  }
  EXPECT_EQ(count, 50);
}

TEST(ThreadPoolAlone, GivesFuturesToBlockOn) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  EXPECT_THROW(tutti::ThreadPoolExecutor({.max_workers = 0}), tutti::ValueError);
  EXPECT_EQ(pool.submit([](int a, int b) { return a * b; }, 6, 7).result(), 42);
  EXPECT_THROW(pool.submit([] { throw tutti::ValueError("no"); }).result(), tutti::ValueError);

  Gate gate;
  std::promise<void> begun;
  bool called = false;
  const auto first = pool.submit([&begun, wait = gate.wait()] {
    begun.set_value();
    wait();
  });
  begun.get_future().wait();
  const auto second = pool.submit([&] { called = true; });
  const auto third = pool.submit([] { return 3; });
  EXPECT_TRUE(second.cancel());
  pool.shutdown(false, true);
  EXPECT_TRUE(third.cancelled());
  gate.open();
  first.result();
  pool.shutdown();
  EXPECT_FALSE(called);
  EXPECT_THROW(pool.submit([] {}), tutti::RuntimeError);
}

TEST(ThreadPoolAlone, MapsInOrder) {
  tutti::ThreadPoolExecutor pool({.max_workers = 3});
  const std::vector<std::string> words{"one", "three", "eleven"};
  std::vector<std::size_t> sizes;
  for (const std::size_t size : pool.map(&std::string::size, words)) sizes.push_back(size);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 5, 6}));

  auto results = pool.map([](int x) { return x == 2 ? throw tutti::ValueError("two") : std::make_unique<int>(x); },
                          std::vector<int>{1, 2, 3});
  auto at = results.begin();
  EXPECT_EQ(**at, 1);
  EXPECT_THROW(++at, tutti::ValueError);
  EXPECT_EQ(at, results.end());

  Gate gate;
  auto late = pool.map([wait = gate.wait()](int) { wait(); }, std::vector<int>{1}, {.timeout = 0s});
  EXPECT_THROW((void)late.begin(), tutti::TimeoutError);
  gate.open();
}

TUTTI_TEST(ThreadPoolMap, IsAwaitedAndLosesNothingWhenThatIsCancelled) {
  tutti::ThreadPoolExecutor pool({.max_workers = 1});
  Gate gate;
  auto results = pool.map(
      [wait = gate.wait()](int x) {
        wait();
        return x;
      },
      std::vector<int>{1, 2});
  auto early = tutti::create_task([&]() -> Coro<> { co_await results.next(); });
  early.cancel();
  EXPECT_THROW(co_await early, tutti::CancelledError);
  auto waiting = tutti::create_task([&]() -> Coro<> { co_await results.next(); });
  co_await tutti::sleep(0s);
  waiting.cancel();
  EXPECT_THROW(co_await waiting, tutti::CancelledError);
  gate.open();
  EXPECT_EQ(co_await results.next(), 1);
  EXPECT_EQ(co_await results.next(), 2);
  EXPECT_FALSE(co_await results.next());
}

TEST(DefaultExecutor, IsShutDownByTheRunner) {
  std::atomic<bool> ended = false;
  tutti::run([&]() -> Coro<> {
    (void)tutti::run_in_executor([&] { ended = true; });
    co_return;
  });
  EXPECT_TRUE(ended);
}

TEST(DefaultExecutor, RefusesCallsOnceItWasShutDown) {
  tutti::run([]() -> Coro<> {
    co_await tutti::run_in_executor([] {});
    co_await tutti::shutdown_default_executor();
    EXPECT_THROW(tutti::run_in_executor([] {}), tutti::RuntimeError);
    tutti::ThreadPoolExecutor own;
    EXPECT_EQ(co_await tutti::run_in_executor(own, [] { return 1; }), 1);
  });
}

// test_events: EventLoopTestsMixin.test_shutdown_default_executor_timeout
TUTTI_TEST(DefaultExecutor, IsLeftToItselfAfterTheTimeout) {
  Gate gate;
  auto blocked = tutti::run_in_executor(gate.wait());
  co_await tutti::shutdown_default_executor(1ms);
  tutti::testing::expect_report("the default executor did not end its threads within 0.001");
  gate.open();
  co_await blocked;
}

TUTTI_TEST(DefaultExecutor, IsLeftToItselfWhenItsShutdownIsCancelled) {
  Gate gate;
  auto blocked = tutti::run_in_executor(gate.wait());
  auto shutdown = tutti::create_task(tutti::shutdown_default_executor());
  co_await tutti::sleep(0s);
  shutdown.cancel();
  EXPECT_THROW(co_await shutdown, tutti::CancelledError);
  EXPECT_THROW(tutti::run_in_executor([] {}), tutti::RuntimeError);
  gate.open();
  co_await blocked;
  co_await tutti::shutdown_default_executor();
}

TUTTI_TEST(DefaultExecutor, GoesOnIfItsShutdownIsCancelledBeforeItBegins) {
  EXPECT_EQ(co_await tutti::run_in_executor([] { return 1; }), 1);
  auto shutdown = tutti::create_task(tutti::shutdown_default_executor());
  shutdown.cancel();
  EXPECT_THROW(co_await shutdown, tutti::CancelledError);
  EXPECT_EQ(co_await tutti::run_in_executor([] { return 2; }), 2);
}

TUTTI_TEST(DefaultExecutor, CanBeReplaced) {
  auto pool = std::make_shared<tutti::ThreadPoolExecutor>(tutti::ThreadPoolOptions{.max_workers = 1});
  tutti::set_default_executor(tutti::get_running_loop(), pool);
  EXPECT_THROW(tutti::set_default_executor(tutti::get_running_loop(), nullptr), tutti::ValueError);
  co_await tutti::run_in_executor([] {});
  EXPECT_EQ(pool->threads(), 1U);
}

TEST(LoopThatCloses, DropsTheResultsOfCallsThatRunOn) {
  Gate gate;
  std::promise<void> ended;
  std::optional<tutti::Future<std::string>> future;
  {
    tutti::EventLoop loop;
    future = loop.run_in_executor([wait = gate.wait(), &ended] {
      wait();
      ended.set_value();
      return std::string("too late");
    });
    loop.close();
  }
  gate.open();
  ended.get_future().wait();
  EXPECT_FALSE(future->done());
}

}  // namespace

// SPDX-License-Identifier: MIT
// What crosses threads in CPython's test_events and test_base_events.
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tutti/executors/process_pool.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/thread_pool.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;
using Texts = std::vector<string>;

// threading.Event, for one use.
class Flag {
 public:
  void set() { promise_.set_value(); }
  void wait() const { future_.wait(); }
  [[nodiscard]] bool is_set() const { return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

// Long enough for another thread to come to where it must wait.
void take_a_while() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon_threadsafe) {
  const auto loop = new_test_loop();
  Texts results;
  const auto callback = [&](const char* text) {
    results.emplace_back(text);
    if (results.size() >= 2) loop->stop();
  };
  std::thread([&] { loop->call_soon_threadsafe([&] { callback("hello"); }); }).join();
  loop->call_soon([&] { callback("world"); });
  loop->run_forever();
  EXPECT_EQ(results, (Texts{"hello", "world"}));
}

// Has a thread give the loop a callback that takes a while, and calls `use(handle)` once that has begun. It must have ended then.
template <class Use>
void use_handle_of_running_callback(Use use) {
  const auto loop = new_event_loop();
  Texts results;
  Flag started;
  std::atomic<bool> finished = false;
  std::thread thread([&] {
    const Handle handle = loop->call_soon_threadsafe([&] {
      started.set();
      results.emplace_back("hello");
      take_a_while();
      finished = true;
    });
    started.wait();
    use(handle);
    EXPECT_TRUE(finished);
    loop->call_soon_threadsafe([&] { loop->stop(); });
  });
  loop->run_forever();
  thread.join();
  EXPECT_EQ(results, Texts{"hello"});
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon_threadsafe_handle_block_cancellation) {
  use_handle_of_running_callback([](const Handle& handle) { handle.cancel(); });
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon_threadsafe_handle_block_check_cancelled) {
  use_handle_of_running_callback([](const Handle& handle) { EXPECT_FALSE(handle.cancelled()); });
}

// A callback that cancels itself: too late, but it is told so.
CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon_threadsafe_handle_cancel_same_thread) {
  const auto loop = new_event_loop();
  Texts results;
  std::promise<Handle> promise;
  Flag finished;
  std::thread thread([&] {
    const Handle handle = loop->call_soon_threadsafe([&] {
      promise.get_future().get().cancel();
      results.emplace_back("hello");
      finished.set();
      loop->stop();
    });
    promise.set_value(handle);
    finished.wait();
    EXPECT_TRUE(handle.cancelled());
  });
  loop->run_forever();
  thread.join();
  EXPECT_EQ(results, Texts{"hello"});
}

CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_call_soon_threadsafe_handle_cancel_other_thread) {
  const auto loop = new_event_loop();
  std::atomic<bool> called = false;
  Flag cancelled;
  loop->call_soon([&] { cancelled.wait(); });
  std::thread thread([&] {
    const Handle handle = loop->call_soon_threadsafe([&] { called = true; });
    handle.cancel();
    EXPECT_TRUE(handle.cancelled());
    EXPECT_FALSE(called);
    cancelled.set();
    loop->call_soon_threadsafe([&] { loop->stop(); });
  });
  loop->run_forever();
  thread.join();
  EXPECT_FALSE(called);
}

CONFORMANCE(test_events, EventLoopTestsMixin, test_run_in_executor) {
  const auto run = [](string text) { return std::pair(std::move(text), std::this_thread::get_id()); };
  const auto [text, id] = co_await get_running_loop().run_in_executor([=] { return run("yo"); });
  EXPECT_EQ(text, "yo");
  EXPECT_NE(id, std::this_thread::get_id());
}

// The loop may be gone when the function ends.
CONFORMANCE_OUTSIDE(test_events, EventLoopTestsMixin, test_run_in_executor_cancel) {
  const auto loop = new_test_loop();
  Flag release;
  std::atomic<bool> ended = false;
  const auto future = loop->run_in_executor([&] {
    release.wait();
    ended = true;
  });
  future.cancel();
  int callbacks = 0;
  future.add_done_callback([&] { ++callbacks; });
  loop->call_soon([&] { release.set(); });
  loop->run_until_complete([] { return shutdown_default_executor(); });
  loop->close();
  EXPECT_TRUE(future.cancelled());
  EXPECT_EQ(callbacks, 1);
}

string say_hello_in_a_loop() { return run(give<string>("hello")); }

CONFORMANCE(test_events, GetEventLoopTestsMixin, test_get_event_loop_new_process) {
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(co_await run_in_executor(pool, say_hello_in_a_loop), "hello");
}

CONFORMANCE_OUTSIDE(test_events, PolicyTests, test_get_event_loop_thread) {
  std::thread([] {
    DefaultEventLoopPolicy policy;
    EXPECT_THROW((void)policy.get_event_loop(), RuntimeError);
  }).join();
}

// ---- test_base_events ----

// The thread that waits for its end outlives the test, and keeps it.
class StubbornExecutor final : public Executor {
 public:
  void submit(std::unique_ptr<Job> job) override { job->run(); }
  void shutdown(bool wait, bool) override {
    if (wait) may_end.wait();
  }
  Flag may_end;
};

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_shutdown_default_executor_timeout) {
  const auto executor = std::make_shared<StubbornExecutor>();
  const auto loop = new_event_loop();
  set_default_executor(*loop, executor);
  loop->run_until_complete([] { return shutdown_default_executor(1ms); });
  testing::expect_report("executor did not end");
  executor->may_end.set();
}

// What another thread than the loop's may not do, which the loop notices in debug mode.
void call_from_foreign_thread(EventLoop& loop, bool with_loop) {
  std::unique_ptr<EventLoop> own;
  if (with_loop) {
    own = new_event_loop();
    set_event_loop(own.get());
  }
  EXPECT_THROW(loop.call_soon([] {}), RuntimeError);
  EXPECT_THROW(loop.call_later(60s, [] {}), RuntimeError);
  EXPECT_THROW(loop.call_at(loop.time() + 60s, [] {}), RuntimeError);
  set_event_loop(nullptr);
}

CONFORMANCE_OUTSIDE(test_base_events, BaseEventLoopTests, test_check_thread) {
  const auto loop = new_event_loop();
  loop->set_debug(true);
  for (const bool with_loop : {false, true}) {
    const Future<> done(*loop);
    std::thread thread;
    loop->call_soon([&] {
      thread = std::thread([&] {
        call_from_foreign_thread(*loop, with_loop);
        loop->call_soon_threadsafe([&] { done.set_result(); });
      });
    });
    loop->run_until_complete(done);
    thread.join();
  }
}

}  // namespace
}  // namespace tutti::conformance

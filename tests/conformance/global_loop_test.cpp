// SPDX-License-Identifier: MIT
// CPython's test_tasks and test_futures, what is about the loop that is meant when none runs, and about loops that are not meant.
#include <memory>
#include <string>
#include <vector>

#include <tutti/loop/policy.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/shield.hpp>
#include <tutti/task/thread_pool.hpp>

#include "conformance/conformance.hpp"

namespace tutti::conformance {
namespace {

using std::string;

/// A loop that is the thread's, but does not run.
class GlobalLoop {
 public:
  GlobalLoop() : loop_(new_test_loop()) { set_event_loop(loop_.get()); }
  GlobalLoop(const GlobalLoop&) = delete;
  GlobalLoop& operator=(const GlobalLoop&) = delete;
  ~GlobalLoop() { set_event_loop(nullptr); }
  EventLoop& operator*() const { return *loop_; }
  EventLoop* operator->() const { return loop_.get(); }

 private:
  std::unique_ptr<EventLoop> loop_;
};

Coro<string> ok() { co_return "ok"; }

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_constructor_use_global_loop) {
  const GlobalLoop loop;
  const Future<> future;
  EXPECT_EQ(&future.get_loop(), &*loop);
}

CONFORMANCE_OUTSIDE(test_futures, BaseFutureTests, test_wrap_future_use_global_loop) {
  const GlobalLoop loop;
  ThreadPoolExecutor executor({.max_workers = 1});
  const auto wrapped = wrap_future(executor.submit([] { return 1; }));
  EXPECT_EQ(&wrapped.get_loop(), &*loop);
  EXPECT_EQ(loop->run_until_complete(wrapped), 1);
  executor.shutdown();
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_ensure_future_coroutine) {
  {
    const auto loop = new_test_loop();
    const auto task = ensure_future(ok(), *loop);
    EXPECT_EQ(&task.get_loop(), loop.get());
    EXPECT_EQ(loop->run_until_complete(task), "ok");
    EXPECT_THROW(ensure_future(ok()), RuntimeError);
    const auto inner = loop->run_until_complete([]() -> Coro<Task<string>> { co_return ensure_future(ok()); });
    EXPECT_EQ(&inner.get_loop(), loop.get());
    EXPECT_EQ(loop->run_until_complete(inner), "ok");
  }
  const GlobalLoop loop;
  const auto task = ensure_future(ok());
  EXPECT_EQ(&task.get_loop(), &*loop);
  EXPECT_EQ(loop->run_until_complete(task), "ok");
}

template <class Handle>
void check_ensure_future(EventLoop& loop, const Handle& original) {
  EXPECT_EQ(loop.run_until_complete(ensure_future(original)), "ok");
  EXPECT_EQ(ensure_future(original).state().get(), original.state().get());
  const GlobalLoop other;
  EXPECT_THROW(ensure_future(original, *other), ValueError);
  EXPECT_EQ(ensure_future(original, loop).state().get(), original.state().get());
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_ensure_future_future) {
  const auto loop = new_test_loop();
  const Future<string> original(*loop);
  original.set_result("ok");
  check_ensure_future(*loop, original);
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_ensure_future_task) {
  const auto loop = new_test_loop();
  check_ensure_future(*loop, loop->create_task(ok()));
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_ensure_future_error_msg) {
  const auto loop = new_test_loop();
  const auto other = new_test_loop();
  const Future<> future(*loop);
  try {
    ensure_future(future, *other);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const ValueError& error) {
    EXPECT_NE(string(error.what()).find("the future belongs to a different loop"), string::npos);
  }
}

CONFORMANCE_OUTSIDE(test_tasks, BaseTaskTests, test_shield_coroutine_use_global_loop) {
  const GlobalLoop loop;
  const auto outer = shield(ok());
  EXPECT_EQ(&outer.get_loop(), &*loop);
  EXPECT_EQ(loop->run_until_complete(outer), "ok");
}

CONFORMANCE_OUTSIDE(test_tasks, BaseCurrentLoopTests, test_current_task_no_running_loop_implicit) {
  EXPECT_THROW((void)current_task(), RuntimeError);
}

CONFORMANCE_OUTSIDE(test_tasks, FutureGatherTests, test_constructor_empty_sequence_use_global_loop) {
  const GlobalLoop loop;
  const auto none = gather(std::vector<Future<int>>());
  EXPECT_EQ(&none.get_loop(), &*loop);
  run_briefly(*loop);
  EXPECT_TRUE(none.done());
  EXPECT_TRUE(none.result().empty());
}

CONFORMANCE_OUTSIDE(test_tasks, CoroutineGatherTests, test_constructor_use_global_loop) {
  const GlobalLoop loop;
  const auto both = gather(ok(), ok());
  EXPECT_EQ(&both.get_loop(), &*loop);
  loop->run_until_complete(both);
}

}  // namespace
}  // namespace tutti::conformance

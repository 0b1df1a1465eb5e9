// SPDX-License-Identifier: MIT
#include <tutti/testing/test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tutti/loop/io_backend.hpp>
#include <tutti/task/call_graph.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>

#include "testing/descriptors.hpp"
#include "testing/watchdog.hpp"

namespace tutti::testing {
namespace detail {
namespace {

Watchdog* present_watchdog = nullptr;

struct TestPlan {
  std::string name;
  const char* backend;  // null: virtual time
  Body body;
  const char* file;
  int line;
};

std::string describe_task(const AnyTask& task) {
  std::string text = task.state().describe_self();
  const auto* extras = task.state().find_extras();
  if (extras != nullptr && extras->created.line() != 0) {
    text +=
        std::string(" (created at ") + extras->created.file_name() + ":" + std::to_string(extras->created.line()) + ")";
  }
  return text;
}

/// One run of one test.
class TestRun {
 public:
  explicit TestRun(TestPlan plan) : plan_(std::move(plan)) {}

  void run() {
    const auto before = open_descriptors();
    ReportCollector reports;
    run_loop();
    for (const std::string& problem : reports.problems()) fail(problem);
    for (const auto& [fd, what] : open_descriptors()) {
      if (!before.contains(fd)) fail("descriptor " + std::to_string(fd) + " (" + what + ") was left open");
    }
  }

 private:
  void run_loop() {
    Runner runner({.debug = true, .loop_factory = [this] { return make_loop(); }});
    EventLoop& loop = runner.get_loop();
    ReportCollector::watch(loop);
    Watchdog watchdog(loop.door(), plan_.name, [this] { on_time_limit(); });
    Watchdog* const outer = std::exchange(present_watchdog, &watchdog);
    guarded("the test", [&] { runner.run(main()); });
    guarded("the end of the loop", [&] { runner.close(); });
    present_watchdog = outer;
  }

  std::unique_ptr<EventLoop> make_loop() const {
    LoopOptions options;
    if (plan_.backend == nullptr) {
      options.backend = lowlevel::make_epoll_backend();
      options.clock = std::make_unique<VirtualClock>();
    } else {
      options.backend = lowlevel::make_backend(plan_.backend);
      options.clock = std::make_unique<TestClock>();
    }
    return std::make_unique<EventLoop>(std::move(options));
  }

  Coro<> main() {
    main_task_ = current_task();
    main_task_->set_name(plan_.name);
    std::exception_ptr error;
    try {
      co_await plan_.body();
    } catch (...) {
      error = std::current_exception();
    }
    if (all_tasks().size() > 1 && !timed_out_) {
      co_await wait_all_tasks_blocked();  // what is about to end may do so
      report_pending_tasks("was left pending");
    }
    main_task_.reset();
    if (error) std::rethrow_exception(error);
  }

  void report_pending_tasks(const std::string& how) const {
    for (const AnyTask& task : all_tasks()) {
      if (task != *main_task_) fail(describe_task(task) + " " + how);
    }
  }

  void on_time_limit() {
    if (!main_task_) return;
    timed_out_ = true;
    fail("the test took too long; its tasks:\n" + format_all_tasks());
    report_pending_tasks("is pending");
    main_task_->cancel("the test took too long");
  }

  template <class F>
  void guarded(const char* where, F function) const {
    try {
      function();
    } catch (...) {
      const auto error = std::current_exception();
      if (!(timed_out_ && holds<CancelledError>(error))) fail(std::string(where) + " threw " + describe(error));
    }
  }

  void fail(const std::string& message) const { ADD_FAILURE_AT(plan_.file, plan_.line) << message; }

  TestPlan plan_;
  std::optional<AnyTask> main_task_;
  bool timed_out_ = false;
};

class LoopTest final : public ::testing::Test {
 public:
  explicit LoopTest(TestPlan plan) : plan_(std::move(plan)) {}
  void TestBody() override {
    if (plan_.backend != nullptr && std::string_view(plan_.backend) == "uring" && !lowlevel::uring_available()) {
      GTEST_SKIP() << "this kernel does not let this process use io_uring";
    }
    TestRun(plan_).run();
  }

 private:
  TestPlan plan_;
};

void register_one(const char* suite, const std::string& name, const TestPlan& plan) {
  // As a plain Test, so that these and TEST() can share a suite.
  ::testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, plan.file, plan.line,
                          [plan]() -> ::testing::Test* { return new LoopTest(plan); });
}

}  // namespace

bool register_test(const char* suite, const char* name, Place place, Body body, const char* file, int line) {
  const std::string full = std::string(suite) + "." + name;
  if (place == Place::virtual_time) {
    register_one(suite, name, {full, nullptr, body, file, line});
  } else {
    for (const char* backend : {"uring", "epoll", "poll"}) {
      register_one(suite, std::string(name) + "/" + backend, {full + "/" + backend, backend, body, file, line});
    }
  }
  return true;
}

void run_test(const char* name, const char* backend, Body body, const char* file, int line) {
  TestRun({name, backend, body, file, line}).run();
}

void report_exception(const std::exception_ptr& error, const char* where) {
  ADD_FAILURE() << where << " threw " << describe(error);
}

}  // namespace detail

void set_time_limit(Duration limit) {
  if (detail::present_watchdog == nullptr) throw RuntimeError("set_time_limit: no test runs");
  detail::present_watchdog->set_limit(limit);
}

}  // namespace tutti::testing

// SPDX-License-Identifier: MIT
// What the tests in tests/conformance are registered and driven by.
#include "conformance/conformance.hpp"

#include <tutti/loop/io_backend.hpp>
#include <tutti/task/run.hpp>

#include "testing/descriptors.hpp"

namespace tutti::conformance {
namespace {

/// Fails on the same things as a test that is a coroutine: descriptors left open, reports that nobody expected.
class OutsideTest final : public ::testing::Test {
 public:
  OutsideTest(void (*body)(), const char* file, int line) : body_(body), file_(file), line_(line) {}

  void TestBody() override {
    const auto before = testing::detail::open_descriptors();
    testing::ReportCollector reports;
    try {
      body_();
    } catch (...) {
      fail("the test threw " + describe(std::current_exception()));
    }
    for (const std::string& problem : reports.problems()) fail(problem);
    for (const auto& [fd, what] : testing::detail::open_descriptors()) {
      if (!before.contains(fd)) fail("descriptor " + std::to_string(fd) + " (" + what + ") was left open");
    }
  }

 private:
  void fail(const std::string& message) const { ADD_FAILURE_AT(file_, line_) << message; }

  void (*body_)();
  const char* file_;
  int line_;
};

}  // namespace

bool register_outside(const char* suite, const char* name, void (*body)(), const char* file, int line) {
  ::testing::RegisterTest(suite, name, nullptr, nullptr, file, line,
                          [=]() -> ::testing::Test* { return new OutsideTest(body, file, line); });
  return true;
}

Coro<> run_lazy_and_eager(Coro<> (*body)()) {
  co_await body();
  get_running_loop().set_task_factory(eager_task_factory);
  co_await body();
  get_running_loop().set_task_factory({});
}

std::unique_ptr<EventLoop> new_test_loop() {
  LoopOptions options;
  options.backend = lowlevel::make_epoll_backend();
  options.clock = std::make_unique<testing::VirtualClock>();
  auto loop = std::make_unique<EventLoop>(std::move(options));
  testing::ReportCollector::watch(*loop);
  return loop;
}

Coro<> briefly() {
  co_await turn();
  co_await turn();
}

void run_briefly(EventLoop& loop) {
  loop.run_until_complete([]() -> Coro<> { co_return; });
}

Coro<> forever() { co_await Future<>(); }

Coro<> sleeper(Duration delay) { co_await sleep(delay); }

}  // namespace tutti::conformance

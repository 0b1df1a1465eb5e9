// SPDX-License-Identifier: MIT
#include <tutti/testing/reports.hpp>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <utility>

#include <tutti/base/log.hpp>

namespace tutti::testing {

struct ReportCollector::State {
  ReportCollector* outer = nullptr;
  std::vector<ExceptionContext> reports;
  std::vector<std::string> expected;
  std::vector<std::string> log;
};

namespace {

std::mutex mutex;  // of the present collector and its state: the log comes from any thread
ReportCollector* present = nullptr;

ReportCollector& require(const char* operation) {
  const std::lock_guard lock(mutex);
  if (present == nullptr) throw RuntimeError(std::string(operation) + ": no test runs and no ReportCollector lives");
  return *present;
}

}  // namespace

ReportCollector::ReportCollector() : state_(std::make_unique<State>()) {
  {
    const std::lock_guard lock(mutex);
    state_->outer = std::exchange(present, this);
  }
  set_log_sink([](LogLevel level, std::string_view category, std::string_view message) {
    if (level < LogLevel::warning) return;
    std::string line = std::string(category) + ": " + std::string(message);
    const std::lock_guard lock(mutex);
    if (present == nullptr) return;
    State& state = *present->state_;
    if (level == LogLevel::error || category == "task") {
      state.reports.push_back({std::string(message), nullptr, {}, {}});
    } else {
      std::fprintf(stderr, "warning: tutti.%s\n", line.c_str());
    }
    state.log.push_back(std::move(line));
  });
}

ReportCollector::~ReportCollector() {
  bool last = false;
  {
    const std::lock_guard lock(mutex);
    present = state_->outer;
    last = present == nullptr;
  }
  if (last) set_log_sink({});
}

void ReportCollector::watch(EventLoop& loop) {
  loop.set_exception_handler([](EventLoop&, const ExceptionContext& context) {
    {
      const std::lock_guard lock(mutex);
      if (present != nullptr) return present->state_->reports.push_back(context);
    }
    EventLoop::default_exception_handler(context);
  });
}

void ReportCollector::expect(std::string_view part) {
  const std::lock_guard lock(mutex);
  state_->expected.emplace_back(part);
}

std::vector<ExceptionContext> ReportCollector::take() {
  const std::lock_guard lock(mutex);
  return std::exchange(state_->reports, {});
}

std::vector<std::string> ReportCollector::take_log() {
  const std::lock_guard lock(mutex);
  return std::exchange(state_->log, {});
}

std::vector<std::string> ReportCollector::problems() {
  std::vector<ExceptionContext> reports = take();
  std::vector<std::string> found;
  for (const std::string& part : std::exchange(state_->expected, {})) {
    const auto match = std::find_if(reports.begin(), reports.end(), [&](const ExceptionContext& report) {
      return report.to_string().find(part) != std::string::npos;
    });
    if (match == reports.end()) {
      found.push_back("expected report did not come: " + part);
    } else {
      reports.erase(match);
    }
  }
  for (const ExceptionContext& report : reports) found.push_back("unexpected report: " + report.to_string());
  return found;
}

void expect_report(std::string_view part) { require("expect_report").expect(part); }
std::vector<ExceptionContext> take_reports() { return require("take_reports").take(); }
std::vector<std::string> take_log() { return require("take_log").take_log(); }

}  // namespace tutti::testing

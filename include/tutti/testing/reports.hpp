// SPDX-License-Identifier: MIT
// What loops report on their own (exceptions nobody retrieved, coroutines nobody awaited, …), caught so that a test can look at it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/loop/event_loop.hpp>

namespace tutti::testing {

/// While it lives it takes the reports of this process: what comes to the log as an error or as a warning about tasks, and what the
/// exception handlers of watched loops are told. The newest collector gets them. Each test made by `TUTTI_TEST` has one.
class ReportCollector {
 public:
  ReportCollector();
  ReportCollector(const ReportCollector&) = delete;
  ReportCollector& operator=(const ReportCollector&) = delete;
  ~ReportCollector();

  /// Becomes the exception handler of `loop`. It may end before the loop does.
  static void watch(EventLoop& loop);

  /// One report whose text contains `part` is to come, or came already.
  void expect(std::string_view part);
  /// The reports so far; from now on nobody minds them.
  [[nodiscard]] std::vector<ExceptionContext> take();
  /// What is wrong: the text of each report that was neither expected nor taken, and of each expectation that was not met.
  [[nodiscard]] std::vector<std::string> problems();
  /// The warnings and errors in the log so far, as "category: message"; gives each once.
  [[nodiscard]] std::vector<std::string> take_log();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// In a test: one report whose text contains `part` is right, and the test fails if it does not come. May be called after the fact.
/// *Errors*: `RuntimeError` if no collector lives.
void expect_report(std::string_view part);
/// In a test: the reports so far; they are no failures any more. *Errors*: as above.
[[nodiscard]] std::vector<ExceptionContext> take_reports();
/// In a test: the warnings and errors in the log so far. *Errors*: as above.
[[nodiscard]] std::vector<std::string> take_log();

}  // namespace tutti::testing

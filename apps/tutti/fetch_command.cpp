// SPDX-License-Identifier: MIT
// The command `tutti fetch`.
#include "fetch_command.hpp"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include <tutti/tutti.hpp>

#include "format.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "save.hpp"
#include "terminal.hpp"
#include "timeline_svg.hpp"
#include "timeline_text.hpp"

namespace tutti::app {

namespace {

using Format = FetchArguments::Format;

/// One run, and what it prints: results on standard output, all else on standard error.
class Command {
 public:
  explicit Command(FetchArguments arguments)
      : arguments_(std::move(arguments)), progress_(arguments_.urls.size(), err_) {}

  Coro<int> run() {
    // When nobody reads the results any more, there is no use in fetching.
    const AnyTask self = *current_task();
    std::optional<Task<>> ticker;
    if (!arguments_.quiet) ticker = create_task(progress_.run());
    const Outcome outcome =
        co_await fetch_all(std::move(arguments_.urls), arguments_.options, [&](const FetchResult& result) {
          print(result);
          if (out_.broken()) self.cancel();
        });
    if (ticker) ticker->cancel();
    progress_.clear();
    const bool written = co_await finish(outcome);
    if (outcome.interrupted && !out_.broken()) co_return kExitInterrupted;
    co_return written && !out_.broken() && outcome.succeeded() == outcome.results.size() ? kExitOk : kExitFailed;
  }

 private:
  void print(const FetchResult& result) {
    progress_.add(result);
    if (arguments_.format == Format::json) return;
    progress_.clear();
    out_.write(arguments_.format == Format::text ? text_line(result, out_.colour()) : json_line(result));
  }

  /// Whether all could be written.
  Coro<bool> finish(const Outcome& outcome) {
    if (arguments_.format == Format::json) out_.write(json_document(outcome));
    const Timeline timeline = outcome.timeline(
        fmt::format("{}, {}: {}", plural(outcome.results.size(), "request"),
                    outcome.concurrency == 1 ? "one after another" : fmt::format("{} at a time", outcome.concurrency),
                    format_time(outcome.took)));
    if (arguments_.timeline) {
      Output& output = arguments_.format == Format::text ? out_ : err_;
      output.write("\n" + draw_text(timeline, {.width = output.width(), .unicode = unicode_locale()}));
    }
    bool written = true;
    if (!arguments_.timeline_svg.empty()) {
      try {
        co_await to_thread([&] { write_file(arguments_.timeline_svg, draw_svg(timeline)); });
      } catch (const OSError& error) {
        err_.write(fmt::format("tutti: {}\n", error.what()));
        written = false;
      }
    }
    if (!arguments_.quiet) err_.write(summary_line(outcome));
    co_return written;
  }

  FetchArguments arguments_;
  Output out_{STDOUT_FILENO};
  Output err_{STDERR_FILENO};
  Progress progress_;
};

}  // namespace

int run_fetch(FetchArguments arguments) {
  raise_descriptor_limit();
  if (!arguments.options.output.empty()) {
    try {
      make_directory(arguments.options.output);
    } catch (const OSError& error) {
      Output(STDERR_FILENO).write(fmt::format("tutti: {}\n", error.what()));
      return kExitUsage;
    }
  }
  Command command(std::move(arguments));
  return tutti::run(command.run());
}

}  // namespace tutti::app

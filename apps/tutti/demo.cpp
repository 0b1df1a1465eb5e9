// SPDX-License-Identifier: MIT
// The command `tutti demo`.
#include "demo.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include <tutti/tutti.hpp>

#include "demo_server.hpp"
#include "fetch.hpp"
#include "fetch_command.hpp"
#include "format.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "save.hpp"
#include "terminal.hpp"
#include "timeline_svg.hpp"
#include "timeline_text.hpp"

namespace tutti::app {

namespace {

using namespace std::chrono_literals;

constexpr Duration kTimeout = 400ms;

std::string picture_directory(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  if (std::filesystem::is_directory("build")) return "build/demo";
  std::string pattern = (std::filesystem::temp_directory_path() / "tutti-demo-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw_os_error(errno, "make directory " + pattern);
  return pattern;
}

/// A URL that goes wrong, and what is to be seen of it.
struct Trouble {
  std::string url;
  std::string what;
  std::function<bool(const FetchResult&)> as_expected;
};

class Demo {
 public:
  explicit Demo(const DemoArguments& arguments)
      : arguments_(arguments), directory_(picture_directory(arguments.output)) {
    make_directory(directory_);
  }

  Coro<int> run() {
    co_await server_.start();
    co_await show();
    co_await server_.stop();
    if (interrupted_) co_return kExitInterrupted;
    co_return as_expected_ ? kExitOk : kExitFailed;
  }

 private:
  Coro<> show() {
    print("{} runs beside the client on one thread; each of its {} pages takes 5 to 60 ms.\n\n", server_.base_url(),
          arguments_.pages);
    std::vector<std::string> pages;
    pages.reserve(arguments_.pages);
    for (std::size_t i = 0; i < arguments_.pages; ++i) pages.push_back(server_.page_url(i));

    const Outcome sequential =
        co_await fetch(pages, {.concurrency = 1, .timeout = 10s}, "one after another", "sequential.svg");
    if (interrupted_) co_return;
    const Outcome concurrent = co_await fetch(pages, {.concurrency = arguments_.concurrency, .timeout = 10s},
                                              fmt::format("{} at a time", arguments_.concurrency), "concurrent.svg");
    if (interrupted_) co_return;
    compare(sequential, concurrent);
    co_await show_trouble();
    print("\nThe timelines as pictures: {}/{{sequential,concurrent,errors}}.svg\n", directory_);
  }

  Coro<Outcome> fetch(std::vector<std::string> urls, FetchOptions options, std::string how, std::string picture) {
    Progress progress(urls.size(), err_);
    std::optional<Task<>> ticker;
    if (err_.is_terminal()) ticker = create_task(progress.run());
    Outcome outcome = co_await fetch_all(std::move(urls), std::move(options),
                                         [&](const FetchResult& result) { progress.add(result); });
    if (ticker) ticker->cancel();
    progress.clear();
    interrupted_ = outcome.interrupted;
    const Timeline timeline = outcome.timeline(
        fmt::format("{}, {}: {}", plural(outcome.results.size(), "request"), how, format_time(outcome.took)));
    print("{}\n",
          draw_text(timeline,
                    {.width = std::min<std::size_t>(out_.width(), 120), .max_rows = 30, .unicode = unicode_locale()}));
    co_await to_thread([&] { write_file(directory_ + "/" + picture, draw_svg(timeline)); });
    co_return outcome;
  }

  void compare(const Outcome& sequential, const Outcome& concurrent) {
    const std::string at_a_time = fmt::format("{} at a time", concurrent.concurrency);
    const double ratio =
        std::chrono::duration<double>(sequential.took) / std::chrono::duration<double>(concurrent.took);
    print("one after another {:>10}\n{:<17} {:>10}   {:.1f} times as fast\n\n", format_time(sequential.took), at_a_time,
          format_time(concurrent.took), ratio);
    expect(sequential.succeeded() == arguments_.pages, "all pages are fetched one after another");
    expect(concurrent.succeeded() == arguments_.pages, fmt::format("all pages are fetched {}", at_a_time));
    for (std::size_t i = 0; i < arguments_.pages; ++i) {
      const bool same = sequential.results[i].size == concurrent.results[i].size;
      if (!same) expect(false, sequential.results[i].url + " is the same both times");
    }
  }

  [[nodiscard]] std::vector<Trouble> troubles() const {
    const auto fails_as = [](std::string kind) {
      return [kind = std::move(kind)](const FetchResult& result) { return result.failure.kind == kind; };
    };
    const auto answers = [](int status, int attempts) {
      return [=](const FetchResult& result) {
        return !result.failure.any() && result.status == status && result.attempts == attempts;
      };
    };
    return {{server_.refused_url(), "a port where nobody listens", fails_as("refused")},
            {server_.silent_url(), "a server that never answers", fails_as("timeout")},
            {server_.error_url(), "an error of the server", answers(500, 3)},
            {server_.truncated_url(), "a connection that ends inside the body", fails_as("bad body")},
            {"http://no host/", "a URL that is none", fails_as("bad URL")},
            {server_.flaky_url(), "a page that comes at the third attempt", answers(200, 3)},
            {server_.page_url(7), "a page that nothing of this disturbs", answers(200, 1)}};
  }

  Coro<> show_trouble() {
    print("And what goes wrong, all at once; what may be better the next time is tried up to three times:\n\n");
    const std::vector<Trouble> all = troubles();
    std::vector<std::string> urls;
    urls.reserve(all.size());
    for (const Trouble& trouble : all) urls.push_back(trouble.url);
    const Outcome outcome = co_await fetch(std::move(urls), {.timeout = kTimeout, .retries = 2, .retry_delay = 50ms},
                                           "what goes wrong", "errors.svg");
    if (interrupted_) co_return;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const FetchResult& result = outcome.results[i];
      const std::string end = result.failure.any()
                                  ? fmt::format("{}: {}", result.failure.type, printable(result.failure.reason))
                                  : fmt::format("{} {}", result.status, printable(result.reason));
      print("{}: {}, {}\n  {}\n", all[i].what, plural(static_cast<std::size_t>(result.attempts), "attempt"),
            format_time(result.took), end);
      expect(all[i].as_expected(result), all[i].what + " ends as it should");
    }
  }

  void expect(bool condition, const std::string& what) {
    if (condition) return;
    as_expected_ = false;
    print("UNEXPECTED: not so: {}\n", what);
  }

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    out_.write(fmt::format(format, std::forward<Args>(args)...));
  }

  DemoArguments arguments_;
  std::string directory_;
  DemoServer server_;
  Output out_{STDOUT_FILENO};
  Output err_{STDERR_FILENO};
  bool interrupted_ = false;
  bool as_expected_ = true;
};

}  // namespace

int run_demo(const DemoArguments& arguments) {
  raise_descriptor_limit();
  Demo demo(arguments);
  return tutti::run(demo.run());
}

}  // namespace tutti::app

// SPDX-License-Identifier: MIT
// The command line of `tutti`.
#include "command_line.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <tutti/base/error.hpp>

#include "demo.hpp"
#include "fetch_command.hpp"
#include "input.hpp"

namespace tutti::app {

namespace {

constexpr const char* kFetchFooter = R"(
Each URL is one line on standard output, in the order in which the answers come: status, size, time, URL, error.
Progress and summary go to standard error.

Exit code: 0 all succeeded (status below 400), 1 some failed, 2 wrong usage, 130 interrupted by Ctrl-C.

  tutti fetch http://example.com/ http://example.org/
  tutti fetch --input urls.txt --concurrency 100 --json > results.json
  tutti fetch --sequential --timeline -i urls.txt        # and now without --sequential
)";

// As they are written on the command line.
struct RawFetch {
  std::vector<std::string> urls, inputs, headers;
  double timeout = 30;
  double retry_delay = 0.2;
  bool sequential = false, json = false, json_lines = false;
  std::uint64_t max_size = 0;
};

/// Without its description, which would only fill the help.
CLI::Validator within(int least, int most) { return CLI::Validator(CLI::Range(least, most)).description(""); }

Duration seconds(double value) { return to_duration(std::chrono::duration<double>(value)); }

void add_request_options(CLI::App& command, FetchOptions& options, RawFetch& raw) {
  command.add_option("-X,--method", options.method, "Method")->type_name("METHOD")->capture_default_str();
  command.add_option("-H,--header", raw.headers, "A field of each request, \"Name: value\"; may be repeated")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  command.add_option("-t,--timeout", raw.timeout, "Limit for each attempt")
      ->type_name("SECONDS")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""))
      ->capture_default_str();
  command
      .add_option("-r,--retries", options.retries,
                  "How often to try again after connection errors, timeouts and answers from 500 on")
      ->type_name("N")
      ->check(within(0, 1000))
      ->capture_default_str();
  command
      .add_option("--retry-delay", raw.retry_delay,
                  "Pause before the first retry; doubles for each next one, up to 10 s")
      ->type_name("SECONDS")
      ->check(CLI::Validator(CLI::NonNegativeNumber).description(""))
      ->capture_default_str();
  command.add_option("--max-redirects", options.max_redirects, "How many redirects to follow")
      ->type_name("N")
      ->check(within(0, 1000))
      ->capture_default_str();
  command.add_option("--max-size", raw.max_size, "Largest body, for example 10MB; 0: any")
      ->type_name("BYTES")
      ->transform(CLI::Validator(CLI::AsSizeValue(true)).description(""));
}

void add_fetch_options(CLI::App& command, FetchArguments& arguments, RawFetch& raw) {
  command.add_option("URL", raw.urls, "What to fetch (http only); \"-\": URLs from standard input");
  command.add_option("-i,--input", raw.inputs, "URLs from a file, one a line, # for comments; \"-\": standard input")
      ->type_name("FILE")
      ->allow_extra_args(false);
  auto* concurrency = command.add_option("-c,--concurrency", arguments.options.concurrency, "Requests at a time")
                          ->type_name("N")
                          ->check(within(1, 1'000'000))
                          ->capture_default_str();
  command.add_flag("--sequential", raw.sequential, "One after another, as --concurrency 1")->excludes(concurrency);
  add_request_options(command, arguments.options, raw);
  command.add_option("-o,--output", arguments.options.output, "Save the bodies of what succeeds in this directory")
      ->type_name("DIR");
  auto* json = command.add_flag("--json", raw.json, "Print one JSON document at the end");
  command.add_flag("--json-lines", raw.json_lines, "Print a line of JSON for each URL")->excludes(json);
  command.add_flag("--timeline", arguments.timeline, "Draw which request waited when");
  command.add_option("--timeline-svg", arguments.timeline_svg, "Draw it as a picture")->type_name("FILE");
  command.add_flag("-q,--quiet", arguments.quiet, "Neither progress nor summary");
  command.footer(kFetchFooter);
}

void add_header(http::Headers& headers, const std::string& field) {
  const std::size_t colon = field.find(':');
  if (colon == std::string::npos) throw CLI::ValidationError("--header", "'" + field + "' is not \"Name: value\"");
  const std::size_t value = field.find_first_not_of(" \t", colon + 1);
  try {
    headers.add(field.substr(0, colon), value == std::string::npos ? "" : field.substr(value));
  } catch (const ValueError& error) {
    throw CLI::ValidationError("--header", error.what());
  }
}

/// *Errors*: `CLI::Error`.
void complete(FetchArguments& arguments, RawFetch& raw) {
  FetchOptions& options = arguments.options;
  if (!http::is_token(options.method) || options.method == "CONNECT") {
    throw CLI::ValidationError("--method", "'" + options.method + "' is no method");
  }
  for (const std::string& field : raw.headers) add_header(options.headers, field);
  options.timeout = seconds(raw.timeout);
  options.retry_delay = seconds(raw.retry_delay);
  if (raw.max_size != 0) options.max_size = raw.max_size;
  if (raw.sequential) options.concurrency = 1;
  if (raw.json) arguments.format = FetchArguments::Format::json;
  if (raw.json_lines) arguments.format = FetchArguments::Format::json_lines;

  const auto add_from = [&](const std::string& file) {
    try {
      for (std::string& url : read_urls(file)) arguments.urls.push_back(std::move(url));
    } catch (const OSError& error) {
      throw CLI::ValidationError("--input", error.what());
    }
  };
  for (std::string& url : raw.urls) {
    if (url == "-") {
      add_from(url);
    } else {
      arguments.urls.push_back(std::move(url));
    }
  }
  for (const std::string& file : raw.inputs) add_from(file);
  if (arguments.urls.empty()) throw CLI::ValidationError("no URL is given, neither as an argument nor in an input");
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("Many things at once on one thread: the command of the C++ library Tutti.", "tutti");
  app.set_version_flag("--version", "tutti " TUTTI_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  FetchArguments fetch_arguments;
  RawFetch raw;
  CLI::App* fetch = app.add_subcommand("fetch", "Fetch URLs concurrently");
  add_fetch_options(*fetch, fetch_arguments, raw);

  DemoArguments demo_arguments;
  CLI::App* demo =
      app.add_subcommand("demo", "Fetch 200 pages of a server of its own, one after another and then together");
  demo->add_option("-o,--output", demo_arguments.output,
                   "Directory for the pictures; else build/demo, or a new temporary one")
      ->type_name("DIR");
  demo->add_option("-n,--pages", demo_arguments.pages, "How many pages")
      ->check(within(1, 10'000))
      ->type_name("N")
      ->capture_default_str();
  demo->add_option("-c,--concurrency", demo_arguments.concurrency, "Requests at a time")
      ->check(within(1, 10'000))
      ->type_name("N")
      ->capture_default_str();

  try {
    app.parse(argc, argv);
    if (fetch->parsed()) complete(fetch_arguments, raw);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  try {
    return fetch->parsed() ? run_fetch(std::move(fetch_arguments)) : run_demo(demo_arguments);
  } catch (const KeyboardInterrupt&) {
    return kExitInterrupted;
  } catch (const std::exception& error) {
    std::cerr << "tutti: " << error.what() << "\n";
    return kExitFailed;
  }
}

}  // namespace tutti::app

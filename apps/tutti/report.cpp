// SPDX-License-Identifier: MIT
// Results as text and as JSON.
#include "report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "format.hpp"

namespace tutti::app {

namespace {

using Json = nlohmann::ordered_json;

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

Json to_json(const FetchResult& result) {
  constexpr std::array<const char*, kPhases> names{"queued", "connect", "wait", "receive", "pause"};
  Json phases = Json::object();
  for (std::size_t i = 0; i < kPhases; ++i) phases[names[i]] = 0.0;
  for (const Span& span : result.spans) {
    Json& sum = phases[names[static_cast<std::size_t>(span.phase)]];
    sum = sum.get<double>() + seconds(span.length());
  }
  Json json{{"url", result.url},
            {"ok", result.ok()},
            {"status", nullptr},
            {"reason", nullptr},
            {"size", result.size},
            {"time", seconds(result.took)},
            {"began", seconds(result.began)},
            {"attempts", result.attempts},
            {"final_url", nullptr},
            {"file", nullptr},
            {"error", nullptr},
            {"phases", std::move(phases)}};
  if (result.status != 0) {
    json["status"] = result.status;
    json["reason"] = result.reason;
    json["final_url"] = result.final_url;
  }
  if (!result.file.empty()) json["file"] = result.file;
  if (result.failure.any()) {
    json["error"] = {{"type", result.failure.type}, {"kind", result.failure.kind}, {"message", result.failure.message}};
  } else if (!result.done) {
    json["error"] = {{"type", "CancelledError"}, {"kind", "interrupted"}, {"message", "interrupted"}};
  }
  return json;
}

// What servers say need not be UTF-8, JSON must be.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string status_text(const FetchResult& result, bool colour) {
  std::string text = result.failure.any() || result.status == 0 ? "---" : fmt::format("{:3}", result.status);
  if (!colour) return text;
  return fmt::format("\x1b[{}m{}\x1b[0m", result.ok() ? "32" : "31", text);
}

}  // namespace

std::string text_line(const FetchResult& result, bool colour) {
  std::string line = fmt::format("{} {:>8} {:>9}  {}", status_text(result, colour),
                                 result.status == 0 ? "-" : format_bytes(result.size), format_time(result.took),
                                 printable(result.url));
  if (result.failure.any()) {
    line += "  " + printable(result.failure.reason);
  } else if (!result.ok()) {
    line += "  " + printable(result.reason);
  }
  if (result.attempts > 1) line += fmt::format("  ({} attempts)", result.attempts);
  return line + "\n";
}

std::string summary_line(const Outcome& outcome) {
  std::string line = fmt::format(
      "{} in {}, {}: {} ok, {} failed, {}", plural(outcome.results.size(), "request"), format_time(outcome.took),
      outcome.concurrency == 1 ? "one after another" : fmt::format("{} at a time", outcome.concurrency),
      outcome.succeeded(), outcome.failed(), format_bytes(outcome.bytes()));
  if (outcome.interrupted) line += fmt::format("; interrupted, {} not done", outcome.not_done());
  return line + "\n";
}

std::string json_line(const FetchResult& result) { return dump(to_json(result), -1); }

std::string json_document(const Outcome& outcome) {
  Json results = Json::array();
  for (const FetchResult& result : outcome.results) results.push_back(to_json(result));
  const Json document{{"results", std::move(results)},
                      {"summary",
                       {{"requests", outcome.results.size()},
                        {"ok", outcome.succeeded()},
                        {"failed", outcome.failed()},
                        {"not_done", outcome.not_done()},
                        {"interrupted", outcome.interrupted},
                        {"bytes", outcome.bytes()},
                        {"time", seconds(outcome.took)},
                        {"concurrency", outcome.concurrency}}}};
  return dump(document, 2);
}

std::string progress_bar(const ProgressCount& count, std::size_t width, bool unicode) {
  const std::string numbers = " " + progress_words(count);
  const std::size_t room = width > numbers.size() + 2 ? std::min<std::size_t>(width - numbers.size() - 2, 30) : 0;
  if (room < 5) return cut_end(progress_words(count), width, unicode);
  const std::size_t full = count.total == 0 ? room : room * count.done / count.total;
  std::string bar = unicode ? "" : "[";
  for (std::size_t i = 0; i < room; ++i) bar += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  return bar + (unicode ? "" : "]") + numbers;
}

std::string progress_words(const ProgressCount& count) {
  return fmt::format("{} of {} done, {} failed, {}, {}", count.done, count.total, count.failed,
                     format_bytes(count.bytes), format_time(count.elapsed));
}

}  // namespace tutti::app

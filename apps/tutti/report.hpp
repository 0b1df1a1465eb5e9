// SPDX-License-Identifier: MIT
// Results as text and as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "result.hpp"

namespace tutti::app {

/// One line: status, size, time, URL, and what went wrong. With `colour` the status has one.
[[nodiscard]] std::string text_line(const FetchResult& result, bool colour = false);

/// "200 requests in 1.25 s, 50 at a time: 196 ok, 4 failed, 1.2 MB".
[[nodiscard]] std::string summary_line(const Outcome& outcome);

/// One result as a JSON object on one line. Times are in seconds.
[[nodiscard]] std::string json_line(const FetchResult& result);

/// The whole as one JSON document: `results` in the order of the URLs, and a `summary`.
[[nodiscard]] std::string json_document(const Outcome& outcome);

/// How far it has come.
struct ProgressCount {
  std::size_t total = 0;
  std::size_t done = 0;
  std::size_t failed = 0;
  std::uint64_t bytes = 0;
  Duration elapsed{};
};

/// A line without its end: with a bar of characters for a terminal, in plain words otherwise.
[[nodiscard]] std::string progress_bar(const ProgressCount& count, std::size_t width, bool unicode);
[[nodiscard]] std::string progress_words(const ProgressCount& count);

}  // namespace tutti::app

// SPDX-License-Identifier: MIT
// The command `tutti fetch`.
#pragma once

#include <string>
#include <vector>

#include "fetch.hpp"

namespace tutti::app {

struct FetchArguments {
  std::vector<std::string> urls;
  FetchOptions options;
  enum class Format { text, json, json_lines } format = Format::text;
  bool quiet = false;
  bool timeline = false;
  std::string timeline_svg;  ///< a file; empty: none
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

/// Fetches and prints; gives the exit code.
[[nodiscard]] int run_fetch(FetchArguments arguments);

}  // namespace tutti::app

// SPDX-License-Identifier: MIT
// For programs that measure themselves: processor time and time of a number of operations, told in one line of JSON. The programs
// of peers/ print the same.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <time.h>

namespace bench {

[[noreturn]] inline void stop(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(2);
}

/// Begins to measure when it is made.
class Usage {
 public:
  Usage() : processor_(seconds(CLOCK_PROCESS_CPUTIME_ID)), start_(seconds(CLOCK_MONOTONIC)) {}

  void tell(std::uint64_t count) const {
    const double took = seconds(CLOCK_MONOTONIC) - start_;
    const double used = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor_;
    std::printf("{\"count\": %llu, \"seconds\": %.6f, \"us\": %.4f}\n", static_cast<unsigned long long>(count), took,
                used * 1e6 / static_cast<double>(count));
  }

 private:
  static double seconds(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  }

  double processor_;
  double start_;
};

}  // namespace bench

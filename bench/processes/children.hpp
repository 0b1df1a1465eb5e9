// SPDX-License-Identifier: MIT
// What the programs that run processes share. What they tell is the processor time of theirs and that of the children.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/resource.h>
#include <time.h>

#include "../usage.hpp"

namespace bench {

inline void check_end(bool ended_well) {
  if (!ended_well) stop("a process fails");
}

/// How many processes, and how many at a time.
inline std::pair<std::uint64_t, std::uint64_t> plan(int count, char** arguments) {
  if (count < 3) stop("usage: processes_… COUNT AT_ONCE");
  return {std::strtoull(arguments[1], nullptr, 10), std::strtoull(arguments[2], nullptr, 10)};
}

/// Begins to measure when it is made. Every child must have been reaped when it tells.
class ChildrenUsage {
 public:
  void tell(std::uint64_t count) const {
    const auto each = [count](double seconds) { return seconds * 1e6 / static_cast<double>(count); };
    std::printf("{\"count\": %llu, \"seconds\": %.6f, \"us\": %.4f, \"children_us\": %.4f}\n",
                static_cast<unsigned long long>(count), monotonic() - start_, each(used(RUSAGE_SELF) - own_),
                each(used(RUSAGE_CHILDREN) - children_));
  }

 private:
  static double seconds(time_t whole, long nanoseconds) {
    return static_cast<double>(whole) + static_cast<double>(nanoseconds) / 1e9;
  }
  static double used(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    return seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec,
                   1000 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
  }
  static double monotonic() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return seconds(now.tv_sec, now.tv_nsec);
  }

  double own_ = used(RUSAGE_SELF);
  double children_ = used(RUSAGE_CHILDREN);
  double start_ = monotonic();
};

}  // namespace bench

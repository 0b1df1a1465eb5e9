// SPDX-License-Identifier: MIT
// What each benchmark program uses: a clock, resident memory, counted allocations, one line a measurement.
// Line: RESULT <peer> <workload> <n> <ns_per_op> <total_ms> <rss_peak_kb> <rss_base_kb> <allocations_per_op> <ok|BAD>,
// fields parted by tabs; allocations are "-" where they are not counted. The programs of peers/ print the same.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <time.h>
#include <unistd.h>

namespace bench {

inline std::uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Peak resident memory (VmHWM: ru_maxrss carries over the parent's peak through exec).
inline long rss_peak_kb() {
  long kb = 0;
  char line[256];
  if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, "VmHWM:", 6) == 0) kb = std::strtol(line + 6, nullptr, 10);
    }
    std::fclose(file);
  }
  return kb;
}

inline long rss_now_kb() {
  long size = 0;
  long resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

inline long& base_kb() {
  static long base = 0;
  return base;
}
inline void set_base() { base_kb() = rss_now_kb(); }

/// Calls of `operator new` so far, if the program counts them (allocations.cpp is linked in).
inline std::uint64_t& allocation_counter() {
  static std::uint64_t counter = 0;
  return counter;
}
inline std::uint64_t allocations() { return allocation_counter(); }

inline std::uint64_t sleep_seconds() {
  const char* text = std::getenv("SLEEP_S");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 5;
}

/// The number that stands at `index` of the command line, or another where there is none.
inline std::uint64_t argument(int argc, char** argv, int index, std::uint64_t by_default) {
  return index < argc ? std::strtoull(argv[index], nullptr, 10) : by_default;
}

/// One line of results. Without `allocations` the program did not count them.
inline void report(const char* peer, const char* workload, std::uint64_t n, std::uint64_t ns, bool ok,
                   std::optional<std::uint64_t> allocations = std::nullopt) {
  const auto per_op = [n](std::uint64_t total) {
    return static_cast<double>(total) / static_cast<double>(n == 0 ? 1 : n);
  };
  char counted[32] = "-";
  if (allocations) std::snprintf(counted, sizeof counted, "%.3f", per_op(*allocations));
  std::printf("RESULT\t%s\t%s\t%llu\t%.2f\t%.2f\t%ld\t%ld\t%s\t%s\n", peer, workload,
              static_cast<unsigned long long>(n), per_op(ns), static_cast<double>(ns) / 1e6, rss_peak_kb(), base_kb(),
              counted, ok ? "ok" : "BAD");
  std::fflush(stdout);
}

/// The line of W4, whose time is what the sleepers took beyond their sleep.
inline void report_sleep(const char* peer, std::uint64_t n, std::uint64_t ns, std::uint64_t asleep, bool ok,
                         std::optional<std::uint64_t> allocations = std::nullopt) {
  report(peer, "W4", n, ns > asleep ? ns - asleep : 0, ok && ns >= asleep, allocations);
}

}  // namespace bench

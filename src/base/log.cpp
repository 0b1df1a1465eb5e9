// SPDX-License-Identifier: MIT
#include <tutti/base/log.hpp>

#include <cstdio>
#include <mutex>
#include <string>

namespace tutti {
namespace {

struct Seam {
  std::mutex mutex;
  LogSink sink;
};
Seam& seam() {
  static auto* const one = new Seam;  // never destroyed: it serves destructors of statics too
  return *one;
}

void write_to_stderr(LogLevel level, std::string_view category, std::string_view message) {
  if (level < LogLevel::warning) return;
  std::string line = level == LogLevel::warning ? "warning: " : "error: ";
  line.append("tutti.").append(category).append(": ").append(message).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void set_log_sink(LogSink sink) {
  // The old one goes after the lock: it may log.
  const std::lock_guard lock(seam().mutex);
  std::swap(seam().sink, sink);
}

void log(LogLevel level, std::string_view category, std::string_view message) noexcept {
  // Inside a sink that logs itself: the sink is busy, and stands under its lock.
  static thread_local bool in_sink = false;
  try {
    if (in_sink) return write_to_stderr(level, category, message);
    const std::lock_guard lock(seam().mutex);
    if (!seam().sink) return write_to_stderr(level, category, message);
    struct Inside {
      Inside() { in_sink = true; }
      ~Inside() { in_sink = false; }
    } const inside;
    seam().sink(level, category, message);
  } catch (...) {  // a broken sink must not break what it reports on
  }
}

}  // namespace tutti

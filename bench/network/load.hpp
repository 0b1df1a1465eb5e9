// SPDX-License-Identifier: MIT
// What the loads share: clocks, the processor time of a server, latencies, connections.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

namespace bench {

[[noreturn]] inline void fail(const char* what, int error) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(error));
  std::exit(2);
}

inline std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}
inline std::uint64_t now_ns() { return clock_ns(CLOCK_MONOTONIC); }

/// Time on a processor of all threads of a process: exact, where utime and stime count ticks.
inline std::uint64_t processor_ns(const std::string& pid) {
  std::uint64_t sum = 0;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", gone)) {
    std::uint64_t ns = 0;
    if (std::ifstream(task.path() / "schedstat") >> ns) sum += ns;
  }
  return sum;
}

/// Latencies, to a hundredth of their size.
class Histogram {
 public:
  void add(std::uint64_t ns) {
    ++count_;
    const unsigned shift = ns < kSteps ? 0 : 64U - static_cast<unsigned>(__builtin_clzll(ns)) - 8U;
    ++buckets_[shift * kSteps + (ns >> shift)];
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double microseconds(double share) const {
    std::uint64_t left = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      if (buckets_[i] > left) return static_cast<double>((i % kSteps) << (i / kSteps)) / 1e3;
      left -= buckets_[i];
    }
    return 0;
  }

 private:
  static constexpr std::size_t kSteps = 256;
  std::array<std::uint64_t, kSteps * 57> buckets_{};
  std::uint64_t count_ = 0;
};

/// How long a load runs before it is measured.
inline std::uint64_t warm_up_ns(double seconds) { return static_cast<std::uint64_t>(std::min(0.3, seconds) * 1e9); }

/// Begins to measure when it is made.
class Measurement {
 public:
  explicit Measurement(std::string server)
      : server_(std::move(server)),
        start_(now_ns()),
        server_start_(processor_ns(server_)),
        own_start_(clock_ns(CLOCK_PROCESS_CPUTIME_ID)) {}
  [[nodiscard]] std::uint64_t start() const { return start_; }

  /// One line of JSON: times for each operation, latencies.
  void tell(const Histogram& latencies) const {
    const double seconds = static_cast<double>(now_ns() - start_) / 1e9;
    const auto count = static_cast<double>(latencies.count());
    std::printf(
        "{\"count\": %.0f, \"seconds\": %.4f, \"us\": %.4f, \"load_us\": %.4f, \"p50\": %.2f, \"p99\": %.2f, "
        "\"p999\": %.2f}\n",
        count, seconds, static_cast<double>(processor_ns(server_) - server_start_) / 1e3 / count,
        static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_start_) / 1e3 / count, latencies.microseconds(0.5),
        latencies.microseconds(0.99), latencies.microseconds(0.999));
  }

 private:
  std::string server_;
  std::uint64_t start_;
  std::uint64_t server_start_;
  std::uint64_t own_start_;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// To a port, or to a path if there is a slash in it.
inline int connect_to(const std::string& where) {
  const bool is_path = where.find('/') != std::string::npos;
  sockaddr_un local{.sun_family = AF_UNIX, .sun_path = {}};
  if (is_path) std::strncpy(local.sun_path, where.c_str(), sizeof local.sun_path - 1);
  const sockaddr_in inet = loopback(static_cast<std::uint16_t>(std::atoi(where.c_str())));
  const int fd = ::socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* address = is_path ? reinterpret_cast<const sockaddr*>(&local) : reinterpret_cast<const sockaddr*>(&inet);
  const socklen_t size = is_path ? sizeof local : sizeof inet;
  if (fd < 0 || ::connect(fd, address, size) != 0) fail("connect", errno);
  const int on = 1;
  if (!is_path) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace bench

// SPDX-License-Identifier: MIT
// What the tests of the back ends share: each test runs on every back end, against the real kernel.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/loop/io_backend.hpp>

namespace tutti::tests {

using lowlevel::IoBackend;
using lowlevel::Opcode;
using lowlevel::Operation;
using lowlevel::Ready;
using lowlevel::ReadyQueue;

/// An operation that counts its deliveries, and writes itself down in a list if it has one.
class CountedOperation final : public Operation {
 public:
  explicit CountedOperation(std::vector<CountedOperation*>* order = nullptr) : order_(order) {}
  int deliveries = 0;
  [[nodiscard]] bool done() const { return deliveries != 0; }
  void run() override {
    ++deliveries;
    if (order_ != nullptr) order_->push_back(this);
  }

 private:
  std::vector<CountedOperation*>* order_;
};

struct Pair {
  Fd left, right;
};

inline Pair socket_pair(int type = SOCK_STREAM | SOCK_NONBLOCK) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

inline Pair pipe_pair(int flags = 0) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, flags | O_CLOEXEC), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

/// A socket bound to an ephemeral port of 127.0.0.1, and its address.
struct Bound {
  Fd fd;
  sockaddr_in address{};
};

inline Bound bound_socket(int type = SOCK_STREAM | SOCK_NONBLOCK) {
  Bound bound;
  bound.fd.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  bound.address.sin_family = AF_INET;
  bound.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(bound.fd.get(), reinterpret_cast<sockaddr*>(&bound.address), sizeof bound.address), 0);
  socklen_t size = sizeof bound.address;
  EXPECT_EQ(::getsockname(bound.fd.get(), reinterpret_cast<sockaddr*>(&bound.address), &size), 0);
  return bound;
}

inline Bound listening_socket(int type = SOCK_STREAM | SOCK_NONBLOCK) {
  Bound bound = bound_socket(type);
  EXPECT_EQ(::listen(bound.fd.get(), 16), 0);
  return bound;
}

inline void write_all(const Fd& fd, std::string_view text) {
  ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

class BackendTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "uring" && !lowlevel::uring_available()) {
      GTEST_SKIP() << "this kernel does not let this process use io_uring with what the back end needs (Linux 6.1)";
    }
    backend_ = lowlevel::make_backend(GetParam());
  }

  void TearDown() override {
    if (!backend_) return;
    ReadyQueue completed;
    backend_->shutdown(completed);
    run_all(completed);
    EXPECT_EQ(backend_->pending(), 0U);
  }

  IoBackend& backend() { return *backend_; }

  /// One poll; runs what it delivered and says how much that was.
  int poll(std::optional<Duration> timeout = Duration::zero()) {
    ReadyQueue completed;
    backend_->poll(timeout, completed);
    return run_all(completed);
  }

  /// Waits until `operation` is delivered and gives its result.
  int finish(const CountedOperation& operation) {
    while (!operation.done()) poll(std::nullopt);
    return operation.result;
  }

  int submit_and_finish(CountedOperation& operation) {
    backend_->submit(operation);
    return finish(operation);
  }

  void finish_all() {
    while (backend_->pending() != 0) poll(std::nullopt);
  }

  /// Waits until the back end has done all it can do now: what is submitted waits in the kernel.
  void settle() {
    while (poll() != 0) {
    }
  }

  static int run_all(ReadyQueue& completed) {
    int count = 0;
    while (Ready* entry = completed.pop()) {
      entry->run();
      ++count;
    }
    return count;
  }

  std::unique_ptr<IoBackend> backend_;
};

inline const auto all_backends = testing::Values("uring", "epoll", "poll");
inline const auto backend_name = [](const testing::TestParamInfo<const char*>& info) {
  return std::string(info.param);
};

}  // namespace tutti::tests

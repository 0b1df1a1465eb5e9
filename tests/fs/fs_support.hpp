// SPDX-License-Identifier: MIT
// What the tests of files share: a directory of their own, and plain system calls to look at it with.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/testing/test.hpp>

#include "support/scratch_directory.hpp"

namespace tutti::tests {

using test_support::ScratchDirectory;

inline std::string contents_of(const std::string& path) {
  std::ostringstream contents;
  contents << std::ifstream(path, std::ios::binary).rdbuf();
  return contents.str();
}

/// A pipe with a name, and both its ends, so that nobody waits for the other one to open it.
class Fifo {
 public:
  explicit Fifo(std::string path, int capacity = 4096) : path_(std::move(path)) {
    if (::mkfifo(path_.c_str(), 0600) != 0) throw RuntimeError("mkfifo failed");
    ends_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    ::fcntl(ends_.get(), F_SETPIPE_SZ, capacity);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  void put(std::string_view bytes) const {
    EXPECT_EQ(::write(ends_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  /// What is in it now.
  [[nodiscard]] std::string take() const {
    std::string bytes(65536, '\0');
    const ssize_t count = ::read(ends_.get(), bytes.data(), bytes.size());
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

 private:
  std::string path_;
  Fd ends_;
};

/// Gives the loop back to all others once.
inline auto one_tick() { return tutti::sleep(Duration::zero()); }

/// What an `Error` says that `body()` throws; empty if it throws none.
template <class Error, class Body>
Coro<std::string> message_of(Body body) {
  try {
    co_await body();
  } catch (const Error& error) {
    co_return error.what();
  }
  co_return "";
}

}  // namespace tutti::tests

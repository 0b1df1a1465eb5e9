// SPDX-License-Identifier: MIT
// A place where a call in another process stands still until the test lets it go.
#pragma once

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <tutti/base/fd.hpp>

namespace tests {

/// What the call does: waits in the gate that is called `path`.
inline void wait_in(const std::string& path) {
  const tutti::Fd fifo(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char byte = 0;
  while (::read(fifo.get(), &byte, 1) > 0) {
  }
}

class Gate {
 public:
  Gate() {
    char name[] = "/tmp/tutti_gate_XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/gate";
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() {
    ::unlink(path_.c_str());
    ::rmdir(folder_.c_str());
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Returns when a call has come.
  void await_arrival() { writer_.reset(::open(path_.c_str(), O_WRONLY | O_CLOEXEC)); }
  /// Lets it go.
  void open() { writer_.reset(); }

 private:
  std::string folder_;
  std::string path_;
  tutti::Fd writer_;
};

}  // namespace tests

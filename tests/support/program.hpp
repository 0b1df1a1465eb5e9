// SPDX-License-Identifier: MIT
// Other people's programs, for tests that talk to them.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include <sys/types.h>

namespace test_support {

/// A program that runs beside the test; its standard error goes where its output goes. It is killed with this object.
class Program {
 public:
  /// `arguments[0]` is looked for in PATH; `input` is what it reads.
  explicit Program(std::vector<std::string> arguments, const std::string& input = {});
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  /// The next line of its output, without the line end. Blocks.
  std::string line();
  /// All that it still prints. Blocks until it closes its output.
  std::string rest();
  /// How it ended: 0 is success. Blocks.
  int wait();

 private:
  pid_t pid_ = 0;
  std::FILE* output_ = nullptr;
};

}  // namespace test_support

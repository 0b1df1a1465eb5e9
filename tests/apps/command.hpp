// SPDX-License-Identifier: MIT
// Runs the command `tutti` as a user does, and directories for what it writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "support/scratch_directory.hpp"

namespace apps_test {

using test_support::ScratchDirectory;

struct RunResult {
  int exit_code = -1;  ///< -1: a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

/// A program that runs; its output is collected. Ended when this is left, or the test ends.
class Process {
 public:
  struct Options {
    std::string input = {};                     ///< for its standard input
    std::vector<std::string> environment = {};  ///< "NAME=value", besides what it inherits
    int inherited = -1;                         ///< a descriptor that it gets as number 3
  };
  explicit Process(std::vector<std::string> arguments) : Process(std::move(arguments), Options()) {}
  Process(std::vector<std::string> arguments, Options options);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  /// Reads its standard output up to a line that holds `text`; gives that line, an empty one at the end.
  std::string read_line_with(const std::string& text);
  void close_output();
  void send_signal(int signal) const;
  /// Collects the rest and waits for the end. *Errors*: `std::runtime_error` after 30 s.
  RunResult wait();

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  RunResult result_;
};

/// `tutti ARGUMENTS…`, until its end.
RunResult tutti_command(std::vector<std::string> arguments, Process::Options options = {});
/// The arguments with the command's path in front.
std::vector<std::string> with_command(std::vector<std::string> arguments);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& content);
std::vector<std::string> lines_of(const std::string& text);

}  // namespace apps_test

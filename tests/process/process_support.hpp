// SPDX-License-Identifier: MIT
// What the tests of child processes have in common.
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

#include <sys/wait.h>

#include <tutti/base/error.hpp>
#include <tutti/process/subprocess.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/test.hpp>

#include "support/turns.hpp"

namespace tutti::tests {

using namespace std::chrono_literals;
using subprocess::DEVNULL;
using subprocess::PIPE;
using subprocess::Process;
using subprocess::STDOUT;
using test_support::message_of;
using test_support::turns;

inline constexpr std::size_t kMoreThanAPipeHolds = 4 * 1024 * 1024 + 1;

/// A child that ends when its input does, or by a signal.
inline Coro<Process> blocked() { return create_subprocess_exec("cat", {}, {.input = PIPE, .output = DEVNULL}); }

/// What a command line writes to its output.
inline Coro<std::string> output_of(std::string command, subprocess::Options options = {}) {
  options.output = PIPE;
  const Process process = co_await create_subprocess_shell(std::move(command), std::move(options));
  auto [output, errors] = co_await process.communicate();
  co_return output;
}

/// Whether this process has no child, alive or dead.
inline bool no_child_is_left() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD;
}

}  // namespace tutti::tests

// SPDX-License-Identifier: MIT
// A running child and our ends of its pipes, for those who put streams or protocols on them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/process/subprocess.hpp>

#include "process/child.hpp"

namespace tutti::detail {

struct StartedChild {
  Ref<Child> child;
  std::array<Fd, 3> pipes;  // empty where there is none
};

/// Does not wait. *Errors*: as of `create_subprocess_exec`; nothing runs then.
[[nodiscard]] StartedChild start_child(EventLoop& loop, std::string program, std::vector<std::string> arguments,
                                       const subprocess::Options& options);

/// A program and its arguments, its own name first.
struct CommandLine {
  std::string program;
  std::vector<std::string> arguments;
};
[[nodiscard]] CommandLine program_line(std::string program, std::vector<std::string> args,
                                       const subprocess::Options& options);
[[nodiscard]] CommandLine shell_line(std::string command, const subprocess::Options& options);

/// One iteration for what was started to begin. *Cancellation*: kills the child, and waits for it.
[[nodiscard]] Coro<> settle_child(Ref<Child> child);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// From a description of a child to a running one.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/process/subprocess.hpp>

namespace tutti::detail {

/// All that is needed between fork and exec, where no memory may be allocated.
struct SpawnPlan {
  std::string name;                    // for messages
  std::vector<std::string> arguments;  // with the program's own name
  std::vector<std::string> paths;      // where the program may be, in order
  std::vector<std::string> variables;  // NAME=value
  std::array<Fd, 3> standard;          // above 2, to become 0, 1 and 2; empty: inherited
  std::vector<int> pass_fds;           // sorted
  const subprocess::Options* options = nullptr;
};

/// Checks what can be checked before; `standard` is left empty. *Errors*: `ValueError`, `OSError`.
[[nodiscard]] SpawnPlan make_spawn_plan(std::string program, std::vector<std::string> arguments,
                                        const subprocess::Options& options);

/// Starts it; gives its pid. *Errors*: `OSError`; nothing runs then.
[[nodiscard]] int spawn(const SpawnPlan& plan);

/// The same file under a number above those of the standard streams. *Errors*: `OSError` with `context`.
[[nodiscard]] Fd above_standard(Fd file, const std::string& context);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// The command line of `tutti`.
#pragma once

namespace tutti::app {

/// Does what the command line says; gives the exit code.
[[nodiscard]] int run_command_line(int argc, const char* const* argv);

}  // namespace tutti::app

// SPDX-License-Identifier: MIT
// The command `tutti`.
#include <csignal>

#include "command_line.hpp"

int main(int argc, char** argv) {
  // A reader that goes away is an error of write(), not the end of the process.
  (void)std::signal(SIGPIPE, SIG_IGN);
  return tutti::app::run_command_line(argc, argv);
}

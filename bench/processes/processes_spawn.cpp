// SPDX-License-Identifier: MIT
// The limit for processes: posix_spawn(3) and waitpid(2), so many at a time.
//   processes_spawn COUNT AT_ONCE
#include <cstdint>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.hpp"

namespace {

void start() {
  char name[] = "/bin/true";
  char* const arguments[] = {name, nullptr};
  pid_t pid = 0;
  bench::check_end(::posix_spawn(&pid, name, nullptr, nullptr, arguments, environ) == 0);
}

}  // namespace

int main(int count, char** arguments) {
  const auto [processes, at_once] = bench::plan(count, arguments);
  const bench::ChildrenUsage usage;
  std::uint64_t started = 0;
  while (started < at_once && started < processes) {
    start();
    ++started;
  }
  for (std::uint64_t ended = 0; ended < processes; ++ended) {
    int status = 0;
    bench::check_end(::waitpid(-1, &status, 0) > 0 && status == 0);
    if (started++ < processes) start();
  }
  usage.tell(processes);
}

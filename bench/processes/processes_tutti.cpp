// SPDX-License-Identifier: MIT
// Runs /bin/true again and again with Tutti, so many at a time.
//   processes_tutti COUNT AT_ONCE
#include <cstdint>
#include <vector>

#include <tutti/process/subprocess.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>

#include "children.hpp"

using tutti::Coro;

namespace {

Coro<> run_until_done(std::uint64_t& left) {
  while (left != 0) {
    --left;
    auto process = co_await tutti::create_subprocess_exec("/bin/true");
    bench::check_end(co_await process.wait() == 0);
  }
}

Coro<> measure(std::uint64_t count, std::uint64_t at_once) {
  std::uint64_t left = count;
  std::vector<Coro<>> runners;
  const bench::ChildrenUsage usage;
  for (std::uint64_t i = 0; i < at_once; ++i) runners.push_back(run_until_done(left));
  co_await tutti::gather(runners);
  usage.tell(count);
}

}  // namespace

int main(int count, char** arguments) {
  const auto [processes, at_once] = bench::plan(count, arguments);
  tutti::run(measure(processes, at_once));
}

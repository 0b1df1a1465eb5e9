// SPDX-License-Identifier: MIT
// Other programs: one to talk to, several in a pipeline, and one that takes too long.
//
//   make build && build/release/examples/example_60_subprocess_pipeline
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::create_subprocess_exec;
using tutti::subprocess::PIPE;

// [region one]
Coro<> one_program() {
  auto process = co_await create_subprocess_exec("tr", {"a-z", "A-Z"}, {.input = PIPE, .output = PIPE});
  auto [output, errors] = co_await process.communicate("hello from a child\n");
  std::cout << output << "tr ended with " << *process.returncode() << "\n";
}
// [endregion]

// [region pipeline]
// sort | uniq -c, without a shell: the two programs share a pipe, and we hold its other two ends.
Coro<std::string> count_words(std::string words) {
  tutti::PipeEnds between = tutti::make_pipe();
  auto sort = co_await create_subprocess_exec("sort", {}, {.input = PIPE, .output = between.writer});
  auto uniq = co_await create_subprocess_exec("uniq", {"-c"}, {.input = between.reader, .output = PIPE});
  between = {};  // closes our copies, or uniq would never see the end
  auto [sorted, counted] = co_await tutti::gather(sort.communicate(words), uniq.communicate());
  co_return counted.output;
}
// [endregion]

// [region limit]
Coro<> not_for_ever() {
  auto process = co_await create_subprocess_exec("sleep", {"1000"});
  if (co_await tutti::catch_<tutti::TimeoutError>(tutti::wait_for(process.wait(), 10ms))) {
    process.terminate();
    std::cout << "sleep was ended by signal " << -co_await process.wait() << "\n";
  }
}
// [endregion]

Coro<> async_main() {
  co_await one_program();
  std::cout << co_await count_words("pear\napple\npear\n");
  co_await not_for_ever();
  try {
    (void)co_await create_subprocess_exec("no-such-program");
  } catch (const tutti::FileNotFoundError& error) {
    std::cout << error.what() << "\n";
  }
}

int main() { tutti::run(async_main()); }

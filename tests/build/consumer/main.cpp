// SPDX-License-Identifier: MIT
// A small program that needs the headers, the templates and the compiled library.
#include <chrono>
#include <cstdio>

#include <tutti/task/executor.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>

tutti::Coro<int> answer() {
  co_await tutti::sleep(std::chrono::milliseconds(1));
  co_return co_await tutti::to_thread([] { return 42; });
}

int main() { std::printf("the answer is %d\n", tutti::run(answer())); }

// SPDX-License-Identifier: MIT
// Runs /bin/true again and again with libuv, so many at a time.
//   processes_libuv COUNT AT_ONCE
#include <cstdint>

#include <uv.h>

#include "children.hpp"

namespace {

std::uint64_t left = 0;

void start() {
  if (left == 0) return;
  --left;
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  uv_process_options_t options{};
  options.file = name;
  options.args = arguments;
  uv_stdio_container_t streams[3]{};
  for (int i = 0; i < 3; ++i) {
    streams[i].flags = UV_INHERIT_FD;
    streams[i].data.fd = i;
  }
  options.stdio_count = 3;
  options.stdio = streams;
  options.exit_cb = [](uv_process_t* process, std::int64_t status, int signal) {
    bench::check_end(status == 0 && signal == 0);
    uv_close(reinterpret_cast<uv_handle_t*>(process),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_process_t*>(handle); });
    start();
  };
  auto* process = new uv_process_t;
  bench::check_end(uv_spawn(uv_default_loop(), process, &options) == 0);
}

}  // namespace

int main(int count, char** arguments) {
  const auto [processes, at_once] = bench::plan(count, arguments);
  left = processes;
  const bench::ChildrenUsage usage;
  for (std::uint64_t i = 0; i < at_once; ++i) start();
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  usage.tell(processes);
}

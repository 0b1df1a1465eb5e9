// SPDX-License-Identifier: MIT
// What bench/compile_time compiles: two pages fetched at the same time, with all of Tutti included.
#include <cstdio>

#include <tutti/tutti.hpp>

using tutti::Coro;

Coro<std::string> fetch(std::string url) {
  tutti::http::ClientSession session;
  auto response = co_await session.get(url);
  co_return co_await response.text();
}

Coro<> async_main(std::string first, std::string second) {
  auto [a, b] = co_await tutti::gather(fetch(first), fetch(second));
  std::printf("%zu and %zu bytes\n", a.size(), b.size());
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  tutti::run(async_main(argv[1], argv[2]));
}

// SPDX-License-Identifier: MIT
// The program of the README: fetches all URLs at once, each within five seconds.
//
//   make build && build/release/examples/example_00_readme http://example.com/ http://example.org/
#include <iostream>
#include <ranges>
#include <tutti/tutti.hpp>
using namespace std::chrono_literals;
using tutti::Coro;

Coro<std::string> fetch(std::string url) {
  tutti::http::ClientSession session({.timeout = {.total = 5s}});
  auto response = co_await session.get(url);
  co_return co_await response.text();
}

Coro<> async_main(std::vector<std::string> urls) {
  auto pages = co_await tutti::gather(tutti::return_exceptions, urls | std::views::transform(fetch));
  for (const auto& page : pages) std::cout << (page ? page.value() : tutti::describe(page.error())) << '\n';
}

int main(int argc, char** argv) { tutti::run(async_main({argv + 1, argv + argc})); }

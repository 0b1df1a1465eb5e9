// SPDX-License-Identifier: MIT
// Gathering over a list of URLs: all requests at once, at most three at a time, results in order.
//
//   make build && build/release/examples/example_08_gather_urls
#include <chrono>
#include <iostream>
#include <ranges>
#include <string>
#include <vector>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
namespace http = tutti::http;

// [region server]
// Page 1 takes longest, page 9 is the fastest; page 5 fails.
Coro<http::Response> page(http::Request& request) {
  const int number = std::stoi(request.match("number"));
  co_await tutti::sleep(5ms * (10 - number));
  if (number == 5) throw http::HTTPException(500);
  co_return http::Response::text("page " + request.match("number"));
}
// [endregion]

// [region gather]
Coro<> fetch_all(std::string base) {
  http::ClientSession session({.raise_for_status = true});
  tutti::Semaphore at_most(3);

  // What it captures by reference stands in this frame, which waits for all of them.
  auto fetch = [&](std::string url) -> Coro<std::string> {
    auto permit = co_await at_most.scoped();  // given back when it goes out of scope
    auto response = co_await session.get(url);
    co_return co_await response.text();
  };

  std::vector<std::string> urls;
  for (int i = 1; i <= 9; ++i) urls.push_back(base + "/page/" + std::to_string(i));
  auto pages = co_await tutti::gather(tutti::return_exceptions, urls | std::views::transform(fetch));
  for (const auto& text : pages) std::cout << (text ? text.value() : "an error") << '\n';
  co_await session.close();
}
// [endregion]

// [region main]
int main() {
  tutti::run([]() -> Coro<> {
    http::Server server;
    server.get("/page/{number}", page);
    co_await server.start();
    co_await fetch_all(server.url());
    co_await server.close();
  });
}
// [endregion]

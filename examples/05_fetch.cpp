// SPDX-License-Identifier: MIT
// Fetching a URL: a session, a response, its text. The server stands in the same program, so that no network is needed.
//
//   make build && build/release/examples/example_05_fetch [URL]
#include <iostream>
#include <string>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;
namespace http = tutti::http;

// [region fetch]
Coro<std::string> fetch(std::string url) {
  http::ClientSession session;  // keeps connections for the next request; one a program is best
  auto response = co_await session.get(url);
  std::cout << response.status() << ' ' << response.reason() << ", " << response.content_type() << '\n';
  co_return co_await response.text();
}
// [endregion]

// [region server]
Coro<http::Response> hello(http::Request& request) {
  co_return http::Response::text("Hello, " + request.match("name") + "!\n");
}

Coro<> fetch_from_here() {
  http::Server server;
  server.get("/hello/{name}", hello);
  co_await server.start();  // 127.0.0.1, a free port
  std::cout << co_await fetch(server.url() + "/hello/world");
  co_await server.close();
}
// [endregion]

// [region main]
int main(int argc, char** argv) {
  try {
    if (argc > 1) {
      std::cout << tutti::run(fetch(argv[1]));
    } else {
      tutti::run(fetch_from_here());
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
// [endregion]

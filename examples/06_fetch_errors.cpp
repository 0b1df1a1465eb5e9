// SPDX-License-Identifier: MIT
// What can go wrong with a request, and how each case looks.
//
//   make build && build/release/examples/example_06_fetch_errors
#include <chrono>
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
namespace http = tutti::http;

// [region fetch]
Coro<> fetch(http::ClientSession& session, std::string url) {
  try {
    auto response = co_await session.get(url, {.timeout = http::ClientTimeout{.total = 500ms}});
    response.raise_for_status();  // a status of 400 or above is an error from here on
    std::cout << "ok: " << co_await response.text() << '\n';
  } catch (const http::ClientResponseError& error) {  // an answer, but not a good one
    std::cout << "status " << error.status() << '\n';
  } catch (const http::ServerTimeoutError&) {
    std::cout << "too slow\n";
  } catch (const http::ClientConnectorError& error) {  // refused, unreachable, no such host, …
    std::cout << "no connection: " << error.code().message() << '\n';
  } catch (const http::ClientError& error) {  // all others
    std::cout << "failed: " << error.what() << '\n';
  }
}
// [endregion]

// [region main]
Coro<http::Response> slow() {
  co_await tutti::sleep(1h);
  co_return http::Response::text("at last");
}

Coro<> async_main() {
  http::Server server({.handler_cancellation = true});  // when a client gives up, so does its handler
  server.get("/", []() -> Coro<http::Response> { co_return http::Response::text("fine"); });
  server.get("/slow", slow);
  co_await server.start();
  const std::string url = server.url();

  http::ClientSession session;
  for (std::string path : {"/", "/missing", "/slow"}) co_await fetch(session, url + path);
  co_await fetch(session, "ftp://example.com/");
  co_await server.close();
  co_await fetch(session, url);  // nobody listens any more
  co_await session.close();
}

int main() { tutti::run(async_main()); }
// [endregion]

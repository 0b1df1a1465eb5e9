// SPDX-License-Identifier: MIT
// "Hello, World!" over HTTP/1.1, as text and as JSON, with Tutti's server.
//   http_tutti PORT
#include <cstdlib>

#include <tutti/http/json.hpp>
#include <tutti/http/server.hpp>
#include <tutti/task/run.hpp>

namespace {

tutti::Coro<> serve(std::uint16_t port) {
  tutti::http::Server server;
  server.get("/", [](tutti::http::Request&) -> tutti::Coro<tutti::http::Response> {
    co_return tutti::http::Response::text("Hello, World!");
  });
  server.get("/json", [](tutti::http::Request&) -> tutti::Coro<tutti::http::Response> {
    co_return tutti::http::Response::json(nlohmann::json{{"message", "Hello, World!"}});
  });
  co_await server.start("127.0.0.1", port, {.backlog = 4096});
  co_await server.serve_forever();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  tutti::run(serve(static_cast<std::uint16_t>(std::atoi(arguments[1]))));
}

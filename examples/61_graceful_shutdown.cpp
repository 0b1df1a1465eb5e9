// SPDX-License-Identifier: MIT
// A service that ends well: on SIGTERM or Ctrl-C it takes no more requests, and answers those that it has.
//
//   make build && build/release/examples/example_61_graceful_shutdown 7777
#include <charconv>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string_view>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

tutti::Event request_came;
tutti::Event hurry;

// [region request]
Coro<> answer(StreamReader reader, StreamWriter writer) {
  const auto question = co_await reader.readline();
  std::cout << "asked: " << question << std::flush;
  request_came.set();
  (void)co_await tutti::move_on_after(10s, [] { return hurry.wait(); });  // a slow one
  writer.write("an answer\n");
  writer.close();
  co_await writer.wait_closed();
}
// [endregion]

// A client that is a program; the signal comes while its request is answered.
Coro<> client(std::uint16_t port) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
  writer.write("a question\n");
  co_await request_came.wait();
  std::raise(SIGTERM);  // what `kill` and service managers send
  const auto line = co_await reader.readline();
  std::cout << "client: " << line;
  writer.close();
}

// [region serve]
Coro<> serve(std::uint16_t port) {
  auto stop = tutti::signals({SIGTERM, SIGINT});  // from now on they do not end the program
  auto server = co_await tutti::start_server(answer, "127.0.0.1", port);
  std::optional<tutti::Task<>> asking;
  if (port == 0) asking = tutti::create_task(client(server.port()));

  const auto signum = co_await stop.next();
  std::cout << (signum == SIGTERM ? "SIGTERM" : "SIGINT") << ": no more requests\n";
  server.close();
  hurry.set();
  // All that were begun are answered; who asks nothing cannot hold that up for ever.
  if (!co_await tutti::move_on_after(5s, [&] { return server.wait_closed(); })) server.abort_clients();
  if (asking) co_await *asking;
  std::cout << "goodbye\n";
}
// [endregion]

int main(int argc, char** argv) try {
  std::uint16_t port = 0;
  const std::string_view text = argc == 2 ? argv[1] : "";
  if (argc > 2 || (argc == 2 && (std::from_chars(text.begin(), text.end(), port).ptr != text.end() || port == 0))) {
    std::cerr << "usage: 61_graceful_shutdown [PORT]\n";
    return 2;
  }
  tutti::run(serve(port));
} catch (const std::exception& error) {
  std::cerr << "service: " << error.what() << '\n';
  return 1;
}

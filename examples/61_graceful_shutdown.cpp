// SPDX-License-Identifier: MIT
// A service that ends well: on SIGTERM or Ctrl-C it takes no more requests, and answers those that it has.
//
//   make build && build/release/examples/example_61_graceful_shutdown
#include <csignal>
#include <cstdint>
#include <iostream>

#include <tutti/tutti.hpp>

using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

tutti::Event request_came;
tutti::Event work_is_done;

// [region request]
Coro<> answer(StreamReader reader, StreamWriter writer) {
  const auto question = co_await reader.readline();
  request_came.set();
  co_await work_is_done.wait();  // a slow one
  writer.write("an answer\n");
  writer.close();
  co_await writer.wait_closed();
}
// [endregion]

Coro<> client(std::uint16_t port) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
  writer.write("a question\n");
  const auto line = co_await reader.readline();
  std::cout << "client: " << line;
  writer.close();
}

// [region serve]
Coro<> serve() {
  auto stop = tutti::signals({SIGTERM, SIGINT});  // from now on they do not end the program
  auto server = co_await tutti::start_server(answer, "127.0.0.1", 0);
  auto asking = tutti::create_task(client(server.port()));

  co_await request_came.wait();
  std::raise(SIGTERM);  // what `kill` and service managers send

  const auto signum = co_await stop.next();
  std::cout << (signum == SIGTERM ? "SIGTERM" : "SIGINT") << ": no more requests\n";
  server.close();
  work_is_done.set();
  co_await server.wait_closed();  // all that were begun have been answered
  co_await asking;
  std::cout << "goodbye\n";
}
// [endregion]

int main() { tutti::run(serve()); }

// SPDX-License-Identifier: MIT
// An echo server and its client: streams, as in asyncio.
//
//   make build && build/release/examples/example_17_echo
#include <iostream>
#include <string>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

// [region server]
// Runs once for each connection, as a task of its own.
Coro<> echo(StreamReader reader, StreamWriter writer) {
  while (auto line = co_await reader.next()) {  // Python: async for line in reader
    writer.write(*line);                        // sends, or keeps what cannot be sent yet
    co_await writer.drain();                    // waits if too much was kept: a slow client holds back only itself
  }
  writer.close();
  co_await writer.wait_closed();
}
// [endregion]

// [region client]
Coro<> client(std::uint16_t port) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
  for (std::string text : {"hello\n", "world\n"}) {
    writer.write(text);
    std::cout << "echo: " << co_await reader.readline();
  }
  writer.close();
  co_await writer.wait_closed();
}
// [endregion]

// [region main]
Coro<> async_main() {
  auto server = co_await tutti::start_server(echo, "127.0.0.1", 0);  // port 0: any that is free
  const std::uint16_t port = server.port();
  co_await client(port);
  server.close();
  co_await server.wait_closed();  // all connections have ended
  try {
    co_await client(port);
  } catch (const tutti::ConnectionRefusedError&) {
    std::cout << "nobody listens any more\n";
  }
}

int main() { tutti::run(async_main()); }
// [endregion]

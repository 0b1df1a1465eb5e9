// SPDX-License-Identifier: MIT
// The server of a chat: what one guest says is told to all.
//
//   make build && build/release/examples/example_53_chat_server 7777
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include <tutti/tutti.hpp>

using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

// [region room]
struct Room {
  std::set<StreamWriter*> guests;  // of one thread: nothing to lock
  void tell(const std::string& text) {
    for (StreamWriter* guest : guests) guest->write(text);  // does not wait: a slow guest holds nobody up
  }
};

// The task of one guest.
Coro<> visit(Room& room, StreamReader reader, StreamWriter writer) {
  std::string name = co_await reader.readline();
  if (name.empty()) co_return;  // left without a word
  if (name.back() == '\n') name.pop_back();
  room.guests.insert(&writer);
  room.tell(name + " is here\n");
  const auto listen = [&]() -> Coro<> {
    while (auto line = co_await reader.next()) room.tell(name + ": " + *line);
  };
  co_await tutti::finally_(listen, [&] { room.guests.erase(&writer); });  // also if the connection breaks
  room.tell(name + " has left\n");
  writer.close();
}
// [endregion]

Coro<> async_main(Room& room, std::uint16_t port) {
  auto server = co_await tutti::start_server(
      [&](StreamReader reader, StreamWriter writer) { return visit(room, std::move(reader), std::move(writer)); },
      "127.0.0.1", port);
  if (port != 0) co_return co_await server.serve_forever();
  // Without a port: two guests that are programs.
  auto ann = co_await tutti::open_connection("127.0.0.1", server.port());
  ann.writer.write("ann\n");
  std::cout << co_await ann.reader.readline();
  auto bob = co_await tutti::open_connection("127.0.0.1", server.port());
  bob.writer.write("bob\nhello, ann\n");
  bob.writer.write_eof();
  for (int lines = 0; lines < 3; ++lines) std::cout << co_await ann.reader.readline();
  bob.writer.close();
  ann.writer.close();
}

int main(int argc, char** argv) {
  Room room;  // outlives the loop, and so all guests
  tutti::run(async_main(room, static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0)));
}

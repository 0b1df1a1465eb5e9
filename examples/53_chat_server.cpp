// SPDX-License-Identifier: MIT
// The server of a chat: what one guest says is told to all.
//
//   make build && build/release/examples/example_53_chat_server 7777
#include <charconv>
#include <csignal>
#include <iostream>
#include <set>
#include <string>
#include <string_view>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

// [region room]
struct Room {
  std::set<StreamWriter*> guests;  // of one thread: nothing to lock
  void tell(const std::string& text) {
    for (StreamWriter* guest : guests) {
      guest->write(text);  // does not wait: a slow guest holds nobody up
      if (guest->transport().write_buffer_size() > 1'000'000) guest->abort();  // and one who never reads has to go
    }
  }
};

// What a guest says until it leaves, in whatever way: without a word, by a broken connection, by a line without an end.
Coro<> listen(Room& room, std::string& name, StreamReader& reader) {
  try {
    while (auto line = co_await reader.next()) {
      // Nobody rules another one's terminal.
      std::erase_if(*line, [](char c) { return (c >= 0 && c < ' ') || c == 127; });
      if (name.empty()) {
        room.tell((name = *line) + " is here\n");
      } else {
        room.tell(name + ": " + *line + "\n");
      }
    }
  } catch (const std::exception& error) {
    std::clog << name << ": " << error.what() << '\n';
  }
}

// The task of one guest.
Coro<> visit(Room& room, StreamReader reader, StreamWriter writer) {
  std::string name;  // the first line
  room.guests.insert(&writer);
  co_await tutti::finally_([&] { return listen(room, name, reader); }, [&] { room.guests.erase(&writer); });
  if (!name.empty()) room.tell(name + " has left\n");
}
// [endregion]

Coro<> play(tutti::Server& server) {  // two guests that are programs
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

Coro<> async_main(Room& room, std::uint16_t port) {
  auto server = co_await tutti::start_server(
      [&](StreamReader reader, StreamWriter writer) { return visit(room, std::move(reader), std::move(writer)); },
      "127.0.0.1", port, {.max_connections = 1000});
  if (port == 0) co_return co_await play(server);
  // [region end]
  auto stop = tutti::signals({SIGINT, SIGTERM});
  co_await stop.next();
  server.close();  // nobody comes in any more
  room.tell("the room closes\n");
  server.close_clients();
  // Who does not read is left behind.
  (void)co_await tutti::move_on_after(1s, [&] { return server.wait_closed(); });
  server.abort_clients();
  // [endregion]
}

int main(int argc, char** argv) try {
  std::uint16_t port = 0;
  const std::string_view text = argc == 2 ? argv[1] : "";
  const bool good = std::from_chars(text.begin(), text.end(), port).ptr == text.end() && port != 0;
  if (argc > 2 || (argc == 2 && !good)) {
    std::cerr << "usage: 53_chat_server [PORT]\n";
    return 2;
  }
  Room room;  // outlives the loop, and so all guests
  tutti::run(async_main(room, port));
} catch (const std::exception& error) {
  std::cerr << "chat server: " << error.what() << '\n';
  return 1;
}

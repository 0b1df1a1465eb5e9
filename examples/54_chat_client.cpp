// SPDX-License-Identifier: MIT
// The client of a chat: two streams from here to there, the keyboard's and the network's.
//
//   make build && build/release/examples/example_54_chat_client 7777 ann   # while the server of the chat runs on port 7777
#include <charconv>
#include <iostream>
#include <string>
#include <string_view>

#include <tutti/tutti.hpp>

using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

// [region chat]
// Ends both directions when it comes to an end: Ctrl-D was typed, or the server has gone.
Coro<> copy_lines(StreamReader& from, StreamWriter& to, tutti::TaskGroup& both) {
  while (auto line = co_await from.next()) {
    to.write(*line);
    co_await to.drain();
  }
  both.cancel();
}

Coro<> chat(std::uint16_t port, std::string name, StreamReader keyboard, StreamWriter screen) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
  writer.write(name + "\n");
  co_await tutti::task_group(
      [&](tutti::TaskGroup& both) -> Coro<> {  // in whatever way it is left, both tasks have ended
        both.create_task(copy_lines(keyboard, writer, both));
        both.create_task(copy_lines(reader, screen, both));
        co_return;
      });
  writer.close();
  screen.close();
}
// [endregion]

// Without arguments: the keyboard is a stream without a file, and the server a program that says little.
Coro<> play() {
  auto server = co_await tutti::start_server(
      [](StreamReader reader, StreamWriter writer) -> Coro<> {
        const std::string name = co_await reader.readline();
        const std::string line = co_await reader.readline();
        writer.write("you are " + name + "you said " + line);
        writer.close();
      },
      "127.0.0.1", 0);
  StreamReader keyboard;
  keyboard.feed_data("hello, bob\n");
  co_await chat(server.port(), "ann", std::move(keyboard), tutti::standard_output());
}

// [region main]
int main(int argc, char** argv) try {
  if (argc == 1) return tutti::run(play()), 0;
  std::uint16_t port = 0;
  const std::string_view text = argv[1];
  if (argc != 3 || std::from_chars(text.begin(), text.end(), port).ptr != text.end() || port == 0) {
    std::cerr << "usage: 54_chat_client [PORT NAME]\n";
    return 2;
  }
  tutti::run([&] { return chat(port, argv[2], tutti::standard_input(), tutti::standard_output()); });
} catch (const tutti::KeyboardInterrupt&) {
  return 130;
} catch (const std::exception& error) {
  std::cerr << "chat: " << error.what() << '\n';
  return 1;
}
// [endregion]

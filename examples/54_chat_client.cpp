// SPDX-License-Identifier: MIT
// The client of a chat: two streams from here to there, the keyboard's and the network's.
//
//   make build && build/release/examples/example_54_chat_client 7777 ann   # while the server of the chat runs on port 7777
#include <cstdlib>
#include <string>

#include <tutti/tutti.hpp>

using tutti::Coro;
using tutti::StreamReader;
using tutti::StreamWriter;

// [region chat]
Coro<> copy_lines(StreamReader& from, StreamWriter& to) {
  while (auto line = co_await from.next()) {
    to.write(*line);
    co_await to.drain();
  }
}

Coro<> chat(std::uint16_t port, std::string name, StreamReader keyboard, StreamWriter screen) {
  auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
  writer.write(name + "\n");
  const auto said = tutti::create_task(copy_lines(keyboard, writer));
  const auto heard = tutti::create_task(copy_lines(reader, screen));
  co_await tutti::wait({said, heard}, {.return_when = tutti::FIRST_COMPLETED});  // Ctrl-D, or the server has gone
  said.cancel();
  heard.cancel();
  co_await tutti::gather(tutti::return_exceptions, said, heard);
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
int main(int argc, char** argv) {
  tutti::run([&]() -> Coro<> {
    if (argc < 3) co_return co_await play();
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    co_await chat(port, argv[2], tutti::standard_input(), tutti::standard_output());
  });
}
// [endregion]

// SPDX-License-Identifier: MIT
// A UDP echo server and its client.
//
//   make build && build/release/examples/example_50_udp
#include <iostream>
#include <string>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Coro;
using tutti::DatagramSocket;

// [region server]
Coro<> echo(DatagramSocket& socket) {
  while (auto datagram = co_await socket.next()) {  // nothing once the socket is closed
    co_await socket.send_to(datagram->data + "!", datagram->address);
  }
}
// [endregion]

// [region client]
// Datagrams get lost, so a client asks again. Here the network is a loopback, and the first question is enough.
Coro<std::string> ask(DatagramSocket& socket, std::string question) {
  for (int i = 0; i < 3; ++i) {
    co_await socket.send(question);
    try {
      auto answer = co_await tutti::wait_for(socket.receive(), 1s);
      co_return answer.data;
    } catch (const tutti::TimeoutError&) {
    }
  }
  throw tutti::TimeoutError("nobody answers");
}
// [endregion]

// [region main]
Coro<> async_main() {
  auto server = co_await tutti::bind_udp("127.0.0.1", 0);
  auto serving = tutti::create_task(echo(server));
  auto client = co_await tutti::connect_udp("127.0.0.1", server.port());
  std::cout << co_await ask(client, "hello") << "\n";
  std::cout << co_await ask(client, "") << "\n";  // an empty datagram is one too
  server.close();
  co_await serving;
  try {
    (void)co_await ask(client, "hello?");
  } catch (const tutti::ConnectionRefusedError&) {  // the kernel of the other end says so, at best
    std::cout << "nobody listens any more\n";
  }
}

int main() { tutti::run(async_main()); }
// [endregion]

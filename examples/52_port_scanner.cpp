// SPDX-License-Identifier: MIT
// Which ports of this machine are open? Many connects at a time, but not too many, and none for long.
//
//   make build && build/release/examples/example_52_port_scanner 1 65535
#include <cstdlib>
#include <iostream>
#include <vector>

#include <tutti/tutti.hpp>

using namespace std::chrono_literals;
using tutti::Address;
using tutti::Coro;

// [region scan]
/// Whether somebody listens on `port` of this machine.
Coro<bool> is_open(std::uint16_t port) {
  const tutti::Socket socket(tutti::AddressFamily::ipv4);
  try {
    co_await tutti::wait_for(tutti::sock_connect(socket, *Address::parse("127.0.0.1", port)), 1s);
    co_return true;
  } catch (const tutti::OSError&) {  // refused, or TimeoutError: a firewall that does not answer at all
    co_return false;
  }
}

Coro<std::vector<std::uint16_t>> scan(std::uint16_t first, std::uint16_t last) {
  std::vector<std::uint16_t> open;
  tutti::Semaphore at_a_time(200);  // each connect has a descriptor
  co_await tutti::task_group([&](tutti::TaskGroup& group) -> Coro<> {
    for (unsigned port = first; port <= last; ++port) {
      auto turn = co_await at_a_time.scoped();
      group.create_task([&open, port, turn = std::move(turn)]() -> Coro<> {
        if (co_await is_open(static_cast<std::uint16_t>(port))) open.push_back(static_cast<std::uint16_t>(port));
      });
    }
  });
  co_return open;  // of one thread: nothing to lock
}
// [endregion]

// [region main]
Coro<> async_main(int argc, char** argv) {
  if (argc == 3) {
    for (const auto port : co_await scan(static_cast<std::uint16_t>(std::atoi(argv[1])),
                                         static_cast<std::uint16_t>(std::atoi(argv[2])))) {
      std::cout << port << "\n";
    }
    co_return;
  }
  auto server = co_await tutti::start_server([](auto, auto) {}, "127.0.0.1", 0);
  const std::uint16_t port = server.port();
  std::cout << "found the server: " << std::boolalpha << (co_await scan(port, port) == std::vector{port}) << "\n";
  server.close();
  std::cout << "and later nobody: " << (co_await scan(port, port)).empty() << "\n";
}

int main(int argc, char** argv) { tutti::run(async_main(argc, argv)); }
// [endregion]

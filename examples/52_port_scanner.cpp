// SPDX-License-Identifier: MIT
// Which ports of this machine are open? Many connects at a time, but not too many, and none for long.
//
//   make build && build/release/examples/example_52_port_scanner 1 65535
#include <algorithm>
#include <charconv>
#include <iostream>
#include <string_view>
#include <vector>

#include <sys/resource.h>

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
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  std::vector<unsigned> ports;
  for (unsigned port = first; port <= last; ++port) ports.push_back(port);
  const auto is_open_here = [](unsigned port) { return is_open(static_cast<std::uint16_t>(port)); };
  // Each connect has a descriptor.
  const auto at_a_time = std::clamp<std::size_t>(descriptors.rlim_cur / 2, 1, 200);
  const auto answers = co_await tutti::map_concurrently(ports, is_open_here, {.limit = at_a_time});
  std::vector<std::uint16_t> open;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (answers[i]) open.push_back(static_cast<std::uint16_t>(ports[i]));
  }
  co_return open;
}
// [endregion]

Coro<> play() {
  auto server = co_await tutti::start_server([](auto, auto) {}, "127.0.0.1", 0);
  const std::uint16_t port = server.port();
  std::cout << "found the server: " << std::boolalpha << (co_await scan(port, port) == std::vector{port}) << "\n";
  server.close();
  std::cout << "and later nobody: " << (co_await scan(port, port)).empty() << "\n";
}

// [region main]
/// 0 for what is none.
std::uint16_t port_number(std::string_view text) {
  std::uint16_t port = 0;
  return std::from_chars(text.begin(), text.end(), port).ptr == text.end() ? port : 0;
}

int main(int argc, char** argv) try {
  if (argc == 1) return tutti::run(play()), 0;
  const std::uint16_t first = argc == 3 ? port_number(argv[1]) : 0;
  const std::uint16_t last = argc == 3 ? port_number(argv[2]) : 0;
  if (first == 0 || last < first) {
    std::cerr << "usage: 52_port_scanner [FIRST LAST]\n";
    return 2;
  }
  for (const auto port : tutti::run(scan(first, last))) std::cout << port << "\n";
} catch (const tutti::KeyboardInterrupt&) {
  return 130;
} catch (const std::exception& error) {
  std::cerr << "port scanner: " << error.what() << '\n';
  return 1;
}
// [endregion]

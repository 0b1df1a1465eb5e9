// SPDX-License-Identifier: MIT
// A service that says when it is ready, and a group that is ended on purpose: TaskGroup::start and TaskGroup::cancel.
//
//   make build && build/release/examples/example_40_service_start
#include <cstdint>
#include <iostream>
#include <utility>

#include <tutti/tutti.hpp>

using tutti::Coro;

Coro<> greet(tutti::StreamReader, tutti::StreamWriter writer) {
  writer.write("hello\n");
  writer.close();
  co_await writer.wait_closed();
}

// [region service]
Coro<> service(tutti::TaskStatus<std::uint16_t>& status) {
  auto server = co_await tutti::start_server(greet, "127.0.0.1", 0);
  status.started(server.port());  // from now on clients find it; what is thrown before goes to whoever starts it
  co_await server.serve_forever();
}
// [endregion]

// [region main]
Coro<> async_main() {
  co_await tutti::task_group([](tutti::TaskGroup& group) -> Coro<> {
    const std::uint16_t port = co_await group.start(service);  // no sleep, no polling: it listens
    auto [reader, writer] = co_await tutti::open_connection("127.0.0.1", port);
    std::cout << co_await reader.readline();
    writer.close();
    co_await writer.wait_closed();
    group.cancel();  // the service would run for ever
  });
  std::cout << "all is closed\n";
  try {
    co_await tutti::task_group([](tutti::TaskGroup& group) -> Coro<> {
      co_await group.start([](tutti::TaskStatus<>&) -> Coro<> {
        throw tutti::PermissionError(13, "bind 0.0.0.0:80");
        co_return;
      });
    });
  } catch (const tutti::ExceptionGroup& errors) {  // it has left the body, and so failed the group
    std::cout << errors.what() << '\n';
  }
}

int main() { tutti::run(async_main()); }
// [endregion]

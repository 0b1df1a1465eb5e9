// SPDX-License-Identifier: MIT
// An echo server as one writes it on Tutti's streams.
//   echo_tutti PORT | echo_tutti unix PATH
#include <cstdlib>
#include <string_view>

#include <tutti/base/error.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/run.hpp>

using tutti::Coro;

namespace {

Coro<> echo(tutti::StreamReader reader, tutti::StreamWriter writer) {
  try {
    for (;;) {
      const auto data = co_await reader.read(65536);
      if (data.empty()) co_return;
      writer.write(data);
      co_await writer.drain();
    }
  } catch (const tutti::ConnectionError&) {  // the load ends without a word
  }
}

Coro<> serve(char** arguments) {
  if (std::string_view(arguments[1]) == "unix") {
    auto server = co_await tutti::start_unix_server(echo, arguments[2]);
    co_await server.serve_forever();
  } else {
    auto server = co_await tutti::start_server(echo, "127.0.0.1", static_cast<std::uint16_t>(std::atoi(arguments[1])),
                                               {.backlog = 4096});
    co_await server.serve_forever();
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  tutti::run(serve(arguments));
}

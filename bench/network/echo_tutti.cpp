// SPDX-License-Identifier: MIT
// An echo server as one writes it on Tutti's streams.
//   echo_tutti PORT|PATH [LOOPS]
#include <cstdlib>
#include <string>

#include <tutti/base/error.hpp>
#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/run.hpp>

#include "listen.hpp"

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

Coro<> serve(std::string where) {
  if (where.find('/') != std::string::npos) {
    auto server = co_await tutti::start_unix_server(echo, where, {.backlog = 4096});
    co_await server.serve_forever();
  } else {
    auto server = co_await tutti::start_server(echo, "127.0.0.1", static_cast<std::uint16_t>(std::stoi(where)),
                                               {.backlog = 4096, .reuse_port = true});
    co_await server.serve_forever();
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  bench::on_threads(count > 2 ? std::atoi(arguments[2]) : 1, [&] { tutti::run(serve(arguments[1])); });
}

// SPDX-License-Identifier: MIT
// What the tests of I/O share: servers as those of CPython's test_asyncio.utils, and a place for Unix sockets.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include <stdlib.h>
#include <unistd.h>

#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>

#include "conformance/conformance.hpp"
#include "net/tls_support.hpp"
#include "support/scratch_directory.hpp"

namespace tutti::conformance {

/// `test_utils.unix_socket_path`: a name in a directory of its own, which goes with it.
class UnixSocketPath {
 public:
  [[nodiscard]] std::string path() const { return directory_ / "socket"; }

 private:
  test_support::ScratchDirectory directory_;
};

inline const std::string http_request = "GET / HTTP/1.0\r\n\r\n";
inline const std::string http_head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n";

/// The handler of `test_utils.run_test_server`: one request, one response, the end. /loop gives back what it gets.
inline Coro<> serve_http(StreamReader reader, StreamWriter writer) {
  std::string head;
  try {
    head = co_await reader.readuntil("\r\n\r\n");
  } catch (const IncompleteReadError&) {
    co_return;
  } catch (const ConnectionError&) {
    co_return;
  }
  if (!head.starts_with("POST /loop")) {
    writer.write(http_head + "Test message");
    co_return;
  }
  const std::string key = "Content-Length: ";
  std::size_t left = std::stoul(head.substr(head.find(key) + key.size()));
  writer.write("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n");
  while (left > 0) {
    const std::string piece = co_await reader.read(left);
    if (piece.empty()) co_return;
    left -= piece.size();
    writer.write(piece);
    co_await writer.drain();
  }
}

inline Coro<Server> run_test_server(ServerOptions options = {}) {
  return start_server(&serve_http, "127.0.0.1", 0, std::move(options));
}

inline Coro<> stop(Server& server) {
  server.close();
  co_await server.wait_closed();
}

inline Coro<> close(StreamWriter& writer) {
  writer.close();
  co_await writer.wait_closed();
}

}  // namespace tutti::conformance

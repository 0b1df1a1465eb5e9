// SPDX-License-Identifier: MIT
// What the tests of sockets share.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include <tutti/net/server.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/sleep.hpp>

#include "support/turns.hpp"

namespace net_support {

using test_support::until;
using tutti::Coro;

/// The two ends of one TCP connection, and the server it came through.
struct Pair {
  tutti::Server server;
  tutti::Streams client;
  tutti::Streams peer;
};

/// `peer` is the server's end; its handler waits until `over` is set.
inline Coro<Pair> connected_pair(std::size_t limit = std::size_t{64} * 1024) {
  tutti::Future<tutti::Streams> accepted;
  auto server = co_await tutti::start_server(
      [accepted](tutti::StreamReader reader, tutti::StreamWriter writer) {
        accepted.set_result(tutti::Streams{std::move(reader), std::move(writer)});
      },
      "127.0.0.1", 0, {.limit = limit});
  tutti::Streams client = co_await tutti::open_connection("127.0.0.1", server.port(), {.limit = limit});
  tutti::Streams peer = co_await std::move(accepted);
  co_return Pair{std::move(server), std::move(client), std::move(peer)};
}

inline Coro<> close(tutti::StreamWriter& writer) {
  writer.close();
  co_await writer.wait_closed();
}

inline Coro<> close(Pair& pair) {
  pair.server.close();
  co_await close(pair.client.writer);
  co_await close(pair.peer.writer);
  co_await pair.server.wait_closed();
}

/// Ends the connection by a reset instead of an end of data.
inline void reset(tutti::StreamWriter& writer) {
  const linger at_once{1, 0};
  ::setsockopt(writer.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  writer.abort();
}

/// The same before it returns: the loop has not looked at either end yet.
inline void reset_now(const tutti::StreamWriter& writer) {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ::connect(writer.fd(), &nobody, sizeof(nobody));
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The text of the error that `awaitable` ends with, if it is an `Error`.
template <class Error, class Awaitable>
Coro<std::string> error_of(Awaitable awaitable) {
  try {
    (void)co_await std::move(awaitable);
  } catch (const Error& error) {
    co_return error.what();
  }
  co_return "no error";
}

}  // namespace net_support

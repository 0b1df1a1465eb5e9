// SPDX-License-Identifier: MIT
// What a pool, its server process and its workers say to each other.
//
// The pool gives orders to the server and gets notices, over a socket of packets. Each worker has a stream socket to the pool: calls go in
// and replies come out, one at a time, each with its length before it. A process that ends closes its sockets, and so the others know:
//
//   pool ──orders──> server     the pool's end lets the server end all workers and itself
//     │ ^──notices──┘  │ forks
//     └──calls──> worker <┘     the server's end kills the worker (PR_SET_PDEATHSIG), the pool's end lets an idle one go
#pragma once

#include <cstdint>

namespace tutti::detail {

/// The environment variable that tells a process that it is a server; its value is the process that started it.
inline constexpr char kServerVariable[] = "TUTTI_PROCESS_SERVER";
/// The descriptor of the server's end of its socket.
inline constexpr int kServerSocket = 3;

/// From the pool to the server.
struct ServerOrder {
  enum class Kind : std::uint32_t { spawn, signal };
  Kind kind;
  std::uint32_t worker;  // the pool's number for it
  std::int32_t value;    // signal: which one. spawn: the descriptor comes with it
};

/// From the server to the pool.
struct ServerNotice {
  enum class Kind : std::uint32_t { started, failed, exited };
  Kind kind;
  std::uint32_t worker;
  std::int32_t value;  // failed: errno; exited: the status of waitpid(2)
};

/// The first byte of a reply.
enum class ReplyKind : char { result, error };

}  // namespace tutti::detail

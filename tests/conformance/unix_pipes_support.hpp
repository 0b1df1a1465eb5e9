// SPDX-License-Identifier: MIT
// Pipes as transports, each with a recorder as its protocol.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tutti/io/pipe.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/sockets.hpp>

#include "conformance/conformance.hpp"
#include "net/protocol_support.hpp"

namespace tutti::conformance {

inline void write_to(const Fd& pipe, const std::string& data) {
  EXPECT_EQ(::write(pipe.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
}

/// What is there to read now; less than `most` only if the pipe is empty.
inline std::string take(const Fd& pipe, std::size_t most = std::size_t{1} << 20U) {
  std::string all;
  while (all.size() < most) {
    std::string piece(most - all.size(), '\0');
    const ssize_t count = ::read(pipe.get(), piece.data(), piece.size());
    if (count <= 0) break;
    all.append(piece, 0, static_cast<std::size_t>(count));
  }
  return all;
}

/// One end as a transport, with its protocol and the other end.
struct Pipe {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<protocol_support::Recorder> protocol;
  Fd other;

  Coro<> close() {
    transport->close();
    if (!protocol->lost.done()) co_await protocol->lost;
  }
};

inline Coro<Pipe> open_reading() {
  auto [reading, writing] = make_pipe();
  auto [transport, protocol] = co_await connect_read_pipe(protocol_support::make_recorder(), std::move(reading));
  protocol->transport.reset();
  co_return Pipe{std::move(transport), std::move(protocol), std::move(writing)};
}

inline Coro<Pipe> open_writing() {
  auto [reading, writing] = make_pipe();
  (void)::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  auto [transport, protocol] = co_await connect_write_pipe(protocol_support::make_recorder(), std::move(writing));
  protocol->transport.reset();
  co_return Pipe{std::move(transport), std::move(protocol), std::move(reading)};
}

/// The same, where the peer can be lost with an error: sockets.
inline Coro<Pipe> open_reading_socket() {
  auto [here, there] = Socket::pair();
  auto [transport, protocol] = co_await connect_read_pipe(protocol_support::make_recorder(), here.release());
  protocol->transport.reset();
  co_return Pipe{std::move(transport), std::move(protocol), there.release()};
}

}  // namespace tutti::conformance

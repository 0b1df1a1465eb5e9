// SPDX-License-Identifier: MIT
// Connecting, whatever is built on the connection: streams or a protocol.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/net/streams.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

/// A transport without a receiver, paused; with `ssl`, after the handshake. *Errors* and *Cancellation*: see
/// `open_connection`.
[[nodiscard]] Coro<Ref<lowlevel::Transport>> connect_transport(std::string host, std::uint16_t port,
                                                               ConnectOptions options);
[[nodiscard]] Coro<Ref<lowlevel::Transport>> connect_transport(Address address, ConnectOptions options);
/// The same for the first of several addresses that can be reached. *Errors*: `ValueError` for none.
[[nodiscard]] Coro<Ref<lowlevel::Transport>> connect_transport(std::vector<Address> addresses, ConnectOptions options);
/// The same on a socket that is connected already.
[[nodiscard]] Coro<Ref<lowlevel::Transport>> connect_transport(Fd socket, ConnectOptions options);

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// asyncio's `create_datagram_endpoint`: which addresses go together, and the socket for them.
#include <exception>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/net/endpoints.hpp>
#include <tutti/net/resolve.hpp>

#include "closed_unless_taken.hpp"
#include "datagram_transport.hpp"
#include "socket_calls.hpp"

namespace tutti::detail {
namespace {

/// Two addresses of one family; either may be missing.
struct AddressPair {
  AddressFamily family = AddressFamily::unspecified;
  std::optional<Address> local = {};
  std::optional<Address> remote = {};
};

Coro<std::vector<Address>> resolve(const Endpoint& endpoint, AddressFamily family, bool passive) {
  if (endpoint.address()) co_return std::vector<Address>{*endpoint.address()};
  co_return co_await getaddrinfo(endpoint.host(), endpoint.port(), {.family = family, .passive = passive});
}

AddressPair& pair_of(std::vector<AddressPair>& pairs, AddressFamily family) {
  for (AddressPair& pair : pairs) {
    if (pair.family == family) return pair;
  }
  return pairs.emplace_back(AddressPair{.family = family});
}

/// What is to be tried, in order. Each family for which there is all that was asked for.
Coro<std::vector<AddressPair>> address_pairs(const DatagramEndpointOptions& options) {
  std::vector<AddressPair> pairs;
  if (!options.local_address && !options.remote_address) {
    if (options.family == AddressFamily::unspecified) {
      throw ValueError("create_datagram_endpoint: neither an address nor a family is given");
    }
    co_return std::vector<AddressPair>{{.family = options.family}};
  }
  if (options.local_address) {
    for (const Address& address : co_await resolve(*options.local_address, options.family, true)) {
      pair_of(pairs, address.family()).local = address;
    }
  }
  if (options.remote_address) {
    for (const Address& address : co_await resolve(*options.remote_address, options.family, false)) {
      pair_of(pairs, address.family()).remote = address;
    }
  }
  std::erase_if(pairs, [&](const AddressPair& pair) {
    return pair.local.has_value() != options.local_address.has_value() ||
           pair.remote.has_value() != options.remote_address.has_value();
  });
  if (pairs.empty()) throw ValueError("create_datagram_endpoint: the addresses are of different families");
  co_return pairs;
}

Socket open(const AddressPair& pair, const DatagramEndpointOptions& options) {
  Socket socket(pair.family, SocketType::datagram);
  if (options.reuse_port) socket.set_option(SOL_SOCKET, SO_REUSEPORT, 1);
  if (options.allow_broadcast) socket.set_option(SOL_SOCKET, SO_BROADCAST, 1);
  if (pair.local) {
    if (pair.family == AddressFamily::local) remove_stale_socket(pair.local->path());
    socket.bind(*pair.local);
  }
  if (pair.remote && !options.allow_broadcast) connect_datagrams(socket.fd(), *pair.remote);
  return socket;
}

void check_ready_socket(const DatagramEndpointOptions& options) {
  if (options.socket.type() != SocketType::datagram) {
    throw ValueError("create_datagram_endpoint: a datagram socket is required");
  }
  if (options.local_address || options.remote_address || options.family != AddressFamily::unspecified ||
      options.reuse_port || options.allow_broadcast) {
    throw ValueError("create_datagram_endpoint: with a ready socket no other option makes sense");
  }
}

}  // namespace

Coro<std::shared_ptr<DatagramTransport>> create_datagram_endpoint(MakeDatagramProtocol make,
                                                                  DatagramEndpointOptions options) {
  Socket socket;
  AddressPair chosen;
  if (options.socket) {
    check_ready_socket(options);
    socket = std::move(options.socket);
  } else {
    std::exception_ptr first_error;
    for (const AddressPair& pair : co_await address_pairs(options)) {
      try {
        socket = open(pair, options);
        chosen = pair;
        break;
      } catch (const OSError&) {
        if (!first_error) first_error = std::current_exception();
      }
    }
    if (!socket) std::rethrow_exception(first_error);
  }
  SocketFile file = chosen.local ? SocketFile(chosen.local->path()) : SocketFile();
  const Future<> made;
  const auto transport = std::make_shared<SocketDatagramTransport>(get_running_loop(), std::move(socket), chosen.remote,
                                                                   std::move(file), make());
  transport->start(made);
  ClosedUnlessTaken owner(*transport);
  co_await made;
  owner.take();
  co_return transport;
}

}  // namespace tutti::detail

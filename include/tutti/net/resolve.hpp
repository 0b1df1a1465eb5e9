// SPDX-License-Identifier: MIT
// From names to addresses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tutti/io/address.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

struct ResolveOptions {
  AddressFamily family = AddressFamily::unspecified;  ///< `ipv4` or `ipv6` only; unspecified: both
  bool passive = false;  ///< an empty host means all of this machine's addresses, for servers
  int flags = 0;         ///< AI_… of getaddrinfo(3), for names
};

/// The addresses of `host`, in the order in which they are to be tried. A numeric host or an empty one (this machine)
/// is answered at once; a name by the system's resolver in the default executor. *Errors*: `AddressLookupError`
/// ("resolve example.invalid: name or service not known"); `ValueError` for a host with a '\0'. *Cancellation*: at
/// once; the look-up goes on in its thread and its result is dropped. *Source*: getaddrinfo(3).
[[nodiscard]] Coro<std::vector<Address>> getaddrinfo(std::string host, std::uint16_t port, ResolveOptions options = {});

}  // namespace tutti

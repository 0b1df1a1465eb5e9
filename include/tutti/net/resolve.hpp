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

/// What an address is called.
struct NameInfo {
  std::string host;
  std::string service;
};

/// The name of the host at `address` and of what is usually served on its port, or their numbers where there is none or where `flags`
/// (NI_… of getnameinfo(3)) ask for them; in the default executor. *Errors*: `AddressLookupError` ("resolve 127.0.0.1:80: …");
/// `ValueError` unless it is an IPv4 or IPv6 address. *Cancellation*: as `getaddrinfo`. *Source*: getnameinfo(3).
[[nodiscard]] Coro<NameInfo> getnameinfo(Address address, int flags = 0);

}  // namespace tutti

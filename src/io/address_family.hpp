// SPDX-License-Identifier: MIT
// Address families as the kernel counts them.
#pragma once

#include <optional>

#include <sys/socket.h>

#include <tutti/io/address.hpp>

namespace tutti::detail {

constexpr AddressFamily family_of(int native) noexcept {
  switch (native) {
    case AF_INET: return AddressFamily::ipv4;
    case AF_INET6: return AddressFamily::ipv6;
    case AF_UNIX: return AddressFamily::local;
    default: return AddressFamily::other;
  }
}

/// Nothing for a family that has no one number.
constexpr std::optional<int> native_family(AddressFamily family) noexcept {
  switch (family) {
    case AddressFamily::unspecified: return AF_UNSPEC;
    case AddressFamily::ipv4: return AF_INET;
    case AddressFamily::ipv6: return AF_INET6;
    case AddressFamily::local: return AF_UNIX;
    case AddressFamily::other: break;
  }
  return std::nullopt;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/io/address.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <tutti/base/error.hpp>

#include "address_family.hpp"

namespace tutti {
namespace {

template <class Sockaddr>
Sockaddr as(const Address& address) noexcept {
  Sockaddr result{};
  std::memcpy(&result, address.data(), std::min(sizeof(result), address.size()));
  return result;
}

// The interface of a link-local address: a name or a number.
std::optional<std::uint32_t> scope_of(const std::string& name) {
  if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<Address> Address::parse(const std::string& host, std::uint16_t port) {
  if (host.find('\0') != std::string::npos) return std::nullopt;
  sockaddr_in four{};
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    return from_sockaddr(&four, sizeof(four));
  }
  sockaddr_in6 six{};
  const std::size_t percent = host.find('%');
  if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &six.sin6_addr) != 1) return std::nullopt;
  if (percent != std::string::npos) {
    const auto scope = scope_of(host.substr(percent + 1));
    if (!scope) return std::nullopt;
    six.sin6_scope_id = *scope;
  }
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  return from_sockaddr(&six, sizeof(six));
}

Address Address::local(std::string_view path) {
  sockaddr_un name{};
  if (path.empty()) throw ValueError("a Unix socket needs a path");
  const bool abstract = path.front() == '\0';
  if (path.size() + (abstract ? 0 : 1) > sizeof(name.sun_path)) {
    throw ValueError("the path of a Unix socket is longer than " + std::to_string(sizeof(name.sun_path) - 1) +
                     " bytes: " + std::string(path));
  }
  if (!abstract && path.find('\0') != std::string_view::npos) throw ValueError("a path with a null byte");
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return from_sockaddr(&name, offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
}

Address Address::from_sockaddr(const void* address, std::size_t size) {
  Address result;
  if (size > result.storage_.size()) throw ValueError("a socket address that is too long");
  if (size <= sizeof(sa_family_t)) return result;  // the unnamed end of a Unix socket
  std::memcpy(result.storage_.data(), address, size);
  result.size_ = static_cast<std::uint8_t>(size);
  return result;
}

AddressFamily Address::family() const noexcept {
  if (size_ == 0) return AddressFamily::unspecified;
  return detail::family_of(as<sockaddr>(*this).sa_family);
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN + 1] = {};
  if (family() == AddressFamily::ipv4) {
    const auto four = as<sockaddr_in>(*this);
    return ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof(text));
  }
  if (family() != AddressFamily::ipv6) return {};
  const auto six = as<sockaddr_in6>(*this);
  std::string host = ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text));
  if (six.sin6_scope_id == 0) return host;
  char interface[IF_NAMESIZE] = {};
  if (::if_indextoname(six.sin6_scope_id, interface) != nullptr) return host + "%" + interface;
  return host + "%" + std::to_string(six.sin6_scope_id);
}

std::uint16_t Address::port() const noexcept {
  switch (family()) {
    case AddressFamily::ipv4: return ntohs(as<sockaddr_in>(*this).sin_port);
    case AddressFamily::ipv6: return ntohs(as<sockaddr_in6>(*this).sin6_port);
    default: return 0;
  }
}

std::string Address::path() const {
  if (family() != AddressFamily::local) return {};
  const std::size_t start = offsetof(sockaddr_un, sun_path);
  const std::string_view path(storage_.data() + start, size_ - start);
  if (!path.empty() && path.front() == '\0') return std::string(path);  // abstract: each byte counts
  return std::string(path.substr(0, path.find('\0')));
}

std::string Address::to_string() const {
  switch (family()) {
    case AddressFamily::unspecified: return "unnamed";
    case AddressFamily::ipv4: return host() + ":" + std::to_string(port());
    case AddressFamily::ipv6: return "[" + host() + "]:" + std::to_string(port());
    case AddressFamily::other: return "an address of another family";
    case AddressFamily::local: break;
  }
  std::string text = path();
  if (!text.empty() && text.front() == '\0') text.front() = '@';
  return text;
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/net/resolve.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>
#include <system_error>

#include <netdb.h>
#include <sys/socket.h>

#include <tutti/base/error.hpp>
#include <tutti/task/executor.hpp>

#include "io/address_family.hpp"

namespace tutti {
namespace {

class LookupCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "getaddrinfo"; }
  [[nodiscard]] std::string message(int number) const override { return ::gai_strerror(number); }
};

[[noreturn]] void throw_lookup_error(int number, int system_error, const std::string& host) {
  static const LookupCategory category;
  const std::error_code code =
      number == EAI_SYSTEM ? std::error_code(system_error, std::generic_category()) : std::error_code(number, category);
  std::string reason = code.message();
  if (!reason.empty()) reason.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(reason.front())));
  throw AddressLookupError(code, "resolve " + host + ": " + reason);
}

bool fits(const Address& address, AddressFamily family) {
  return family == AddressFamily::unspecified || family == address.family();
}

std::vector<Address> of_this_machine(std::uint16_t port, const ResolveOptions& options) {
  std::vector<Address> addresses;
  for (const char* host : {options.passive ? "0.0.0.0" : "::1", options.passive ? "::" : "127.0.0.1"}) {
    const Address address = *Address::parse(host, port);
    if (fits(address, options.family)) addresses.push_back(address);
  }
  return addresses;
}

std::vector<Address> look_up(const std::string& host, std::uint16_t port, const ResolveOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = options.flags;
  hints.ai_family = detail::native_family(options.family).value_or(AF_UNSPEC);
  addrinfo* found = nullptr;
  const int result = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (result != 0) throw_lookup_error(result, errno, host);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address address = Address::from_sockaddr(entry->ai_addr, entry->ai_addrlen);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
  }
  return addresses;
}

NameInfo name_of(const Address& address, int flags) {
  NameInfo info{std::string(NI_MAXHOST, '\0'), std::string(NI_MAXSERV, '\0')};
  const auto* const raw = static_cast<const sockaddr*>(address.data());
  const int result = ::getnameinfo(raw, static_cast<socklen_t>(address.size()), info.host.data(),
                                   static_cast<socklen_t>(info.host.size()), info.service.data(),
                                   static_cast<socklen_t>(info.service.size()), flags);
  if (result != 0) throw_lookup_error(result, errno, address.to_string());
  info.host.resize(info.host.find('\0'));
  info.service.resize(info.service.find('\0'));
  return info;
}

}  // namespace

Coro<std::vector<Address>> getaddrinfo(std::string host, std::uint16_t port, ResolveOptions options) {
  if (host.find('\0') != std::string::npos) throw ValueError("getaddrinfo: a host with a null byte");
  if (options.family != AddressFamily::unspecified && options.family != AddressFamily::ipv4 &&
      options.family != AddressFamily::ipv6) {
    throw ValueError("getaddrinfo: the family must be ipv4, ipv6 or unspecified");
  }
  if (host.empty()) co_return of_this_machine(port, options);
  if (const auto address = Address::parse(host, port)) {
    if (!fits(*address, options.family)) throw_lookup_error(EAI_ADDRFAMILY, 0, host);
    co_return std::vector<Address>{*address};
  }
  co_return co_await run_in_executor([host, port, options] { return look_up(host, port, options); });
}

Coro<NameInfo> getnameinfo(Address address, int flags) {
  if (address.family() != AddressFamily::ipv4 && address.family() != AddressFamily::ipv6) {
    throw ValueError("getnameinfo: " + address.to_string() + " is no address of a host");
  }
  co_return co_await run_in_executor([address, flags] { return name_of(address, flags); });
}

}  // namespace tutti

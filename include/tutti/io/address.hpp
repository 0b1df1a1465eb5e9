// SPDX-License-Identifier: MIT
// Where a socket is: an IPv4 or IPv6 address with a port, or a path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tutti {

enum class AddressFamily : std::uint8_t {
  unspecified,  ///< no address, or any family
  ipv4,
  ipv6,
  local,  ///< a Unix socket
  other,
};

/// A socket address: a plain value.
class Address {
 public:
  /// No address: of a stream that is no socket, or the unnamed end of a Unix socket.
  Address() noexcept = default;
  /// A numeric address such as "127.0.0.1", "::1" or "fe80::1%eth0"; nothing if `host` is not numeric.
  [[nodiscard]] static std::optional<Address> parse(const std::string& host, std::uint16_t port);
  /// A Unix socket; a path that begins with '\0' is in the abstract namespace. *Errors*: `ValueError` if it is too long
  /// or empty.
  [[nodiscard]] static Address local(std::string_view path);
  /// From a `sockaddr` of `size` bytes. *Errors*: `ValueError` if it is too long.
  [[nodiscard]] static Address from_sockaddr(const void* address, std::size_t size);

  [[nodiscard]] AddressFamily family() const noexcept;
  /// The numeric host, without brackets; empty unless IPv4 or IPv6.
  [[nodiscard]] std::string host() const;
  /// 0 unless IPv4 or IPv6.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// The path of a Unix socket; empty for others.
  [[nodiscard]] std::string path() const;
  /// "127.0.0.1:80", "[::1]:80", "/run/x", "@abstract"; "unnamed" for none.
  [[nodiscard]] std::string to_string() const;

  /// The `sockaddr`, for system calls.
  [[nodiscard]] const void* data() const noexcept { return storage_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  friend bool operator==(const Address& a, const Address& b) noexcept {
    return std::string_view(a.storage_.data(), a.size_) == std::string_view(b.storage_.data(), b.size_);
  }

 private:
  alignas(8) std::array<char, 112> storage_{};  // the longest is sockaddr_un
  std::uint8_t size_ = 0;
};

}  // namespace tutti

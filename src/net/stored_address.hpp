// SPDX-License-Identifier: MIT
// An address that is kept for long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tutti/io/address.hpp>

namespace tutti::detail {

/// In as little memory as it needs: an `Address` has room for the longest path of a Unix socket, which few have.
class StoredAddress {
 public:
  /// *Errors*: `std::bad_alloc`.
  explicit StoredAddress(const Address& address) : size_(static_cast<std::uint8_t>(address.size())) {
    if (is_long()) {
      long_ = new Address(address);
    } else if (size_ != 0) {
      std::memcpy(bytes_, address.data(), size_);
    }
  }
  StoredAddress(const StoredAddress&) = delete;
  StoredAddress& operator=(const StoredAddress&) = delete;
  ~StoredAddress() {
    if (is_long()) delete long_;
  }

  [[nodiscard]] Address get() const {
    if (is_long()) return *long_;
    return size_ != 0 ? Address::from_sockaddr(bytes_, size_) : Address();
  }

 private:
  static constexpr std::size_t kShort = 28;  // an address of IPv6
  [[nodiscard]] bool is_long() const noexcept { return size_ > kShort; }

  union {
    const Address* long_;
    char bytes_[kShort];
  };
  std::uint8_t size_;
};

}  // namespace tutti::detail

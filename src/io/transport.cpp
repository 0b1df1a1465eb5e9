// SPDX-License-Identifier: MIT
#include <tutti/io/transport.hpp>

namespace tutti::lowlevel {

Transport::~Transport() = default;

std::string Transport::description() const { return peername().to_string(); }

WriteBufferLimits WriteBufferLimits::complete(std::optional<std::size_t> high,
                                              std::optional<std::size_t> low) noexcept {
  const std::size_t most = high ? *high : low ? *low * 4 : WriteBufferLimits{}.high;
  return {.high = most, .low = low ? *low : most / 4};
}

void Transport::set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
  const WriteBufferLimits limits = WriteBufferLimits::complete(high, low);
  set_write_buffer_limits(limits.high, limits.low);
}

}  // namespace tutti::lowlevel

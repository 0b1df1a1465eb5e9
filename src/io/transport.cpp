// SPDX-License-Identifier: MIT
#include <tutti/io/transport.hpp>

namespace tutti::lowlevel {

Shared::~Shared() = default;
Transport::~Transport() = default;

std::string Transport::description() const { return peername().to_string(); }

void Transport::set_write_buffer_limits(std::optional<std::size_t> high, std::optional<std::size_t> low) {
  const std::size_t most = high ? *high : low ? *low * 4 : WriteBufferLimits{}.high;
  set_write_buffer_limits(most, low ? *low : most / 4);
}

}  // namespace tutti::lowlevel

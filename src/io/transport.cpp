// SPDX-License-Identifier: MIT
#include <tutti/io/transport.hpp>

namespace tutti::lowlevel {

Shared::~Shared() = default;
Transport::~Transport() = default;

}  // namespace tutti::lowlevel

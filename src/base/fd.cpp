// SPDX-License-Identifier: MIT
#include <tutti/base/fd.hpp>

#include <unistd.h>

namespace tutti {

void Fd::reset(int number) noexcept {
  const int old = std::exchange(number_, number);
  // Linux frees the number even when close() fails with EINTR; trying again could close someone else's.
  if (old >= 0 && old != number) ::close(old);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include "receiving.hpp"

#include <cerrno>
#include <new>

#include <sys/socket.h>

namespace tutti::detail {
namespace {
// Enough for messages; stays in the first cache of the processor.
constexpr std::size_t kSize = std::size_t{16} * 1024;
}  // namespace

bool LentMemory::provide() noexcept {
  if (!memory_) memory_.reset(new (std::nothrow) char[kSize]);
  return memory_ != nullptr;
}

int LentMemory::receive(Receiving& operation, lowlevel::ReadyQueue& arrivals, bool& filled) const noexcept {
  const MutableBytes place = operation.place({memory_.get(), kSize});
  ssize_t count = -1;
  do {
    count = ::recv(operation.fd, place.data(), place.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  const std::size_t came = count > 0 ? static_cast<std::size_t>(count) : 0;
  filled = came == place.size();
  if (lowlevel::Ready* const arrival = operation.take({place.data(), came})) arrivals.push(*arrival);
  return count >= 0 ? static_cast<int>(count) : error == EWOULDBLOCK ? -EAGAIN : -error;
}

}  // namespace tutti::detail

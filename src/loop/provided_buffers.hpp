// SPDX-License-Identifier: MIT
// Memory that the kernel picks from for what it receives.
#pragma once

#include <cstddef>

#include <liburing.h>

#include <tutti/base/bytes.hpp>

namespace tutti::detail {

/// A ring of buffers that all sockets of an io_uring share. The kernel takes the oldest one for each piece that comes, and does not
/// touch it again before it was given back.
class ProvidedBuffers {
 public:
  static constexpr unsigned short group = 0;

  ProvidedBuffers() noexcept = default;
  ProvidedBuffers(const ProvidedBuffers&) = delete;
  ProvidedBuffers& operator=(const ProvidedBuffers&) = delete;
  /// The io_uring must have ended, or have nothing in flight.
  ~ProvidedBuffers();

  /// Makes them known to `ring`; once is enough. False if there is no memory, or the kernel wants none.
  [[nodiscard]] bool provide(io_uring& ring) noexcept;

  /// What a completion brought.
  [[nodiscard]] BytesView bytes_of(const io_uring_cqe& completion) const noexcept;
  /// The kernel may use it again.
  void give_back(const io_uring_cqe& completion) noexcept;

 private:
  [[nodiscard]] io_uring_buf_ring* ring() const noexcept { return static_cast<io_uring_buf_ring*>(memory_); }
  [[nodiscard]] char* buffer(unsigned id) const noexcept;
  void add(unsigned id, unsigned place) noexcept;

  void* memory_ = nullptr;  // the ring, and the buffers behind it
};

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include "provided_buffers.hpp"

#include <cstdint>

#include <sys/mman.h>

namespace tutti::detail {

namespace {

// As many as pieces may come between two polls; if it is more, each receive that finds none is begun again. Small, since the
// kernel fills up to 32 of them for one socket before it looks at the next one, or at a cancellation.
constexpr unsigned buffer_count = 512;
constexpr std::size_t buffer_size = 1024;
constexpr std::size_t page_size = 4096;
constexpr std::size_t ring_size = (buffer_count * sizeof(io_uring_buf) + page_size - 1) / page_size * page_size;
constexpr std::size_t whole_size = ring_size + buffer_count * buffer_size;

unsigned id_of(const io_uring_cqe& completion) noexcept { return completion.flags >> IORING_CQE_BUFFER_SHIFT; }

}  // namespace

ProvidedBuffers::~ProvidedBuffers() {
  if (memory_ != nullptr) ::munmap(memory_, whole_size);
}

bool ProvidedBuffers::provide(io_uring& ring) noexcept {
  if (memory_ != nullptr) return true;
  void* const memory = ::mmap(nullptr, whole_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  registration.ring_entries = buffer_count;
  registration.bgid = group;
  if (::io_uring_register_buf_ring(&ring, &registration, 0) < 0) {
    ::munmap(memory, whole_size);
    return false;
  }
  memory_ = memory;
  ::io_uring_buf_ring_init(this->ring());
  for (unsigned id = 0; id < buffer_count; ++id) add(id, id);
  ::io_uring_buf_ring_advance(this->ring(), buffer_count);
  return true;
}

BytesView ProvidedBuffers::bytes_of(const io_uring_cqe& completion) const noexcept {
  if ((completion.flags & IORING_CQE_F_BUFFER) == 0 || completion.res <= 0) return {};
  return {buffer(id_of(completion)), static_cast<std::size_t>(completion.res)};
}

void ProvidedBuffers::give_back(const io_uring_cqe& completion) noexcept {
  if ((completion.flags & IORING_CQE_F_BUFFER) == 0) return;
  add(id_of(completion), 0);
  ::io_uring_buf_ring_advance(ring(), 1);
}

char* ProvidedBuffers::buffer(unsigned id) const noexcept {
  return static_cast<char*>(memory_) + ring_size + std::size_t{id} * buffer_size;
}

void ProvidedBuffers::add(unsigned id, unsigned place) noexcept {
  ::io_uring_buf_ring_add(ring(), buffer(id), buffer_size, static_cast<unsigned short>(id),
                          ::io_uring_buf_ring_mask(buffer_count), static_cast<int>(place));
}

}  // namespace tutti::detail

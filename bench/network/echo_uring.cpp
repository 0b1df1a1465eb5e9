// SPDX-License-Identifier: MIT
// The limit on io_uring: an echo server by hand. Multishot accept into direct descriptors, multishot receive into provided buffers,
// and each answer is sent from the buffer in which it came.
//   echo_uring PORT|PATH [LOOPS]
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <liburing.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "listen.hpp"

namespace {

class Server {
 public:
  explicit Server(const char* where)
      : listener_(bench::listen_on(where)), memory_(std::size_t{kBuffers} * kBufferSize) {
    io_uring_params parameters{};
    parameters.flags =
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    parameters.cq_entries = 16384;
    check(::io_uring_queue_init_params(4096, &ring_, &parameters), "io_uring_setup");
    ::io_uring_register_ring_fd(&ring_);
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);  // the kernel takes no larger table
    const auto files = static_cast<unsigned>(std::min<rlim_t>(most.rlim_cur, 16384));
    check(::io_uring_register_files_sparse(&ring_, files), "register files");
    void* entries = nullptr;
    if (::posix_memalign(&entries, 4096, kBuffers * sizeof(io_uring_buf)) != 0) bench::fail("posix_memalign");
    buffers_ = static_cast<io_uring_buf_ring*>(entries);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    registration.ring_entries = kBuffers;
    check(::io_uring_register_buf_ring(&ring_, &registration, 0), "register buffers");
    ::io_uring_buf_ring_init(buffers_);
    for (unsigned i = 0; i < kBuffers; ++i) give_back(i, i);
    ::io_uring_buf_ring_advance(buffers_, kBuffers);
    accept();
  }

  [[noreturn]] void run() {
    for (;;) {
      const int result = ::io_uring_submit_and_wait(&ring_, 1);
      if (result != -EINTR) check(result, "io_uring_enter");
      unsigned head = 0, count = 0, returned = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        take(*completion, returned);
      }
      ::io_uring_buf_ring_advance(buffers_, static_cast<int>(returned));
      ::io_uring_cq_advance(&ring_, count);
    }
  }

 private:
  enum class What : std::uint8_t { accept, receive, send, close };
  static constexpr unsigned kBuffers = 4096;  // a power of two
  static constexpr unsigned kBufferSize = 2048;

  static void check(int result, const char* what) {
    if (result >= 0) return;
    errno = -result;
    bench::fail(what);
  }
  static std::uint64_t note(What what, unsigned buffer, unsigned fd) {
    return (static_cast<std::uint64_t>(what) << 56U) | (static_cast<std::uint64_t>(buffer) << 32U) | fd;
  }

  char* buffer(unsigned id) { return memory_.data() + std::size_t{id} * kBufferSize; }
  void give_back(unsigned id, unsigned place) {
    ::io_uring_buf_ring_add(buffers_, buffer(id), kBufferSize, static_cast<unsigned short>(id),
                            ::io_uring_buf_ring_mask(kBuffers), static_cast<int>(place));
  }
  io_uring_sqe* entry() {
    io_uring_sqe* free = ::io_uring_get_sqe(&ring_);
    while (free == nullptr) {
      ::io_uring_submit(&ring_);
      free = ::io_uring_get_sqe(&ring_);
    }
    return free;
  }

  void accept() {
    io_uring_sqe* request = entry();
    ::io_uring_prep_multishot_accept_direct(request, listener_, nullptr, nullptr, 0);
    ::io_uring_sqe_set_data64(request, note(What::accept, 0, 0));
  }
  void receive(unsigned fd) {
    io_uring_sqe* request = entry();
    ::io_uring_prep_recv_multishot(request, static_cast<int>(fd), nullptr, 0, 0);
    request->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    ::io_uring_sqe_set_data64(request, note(What::receive, 0, fd));
  }
  void send(unsigned fd, unsigned id, unsigned length) {
    io_uring_sqe* request = entry();
    ::io_uring_prep_send(request, static_cast<int>(fd), buffer(id), length, MSG_WAITALL);
    request->flags |= IOSQE_FIXED_FILE;
    ::io_uring_sqe_set_data64(request, note(What::send, id, fd));
  }
  void close(unsigned fd) {
    io_uring_sqe* request = entry();
    ::io_uring_prep_close_direct(request, fd);
    ::io_uring_sqe_set_data64(request, note(What::close, 0, fd));
  }

  void take(const io_uring_cqe& completion, unsigned& returned) {
    const auto what = static_cast<What>(completion.user_data >> 56U);
    const auto fd = static_cast<unsigned>(completion.user_data);
    const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
    switch (what) {
      case What::accept:
        if (completion.res >= 0) receive(static_cast<unsigned>(completion.res));
        if (!more) accept();
        break;
      case What::receive:
        if (completion.res > 0) {
          send(fd, completion.flags >> IORING_CQE_BUFFER_SHIFT, static_cast<unsigned>(completion.res));
          if (!more) receive(fd);
        } else if (completion.res == -ENOBUFS) {
          receive(fd);
        } else {
          close(fd);
        }
        break;
      case What::send: give_back(static_cast<unsigned>(completion.user_data >> 32U) & 0xffffU, returned++); break;
      case What::close: break;
    }
  }

  io_uring ring_{};
  int listener_;
  io_uring_buf_ring* buffers_ = nullptr;
  std::vector<char> memory_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) bench::fail("usage: echo_uring PORT|PATH [LOOPS]");
  bench::on_threads(count > 2 ? std::atoi(arguments[2]) : 1, [&] { Server(arguments[1]).run(); });
}

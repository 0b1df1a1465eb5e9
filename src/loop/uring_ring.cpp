// SPDX-License-Identifier: MIT
#include "uring_ring.hpp"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>

#include "receiving.hpp"
#include "syscalls.hpp"

namespace tutti::detail {

namespace {

// One turn of the loop rarely submits more; if it does, that costs one system call for each 256.
constexpr unsigned submission_entries = 256;
// Room for bursts: what does not fit goes through a slow list in the kernel. (More costs: a ring of 8192 takes
// ten times as long to set up.)
constexpr unsigned completion_entries = 2048;

constexpr unsigned setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                                 IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
                                 IORING_SETUP_CQSIZE;

constexpr unsigned needed_features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
                                     IORING_FEAT_RW_CUR_POS | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG |
                                     IORING_FEAT_CQE_SKIP;

// len is 32 bits wide, and the kernel moves at most this many bytes at once (MAX_RW_COUNT).
unsigned bounded(std::size_t length) noexcept {
  return length < 0x7ffff000 ? static_cast<unsigned>(length) : 0x7ffff000U;
}

}  // namespace

UringRing::UringRing() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_os_error(errno, "pipe2");
  kernel_is_done_.reset(ends[0]);
  const Fd held_by_kernel(ends[1]);

  io_uring_params parameters{};
  parameters.flags = setup_flags;
  parameters.cq_entries = completion_entries;
  if (const int result = ::io_uring_queue_init_params(submission_entries, &ring_, &parameters); result < 0) {
    throw_os_error(-result, "io_uring_setup");
  }
  open_ = true;
  // See close_and_wait().
  if (const int result = ::io_uring_register_files(&ring_, &ends[1], 1); result < 0) {
    ::io_uring_queue_exit(&ring_);
    throw_os_error(-result, "io_uring_register files");
  }
}

UringRing::~UringRing() {
  if (open_) ::io_uring_queue_exit(&ring_);
}

void UringRing::enable() {
  const int result =
      ::io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (result < 0) throw_os_error(-result, "io_uring_register enable_rings");
}

void UringRing::announce_on(int eventfd) {
  const int result = ::io_uring_register_eventfd(&ring_, eventfd);
  if (result < 0) throw_os_error(-result, "io_uring_register eventfd");
}

io_uring_sqe* UringRing::next_entry() noexcept {
  io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
  if (entry != nullptr) return entry;
  submit_only();
  return ::io_uring_get_sqe(&ring_);
}

int UringRing::submit_and_wait(std::optional<Duration> timeout) noexcept {
  if (!timeout) return ::io_uring_submit_and_wait(&ring_, 1);
  timespec wait{};
  static_cast<void>(to_timespec(timeout, wait));
  __kernel_timespec limit{.tv_sec = wait.tv_sec, .tv_nsec = wait.tv_nsec};
  io_uring_cqe* first = nullptr;
  return ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
}

// A ring is taken down in the background, and close(2) says nothing about when the last request is gone. But the kernel
// keeps registered files open until then. So the ring holds the only write end of a pipe, and its end of file tells.
void UringRing::close_and_wait() noexcept {
  if (!open_) return;
  open_ = false;
  ::io_uring_queue_exit(&ring_);
  char byte;
  while (::read(kernel_is_done_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

bool UringRing::has_all_features() noexcept {
  if ((ring_.features & needed_features) != needed_features) return false;
  const std::unique_ptr<io_uring_probe, decltype(&::io_uring_free_probe)> probe(::io_uring_get_probe_ring(&ring_),
                                                                                &::io_uring_free_probe);
  if (!probe) return false;
  for (const int opcode :
       {IORING_OP_NOP, IORING_OP_RECV, IORING_OP_SEND, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_RECVMSG,
        IORING_OP_SENDMSG, IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL,
        IORING_OP_OPENAT, IORING_OP_CLOSE, IORING_OP_FSYNC, IORING_OP_STATX, IORING_OP_MKDIRAT, IORING_OP_UNLINKAT,
        IORING_OP_RENAMEAT}) {
    if (::io_uring_opcode_supported(probe.get(), opcode) == 0) return false;
  }
  io_uring_sqe* entry = next_entry();
  if (entry == nullptr) return false;
  ::io_uring_prep_nop(entry);
  ::io_uring_sqe_set_data64(entry, 0);
  if (submit_and_wait(std::nullopt) < 0) return false;
  bool done = false;
  for_each_completion([&](const io_uring_cqe& completion) { done = completion.res == 0; });
  return done;
}

void fill_request(io_uring_sqe& entry, const Operation& operation) noexcept {
  const int fd = operation.fd;
  void* const buffer = operation.buffer;
  const unsigned length = bounded(operation.length);
  // The kernel's own position in the file is asked for by the offset -1.
  const auto offset = operation.offset < 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(operation.offset);
  const int flags = static_cast<int>(operation.flags);
  const char* const path = static_cast<const char*>(buffer);
  const auto mode = static_cast<mode_t>(operation.length);
  switch (operation.opcode) {
    case Opcode::nop: ::io_uring_prep_nop(&entry); break;
    case Opcode::recv:
      if (is_receiving(operation)) {
        ::io_uring_prep_recv_multishot(&entry, fd, nullptr, 0, flags);
        entry.flags |= IOSQE_BUFFER_SELECT;
        entry.buf_group = ProvidedBuffers::group;
        break;
      }
      ::io_uring_prep_recv(&entry, fd, buffer, length, flags);
      if (operation.drained) entry.ioprio |= IORING_RECVSEND_POLL_FIRST;
      break;
    case Opcode::send: ::io_uring_prep_send(&entry, fd, buffer, length, flags | MSG_NOSIGNAL); break;
    case Opcode::read: ::io_uring_prep_read(&entry, fd, buffer, length, offset); break;
    case Opcode::write: ::io_uring_prep_write(&entry, fd, buffer, length, offset); break;
    case Opcode::recvmsg: ::io_uring_prep_recvmsg(&entry, fd, static_cast<msghdr*>(buffer), operation.flags); break;
    case Opcode::sendmsg:
      ::io_uring_prep_sendmsg(&entry, fd, static_cast<const msghdr*>(buffer), operation.flags | MSG_NOSIGNAL);
      break;
    case Opcode::accept:
      ::io_uring_prep_accept(&entry, fd, static_cast<sockaddr*>(buffer), operation.address_length,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
      break;
    case Opcode::connect:
      ::io_uring_prep_connect(&entry, fd, static_cast<const sockaddr*>(buffer), static_cast<socklen_t>(length));
      break;
    case Opcode::poll: ::io_uring_prep_poll_add(&entry, fd, operation.flags); break;
    case Opcode::openat: ::io_uring_prep_openat(&entry, fd, path, flags, mode); break;
    case Opcode::close: ::io_uring_prep_close(&entry, fd); break;
    case Opcode::fsync: ::io_uring_prep_fsync(&entry, fd, flags != 0 ? IORING_FSYNC_DATASYNC : 0); break;
    case Opcode::statx:
      ::io_uring_prep_statx(&entry, fd, path, flags, mode, static_cast<struct statx*>(operation.second));
      break;
    case Opcode::mkdirat: ::io_uring_prep_mkdirat(&entry, fd, path, mode); break;
    case Opcode::unlinkat: ::io_uring_prep_unlinkat(&entry, fd, path, flags); break;
    case Opcode::renameat:
      ::io_uring_prep_renameat(&entry, fd, path, fd, static_cast<const char*>(operation.second), 0);
      break;
  }
}

void fill_readiness_request(io_uring_sqe& entry, const Operation& operation) noexcept {
  ::io_uring_prep_poll_add(&entry, operation.fd, static_cast<unsigned>(awaited_events(operation)));
}

}  // namespace tutti::detail

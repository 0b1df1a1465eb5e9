// SPDX-License-Identifier: MIT
// Random reads on io_uring by hand: 32 at a time, a registered file, registered buffers.
//   files_uring random|direct PATH READS
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <liburing.h>
#include <sys/uio.h>

#include "blocks.hpp"

namespace {

constexpr unsigned kAtOnce = 32;

class Reader {
 public:
  Reader(const char* path, int flags)
      : fd_(::open(path, O_RDONLY | O_CLOEXEC | flags)), random_(bench::size_of(path) / bench::kBlock) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
    iovec all{memory_.get(), kAtOnce * bench::kBlock};
    if (::io_uring_queue_init_params(kAtOnce, &ring_, &parameters) < 0 || ::io_uring_register_ring_fd(&ring_) < 0 ||
        ::io_uring_register_files(&ring_, &fd_, 1) < 0 || ::io_uring_register_buffers(&ring_, &all, 1) < 0) {
      bench::stop("io_uring does not start");
    }
  }

  void run(std::uint64_t reads) {
    std::uint64_t started = 0, ended = 0;
    while (started < kAtOnce && started < reads) submit(static_cast<unsigned>(started++));
    while (ended < reads) {
      ::io_uring_submit_and_wait(&ring_, 1);
      unsigned head = 0, count = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        ++count;
        const auto i = static_cast<unsigned>(completion->user_data);
        if (completion->res != bench::kBlock) bench::stop("a read is short");
        bench::check_block(block(i), numbers_[i]);
        if (started++ < reads) submit(i);
      }
      ended += count;
      ::io_uring_cq_advance(&ring_, count);
    }
  }

 private:
  char* block(unsigned i) { return memory_.get() + i * bench::kBlock; }
  void submit(unsigned i) {
    numbers_[i] = random_.next();
    io_uring_sqe* request = ::io_uring_get_sqe(&ring_);
    ::io_uring_prep_read_fixed(request, 0, block(i), bench::kBlock, numbers_[i] * bench::kBlock, 0);
    request->flags |= IOSQE_FIXED_FILE;
    request->user_data = i;
  }

  int fd_;
  bench::RandomBlocks random_;
  std::unique_ptr<char, bench::FreeMemory> memory_ = bench::aligned_memory(kAtOnce * bench::kBlock);
  std::array<std::uint64_t, kAtOnce> numbers_{};
  io_uring ring_{};
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) bench::stop("usage: files_uring random|direct PATH READS");
  Reader reader(arguments[2], std::string(arguments[1]) == "direct" ? O_DIRECT : 0);
  const std::uint64_t reads = std::strtoull(arguments[3], nullptr, 10);
  const bench::Usage usage;
  reader.run(reads);
  usage.tell(reads);
}

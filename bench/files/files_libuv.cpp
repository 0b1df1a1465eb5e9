// SPDX-License-Identifier: MIT
// Random reads on libuv's thread pool, 32 at a time.
//   files_libuv random|direct PATH READS
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fcntl.h>

#include <uv.h>

#include "blocks.hpp"

namespace {

struct Reads {
  uv_file file;
  bench::RandomBlocks random;
  std::uint64_t left;
};

struct Read {
  uv_fs_t request{};
  Reads* reads = nullptr;
  std::uint64_t number = 0;
  std::unique_ptr<char, bench::FreeMemory> block = bench::aligned_memory(bench::kBlock);

  void start() {
    if (reads->left == 0) return;
    --reads->left;
    number = reads->random.next();
    request.data = this;
    const uv_buf_t buffer = uv_buf_init(block.get(), bench::kBlock);
    uv_fs_read(uv_default_loop(), &request, reads->file, &buffer, 1, static_cast<std::int64_t>(number * bench::kBlock),
               [](uv_fs_t* ended) { static_cast<Read*>(ended->data)->end(); });
  }
  void end() {
    if (request.result != bench::kBlock) bench::stop("a read is short");
    bench::check_block(block.get(), number);
    uv_fs_req_cleanup(&request);
    start();
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) bench::stop("usage: files_libuv random|direct PATH READS");
  const std::uint64_t n = std::strtoull(arguments[3], nullptr, 10);
  const int flags = std::string(arguments[1]) == "direct" ? O_DIRECT : 0;
  Reads reads{::open(arguments[2], O_RDONLY | O_CLOEXEC | flags),
              bench::RandomBlocks(bench::size_of(arguments[2]) / bench::kBlock), n};
  std::array<Read, 32> at_once;
  const bench::Usage usage;
  for (Read& read : at_once) {
    read.reads = &reads;
    read.start();
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  usage.tell(n);
}

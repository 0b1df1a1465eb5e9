// SPDX-License-Identifier: MIT
// The limit for files that are in the page cache: system calls in a loop, on one thread, which they hold up.
//   files_plain random|direct PATH READS
//   files_plain read|write|make PATH MIB
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "blocks.hpp"

namespace {

void read_at_random(const char* path, int flags, std::uint64_t reads) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | flags);
  const auto block = bench::aligned_memory(bench::kBlock);
  bench::RandomBlocks random(bench::size_of(path) / bench::kBlock);
  const bench::Usage usage;
  for (std::uint64_t i = 0; i < reads; ++i) {
    const std::uint64_t number = random.next();
    if (::pread(fd, block.get(), bench::kBlock, static_cast<off_t>(number * bench::kBlock)) != bench::kBlock) {
      bench::stop("a read is short");
    }
    bench::check_block(block.get(), number);
  }
  usage.tell(reads);
}

void read_all(const char* path, std::uint64_t mib) {
  const auto piece = bench::aligned_memory(bench::kPiece);
  const bench::Usage usage;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  std::uint64_t offset = 0;
  while (const ssize_t count = ::read(fd, piece.get(), bench::kPiece)) {
    if (count < 0) bench::stop("a read fails");
    bench::check_blocks(piece.get(), static_cast<std::size_t>(count), offset);
    offset += static_cast<std::uint64_t>(count);
  }
  ::close(fd);
  if (offset != mib << 20U) bench::stop("the file is short");
  usage.tell(mib);
}

void write_all(const char* path, std::uint64_t mib) {
  const auto piece = bench::aligned_memory(bench::kPiece);
  const bench::Usage usage;
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  for (std::uint64_t offset = 0; offset < mib << 20U; offset += bench::kPiece) {
    bench::number_blocks(piece.get(), bench::kPiece, offset);
    if (::write(fd, piece.get(), bench::kPiece) != bench::kPiece) bench::stop("a write is short");
  }
  ::close(fd);
  usage.tell(mib);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) bench::stop("usage: files_plain random|direct|read|write|make PATH READS|MIB");
  const std::string what = arguments[1];
  const std::uint64_t n = std::strtoull(arguments[3], nullptr, 10);
  if (what == "random" || what == "direct") {
    read_at_random(arguments[2], what == "direct" ? O_DIRECT : 0, n);
  } else if (what == "read") {
    read_all(arguments[2], n);
  } else {
    write_all(arguments[2], n);
  }
}

// SPDX-License-Identifier: MIT
// Files with Tutti. Random reads are made by 32 coroutines.
//   files_tutti random|direct PATH READS
//   files_tutti read|write PATH MIB
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>

#include <tutti/fs/file.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>

#include "blocks.hpp"

using tutti::Coro;
namespace files = tutti::files;

namespace {

struct Reads {
  files::File file;
  bench::RandomBlocks random;
  std::uint64_t left;
};

Coro<> read_until_done(Reads& reads) {
  const auto block = bench::aligned_memory(bench::kBlock);
  while (reads.left != 0) {
    --reads.left;
    const std::uint64_t number = reads.random.next();
    if (co_await reads.file.preadinto({block.get(), bench::kBlock}, number * bench::kBlock) != bench::kBlock) {
      bench::stop("a read is short");
    }
    bench::check_block(block.get(), number);
  }
}

Coro<> read_at_random(std::string path, int flags, std::uint64_t count) {
  tutti::Fd descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  Reads reads{files::fdopen(std::move(descriptor), "r", {.buffer_size = 0}),
              bench::RandomBlocks(bench::size_of(path.c_str()) / bench::kBlock), count};
  std::vector<Coro<>> readers;
  const bench::Usage usage;
  for (int i = 0; i < 32; ++i) readers.push_back(read_until_done(reads));
  co_await tutti::gather(readers);
  usage.tell(count);
}

Coro<> read_all(std::string path, std::uint64_t mib) {
  const auto piece = bench::aligned_memory(bench::kPiece);
  const bench::Usage usage;
  files::File file = co_await files::open(path);
  std::uint64_t offset = 0;
  while (const std::size_t count = co_await file.readinto({piece.get(), bench::kPiece})) {
    bench::check_blocks(piece.get(), count, offset);
    offset += count;
  }
  co_await file.close();
  if (offset != mib << 20U) bench::stop("the file is short");
  usage.tell(mib);
}

Coro<> write_all(std::string path, std::uint64_t mib) {
  const bench::Usage usage;
  files::File file = co_await files::open(path, "w");
  for (std::uint64_t offset = 0; offset < mib << 20U; offset += bench::kPiece) {
    std::string piece(bench::kPiece, '\0');
    bench::number_blocks(piece.data(), piece.size(), offset);
    co_await file.write(std::move(piece));
  }
  co_await file.close();
  usage.tell(mib);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) bench::stop("usage: files_tutti random|direct|read|write PATH READS|MIB");
  const std::string what = arguments[1];
  const std::uint64_t n = std::strtoull(arguments[3], nullptr, 10);
  if (what == "read") {
    tutti::run(read_all(arguments[2], n));
  } else if (what == "write") {
    tutti::run(write_all(arguments[2], n));
  } else {
    tutti::run(read_at_random(arguments[2], what == "direct" ? O_DIRECT : 0, n));
  }
}

// SPDX-License-Identifier: MIT
// Files with Boost.Asio, whose files need its io_uring: random reads by 32 coroutines.
//   files_asio random|direct PATH READS
//   files_asio read|write PATH MIB
#define BOOST_ASIO_HAS_IO_URING
#define BOOST_ASIO_DISABLE_EPOLL
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fcntl.h>

#include <boost/asio.hpp>

#include "blocks.hpp"

namespace asio = boost::asio;

namespace {

std::uint64_t left = 0;

asio::awaitable<void> read_until_done(asio::random_access_file& file, bench::RandomBlocks& random) {
  const auto block = bench::aligned_memory(bench::kBlock);
  while (left != 0) {
    --left;
    const std::uint64_t number = random.next();
    const auto buffer = asio::buffer(block.get(), bench::kBlock);
    if (co_await file.async_read_some_at(number * bench::kBlock, buffer, asio::use_awaitable) != bench::kBlock) {
      bench::stop("a read is short");
    }
    bench::check_block(block.get(), number);
  }
}

asio::awaitable<void> read_all(asio::stream_file& file) {
  const auto piece = bench::aligned_memory(bench::kPiece);
  for (std::uint64_t offset = 0;;) {
    const auto [failed, count] =
        co_await file.async_read_some(asio::buffer(piece.get(), bench::kPiece), asio::as_tuple(asio::use_awaitable));
    if (failed) co_return;
    bench::check_blocks(piece.get(), count, offset);
    offset += count;
    left -= count;
  }
}

asio::awaitable<void> write_all(asio::stream_file& file) {
  const auto piece = bench::aligned_memory(bench::kPiece);
  for (std::uint64_t offset = 0; left != 0; offset += bench::kPiece) {
    bench::number_blocks(piece.get(), bench::kPiece, offset);
    left -= co_await asio::async_write(file, asio::buffer(piece.get(), bench::kPiece), asio::use_awaitable);
  }
}

void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) bench::stop("usage: files_asio random|direct|read|write PATH READS|MIB");
  const std::string what = arguments[1];
  const char* path = arguments[2];
  const std::uint64_t n = std::strtoull(arguments[3], nullptr, 10);
  asio::io_context context(1);
  if (what == "random" || what == "direct") {
    asio::random_access_file file(context, ::open(path, O_RDONLY | O_CLOEXEC | (what == "direct" ? O_DIRECT : 0)));
    bench::RandomBlocks random(bench::size_of(path) / bench::kBlock);
    left = n;
    const bench::Usage usage;
    for (int i = 0; i < 32; ++i) asio::co_spawn(context, read_until_done(file, random), rethrow);
    context.run();
    usage.tell(n);
    return 0;
  }
  left = n << 20U;
  const bench::Usage usage;
  const auto flags = what == "read"
                         ? asio::stream_file::read_only
                         : asio::stream_file::write_only | asio::stream_file::create | asio::stream_file::truncate;
  asio::stream_file file(context, path, flags);
  asio::co_spawn(context, what == "read" ? read_all(file) : write_all(file), rethrow);
  context.run();
  file.close();
  if (left != 0) bench::stop("the file is short");
  usage.tell(n);
}

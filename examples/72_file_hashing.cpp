// SPDX-License-Identifier: MIT
// Hashes of many files: reading on the loop, the work of the processor in threads, so many at a time.
//
//   make build && build/release/examples/example_72_file_hashing *.md
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include <tutti/tutti.hpp>

using tutti::Coro;
namespace files = tutti::files;

// [region hash]
// FNV-1a: short, and good enough to tell files apart.
std::uint64_t fnv1a(const std::string& bytes, std::uint64_t hash) {
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  return hash;
}

Coro<std::uint64_t> hash_file(std::string path) {
  files::File file = co_await files::open(path, "r", {.buffer_size = 0});
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (;;) {
    std::string piece = co_await file.read(1'000'000);
    if (piece.empty()) co_return hash;
    hash = co_await tutti::to_thread([piece = std::move(piece), hash] { return fnv1a(piece, hash); });
  }
}
// [endregion]

// [region main]
/// One line for each file, in the order of the paths; gives whether all could be read.
Coro<bool> print_hashes(std::vector<std::string> paths, std::size_t hidden = 0) {
  bool good = true;
  const auto hashes = co_await tutti::map_concurrently(tutti::return_exceptions, paths, hash_file, {.limit = 4});
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (hashes[i]) {
      std::cout << std::hex << std::setw(16) << std::setfill('0') << hashes[i].value() << "  "
                << paths[i].substr(hidden) << '\n';
    } else {
      std::cerr << "hash: " << tutti::describe(hashes[i].error()) << '\n';
      good = false;
    }
  }
  co_return good;
}

Coro<bool> play() {
  files::TemporaryDirectory directory = co_await files::temporary_directory();
  for (int i = 0; i < 8; ++i) {
    const auto size = static_cast<std::size_t>(i) * 500'000;
    co_await files::write_bytes(directory / ("file" + std::to_string(i)), std::string(size, static_cast<char>(i)));
  }
  std::vector<std::string> paths;
  auto steps = files::walk(directory.path());
  while (auto step = co_await steps.next()) {
    for (const std::string& name : step->files) paths.push_back(step->path + "/" + name);
  }
  const bool good = co_await print_hashes(std::move(paths), directory.path().size() + 1);
  co_await directory.cleanup();
  co_return good;
}

int main(int argc, char** argv) try {
  return tutti::run(argc > 1 ? print_hashes({argv + 1, argv + argc}) : play()) ? 0 : 1;
} catch (const tutti::KeyboardInterrupt&) {
  return 130;
}
// [endregion]

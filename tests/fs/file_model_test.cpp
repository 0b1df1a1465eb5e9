// SPDX-License-Identifier: MIT
// Random reads, writes and moves, mixed, against a string and a position: what the buffers must never show.
#include <tutti/fs/file.hpp>

#include <algorithm>
#include <random>

#include "fs_support.hpp"

namespace tutti::tests {
namespace {

using files::Whence;

/// A file as it should behave.
struct Model {
  std::string bytes;
  std::size_t position = 0;

  std::string read(std::size_t count) {
    std::string taken = position < bytes.size() ? bytes.substr(position, count) : "";
    position += taken.size();
    return taken;
  }
  std::string readline() {
    if (position >= bytes.size()) return "";
    const std::size_t end = bytes.find('\n', position);
    return read(end == std::string::npos ? bytes.size() : end + 1 - position);
  }
  void write(const std::string& data) {
    write_at(data, position);
    position += data.size();
  }
  void write_at(const std::string& data, std::size_t offset) {
    if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size());
    bytes.replace(offset, data.size(), data);
  }
};

class Steps {
 public:
  Steps(std::uint32_t seed, files::File& file, Model& model) : random_(seed), file_(file), model_(model) {}

  Coro<> step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2: {
        const std::size_t count = below(40);
        EXPECT_EQ(co_await file_.read(count), model_.read(count));
        break;
      }
      case 3: EXPECT_EQ(co_await file_.readline(), model_.readline()); break;
      case 4:
      case 5:
      case 6: {
        const std::string data = some_bytes(below(40));
        co_await file_.write(data);
        model_.write(data);
        break;
      }
      case 7: {
        const std::size_t to = below(120);
        EXPECT_EQ(co_await file_.seek(static_cast<std::int64_t>(to)), to);
        model_.position = to;
        break;
      }
      case 8: {
        const std::int64_t by =
            static_cast<std::int64_t>(below(10)) - static_cast<std::int64_t>(std::min<std::size_t>(model_.position, 5));
        model_.position = static_cast<std::size_t>(static_cast<std::int64_t>(model_.position) + by);
        EXPECT_EQ(co_await file_.seek(by, Whence::current), model_.position);
        break;
      }
      case 9: {
        const std::size_t size = below(100);
        co_await file_.truncate(size);
        model_.bytes.resize(size);
        break;
      }
      case 10: {
        const std::size_t offset = below(100);
        const std::string data = some_bytes(below(20));
        co_await file_.pwrite(data, offset);
        if (!data.empty()) model_.write_at(data, offset);
        break;
      }
      default: {
        const std::size_t offset = below(100);
        EXPECT_EQ(co_await file_.pread(20, offset),
                  offset < model_.bytes.size() ? model_.bytes.substr(offset, 20) : "");
        break;
      }
    }
    EXPECT_EQ(co_await file_.tell(), model_.position);
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::string some_bytes(std::size_t size) {
    std::string data(size, '\0');
    for (char& byte : data) byte = "abcdefg\n"[below(8)];
    return data;
  }

  std::mt19937 random_;
  files::File& file_;
  Model& model_;
};

TUTTI_TEST(FileModel, BehavesAsAStringWithAPosition) {
  const ScratchDirectory scratch;
  for (const std::size_t buffer_size : {0U, 1U, 16U, 65536U}) {
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", buffer " + std::to_string(buffer_size));
      Model model{"first\nsecond\nthird"};
      files::File file = co_await files::open(scratch.make("a", model.bytes), "r+", {.buffer_size = buffer_size});
      Steps steps(seed, file, model);
      for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) co_await steps.step();
      co_await file.close();
      EXPECT_EQ(contents_of(scratch / "a"), model.bytes);
    }
  }
}

}  // namespace
}  // namespace tutti::tests

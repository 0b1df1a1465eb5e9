// SPDX-License-Identifier: MIT
// Calls on files and in threads, cancelled at random: no line is lost, torn or doubled.
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <tutti/fs/file.hpp>
#include <tutti/task/executor.hpp>

#include "fs/fs_support.hpp"
#include "stress.hpp"

namespace stress {
namespace {

/// Tasks that share one file for writing and another one for reading.
class Files : public Crowd {
 public:
  explicit Files(unsigned seed) : Crowd(seed) {}

  Coro<> run(unsigned steps) {
    auto writes = co_await tutti::files::open(directory_ / "written", "w", {.buffer_size = random.below(3) * 50});
    std::string lines;
    for (unsigned i = 0; i < steps; ++i) lines += std::to_string(i) + '\n';
    auto reads =
        co_await tutti::files::open(directory_.make("read", lines), "r", {.buffer_size = random.below(3) * 50});
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 6) tutti::create_task(repeat(4, [&] { return act(writes, reads); }));
      co_await pause();
      disturb();
    }
    co_await end();
    co_await writes.close();
    while (auto line = co_await reads.next()) note_read(*line);
    EXPECT_EQ(next_, steps) << "lines were lost";
    co_await reads.close();
    check_written();
  }

 private:
  Coro<> act(tutti::files::File& writes, tutti::files::File& reads) {
    switch (random.below(6)) {
      case 0: return flush(writes);
      case 1: return calculate();
      case 2:
      case 3: return read(reads);
      default: return write(writes);
    }
  }
  static Coro<> flush(tutti::files::File& file) { co_await file.flush(); }
  Coro<> read(tutti::files::File& file) {
    if (const auto line = co_await file.next()) note_read(*line);
  }
  Coro<> write(tutti::files::File& file) {
    const auto number = written_.size();
    written_.push_back(false);
    co_await file.write(std::to_string(number) + '\n');
    written_[number] = true;
  }
  Coro<> calculate() {
    const auto begun = std::make_shared<std::atomic<int>>(0);
    EXPECT_EQ(co_await tutti::to_thread([begun] { return ++*begun; }), 1);
  }

  void note_read(const std::string& line) { EXPECT_EQ(line, std::to_string(next_++) + '\n') << "out of order"; }
  void check_written() {
    std::vector<int> found(written_.size());
    std::istringstream contents(tutti::tests::contents_of(directory_ / "written"));
    for (std::string line; std::getline(contents, line);) ++found.at(static_cast<std::size_t>(std::stoul(line)));
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_LE(found[i], 1) << "line " << i << " was written twice";
      if (written_[i]) {
        EXPECT_EQ(found[i], 1) << "line " << i << " was lost";
      }
    }
  }

  tutti::tests::ScratchDirectory directory_;
  unsigned next_ = 0;
  std::vector<bool> written_;
};

TUTTI_TEST(RandomFiles, KeepEachLineWholeAndOnce) {
  co_await for_each_seed({.first_seed = 1, .runs = 4, .steps = 100}, [](unsigned seed, unsigned steps) -> Coro<> {
    Files files(seed);
    co_await files.run(steps);
  });
}

}  // namespace
}  // namespace stress

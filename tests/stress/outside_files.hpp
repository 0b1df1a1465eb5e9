// SPDX-License-Identifier: MIT
// A file whose bytes tell where they stand, for random tasks to send.
#pragma once

#include <optional>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/base/fd.hpp>
#include <tutti/net/sock.hpp>

#include "stress.hpp"
#include "support/scratch_directory.hpp"

namespace stress {

/// A sequence of bytes in which each place is known by its surroundings.
class Pattern {
 public:
  std::string next(std::size_t count) {
    std::string bytes;
    bytes.reserve(count);
    for (; count > 0; --count)
      bytes += static_cast<char>((position_ * 31 + (position_ >> 8U) * 17 + 7) & 0xff), ++position_;
    return bytes;
  }

 private:
  std::size_t position_ = 0;
};

/// More than the buffer of a socket holds.
class SharedFile {
 public:
  SharedFile() : contents_(Pattern().next(300'000)), path_(directory_.make("file", contents_)) {}

  /// Opened anew: with a position of its own.
  [[nodiscard]] tutti::Fd open() const { return tutti::Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)); }
  [[nodiscard]] std::string part(const tutti::SendfileOptions& options) const {
    return contents_.substr(options.offset, options.count.value_or(contents_.size()));
  }
  [[nodiscard]] tutti::SendfileOptions some_part(Random& random) const {
    tutti::SendfileOptions options{.offset = random.below(static_cast<unsigned>(contents_.size()))};
    if (random.chance(50)) options.count = 1 + random.below(200'000);
    if (random.chance(30)) options.offset = 0;
    return options;
  }

 private:
  test_support::ScratchDirectory directory_;
  std::string contents_;
  std::string path_;
};

}  // namespace stress

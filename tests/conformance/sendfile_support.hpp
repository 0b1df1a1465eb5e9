// SPDX-License-Identifier: MIT
// A file to be sent.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <tutti/base/error.hpp>

namespace tutti::conformance {

/// 256 KiB and a bit in a file without a name, different at each place.
class File {
 public:
  explicit File(std::size_t size = 1024 * 256 + 1) : file_(std::tmpfile()), size_(size) {
    const std::string all = data();
    if (std::fwrite(all.data(), 1, all.size(), file_) != all.size()) throw RuntimeError("no room for a file");
    (void)std::fflush(file_);
    ::lseek(fd(), 0, SEEK_SET);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { (void)std::fclose(file_); }
  [[nodiscard]] int fd() const { return ::fileno(file_); }
  [[nodiscard]] std::size_t tell() const { return static_cast<std::size_t>(::lseek(fd(), 0, SEEK_CUR)); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string data() const {
    std::string all;
    while (all.size() < size_) all += std::to_string(all.size()) + ' ';
    return all.substr(0, size_);
  }

 private:
  std::FILE* file_;
  std::size_t size_;
};

}  // namespace tutti::conformance

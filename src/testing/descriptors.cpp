// SPDX-License-Identifier: MIT
#include "testing/descriptors.hpp"

#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <unistd.h>

namespace tutti::testing::detail {

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  struct Close {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::opendir("/proc/self/fd"));
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.') continue;
    const int fd = std::atoi(entry->d_name);
    if (fd == ::dirfd(directory.get())) continue;
    char target[256];
    const ssize_t size = ::readlinkat(::dirfd(directory.get()), entry->d_name, target, sizeof target);
    found.emplace(fd, size < 0 ? "closed" : std::string(target, static_cast<std::size_t>(size)));
  }
  return found;
}

}  // namespace tutti::testing::detail

// SPDX-License-Identifier: MIT
#include <tutti/fs/scan.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <tutti/base/error.hpp>

#include "paths.hpp"
#include "status.hpp"

namespace tutti::files {
namespace {

constexpr std::size_t kBatch = 256;  // entries that one visit to a thread brings

/// A directory that is read; lives in threads and on the loop, one after the other.
struct Scan {
  std::unique_ptr<DIR, int (*)(DIR*)> directory{nullptr, &::closedir};
  std::vector<DirEntry> entries;

  /// 0, or -1 and errno.
  int open(const char* path) {
    directory.reset(::opendir(path));
    return directory ? 0 : -1;
  }

  /// Reads the next entries; none at the end.
  int read(const std::string& path) {
    entries.clear();
    while (entries.size() < kBatch) {
      errno = 0;
      const dirent* entry = ::readdir(directory.get());
      if (entry == nullptr) return errno == 0 ? 0 : -1;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      entries.push_back({std::string(name), path + std::string(name), type_of(*entry), entry->d_ino});
    }
    return 0;
  }

  [[nodiscard]] FileType type_of(const dirent& entry) const {
    if (entry.d_type != DT_UNKNOWN) return detail::type_of(static_cast<std::uint32_t>(DTTOIF(entry.d_type)));
    struct stat status{};
    const int result = ::fstatat(::dirfd(directory.get()), entry.d_name, &status, AT_SYMLINK_NOFOLLOW);
    return result == 0 ? detail::type_of(status.st_mode) : FileType::unknown;
  }
};

/// Brings the next entries.
Coro<> next_batch(std::shared_ptr<Scan> scan, std::string path) {
  co_await detail::call_with_path("scandir", std::move(path), [scan](const char* name) {
    if (!scan->directory && scan->open(name) != 0) return -1;
    std::string prefix = name;
    if (!prefix.ends_with('/')) prefix += '/';
    return scan->read(prefix);
  });
}

}  // namespace

AsyncGenerator<DirEntry> scandir(std::string path) {
  const auto scan = std::make_shared<Scan>();
  for (;;) {
    co_await next_batch(scan, path);
    if (scan->entries.empty()) co_return;
    for (DirEntry& entry : scan->entries) co_yield std::move(entry);
  }
}

Coro<std::vector<std::string>> listdir(std::string path) {
  const auto scan = std::make_shared<Scan>();
  std::vector<std::string> names;
  do {
    co_await next_batch(scan, path);
    for (DirEntry& entry : scan->entries) names.push_back(std::move(entry.name));
  } while (!scan->entries.empty());
  co_return names;
}

AsyncGenerator<WalkStep> walk(std::string top) {
  std::vector<std::string> ahead{std::move(top)};
  while (!ahead.empty()) {
    WalkStep step;
    step.path = std::move(ahead.back());
    ahead.pop_back();
    const auto scan = std::make_shared<Scan>();
    try {
      do {
        co_await next_batch(scan, step.path);
        for (DirEntry& entry : scan->entries) {
          (entry.is_dir() ? step.directories : step.files).push_back(std::move(entry.name));
        }
      } while (!scan->entries.empty());
    } catch (const OSError&) {
      continue;
    }
    std::sort(step.directories.begin(), step.directories.end());
    std::sort(step.files.begin(), step.files.end());
    const std::string prefix = step.path.ends_with('/') ? step.path : step.path + "/";
    for (auto name = step.directories.rbegin(); name != step.directories.rend(); ++name)
      ahead.push_back(prefix + *name);
    co_yield std::move(step);
  }
}

}  // namespace tutti::files

// SPDX-License-Identifier: MIT
// What is in a directory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tutti/fs/stat.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::files {

/// One name in a directory.
struct DirEntry {
  std::string name;
  std::string path;                   ///< the directory's path, as it was given, and the name
  FileType type = FileType::unknown;  ///< of a symbolic link: `symlink`
  std::uint64_t inode = 0;

  [[nodiscard]] bool is_file() const noexcept { return type == FileType::regular; }
  [[nodiscard]] bool is_dir() const noexcept { return type == FileType::directory; }
  [[nodiscard]] bool is_symlink() const noexcept { return type == FileType::symlink; }
};

/// The entries of a directory without "." and "..", in the order of the file system: `while (auto entry = co_await
/// entries.next())`. They are read by the hundred. *Errors* of `next`: `OSError`: `scandir /x: no such file or
/// directory`. *Cancellation* of `next`: the generator ends. *Source*: readdir(3), os.scandir.
[[nodiscard]] AsyncGenerator<DirEntry> scandir(std::string path = ".");

/// The names in a directory, as above. *Errors*, *Cancellation*: as above.
[[nodiscard]] Coro<std::vector<std::string>> listdir(std::string path = ".");

/// A directory on the way of `walk`, and the names in it.
struct WalkStep {
  std::string path;
  std::vector<std::string> directories;  ///< into which it goes next
  std::vector<std::string> files;        ///< and everything else
};

/// All directories from `top` down, each before those in it; their names are sorted. Symbolic links are not followed. A
/// directory that cannot be read is left out. *Cancellation* of `next`: the generator ends. *Source*: os.walk.
[[nodiscard]] AsyncGenerator<WalkStep> walk(std::string top);

}  // namespace tutti::files

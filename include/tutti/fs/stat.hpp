// SPDX-License-Identifier: MIT
// What the file system knows of a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tutti/base/chrono.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::files {

/// What a name stands for.
enum class FileType : std::uint8_t {
  unknown,
  regular,
  directory,
  symlink,
  fifo,
  socket,
  character_device,
  block_device,
};

/// A moment on the file system's clock (the calendar's, not the loop's).
using FileTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// *Source*: statx(2), os.stat_result.
struct Stat {
  FileType type = FileType::unknown;
  std::uint32_t permissions = 0;  ///< the lower 12 bits of st_mode: 0644
  std::uint64_t size = 0;         ///< bytes
  std::uint64_t inode = 0;
  std::uint64_t device = 0;  ///< of the file system: a file is known by `device` and `inode`
  std::uint32_t links = 0;
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint32_t block_size = 0;  ///< bytes; what the file system likes to read and write
  std::uint64_t blocks = 0;      ///< of 512 bytes, that it takes on the disk
  FileTime accessed{};
  FileTime modified{};
  FileTime changed{};               ///< its contents, or what is said here
  std::optional<FileTime> created;  ///< if the file system knows that

  [[nodiscard]] bool is_file() const noexcept { return type == FileType::regular; }
  [[nodiscard]] bool is_dir() const noexcept { return type == FileType::directory; }
  [[nodiscard]] bool is_symlink() const noexcept { return type == FileType::symlink; }
};

/// What is known of the file at `path`; of what a symbolic link leads to, `lstat` of the link itself. *Errors*:
/// `OSError`: `stat /x/y: no such file or directory`. *Cancellation* of each function here: leaves at once.
[[nodiscard]] Coro<Stat> stat(std::string path);
[[nodiscard]] Coro<Stat> lstat(std::string path);

/// Whether there is something; false also for a broken symbolic link, and where it cannot be found out.
[[nodiscard]] Coro<bool> exists(std::string path);
/// Whether there is a regular file, a directory (also by a symbolic link), a symbolic link; else false, as above.
[[nodiscard]] Coro<bool> is_file(std::string path);
[[nodiscard]] Coro<bool> is_dir(std::string path);
[[nodiscard]] Coro<bool> is_symlink(std::string path);
/// Its size in bytes. *Errors*: as `stat`.
[[nodiscard]] Coro<std::uint64_t> getsize(std::string path);
/// Whether both paths lead to the same file. *Errors*: as `stat`.
[[nodiscard]] Coro<bool> samefile(std::string path, std::string other);

/// What `access` asks for; combine with `|`.
enum class Access : std::uint8_t { exists = 0, execute = 1, write = 2, read = 4 };
[[nodiscard]] constexpr Access operator|(Access a, Access b) noexcept {
  return static_cast<Access>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
/// Whether this process may do that with the file at `path`; false if there is none. *Source*: access(2).
[[nodiscard]] Coro<bool> access(std::string path, Access how);

/// The room in the file system that `path` is on, in bytes.
struct DiskUsage {
  std::uint64_t total = 0;
  std::uint64_t used = 0;
  std::uint64_t free = 0;  ///< for those who are not root
};
/// *Errors*: as `stat`. *Source*: shutil.disk_usage.
[[nodiscard]] Coro<DiskUsage> disk_usage(std::string path);

}  // namespace tutti::files

// SPDX-License-Identifier: MIT
#include <tutti/fs/stat.hpp>

#include <cerrno>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <tutti/base/error.hpp>

#include "paths.hpp"
#include "status.hpp"

namespace tutti {
namespace detail {
namespace {

files::FileTime to_time(const statx_timestamp& time) {
  return files::FileTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

constexpr std::uint64_t device_number(std::uint32_t major, std::uint32_t minor) noexcept {
  return (std::uint64_t{major} << 32U) | minor;
}

}  // namespace

files::FileType type_of(std::uint32_t mode) noexcept {
  using files::FileType;
  switch (mode & S_IFMT) {
    case S_IFREG: return FileType::regular;
    case S_IFDIR: return FileType::directory;
    case S_IFLNK: return FileType::symlink;
    case S_IFIFO: return FileType::fifo;
    case S_IFSOCK: return FileType::socket;
    case S_IFCHR: return FileType::character_device;
    case S_IFBLK: return FileType::block_device;
    default: return FileType::unknown;
  }
}

files::Stat to_stat(const struct statx& status) {
  files::Stat stat;
  stat.type = type_of(status.stx_mode);
  stat.permissions = status.stx_mode & 07777U;
  stat.size = status.stx_size;
  stat.inode = status.stx_ino;
  stat.device = device_number(status.stx_dev_major, status.stx_dev_minor);
  stat.links = status.stx_nlink;
  stat.user = status.stx_uid;
  stat.group = status.stx_gid;
  stat.block_size = status.stx_blksize;
  stat.blocks = status.stx_blocks;
  stat.accessed = to_time(status.stx_atime);
  stat.modified = to_time(status.stx_mtime);
  stat.changed = to_time(status.stx_ctime);
  if ((status.stx_mask & STATX_BTIME) != 0) stat.created = to_time(status.stx_btime);
  return stat;
}

}  // namespace detail

namespace files {
namespace {

using detail::path_request;
using detail::RequestWait;
using detail::throw_path_error;

Coro<Stat> stat_with(const char* operation, std::string path, std::uint32_t flags) {
  auto request = path_request(operation, std::move(path));
  request->prepare_statx(AT_FDCWD, request->path.c_str(), flags, detail::kStatMask, &request->status);
  if (const int result = co_await RequestWait(request); result < 0) throw_path_error(-result, operation, request->path);
  co_return detail::to_stat(request->status);
}

/// The type of what is there; nothing if that cannot be found out.
Coro<std::optional<FileType>> type_at(std::string path, std::uint32_t flags) {
  auto request = path_request("stat", std::move(path));
  request->prepare_statx(AT_FDCWD, request->path.c_str(), flags, STATX_TYPE, &request->status);
  if (co_await RequestWait(request) < 0) co_return std::nullopt;
  co_return detail::type_of(request->status.stx_mode);
}

}  // namespace

Coro<Stat> stat(std::string path) { return stat_with("stat", std::move(path), 0); }
Coro<Stat> lstat(std::string path) { return stat_with("lstat", std::move(path), AT_SYMLINK_NOFOLLOW); }

Coro<bool> exists(std::string path) {
  const auto type = co_await type_at(std::move(path), 0);
  co_return type.has_value();
}
Coro<bool> is_file(std::string path) { co_return co_await type_at(std::move(path), 0) == FileType::regular; }
Coro<bool> is_dir(std::string path) { co_return co_await type_at(std::move(path), 0) == FileType::directory; }
Coro<bool> is_symlink(std::string path) {
  co_return co_await type_at(std::move(path), AT_SYMLINK_NOFOLLOW) == FileType::symlink;
}

Coro<std::uint64_t> getsize(std::string path) {
  const Stat status = co_await stat(std::move(path));
  co_return status.size;
}

Coro<bool> samefile(std::string path, std::string other) {
  const Stat first = co_await stat(std::move(path));
  const Stat second = co_await stat(std::move(other));
  co_return first.inode == second.inode&& first.device == second.device;
}

Coro<bool> access(std::string path, Access how) {
  try {
    co_await detail::call_with_path("access", std::move(path),
                                    [how = static_cast<int>(how)](const char* name) { return ::access(name, how); });
  } catch (const OSError&) {
    co_return false;
  }
  co_return true;
}

Coro<DiskUsage> disk_usage(std::string path) {
  const auto answer = std::make_shared<struct statvfs>();  // the thread's too
  co_await detail::call_with_path("statvfs", std::move(path),
                                  [answer](const char* name) { return ::statvfs(name, answer.get()); });
  const std::uint64_t unit = answer->f_frsize;
  co_return DiskUsage{answer->f_blocks * unit, (answer->f_blocks - answer->f_bfree) * unit, answer->f_bavail * unit};
}

}  // namespace files
}  // namespace tutti

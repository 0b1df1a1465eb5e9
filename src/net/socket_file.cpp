// SPDX-License-Identifier: MIT
#include "socket_file.hpp"

#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace tutti::detail {

SocketFile::SocketFile(const std::string& path) {
  struct stat info{};
  if (path.empty() || path.front() == '\0' || ::stat(path.c_str(), &info) != 0) return;
  path_ = path;
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

void SocketFile::remove() noexcept {
  struct stat info{};
  const std::string path = std::exchange(path_, {});
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) ::unlink(path.c_str());
}

void remove_stale_socket(const std::string& path) noexcept {
  struct stat info{};
  if (path.empty() || path.front() == '\0') return;
  if (::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
}

}  // namespace tutti::detail

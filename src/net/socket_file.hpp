// SPDX-License-Identifier: MIT
// The file of a Unix socket.
#pragma once

#include <string>

#include <sys/types.h>

namespace tutti::detail {

/// Removes a file when it goes, if that is still the one that was bound.
class SocketFile {
 public:
  /// None.
  SocketFile() noexcept = default;
  /// The file that stands at `path` now. An empty path, and one in the abstract namespace, is no file.
  explicit SocketFile(const std::string& path);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

  void remove() noexcept;

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Removes a socket that somebody left at `path`, so that it can be bound again. Another kind of file stays.
void remove_stale_socket(const std::string& path) noexcept;

}  // namespace tutti::detail

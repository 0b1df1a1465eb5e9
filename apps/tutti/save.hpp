// SPDX-License-Identifier: MIT
// Bodies on their way to a disk.
#pragma once

#include <memory>
#include <string>

#include <tutti/task/coro.hpp>

namespace tutti::app {

/// A file that is there whole or not at all: written under another name and renamed at the end. What has this name before is
/// replaced; a symbolic link is replaced itself, not what it points to. All that may block runs in the default executor.
/// Without `commit`, also after an error or a cancellation, nothing is left behind.
class SavedFile {
 public:
  /// `name` is one that `FileNames` gave.
  SavedFile(const std::string& directory, const std::string& name);
  SavedFile(const SavedFile&) = delete;
  SavedFile& operator=(const SavedFile&) = delete;
  ~SavedFile();

  /// Takes bytes, and writes them once there are enough. *Errors*: `OSError` with the path.
  [[nodiscard]] Coro<> write(std::string bytes);
  /// Writes the rest, and gives the file its name. *Errors*: as above.
  [[nodiscard]] Coro<> commit();
  [[nodiscard]] const std::string& path() const noexcept;

 private:
  class File;
  std::shared_ptr<File> file_;  // shared with the thread that writes
  std::string buffer_;
};

/// Makes a directory, and those above it. *Errors*: `OSError` with its name.
void make_directory(const std::string& path);

/// Writes a whole file, here and now. *Errors*: `OSError` with its name.
void write_file(const std::string& path, const std::string& content);

}  // namespace tutti::app

// SPDX-License-Identifier: MIT
// Files and directories that go by themselves.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <tutti/fs/file.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::files {

struct TemporaryOptions {
  std::string directory = {};  ///< where; if empty: $TMPDIR, or else /tmp
  std::string prefix = "tmp";  ///< of the name
  std::string suffix = {};     ///< of the name, as ".txt"
};

/// Where temporary files are made: $TMPDIR, or else /tmp.
[[nodiscard]] std::string gettempdir();

/// A file without a name, open for reading and writing; gone when it is closed. *Errors*: those of `open`.
/// *Cancellation*: leaves nothing behind. *Source*: open(2) with O_TMPFILE, tempfile.TemporaryFile.
[[nodiscard]] Coro<File> temporary_file(TemporaryOptions options = {});

}  // namespace tutti::files

namespace tutti::detail {

/// A path that is removed when its owner goes, with everything below it. Moves only.
class TemporaryPath {
 public:
  TemporaryPath() noexcept = default;
  explicit TemporaryPath(std::string path) noexcept : path_(std::move(path)) {}
  TemporaryPath(TemporaryPath&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryPath& operator=(TemporaryPath&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~TemporaryPath();

  [[nodiscard]] const std::string& get() const noexcept { return path_; }
  /// It stays.
  std::string release() noexcept { return std::exchange(path_, {}); }

 private:
  std::string path_;  // empty: nothing to remove
};

}  // namespace tutti::detail

namespace tutti::files {

/// A file with a name (`name()`), open for reading and writing; removed when it is closed. Made by
/// `named_temporary_file`. *Lifetime*: when it goes without `close()`, it is removed too, which holds up the loop for
/// that one call. *Source*: tempfile.NamedTemporaryFile.
class NamedTemporaryFile : public File {
 public:
  /// Closes and removes it. *Errors*: as `File::close`. *Cancellation*: it is closed and removed all the same.
  [[nodiscard]] Coro<> close();
  /// It is not removed any more.
  void keep() noexcept { path_.release(); }
  /// For `async_with`.
  [[nodiscard]] Coro<NamedTemporaryFile&> enter();
  [[nodiscard]] Coro<> exit(std::exception_ptr);

 private:
  friend Coro<NamedTemporaryFile> named_temporary_file(TemporaryOptions options);
  NamedTemporaryFile(File file, detail::TemporaryPath path) noexcept : File(std::move(file)), path_(std::move(path)) {}

  detail::TemporaryPath path_;
};

/// *Errors*: `OSError`. *Cancellation*: leaves nothing behind.
[[nodiscard]] Coro<NamedTemporaryFile> named_temporary_file(TemporaryOptions options = {});

/// A directory that is removed with everything in it. Made by `temporary_directory`. *Lifetime*: when it goes without
/// `cleanup()`, it is removed then, and the loop waits for that. *Source*: tempfile.TemporaryDirectory.
class TemporaryDirectory {
 public:
  /// Empty after `cleanup` and `keep`.
  [[nodiscard]] const std::string& path() const noexcept { return path_.get(); }
  /// The path of a name in it: `directory / "a.txt"`.
  [[nodiscard]] std::string operator/(std::string_view name) const { return path() + "/" + std::string(name); }

  /// Removes it in a thread. Nothing happens if it is removed. *Errors*: `OSError`. *Cancellation*: it is removed all
  /// the same.
  [[nodiscard]] Coro<> cleanup();
  /// It is not removed any more; gives its path.
  std::string keep() noexcept { return path_.release(); }
  /// For `async_with`.
  [[nodiscard]] Coro<TemporaryDirectory&> enter();
  [[nodiscard]] Coro<> exit(std::exception_ptr);

 private:
  friend Coro<TemporaryDirectory> temporary_directory(TemporaryOptions options);
  explicit TemporaryDirectory(detail::TemporaryPath path) noexcept : path_(std::move(path)) {}

  detail::TemporaryPath path_;
};

/// *Errors*: `OSError`. *Cancellation*: leaves nothing behind.
[[nodiscard]] Coro<TemporaryDirectory> temporary_directory(TemporaryOptions options = {});

}  // namespace tutti::files

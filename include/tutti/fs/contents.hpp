// SPDX-License-Identifier: MIT
// Whole files: read, write, copy.
#pragma once

#include <cstdint>
#include <string>

#include <tutti/task/coro.hpp>

namespace tutti::files {

/// All bytes of a file. Text is bytes here: nothing is decoded, and "\r\n" stays. *Errors*: those of `open` and
/// `File::read`. *Cancellation*: the file is closed.
[[nodiscard]] Coro<std::string> read_bytes(std::string path);
[[nodiscard]] Coro<std::string> read_text(std::string path);

struct WriteOptions {
  /// The bytes go to a new file, and to the disk, before that takes the name: whoever looks sees the old contents or
  /// the new ones, whatever happens in between. What was there gives its permissions; a symbolic link is replaced
  /// itself.
  bool atomic = false;
  std::uint32_t permissions = 0666;  ///< of a file that is made; the umask takes away from them
};

/// Makes, or replaces the contents of, a file; gives their size. *Errors*: those of `open`, `File::write`, `close` and
/// `rename`. *Cancellation*: the file may be empty or incomplete; if `atomic`, it is the old one or the new one.
[[nodiscard]] Coro<std::uint64_t> write_bytes(std::string path, std::string data, WriteOptions options = {});
[[nodiscard]] Coro<std::uint64_t> write_text(std::string path, std::string text, WriteOptions options = {});

/// Copies the contents of `from` to `to`, which is made or replaced; gives how many bytes they are. The kernel
/// copies, without the bytes passing through the program, in pieces. *Errors*: `OSError`: `copy /a -> /b: …`, also if
/// both are the same file. *Cancellation*: ends after the present piece; `to` is incomplete then. *Source*:
/// copy_file_range(2), shutil.copyfile.
[[nodiscard]] Coro<std::uint64_t> copyfile(std::string from, std::string to);
/// The same with the permissions; `to` may be a directory, into which the file is copied. Gives the path of the copy.
/// *Source*: shutil.copy.
[[nodiscard]] Coro<std::string> copy(std::string from, std::string to);

}  // namespace tutti::files

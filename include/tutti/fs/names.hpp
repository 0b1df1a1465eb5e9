// SPDX-License-Identifier: MIT
// Names in the file system: make, move, remove.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tutti/fs/stat.hpp>
#include <tutti/task/coro.hpp>

// *Errors* of each function: `OSError` with the operation and the path: `mkdir /x/y: file exists`; `ValueError` for a
// path with a null byte. *Cancellation* of each: leaves at once; what the kernel or a thread has begun may be done or
// not.
namespace tutti::files {

struct MakeDirsOptions {
  std::uint32_t permissions = 0777;  ///< of the last one; the umask takes away from them
  bool exist_ok = false;             ///< that it is there already is no error
};

/// Makes a directory. *Source*: mkdir(2).
[[nodiscard]] Coro<> mkdir(std::string path, std::uint32_t permissions = 0777);
/// The same with all directories above it that are missing. *Source*: os.makedirs.
[[nodiscard]] Coro<> makedirs(std::string path, MakeDirsOptions options = {});
/// Removes an empty directory. *Source*: rmdir(2).
[[nodiscard]] Coro<> rmdir(std::string path);
/// The same, and then those above it as long as they are empty, whose errors say nothing. *Source*: os.removedirs.
[[nodiscard]] Coro<> removedirs(std::string path);
/// Removes a directory and everything in it; symbolic links are not followed. *Errors*: `NotADirectoryError` also for a
/// link to a directory. *Cancellation*: it goes on in its thread. *Source*: shutil.rmtree.
[[nodiscard]] Coro<> rmtree(std::string path);

/// Removes a file, or a symbolic link. *Source*: unlink(2).
[[nodiscard]] Coro<> remove(std::string path);
[[nodiscard]] Coro<> unlink(std::string path);
/// Gives a file another name, at once for all who look: what had that name is replaced. *Source*: rename(2).
[[nodiscard]] Coro<> rename(std::string from, std::string to);
[[nodiscard]] Coro<> replace(std::string from, std::string to);
/// `rename` that makes the directories for the new name, and removes the old ones as far as they are empty then.
/// *Source*: os.renames.
[[nodiscard]] Coro<> renames(std::string from, std::string to);

/// Makes a symbolic link at `path` that leads to `target`. *Source*: symlink(2).
[[nodiscard]] Coro<> symlink(std::string target, std::string path);
/// Gives `existing` one more name. *Source*: link(2).
[[nodiscard]] Coro<> link(std::string existing, std::string path);
/// Where a symbolic link leads to, as it is written there. *Source*: readlink(2).
[[nodiscard]] Coro<std::string> readlink(std::string path);
/// The absolute path without symbolic links, "." and "..". *Source*: realpath(3).
[[nodiscard]] Coro<std::string> realpath(std::string path);

/// Sets the permissions: `chmod(path, 0644)`. *Source*: chmod(2).
[[nodiscard]] Coro<> chmod(std::string path, std::uint32_t permissions);
/// Sets the times; without `accessed` and `modified`, to the present. *Source*: utimensat(2).
[[nodiscard]] Coro<> utime(std::string path);
[[nodiscard]] Coro<> utime(std::string path, FileTime accessed, FileTime modified);
/// Cuts the file, or fills it up with zeros, to `size` bytes. *Source*: truncate(2).
[[nodiscard]] Coro<> truncate(std::string path, std::uint64_t size);

}  // namespace tutti::files

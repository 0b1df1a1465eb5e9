// SPDX-License-Identifier: MIT
#include <tutti/fs/contents.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/fs/file.hpp>
#include <tutti/fs/names.hpp>
#include <tutti/fs/stat.hpp>
#include <tutti/fs/temporary.hpp>

#include "paths.hpp"

namespace tutti::files {
namespace {

/// How a copy goes on; lives in threads and on the loop, one after the other.
struct Copying {
  Fd from;
  Fd to;
  enum class Way { file_range, send, read } way = Way::file_range;
  bool begun = false;

  /// Closes; 0, or -1 and errno.
  int finish() { return ::close(to.release()); }

  /// Copies a piece; gives its size, 0 at the end, or -1 and errno.
  int step() {
    for (;;) {
      const ssize_t count = try_step();
      const bool cannot = count < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS);
      // Files of /proc have no size, and so nothing to copy for the kernel.
      const bool empty = count == 0 && !begun;
      if (way == Way::read || begun || !(cannot || empty)) {
        begun = true;
        return static_cast<int>(count);
      }
      way = way == Way::file_range ? Way::send : Way::read;
    }
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{8} * 1024 * 1024;

  ssize_t try_step() const {
    switch (way) {
      case Way::file_range: return ::copy_file_range(from.get(), nullptr, to.get(), nullptr, kPiece, 0);
      case Way::send: return ::sendfile(to.get(), from.get(), nullptr, kPiece);
      default: return read_and_write();
    }
  }

  ssize_t read_and_write() const {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = ::write(to.get(), buffer.data() + done, static_cast<std::size_t>(count - done));
      if (written < 0) return -1;
      done += written;
    }
    return count;
  }
};

/// A new file beside `path`, by a name that nobody guesses, and open for writing.
Coro<File> open_beside(const std::string& path, std::uint32_t permissions) {
  const auto slash = path.rfind('/') + 1;  // 0 if there is none
  for (;;) {
    std::array<char, 8> random;
    if (::getrandom(random.data(), random.size(), 0) < 0) detail::throw_path_error(errno, "getrandom for", path);
    std::string name = path.substr(0, slash) + "." + path.substr(slash) + ".";
    for (const char byte : random) name += "abcdefghijklmnopqrstuvwxyz234567"[static_cast<unsigned char>(byte) % 32];
    try {
      co_return co_await open(std::move(name), "x", {.permissions = permissions});
    } catch (const FileExistsError&) {
      // Another one, then.
    }
  }
}

Coro<std::uint64_t> replace_contents(std::string path, std::string data, WriteOptions options) {
  File file = co_await open_beside(path, options.permissions);
  detail::TemporaryPath temporary(file.name());
  if (co_await exists(path)) {
    const Stat status = co_await stat(path);
    co_await chmod(temporary.get(), status.permissions);
  }
  const std::size_t size = co_await file.write(std::move(data));
  co_await file.fsync();
  co_await file.close();
  co_await rename(temporary.get(), std::move(path));
  temporary.release();
  co_return size;
}

/// A step of a copy: whatever fails, the message names both paths.
template <class T>
Coro<T> step_of_copy(std::string both, Coro<T> step) {
  try {
    co_return co_await std::move(step);
  } catch (const OSError& error) {
    detail::throw_path_error(error.error_number(), "copy", both);
  }
}

}  // namespace

Coro<std::string> read_bytes(std::string path) {
  File file = co_await open(std::move(path), "r", {.buffer_size = 0});
  std::string all = co_await file.read();
  co_await file.close();
  co_return all;
}

Coro<std::string> read_text(std::string path) { return read_bytes(std::move(path)); }

Coro<std::uint64_t> write_bytes(std::string path, std::string data, WriteOptions options) {
  if (options.atomic) co_return co_await replace_contents(std::move(path), std::move(data), options);
  File file = co_await open(std::move(path), "w", {.permissions = options.permissions});
  const std::size_t size = co_await file.write(std::move(data));
  co_await file.close();
  co_return size;
}

Coro<std::uint64_t> write_text(std::string path, std::string text, WriteOptions options) {
  return write_bytes(std::move(path), std::move(text), options);
}

// ---- copies ----

Coro<std::uint64_t> copyfile(std::string from, std::string to) {
  const std::string both = detail::both_paths(from, to);
  const auto refuse = [&](int number, const char* why) {
    throw OSError(std::error_code(number, std::generic_category()), "copy " + both + ": " + why);
  };
  const Stat source = co_await step_of_copy(both, stat(from));
  if (source.is_dir()) detail::throw_path_error(EISDIR, "copy", both);
  if (source.type == FileType::fifo) refuse(EINVAL, "the source is a pipe");
  if (co_await step_of_copy(both, exists(to))) {
    const Stat target = co_await step_of_copy(both, stat(to));
    if (source.inode == target.inode && source.device == target.device) refuse(EINVAL, "they are the same file");
  }
  const auto copying = std::make_shared<Copying>();  // the threads' too
  copying->from = co_await step_of_copy(both, detail::open_path(std::move(from), O_RDONLY | O_CLOEXEC, 0));
  copying->to =
      co_await step_of_copy(both, detail::open_path(std::move(to), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  std::uint64_t size = 0;
  while (const int count = co_await detail::call_in_thread("copy", both, [copying] { return copying->step(); })) {
    size += static_cast<std::uint64_t>(count);
  }
  co_await detail::call_in_thread("copy", both, [copying] { return copying->finish(); });
  co_return size;
}

Coro<std::string> copy(std::string from, std::string to) {
  if (co_await is_dir(to)) {
    const auto slash = from.rfind('/');
    to += "/" + (slash == std::string::npos ? from : from.substr(slash + 1));
  }
  co_await copyfile(from, to);
  const std::string both = detail::both_paths(from, to);
  const Stat status = co_await step_of_copy(both, stat(std::move(from)));
  co_await step_of_copy(both, chmod(to, status.permissions));
  co_return to;
}

}  // namespace tutti::files

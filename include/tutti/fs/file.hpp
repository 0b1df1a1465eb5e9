// SPDX-License-Identifier: MIT
// Files: open, read, write. What Python's `open()` gives, with `co_await` before each call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/base/bytes.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/fs/file_call.hpp>
#include <tutti/fs/stat.hpp>
#include <tutti/task/async_generator.hpp>
#include <tutti/task/coro.hpp>

namespace tutti {

namespace files {

class File;

/// A file does not do what was asked: it was not opened for reading, not for writing, or has no positions (a pipe).
/// *Source*: io.UnsupportedOperation.
class UnsupportedOperation : public OSError {
 public:
  using OSError::OSError;
  ~UnsupportedOperation() override;
};

/// From where `seek` counts.
enum class Whence : std::uint8_t { set, current, end };

struct OpenOptions {
  std::size_t buffer_size = std::size_t{64} * 1024;  ///< bytes; for reading and for writing. 0: no buffer
  std::uint32_t permissions = 0666;                  ///< of a file that is made; the umask takes away from them
  std::optional<std::size_t> line_limit =
      std::nullopt;  ///< the longest line in bytes; nothing: as long as memory lasts
};

}  // namespace files

namespace detail {

struct FileAccess;

/// What the calls on a file do. Those that may be done at once come in pairs; see `FileCall`.
struct FileCalls {
  using Self = Ref<FileBase>;
  static bool read_now(const Self& self, std::optional<std::string>& result, std::size_t count);
  static Coro<std::string> read_later(Self self, std::size_t count);
  static bool readinto_now(const Self& self, std::optional<std::size_t>& result, MutableBytes memory);
  static Coro<std::size_t> readinto_later(Self self, MutableBytes memory);
  static bool readline_now(const Self& self, std::optional<std::string>& result, std::size_t most);
  static Coro<std::string> readline_later(Self self, std::size_t most);
  static bool next_now(const Self& self, std::optional<std::optional<std::string>>& result);
  static Coro<std::optional<std::string>> next_later(Self self);
  static bool write_now(const Self& self, std::optional<std::size_t>& result, std::string& data);
  static Coro<std::size_t> write_later(Self self, std::string data);
  static bool seek_now(const Self& self, std::optional<std::uint64_t>& result, std::int64_t offset, files::Whence from);
  static Coro<std::uint64_t> seek_later(Self self, std::int64_t offset, files::Whence from);
  static bool pread_now(const Self& self, std::optional<std::string>& result, std::size_t count, std::uint64_t offset);
  static Coro<std::string> pread_later(Self self, std::size_t count, std::uint64_t offset);
  static bool preadinto_now(const Self& self, std::optional<std::size_t>& result, MutableBytes memory,
                            std::uint64_t offset);
  static Coro<std::size_t> preadinto_later(Self self, MutableBytes memory, std::uint64_t offset);

  static Coro<std::string> read1(Self self, std::size_t count);
  static Coro<std::string> peek(Self self);
  static Coro<std::vector<std::string>> readlines(Self self, std::size_t hint);
  static AsyncGenerator<std::string> lines(Self self);
  static Coro<> writelines(Self self, std::vector<std::string> lines);
  static Coro<> flush(Self self);
  static Coro<> sync(Self self, bool data_only);
  static Coro<std::uint64_t> truncate(Self self, std::optional<std::uint64_t> size);
  static Coro<std::size_t> pwrite(Self self, std::string data, std::uint64_t offset);
  static Coro<> close(Self self);
  static Coro<files::Stat> stat(Self self);
  static Coro<std::uint64_t> size(Self self);
};

using ReadCall = FileCall<std::string, FileCalls::read_now, FileCalls::read_later, std::size_t>;
using ReadIntoCall = FileCall<std::size_t, FileCalls::readinto_now, FileCalls::readinto_later, MutableBytes>;
using ReadLineCall = FileCall<std::string, FileCalls::readline_now, FileCalls::readline_later, std::size_t>;
using NextCall = FileCall<std::optional<std::string>, FileCalls::next_now, FileCalls::next_later>;
using WriteCall = FileCall<std::size_t, FileCalls::write_now, FileCalls::write_later, std::string>;
using SeekCall = FileCall<std::uint64_t, FileCalls::seek_now, FileCalls::seek_later, std::int64_t, files::Whence>;
using PreadCall = FileCall<std::string, FileCalls::pread_now, FileCalls::pread_later, std::size_t, std::uint64_t>;
using PreadIntoCall =
    FileCall<std::size_t, FileCalls::preadinto_now, FileCalls::preadinto_later, MutableBytes, std::uint64_t>;

}  // namespace detail

namespace files {

/// An open file, of bytes, with a buffer for reading and one for writing, which together behave as one position in
/// the file. Made by `open`. Moves only.
///
/// What is at hand, in a buffer or in the page cache, is read at once, without an iteration of the loop (but not for
/// ever: a loop of such reads lets others run from time to time). Everything else leaves the loop free: io_uring does
/// it, or a thread of the default executor.
///
/// *Errors* of each call: `ValueError` if the file is closed; `UnsupportedOperation`; `OSError` with the operation
/// and the path. *Cancellation* of each call: it leaves at once, or does not begin if it waits for its turn. What the
/// kernel is doing goes on in memory that the file owns, and the next call waits for that. Reading loses nothing:
/// what had come is given to the next read. *Concurrency*: calls may overlap; they are served one after another, in
/// the order in which they were awaited (`pread` only waits for the others). On the loop's thread. *Lifetime*: a call
/// under way may outlive its file. When the file goes without `close()`, calls under way end first, then what is
/// buffered is written, then it is closed; what cannot be written is told to the loop's exception handler.
class File {
 public:
  File(File&& other) noexcept : state_(std::move(other.state_)) {}
  File& operator=(File&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~File();

  // ---- reading ----

  /// `count` bytes; fewer only at the end of the file, none behind it. Without `count`, all up to the end.
  [[nodiscard]] detail::ReadCall read(std::size_t count);
  [[nodiscard]] detail::ReadCall read();
  /// What is buffered, or else what one read(2) gives: at least one byte unless the file has ended, at most `count`.
  /// For pipes and terminals.
  [[nodiscard]] Coro<std::string> read1(std::size_t count = kAll);
  /// Fills `memory`; gives how many bytes that were, fewer than its size only at the end of the file. *Lifetime*:
  /// `memory` until it returns or throws. *Cancellation*: no byte is lost; `memory` may have been written to.
  [[nodiscard]] detail::ReadIntoCall readinto(MutableBytes memory);
  /// A line with its "\n"; the last one may lack it; empty at the end of the file. Not more than `most` bytes of it.
  /// *Errors*: `LimitOverrunError` if it is longer than the `line_limit`; all of it can still be read.
  [[nodiscard]] detail::ReadLineCall readline(std::size_t most = kAll);
  /// All lines up to the end, or so many that they are more than `hint` bytes together (0: all).
  [[nodiscard]] Coro<std::vector<std::string>> readlines(std::size_t hint = kAll);
  /// The next line, nothing at the end of the file: `while (auto line = co_await file.next())`.
  [[nodiscard]] detail::NextCall next();
  /// The same as a generator, for `amap`, `afilter` and their kin.
  [[nodiscard]] AsyncGenerator<std::string> lines();
  /// What is buffered, after one read(2) if that is nothing; the position stays.
  [[nodiscard]] Coro<std::string> peek();

  // ---- writing ----

  /// Takes all of `data`; gives its size. It may stay in the buffer until that is full, or `flush`, `close` or a
  /// read. In a file opened with "a" it goes to the end, wherever the position is, and that moves there. *Errors*:
  /// when the buffer had to be written and none of `data` was, `data` is not taken, and what was buffered before
  /// stays. *Cancellation*: while it waits for its turn, nothing is taken; later, all of it is, and it is written by
  /// the next call that writes, at the latest by `close`.
  [[nodiscard]] detail::WriteCall write(std::string data);
  /// One after the other, without anything between. As one `write`.
  [[nodiscard]] Coro<> writelines(std::vector<std::string> lines);
  /// Gives all that is buffered to the kernel. *Errors*: what could not be written stays in the buffer. *Cancellation*:
  /// as an error.
  [[nodiscard]] Coro<> flush();
  /// `flush`, and waits until it is on the disk; `fdatasync` without what only describes the file (times).
  [[nodiscard]] Coro<> fsync();
  [[nodiscard]] Coro<> fdatasync();
  /// Cuts the file, or fills it up with zeros, to `size` bytes; without `size`, at the position, which stays where it
  /// is. Gives the size. *Cancellation*: it may be done or not.
  [[nodiscard]] Coro<std::uint64_t> truncate(std::optional<std::uint64_t> size = std::nullopt);

  // ---- position ----

  /// Moves to `offset` and gives the new position, in bytes from the begin.
  [[nodiscard]] detail::SeekCall seek(std::int64_t offset, Whence from = Whence::set);
  /// The position: of the next byte that is read or written.
  [[nodiscard]] detail::SeekCall tell();

  /// `count` bytes from `offset` on, without the position; fewer only at the end of the file. Sees what was written
  /// before. Several may be under way at once. It works on a descriptor that was opened with O_DIRECT too, for whole blocks
  /// of the disk and any memory.
  [[nodiscard]] detail::PreadCall pread(std::size_t count, std::uint64_t offset);
  /// The same into `memory`; gives how many bytes that were. *Lifetime*: `memory` until it returns or throws.
  [[nodiscard]] detail::PreadIntoCall preadinto(MutableBytes memory, std::uint64_t offset);
  /// Writes all of `data` at `offset`, past the buffer and without the position (in a file opened with "a", at its end:
  /// Linux does so); gives its size. *Errors*, *Cancellation*: none, some or all of it may be written.
  [[nodiscard]] Coro<std::size_t> pwrite(std::string data, std::uint64_t offset);

  // ---- the file ----

  /// Writes what is buffered and closes; waits for calls that came before. Nothing happens if it is closed. *Errors*:
  /// of the writing; closed it is all the same. *Cancellation*: it goes on to the end by itself, an error goes to the
  /// loop's exception handler.
  [[nodiscard]] Coro<> close();
  /// Whether `close` was called.
  [[nodiscard]] bool closed() const noexcept;
  /// What stat(2) says, after a `flush` if it was opened for writing.
  [[nodiscard]] Coro<Stat> stat();
  /// Its size in bytes, buffered ones included.
  [[nodiscard]] Coro<std::uint64_t> size();

  /// The descriptor; it stays the file's. Reads and writes of others through it do not know the buffers: `flush` first.
  [[nodiscard]] int fileno() const;
  [[nodiscard]] bool readable() const;
  [[nodiscard]] bool writable() const;
  [[nodiscard]] bool seekable() const;
  [[nodiscard]] bool isatty() const;
  /// The path it was opened with; "<fd 5>" of one that was made from a descriptor.
  [[nodiscard]] const std::string& name() const;
  /// "rb", "rb+", "wb", "ab+", … as Python gives it.
  [[nodiscard]] std::string mode() const;

  /// For `async_with`, which closes the file at the end of the body.
  [[nodiscard]] Coro<File&> enter();
  [[nodiscard]] Coro<> exit(std::exception_ptr);

 private:
  friend struct detail::FileAccess;
  static constexpr std::size_t kAll = static_cast<std::size_t>(-1);
  explicit File(detail::Ref<detail::FileBase> state) noexcept : state_(std::move(state)) {}

  detail::Ref<detail::FileBase> state_;
};

/// Opens a file. `mode` is Python's: one of "r" (read), "w" (make or empty, write), "a" (make, write at the end), "x"
/// (make, must not exist, write), with "+" for reading and writing. There are only bytes: "b" may be there and says
/// nothing new. *Errors*: `FileNotFoundError`, `FileExistsError`, `PermissionError`, `IsADirectoryError`, … : `open
/// /x/y: no such file or directory`; `ValueError` for a mode or path that is none. *Cancellation*: what the kernel
/// opens all the same is closed again. A pipe (FIFO) waits for its other end; where a thread does that, the thread
/// waits on after a cancellation. Opened for writing, the first one makes the program ignore SIGPIPE: see
/// `lowlevel::ignore_sigpipe`. *Source*: open(2).
[[nodiscard]] Coro<File> open(std::string path, std::string mode = "r", OpenOptions options = {});

/// A file from a descriptor, which it closes from now on. The mode must fit how the descriptor was opened. *Errors*:
/// `ValueError` for a mode that is none; `OSError` for a bad descriptor. *Source*: os.fdopen.
[[nodiscard]] File fdopen(Fd descriptor, std::string mode = "r", OpenOptions options = {});

}  // namespace files
}  // namespace tutti

// SPDX-License-Identifier: MIT
// What stands behind a File: its descriptor, its buffers, and whose turn it is.
//
// Who has the turn may use the buffers and make calls. The turn belongs to the coroutine that got it and to the
// request that it has started: cancelled, the coroutine leaves at once, and the turn ends when the request has ended,
// by which the buffers are in order again. So there is no moment at which somebody else sees memory that the kernel
// works on.
//
// The bytes in the reading buffer are ahead of the position, those in the writing buffer behind it; in a file with
// positions at most one of the two holds any. The position in the kernel is the descriptor's own, shared with whoever
// got the descriptor (a child process): it is moved as Python does, never kept in numbers here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/fs/file.hpp>
#include <tutti/task/future.hpp>

#include "loop/loop_list.hpp"
#include "read_budget.hpp"
#include "read_buffer.hpp"
#include "request.hpp"

namespace tutti::detail {

/// What a mode string says.
struct FileMode {
  bool readable = false;
  bool writable = false;
  bool appending = false;
  bool creating = false;  // and nothing was there
  int open_flags = 0;

  /// *Errors*: `ValueError`.
  static FileMode parse(const std::string& text, const std::string& context);
};

/// Makes handles.
struct FileAccess {
  /// On the running loop. *Errors*: as the constructor of `FileState`.
  static files::File make(Fd descriptor, std::string name, const FileMode& mode, files::OpenOptions options);
};

class FileState final : public FileBase, public LoopMember {
 public:
  /// *Errors*: `OSError` if the descriptor is none, or a directory's.
  FileState(EventLoop& loop, Fd descriptor, std::string name, FileMode mode, files::OpenOptions options);
  static FileState& of(const Ref<FileBase>& file);

  enum class Need : std::uint8_t { nothing, reading, writing };
  /// *Errors*: `ValueError` if it is closed, `UnsupportedOperation`, `RuntimeError` on another loop than its own.
  void check(const char* operation, Need need = Need::nothing) const;
  /// *Errors*: `ValueError` if it is closed.
  void check_open(const char* operation) const;

  // ---- turns: one has it, or several who only read at offsets of their own ----

  class Turn;
  [[nodiscard]] bool is_free(bool shared = false) const noexcept {
    return waiting_.empty() && (holders_ == 0 || (shared && !exclusive_));
  }
  Coro<Turn> take_turn(const char* operation, Need need, bool shared = false);
  void leave() noexcept;

  // ---- with the turn ----

  [[nodiscard]] ReadBuffer& in() noexcept { return in_; }
  [[nodiscard]] std::size_t unwritten() const noexcept { return out_.size() - out_begin_; }
  /// Reads once, so much that there are `count` bytes more (if not `exactly`, ahead as far as the buffer is to hold),
  /// if they are at hand; gives how many came, 0 at the end of the file.
  std::optional<std::size_t> fill_now(std::size_t count, bool exactly = false);
  Coro<std::size_t> fill(std::size_t count, bool exactly = false);
  /// What is at hand straight into `memory`, past the buffer, which is empty.
  std::optional<std::size_t> read_now(MutableBytes memory) { return read_if_at_hand(memory, -1); }
  /// Gives the loop back until an iteration comes that may still read what is at hand.
  Coro<> wait_for_budget();
  /// How much there is ahead of what was read; nothing if that cannot be said.
  [[nodiscard]] std::optional<std::size_t> expected_rest() const noexcept;
  /// The same at an offset, into `memory`; without effect on the buffers.
  std::optional<std::size_t> read_at_now(MutableBytes memory, std::uint64_t offset);
  Coro<std::size_t> read_at(MutableBytes memory, std::uint64_t offset);
  /// Whether a read that gave so much was the last one: past the page cache nothing can be read behind half a block.
  [[nodiscard]] bool ends_with(std::size_t got) const noexcept { return got == 0 || (direct_ && got % 512 != 0); }

  /// Whether there was room in the buffer.
  bool write_now(std::string& data);
  Coro<> write(std::string data);
  Coro<> flush();
  Coro<> write_at(std::string data, std::uint64_t offset);
  /// The position in the kernel becomes that of the file. Nothing must be unwritten.
  void rewind();

  std::uint64_t seek(std::int64_t offset, files::Whence from);

  /// A call by a thread. `operation` is for the error.
  Coro<> in_thread(const char* operation, MoveOnlyFunction<int()> function);
  Coro<> sync(bool data_only);
  Coro<files::Stat> stat();

  // ---- the end ----

  void begin_close() noexcept;
  Coro<> close();
  void loop_closes() noexcept override;

  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] int fileno() const noexcept { return descriptor_->get(); }
  [[nodiscard]] bool seekable() const noexcept { return seekable_; }
  [[nodiscard]] const FileMode& mode() const noexcept { return mode_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const files::OpenOptions& options() const noexcept { return options_; }

 private:
  struct Waiting {
    std::optional<Future<>> granted;  // nothing: the closing itself
    bool shared;
  };

  ~FileState() override;
  void enter(bool shared) noexcept {
    ++holders_;
    exclusive_ = !shared;
  }
  void grant() noexcept;

  void prepare_to_write();
  [[nodiscard]] std::shared_ptr<FileRequest> make_request();
  /// To be awaited at once: the request shares the turn until its end.
  RequestWait perform(std::shared_ptr<FileRequest> request);
  std::shared_ptr<FileRequest> writing_request();
  static void read_ended(FileRequest& request) noexcept;
  void take_back(FileRequest& request) noexcept;
  [[noreturn]] void fail(int number, const char* operation) const;
  [[nodiscard]] std::size_t read_size(std::size_t count) const noexcept;
  std::optional<std::size_t> read_if_at_hand(MutableBytes memory, std::int64_t offset);

  void write_rest() noexcept;
  void fail_close(int number) noexcept;
  void close_descriptor() noexcept;
  void finish_close() noexcept;
  void finish_now() noexcept;
  void write_out_now() noexcept;

  EventLoop* loop_;  // null once it has closed
  ReadBudget* budget_;
  std::shared_ptr<Fd> descriptor_;
  std::string name_;
  FileMode mode_;
  files::OpenOptions options_;
  bool on_disk_ = false;  // its reads and writes wait for the disk, and for nothing else
  bool seekable_ = false;
  bool may_try_ = false;  // reading what is at hand is possible
  bool direct_ = false;   // opened with O_DIRECT: past the page cache, into memory that is aligned
  bool exclusive_ = false;
  bool closing_ = false;
  bool closed_ = false;
  std::size_t holders_ = 0;
  std::list<Waiting> waiting_;
  ReadBuffer in_;
  std::string out_;
  std::size_t out_begin_ = 0;
  std::exception_ptr close_error_;
  std::vector<Future<>> closers_;
};

/// Holds the turn until its end.
class FileState::Turn {
 public:
  explicit Turn(FileState& file) noexcept : file_(&file) {}
  Turn(Turn&& other) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (file_) file_->leave();
  }

 private:
  Ref<FileState> file_;
};

}  // namespace tutti::detail

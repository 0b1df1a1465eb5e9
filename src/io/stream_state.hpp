// SPDX-License-Identifier: MIT
// What stands behind a reader and its writer: the buffer of the one, the flow control of the other.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/base/frame_pool.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/streams.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti::detail {

class StreamState;

/// Waits for data, the end or an error, whichever comes to the reader next.
class DataAwaiter final : public lowlevel::Suspension {
 public:
  explicit DataAwaiter(StreamState& state) noexcept : state_(state) {}
  DataAwaiter(const DataAwaiter&) = delete;
  DataAwaiter& operator=(const DataAwaiter&) = delete;
  ~DataAwaiter();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  void await_resume();

  void wake() noexcept;
  void run() override;
  void drop() noexcept override { stage_ = Stage::idle; }
  bool cancel(std::string_view message) override;

 private:
  enum class Stage : unsigned char { idle, waiting, waking, cancelled };
  StreamState& state_;
  TaskState* task_ = nullptr;
  Stage stage_ = Stage::idle;
  bool was_cancelled_ = false;
};

/// The receiver of the transport. The handles, and the coroutines that read or drain, share it.
class StreamState final : public lowlevel::Receiver, public lowlevel::PoolAllocated {
 public:
  StreamState(Ref<lowlevel::Transport> transport, std::size_t limit);

  // ---- the receiver ----
  void data_received(ByteBuffer&& data) noexcept override;
  bool eof_received() noexcept override;
  void connection_lost(std::exception_ptr error) noexcept override;
  void pause_writing() noexcept override { writing_paused_ = true; }
  void resume_writing() noexcept override;

  // ---- the reader ----
  void feed(ByteBuffer&& data);
  void feed_eof() noexcept;
  void set_exception(std::exception_ptr error) noexcept;
  void set_transport(Ref<lowlevel::Transport> transport);
  /// Goes on with a transport that stands on top of the present one; gives what had come already.
  ByteBuffer move_to(Ref<lowlevel::Transport> transport) noexcept;
  /// Before each read. *Errors*: what the connection was lost with.
  void check() const {
    if (exception_) [[unlikely]]
      std::rethrow_exception(exception_);
  }
  /// Makes way for more data; `operation` is the name of who waits.
  DataAwaiter wait_for_data(const char* operation);
  void maybe_resume() noexcept;
  /// A read under way outlives the reader: what nobody reads is dropped when both have gone.
  void begin_read() noexcept { ++reads_; }
  void end_read() noexcept {
    if (--reads_ == 0 && reader_left_) drop_reader();
  }
  void leave_reader() noexcept {
    reader_left_ = true;
    if (reads_ == 0) drop_reader();
  }

  // ---- the writer ----
  /// For `drain`: whether it has to wait. *Errors*: `ConnectionResetError` if the connection was lost.
  [[nodiscard]] bool must_drain() const;
  [[nodiscard]] bool lost() const noexcept { return lost_; }
  void check_lost() const {
    if (lost_error_) std::rethrow_exception(lost_error_);
  }
  std::vector<Future<>>& drainers() { return waiters().drain; }
  std::vector<Future<>>& closers() { return waiters().close; }
  void drop_writer() noexcept;

  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::exception_ptr exception() const noexcept { return exception_; }
  [[nodiscard]] const Ref<lowlevel::Transport>& transport() const noexcept { return transport_; }

 private:
  friend class DataAwaiter;
  ~StreamState() override;
  void wake_reader() noexcept;
  void drop_reader() noexcept;

  /// Coroutines in `drain` and in `wait_closed`: few streams have any.
  struct Waiters {
    std::vector<Future<>> drain;
    std::vector<Future<>> close;
  };
  Waiters& waiters() {
    if (!waiters_) waiters_ = std::make_unique<Waiters>();
    return *waiters_;
  }

  Ref<lowlevel::Transport> transport_;
  std::size_t limit_;
  DataAwaiter* waiter_ = nullptr;
  std::exception_ptr exception_;   // of reads
  std::exception_ptr lost_error_;  // of wait_closed
  std::unique_ptr<Waiters> waiters_;
  std::uint32_t reads_ = 0;  // coroutines that read
  bool reading_paused_ = false;
  bool reader_left_ = false;
  bool reader_gone_ = false;  // and no read is under way
  bool writing_paused_ = false;
  bool lost_ = false;

 public:
  bool eof = false;
  /// Leaving the writer closes the connection in good order: it is a server's, which ends when its handler does.
  bool leaving_closes = false;
  /// Leaving the reader closes it too: there is no writer.
  bool leaving_reader_closes = false;
  ByteBuffer buffer;
};

/// What a coroutine that reads holds.
class ReadHold {
 public:
  explicit ReadHold(const Ref<StreamState>& state) noexcept : state_(state) { state_->begin_read(); }
  ReadHold(ReadHold&& other) noexcept = default;
  ReadHold& operator=(ReadHold&&) = delete;
  ~ReadHold() {
    if (state_) state_->end_read();
  }
  StreamState* operator->() const noexcept { return state_.get(); }
  /// For a coroutine that this one calls.
  [[nodiscard]] ReadHold share() const noexcept { return ReadHold(state_); }

 private:
  Ref<StreamState> state_;
};

}  // namespace tutti::detail

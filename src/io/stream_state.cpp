// SPDX-License-Identifier: MIT
#include "stream_state.hpp"

#include <algorithm>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>

namespace tutti::detail {

// ---- waiting ----

DataAwaiter::~DataAwaiter() {
  if (stage_ == Stage::waiting) {
    state_.waiter_ = nullptr;
  } else if (stage_ != Stage::idle) {
    task_->loop().remove_ready(*this);
  }
}

void DataAwaiter::await_suspend(std::coroutine_handle<> handle) {
  task_ = &awaiting_task();
  stage_ = Stage::waiting;
  state_.waiter_ = this;
  task_->suspend(handle, this);
}

void DataAwaiter::await_resume() {
  task_->check_cancelled();
  if (was_cancelled_) task_->throw_cancelled();
  state_.check();
}

void DataAwaiter::wake() noexcept {
  state_.waiter_ = nullptr;
  stage_ = Stage::waking;
  task_->loop().make_ready(*this);
}

void DataAwaiter::run() {
  was_cancelled_ = stage_ == Stage::cancelled;
  stage_ = Stage::idle;
  task_->step();
}

bool DataAwaiter::cancel(std::string_view message) {
  if (stage_ != Stage::waiting) return false;
  wake();
  stage_ = Stage::cancelled;
  task_->note_cancel_message(message);
  return true;
}

// ---- the receiver ----

StreamState::StreamState(Ref<lowlevel::Transport> transport, std::size_t limit)
    : transport_(std::move(transport)), limit_(limit) {
  if (limit == 0) throw ValueError("the limit of a stream reader cannot be 0");
}

StreamState::~StreamState() = default;

void StreamState::data_received(ByteBuffer&& data) noexcept {
  if (reader_gone_) return;
  try {
    feed(std::move(data));
  } catch (...) {
    set_exception(std::current_exception());  // no memory: better an error than a stream with a hole
  }
}

bool StreamState::eof_received() noexcept {
  feed_eof();
  return true;
}

void StreamState::connection_lost(std::exception_ptr error) noexcept {
  lost_ = true;
  lost_error_ = error;
  if (error) {
    set_exception(error);
  } else {
    feed_eof();
  }
  if (!waiters_) return;
  const auto wake = [&](std::vector<Future<>>& waiters) {
    for (const Future<>& waiter : waiters) {
      if (waiter.done()) continue;
      if (error) {
        waiter.set_exception(error);
      } else {
        waiter.set_result();
      }
    }
    waiters.clear();
  };
  wake(waiters_->close);
  wake(waiters_->drain);
}

void StreamState::resume_writing() noexcept {
  writing_paused_ = false;
  if (!waiters_) return;
  for (const Future<>& waiter : waiters_->drain) {
    if (!waiter.done()) waiter.set_result();
  }
  waiters_->drain.clear();
}

// ---- the reader ----

void StreamState::wake_reader() noexcept {
  if (waiter_ != nullptr) waiter_->wake();
}

void StreamState::feed(ByteBuffer&& data) {
  if (eof) throw RuntimeError("feed_data: the stream has ended");
  if (data.empty()) return;
  if (buffer.empty()) {
    buffer = std::move(data);
  } else {
    buffer.append(data.view());
  }
  wake_reader();
  if (transport_ && !reading_paused_ && buffer.size() > limit_ && buffer.size() - limit_ > limit_) {
    reading_paused_ = true;
    transport_->pause_reading();
  }
}

void StreamState::feed_eof() noexcept {
  eof = true;
  wake_reader();
}

void StreamState::set_exception(std::exception_ptr error) noexcept {
  exception_ = std::move(error);
  wake_reader();
}

void StreamState::set_transport(Ref<lowlevel::Transport> transport) {
  if (transport_) throw RuntimeError("set_transport: there is one already");
  transport_ = std::move(transport);
}

ByteBuffer StreamState::move_to(Ref<lowlevel::Transport> transport) noexcept {
  transport_ = std::move(transport);
  transport_->set_receiver(Ref<lowlevel::Receiver>(this));
  transport_->resume_reading();
  reading_paused_ = false;
  return std::exchange(buffer, ByteBuffer());
}

DataAwaiter StreamState::wait_for_data(const char* operation) {
  // Two coroutines that read would share the data out by chance.
  if (waiter_ != nullptr) {
    throw RuntimeError(std::string(operation) + ": another coroutine is already waiting for incoming data");
  }
  // Who waits for data on a transport that is paused would wait for ever; readexactly needs it for more than the limit.
  if (reading_paused_) {
    reading_paused_ = false;
    transport_->resume_reading();
  }
  if (buffer.empty()) buffer = ByteBuffer();  // a connection that idles holds no memory for bytes
  return DataAwaiter(*this);
}

void StreamState::maybe_resume() noexcept {
  if (!reading_paused_ || buffer.size() > limit_) return;
  reading_paused_ = false;
  transport_->resume_reading();
}

void StreamState::drop_reader() noexcept {
  reader_gone_ = true;
  buffer = ByteBuffer();
  if (leaving_reader_closes) return transport_->close();
  maybe_resume();  // the end of the connection is to be noticed still
}

// ---- the writer ----

bool StreamState::must_drain() const {
  if (lost_) throw_os_error(ECONNRESET, "drain " + transport_->description());
  return writing_paused_;
}

void StreamState::drop_writer() noexcept {
  if (transport_->is_closing()) return;
  if (leaving_closes) return transport_->close();
  try {
    EventLoop& loop = transport_->loop();
    if (loop.get_debug()) {
      loop.call_exception_handler({"unclosed StreamWriter: its connection was aborted",
                                   nullptr,
                                   "connection with " + transport_->description(),
                                   {}});
    }
  } catch (...) {
    log(LogLevel::error, "io",
        "a handler's request to leave the loop was ignored: " + describe(std::current_exception()));
  }
  transport_->abort();
}

}  // namespace tutti::detail

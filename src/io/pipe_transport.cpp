// SPDX-License-Identifier: MIT
#include "pipe_transport.hpp"

#include <cerrno>
#include <new>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include <tutti/base/error.hpp>

namespace tutti::detail {
namespace {

bool try_again(int number) noexcept { return number == EAGAIN || number == EWOULDBLOCK || number == EINTR; }

}  // namespace

// ---- both ends ----

PipeTransport::PipeTransport(EventLoop& loop, Fd pipe, std::string name)
    : LoopMember(loop), loop_(&loop), pipe_(std::move(pipe)), name_(std::move(name)) {
  loop.claim_descriptor(pipe_.get());
}

PipeTransport::~PipeTransport() { release_pipe(); }

void PipeTransport::Wait::run() {
  const auto self = Ref<PipeTransport>::adopt(&end_);
  under_way = false;
  --end_.waiting_;
  if (end_.ending_) return end_.finish();
  end_.woken(*this);
}

void PipeTransport::Wait::drop() noexcept {
  const auto self = Ref<PipeTransport>::adopt(&end_);
  under_way = false;
  if (--end_.waiting_ == 0) end_.release_pipe();
}

void PipeTransport::start(Wait& wait, std::uint32_t events) noexcept {
  if (wait.under_way) return;
  wait.prepare_poll(pipe_.get(), events);
  try {
    loop_->submit(wait);
  } catch (...) {
    return end(std::current_exception());
  }
  wait.under_way = true;
  ++waiting_;
  retain();  // the wait's, until it is over or dropped
}

std::exception_ptr PipeTransport::error(const char* operation, int number) const {
  return make_os_error(number, std::string(operation) + " " + name_);
}

void PipeTransport::end(std::exception_ptr why) noexcept {
  if (ending_) return;
  closing_ = ending_ = true;
  why_ = std::move(why);
  cancel_waits();
  if (waiting_ != 0) return;  // the last one that comes back goes on
  retain();
  loop_->make_ready(*this);
}

void PipeTransport::run() {
  const auto self = Ref<PipeTransport>::adopt(this);
  finish();
}

void PipeTransport::drop() noexcept {
  const auto self = Ref<PipeTransport>::adopt(this);
  release_pipe();
}

/// Goes on once nothing waits.
void PipeTransport::finish() noexcept {
  if (waiting_ != 0 || !pipe_) return;
  release_pipe();
  leave_loop();
  // What was left unsent can be asked for until it was told.
  if (const Ref<lowlevel::Receiver> receiver = std::move(receiver_)) receiver->connection_lost(std::move(why_));
  drop_buffers();
}

void PipeTransport::release_pipe() noexcept {
  if (!pipe_) return;
  loop_->release_descriptor(pipe_.get());
  pipe_.reset();
}

void PipeTransport::loop_closes() noexcept {
  const Ref<PipeTransport> self(this);  // the receiver may have the last reference
  closing_ = ending_ = true;
  receiver_ = nullptr;
  if (waiting_ == 0) release_pipe();
}

// ---- reading ----

void ReadPipe::resume_reading() noexcept {
  if (closing_ || eof_) return;
  reading_ = true;
  start(readable_, POLLIN);
}

void ReadPipe::woken(Wait&) {
  if (!reading_) return;
  try {
    read();
  } catch (const std::bad_alloc&) {
    return end(std::current_exception());
  }
  if (is_reading()) start(readable_, POLLIN);
}

void ReadPipe::read() {
  ByteBuffer data(burst_.size());
  const ssize_t got = ::read(pipe_.get(), data.room().data(), burst_.size());
  const Ref<lowlevel::Receiver> receiver = receiver_;  // which may be replaced meanwhile
  if (got > 0) {
    const auto count = static_cast<std::uint32_t>(got);
    data.commit(count);
    burst_.adapt(count);
    receiver->data_received(std::move(data));
  } else if (got == 0) {
    eof_ = true;
    reading_ = false;
    receiver->eof_received();
    end(nullptr);
  } else if (!try_again(errno)) {
    end(error("read from", errno));
  }
}

void ReadPipe::write(BytesView) { throw RuntimeError("write: " + description() + " is only for reading"); }
void ReadPipe::writelines(std::span<const BytesView>) { write({}); }
void ReadPipe::write_eof() { throw RuntimeError("write_eof: " + description() + " is only for reading"); }
void ReadPipe::set_write_buffer_limits(std::size_t, std::size_t) {
  throw RuntimeError("set_write_buffer_limits: " + description() + " is only for reading");
}

// ---- writing ----

/// Writes what goes without waiting, in one call; gives how much that was. An error is told through the receiver.
std::size_t WritePipe::write_now(std::span<const BytesView> pieces) noexcept {
  const Vectors vectors(pieces);
  const ssize_t written = ::writev(pipe_.get(), vectors.items, static_cast<int>(vectors.count));
  if (written >= 0) return static_cast<std::size_t>(written);
  if (!try_again(errno)) end(error("write to", errno));
  return 0;
}

void WritePipe::write(BytesView data) {
  const BytesView pieces[] = {data};
  writelines(pieces);
}

void WritePipe::writelines(std::span<const BytesView> pieces) {
  if (closing_) return;
  std::size_t skip = 0;
  if (queued_.empty()) {
    const std::size_t total = total_size(pieces);
    if (total == 0) return;
    skip = write_now(pieces);
    if (skip == total || closing_) return;
  }
  append_rest(queued_, pieces, skip);
  start(writable_, POLLOUT);
  check_high();
}

void WritePipe::woken(Wait& wait) {
  if (&wait == &broken_) {
    // An error here means that this kind of file cannot be watched.
    if (wait.result > 0) end(queued_.empty() ? nullptr : error("write to", EPIPE));
    return;
  }
  const BytesView pieces[] = {queued_.view()};
  queued_.consume(write_now(pieces));
  if (ending_) return;
  check_low();
  if (!queued_.empty()) return start(writable_, POLLOUT);
  if (closing_) end(nullptr);
}

void WritePipe::close() noexcept {
  if (closing_) return;
  closing_ = true;
  if (queued_.empty()) end(nullptr);
}

void WritePipe::cancel_waits() noexcept {
  writable_.cancel({});
  broken_.cancel({});
}

void WritePipe::set_write_buffer_limits(std::size_t high, std::size_t low) {
  marks_.set({high, low});
  check_high();
}

void WritePipe::check_high() noexcept {
  if (!closing_ && marks_.must_pause(queued_.size())) receiver_->pause_writing();
}

void WritePipe::check_low() noexcept {
  if (marks_.may_resume(queued_.size())) receiver_->resume_writing();
}

}  // namespace tutti::detail

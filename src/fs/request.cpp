// SPDX-License-Identifier: MIT
#include "request.hpp"

#include <cerrno>
#include <utility>

#include <tutti/task/executor.hpp>

#include "loop/syscalls.hpp"

namespace tutti::detail {

void FileRequest::start(EventLoop& loop, bool waits_for_disk) {
  self_ = shared_from_this();
  in_thread_ = function || (waits_for_disk && !loop.backend().native_files());
  try {
    if (!in_thread_) return loop.submit(*this);
    result = -ECANCELED;  // unless a thread comes to it
    const Future<> ended = call_in_executor(loop, nullptr, [self = self_] { self->call_in_thread(); });
    ended.state()->add_waiter(*this);
  } catch (...) {
    result = -ECANCELED;
    take_result();
    end();
    throw;
  }
}

void FileRequest::call_off() noexcept {
  if (in_thread_) {
    called_off_.store(true, std::memory_order_relaxed);
  } else {
    Operation::cancel({});
  }
}

void FileRequest::call_in_thread() noexcept {
  if (called_off_.load(std::memory_order_relaxed)) return;
  result = function ? function() : call(*this);
  take_result();
}

// On the thread that made the call: when the loop has closed meanwhile, nobody else comes to close what was opened.
void FileRequest::take_result() noexcept {
  if (function) return;
  if (opcode == lowlevel::Opcode::openat && result >= 0) owned.reset(result);
  if (opcode == lowlevel::Opcode::close) {
    if (result == -ECANCELED) result = call(*this);  // nobody could be asked to
    static_cast<void>(owned.release());
  }
}

void FileRequest::end() noexcept {
  const std::shared_ptr<FileRequest> self = std::move(self_);
  descriptor = nullptr;
  if (auto* const tell = std::exchange(on_end, nullptr)) tell(*this);
  file = nullptr;
}

void FileRequest::run() {
  const std::shared_ptr<FileRequest> self = self_;
  if (!in_thread_ || result == -ECANCELED) take_result();
  end();
  if (RequestWait* const waiter = std::exchange(waiter_, nullptr)) waiter->run();
}

void FileRequest::drop() noexcept {
  const std::shared_ptr<FileRequest> self = self_;
  waiter_ = nullptr;
  if (in_thread_) {
    self_ = nullptr;
    file = nullptr;
    return;
  }
  take_result();
  end();
}

// ---- RequestWait ----

RequestWait::~RequestWait() {
  if (request_ && request_->waiter_ == this) request_->waiter_ = nullptr;
  if (scheduled_) task_->loop().remove_ready(*this);
}

void RequestWait::await_suspend(std::coroutine_handle<> handle) {
  task_ = &awaiting_task();
  request_->start(task_->loop(), waits_for_disk_);
  request_->waiter_ = this;
  task_->suspend(handle, this);
}

int RequestWait::await_resume() {
  task_->check_cancelled();
  if (cancelled_) task_->throw_cancelled();
  return request_->result;
}

void RequestWait::run() {
  scheduled_ = false;
  task_->step();
}

bool RequestWait::cancel(std::string_view message) {
  if (cancelled_ || request_->waiter_ != this) return false;
  request_->waiter_ = nullptr;
  request_->call_off();
  cancelled_ = true;
  task_->note_cancel_message(message);
  scheduled_ = true;
  task_->loop().make_ready(*this);
  return true;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
// The end of a file: what is buffered is written, then it is closed. It goes on by itself, whoever waits for it or does
// not, and when the loop closes it is done at once.
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include <tutti/base/log.hpp>

#include "file_state.hpp"

namespace tutti::detail {

FileState::~FileState() { finish_now(); }

Coro<> FileState::close() {
  if (closed_) co_return;
  const Future<> ended(*loop_);
  closers_.push_back(ended);
  begin_close();
  co_await ended;
}

void FileState::begin_close() noexcept {
  if (std::exchange(closing_, true) || loop_ == nullptr) return;
  if (!is_free()) return waiting_.push_back({std::nullopt, false});
  enter(false);
  write_rest();
}

// With the turn, which is given back by `finish_close`.
void FileState::write_rest() noexcept {
  const Ref<FileState> self(this);
  if (unwritten() == 0 || loop_ == nullptr) return close_descriptor();
  try {
    auto request = writing_request();
    request->on_end = [](FileRequest& ended) noexcept {
      FileState& file = of(ended.file);
      file.take_back(ended);
      if (ended.result > 0) return file.write_rest();
      file.fail_close(ended.result == 0 ? EIO : -ended.result);
    };
    request->start(*loop_, on_disk_);
  } catch (...) {
    // There are no threads any more: it was told through `on_end`.
  }
}

void FileState::fail_close(int number) noexcept {
  if (number == ECANCELED || loop_ == nullptr) {
    write_out_now();
  } else {
    close_error_ = make_os_error(number, "write " + name_);
    out_.clear();
    out_begin_ = 0;
  }
  close_descriptor();
}

void FileState::close_descriptor() noexcept {
  if (loop_ == nullptr) return leave();
  loop_->backend().forget(fileno());
  if (!on_disk_) {
    descriptor_->reset();
    return finish_close();
  }
  try {
    auto request = make_request();
    request->prepare_close(fileno());
    request->owned = std::move(*descriptor_);
    request->on_end = [](FileRequest& ended) noexcept {
      FileState& file = of(ended.file);
      if (ended.result < 0 && !file.close_error_) {
        file.close_error_ = make_os_error(-ended.result, "close " + file.name_);
      }
      file.finish_close();
    };
    request->start(*loop_, true);
  } catch (...) {
    // As above.
  }
}

void FileState::finish_close() noexcept {
  const Ref<FileState> self(this);
  closed_ = true;
  leave_loop();
  const std::exception_ptr error = std::exchange(close_error_, nullptr);
  bool told = false;
  for (const Future<>& closer : std::exchange(closers_, {})) {
    if (closer.done()) continue;
    told = true;
    if (error) {
      closer.set_exception(error);
    } else {
      closer.set_result();
    }
  }
  if (error && !told && loop_ != nullptr) {
    loop_->call_exception_handler({"a file was closed that could not be written", error, name_, {}});
  }
  leave();
}

// ---- the loop closes ----

void FileState::loop_closes() noexcept {
  const Ref<FileState> self(this);
  loop_ = nullptr;
  budget_ = nullptr;
  closing_ = true;
  waiting_.clear();
  closers_.clear();
  if (holders_ == 0) finish_now();
}

void FileState::finish_now() noexcept {
  closed_ = closing_ = true;
  if (!descriptor_) return;
  if (unwritten() != 0) write_out_now();
  if (loop_ != nullptr) loop_->backend().forget(fileno());
  if (close_error_) {
    log(LogLevel::error, "fs", "a file was closed that could not be written: " + describe(close_error_));
    close_error_ = nullptr;
  }
  descriptor_ = nullptr;
}

void FileState::write_out_now() noexcept {
  // A pipe must not hold up the end.
  if (!on_disk_) ::fcntl(fileno(), F_SETFL, ::fcntl(fileno(), F_GETFL) | O_NONBLOCK);
  while (unwritten() > 0) {
    const ssize_t count = ::write(fileno(), out_.data() + out_begin_, unwritten());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      close_error_ = make_os_error(errno, "write " + name_);
      break;
    }
    out_begin_ += static_cast<std::size_t>(count);
  }
  out_.clear();
  out_begin_ = 0;
}

}  // namespace tutti::detail

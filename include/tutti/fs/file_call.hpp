// SPDX-License-Identifier: MIT
// What a call on a file returns: it is done at once if that needs no disk, and is a coroutine else.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include <tutti/base/ref.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

/// What a `File`, the calls on it and what is under way share. Counts its references, on one thread.
class FileBase {
 public:
  FileBase(const FileBase&) = delete;
  FileBase& operator=(const FileBase&) = delete;
  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }

 protected:
  FileBase() noexcept = default;
  virtual ~FileBase();

 private:
  std::uint32_t references_ = 1;
};

/// `Now(file, result, args...)` tries without waiting; where it gives false, the call is the coroutine
/// `Later(file, args...)`. Neither begins before the call is awaited. Moves only until then.
template <class T, auto Now, auto Later, bool Trampoline, class... Args>
class [[nodiscard]] FileCall {
 public:
  explicit FileCall(Ref<FileBase> file, Args... args) : file_(std::move(file)), args_(std::move(args)...) {}
  FileCall(FileCall&& other) noexcept : file_(std::move(other.file_)), args_(std::move(other.args_)) {}
  FileCall& operator=(FileCall&&) = delete;
  ~FileCall() = default;

  [[nodiscard]] bool await_ready() {
    return std::apply([this](Args&... args) { return Now(file_, result_, args...); }, args_);
  }
  typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<> parent) {
    later_.emplace(
        std::apply([this](Args&... args) { return Later(std::move(file_), std::move(args)...).release(); }, args_));
    return later_->await_suspend(parent);
  }
  T await_resume() { return later_ ? later_->await_resume() : std::move(*result_); }

 private:
  Ref<FileBase> file_;
  std::tuple<Args...> args_;
  std::optional<T> result_;
  std::optional<CoroAwaiter<T, Trampoline>> later_;
};

}  // namespace tutti::detail

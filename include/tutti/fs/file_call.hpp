// SPDX-License-Identifier: MIT
// What a call on a file returns: it is done at once if that needs no disk, and is a coroutine else.
#pragma once

#include <coroutine>
#include <optional>
#include <tuple>
#include <utility>

#include <tutti/base/ref.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

/// What a `File`, the calls on it and what is under way share.
class FileBase : public lowlevel::Shared {
 protected:
  ~FileBase() override;
};

template <class Call, bool Trampoline>
class FileAwaiter;

/// A call that was not awaited yet. `Now(file, result, args...)` tries without waiting; where it gives false, the call
/// is the coroutine `Later(file, args...)`. Moves only; awaited once.
template <class T, auto Now, auto Later, class... Args>
class [[nodiscard]] FileCall {
 public:
  explicit FileCall(Ref<FileBase> file, Args... args) : file_(std::move(file)), args_(std::move(args)...) {}
  FileCall(FileCall&&) noexcept = default;
  FileCall& operator=(FileCall&&) = delete;
  ~FileCall() = default;

  template <bool Trampoline = TUTTI_TRAMPOLINE>
  FileAwaiter<FileCall, Trampoline> operator co_await() {
    return FileAwaiter<FileCall, Trampoline>(std::move(*this));
  }

 private:
  template <class Call, bool Trampoline>
  friend class FileAwaiter;
  using Result = T;

  bool now(std::optional<T>& result) {
    return std::apply([&](Args&... args) { return Now(file_, result, args...); }, args_);
  }
  Coro<T> later() {
    return std::apply([&](Args&... args) { return Later(std::move(file_), std::move(args)...); }, args_);
  }

  Ref<FileBase> file_;
  std::tuple<Args...> args_;
};

template <class Call, bool Trampoline>
class FileAwaiter {
 public:
  using Result = typename Call::Result;

  explicit FileAwaiter(Call&& call) noexcept : call_(std::move(call)) {}

  [[nodiscard]] bool await_ready() { return call_.now(result_); }
  typename Transfer<Trampoline>::type await_suspend(std::coroutine_handle<> parent) {
    later_.emplace(call_.later().release());
    return later_->await_suspend(parent);
  }
  Result await_resume() { return later_ ? later_->await_resume() : std::move(*result_); }

 private:
  Call call_;
  std::optional<Result> result_;
  std::optional<CoroAwaiter<Result, Trampoline>> later_;
};

}  // namespace tutti::detail

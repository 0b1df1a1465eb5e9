// SPDX-License-Identifier: MIT
// One call for a file or a name, on its way through the kernel or through a thread.
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <tutti/base/fd.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/loop/operation.hpp>
#include <tutti/task/task_state.hpp>

#include <tutti/fs/file_call.hpp>

namespace tutti::detail {

class RequestWait;

/// The call and all memory that it uses. It lives until the call has ended, whoever waits for it or has ceased to.
/// Where the back end serves files it is an operation; elsewhere the default executor's threads make the call.
///
/// Prepare it as an operation on the memory below, or set `function`; then await a `RequestWait`, or `start` it.
class FileRequest final : public lowlevel::Operation, public std::enable_shared_from_this<FileRequest> {
 public:
  std::string path;
  std::string new_path;
  std::string memory;
  std::size_t begin = 0;  // where in the memory the call begins; for the owner
  struct statx status{};
  std::shared_ptr<Fd> descriptor;    // stays open until the call has ended
  MoveOnlyFunction<int()> function;  // what no operation does; a thread calls it, wherever
  Fd owned;                          // what an openat has given, or a close is to close

  // Whom to tell on the loop's thread when the call has ended, before whoever waits goes on. Not told if the loop
  // closes over a call that is in a thread: that has the memory until its end.
  void (*on_end)(FileRequest&) noexcept = nullptr;
  Ref<FileBase> file;

  /// *Errors*: those of `EventLoop::submit` and of the executor; `on_end` was called then, with -ECANCELED.
  void start(EventLoop& loop, bool waits_for_disk);
  /// Nobody wants the result: it may end early. Calls that have begun mostly do not.
  void call_off() noexcept;

  void run() override;
  void drop() noexcept override;

 private:
  friend class RequestWait;
  void call_in_thread() noexcept;
  void take_result() noexcept;
  void end() noexcept;

  std::shared_ptr<FileRequest> self_;  // while it is under way
  RequestWait* waiter_ = nullptr;
  bool in_thread_ = false;
  std::atomic<bool> called_off_{false};
};

/// Starts a request and waits for its result: a count or 0, or a negative errno. Cancelled, it leaves at once and the
/// request goes on without it.
class [[nodiscard]] RequestWait final : public lowlevel::Suspension {
 public:
  explicit RequestWait(std::shared_ptr<FileRequest> request, bool waits_for_disk = true) noexcept
      : request_(std::move(request)), waits_for_disk_(waits_for_disk) {}
  RequestWait(const RequestWait&) = delete;
  RequestWait& operator=(const RequestWait&) = delete;
  ~RequestWait();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  int await_resume();

  void run() override;
  void drop() noexcept override { scheduled_ = false; }
  bool cancel(std::string_view message) override;

 private:
  std::shared_ptr<FileRequest> request_;
  TaskState* task_ = nullptr;
  bool waits_for_disk_;
  bool cancelled_ = false;
  bool scheduled_ = false;  // it stands in the ready queue
};

}  // namespace tutti::detail

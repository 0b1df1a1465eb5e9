// SPDX-License-Identifier: MIT
// A child process as its loop sees it: something that ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/io/transport.hpp>
#include <tutti/loop/operation.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

#include "loop/loop_list.hpp"

namespace tutti::detail {

/// A child from its start until it was reaped. A pidfd tells when that can be done: no signal handler, no thread, and no
/// doubt about whose number a pid is by now. While it runs the wait for the pidfd holds a reference.
class Child final : public lowlevel::Shared, public LoopMember, private lowlevel::Operation {
 public:
  /// Takes charge of a process that was just started. If it throws, the process has been killed and reaped.
  [[nodiscard]] static Ref<Child> adopt(EventLoop& loop, int pid, std::string name);

  [[nodiscard]] int pid() const noexcept { return pid_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::optional<int> returncode() const noexcept { return returncode_; }
  /// *Errors*: `ProcessLookupError` once the returncode is known.
  void send_signal(int signum) const;
  /// The same for SIGKILL; no effect then.
  void kill() const noexcept;

  [[nodiscard]] static Coro<int> wait(Ref<Child> child);
  /// A future that is done when it has ended; if the loop closes before, its callbacks are dropped.
  [[nodiscard]] Future<> end();

  void loop_closes() noexcept override;

 private:
  Child(EventLoop& loop, int pid, Fd pidfd, std::string name);
  ~Child() override;
  void watch();
  void run() override;
  void drop() noexcept override;
  bool cancel(std::string_view) override { return false; }  // no task waits for it
  bool reap() noexcept;
  void ended_unseen() noexcept;
  void ended(int returncode) noexcept;
  void release_pidfd() noexcept;

  EventLoop* loop_;
  int pid_;
  Fd pidfd_;
  bool under_way_ = false;
  std::optional<int> returncode_;
  std::vector<Future<>> waiters_;
  std::string name_;
};

}  // namespace tutti::detail

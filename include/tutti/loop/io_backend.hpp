// SPDX-License-Identifier: MIT
// The seam between the loop and the kernel. Whoever writes a back end writes this one class.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include <tutti/base/clock.hpp>
#include <tutti/loop/operation.hpp>
#include <tutti/loop/ready.hpp>

namespace tutti::lowlevel {

/// Executes operations for one loop. All functions but `wake` are called on the loop's thread only.
///
/// A back end implements the `do_…` functions; the others keep the books, the same for all.
class IoBackend {
 public:
  IoBackend() noexcept = default;
  IoBackend(const IoBackend&) = delete;
  IoBackend& operator=(const IoBackend&) = delete;
  virtual ~IoBackend();

  /// "uring", "epoll", "poll", …
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Whether reads and writes of regular files, and the operations on names, leave the loop free while they wait for the
  /// disk. If not, whoever must not hold up the loop makes these calls in a thread.
  [[nodiscard]] virtual bool native_files() const noexcept { return false; }

  /// Starts `operation`. It never completes inside this call: a later `poll` delivers it, exactly once,
  /// also when the descriptor is bad (then with the negative errno as its result). If it throws, nothing was started.
  void submit(Operation& operation);

  /// Asks that an operation in flight end early. Never lost and never fails; a later `poll` delivers the operation
  /// with -ECANCELED, or with its result if that was faster. No effect if it is not in flight.
  void cancel(Operation& operation) noexcept;

  /// Delivers completions: appends what has completed to `completed`, in order of completion. Waits for the first one
  /// until `timeout` has passed (nothing: without limit; zero or less: does not wait) or `wake` was called. May return
  /// early with nothing. With nothing to deliver and no wait it should cost no system call.
  void poll(std::optional<Duration> timeout, ReadyQueue& completed);

  /// Makes a `poll` that waits, or the next one that would, return at once. From any thread and from signal handlers.
  virtual void wake() noexcept = 0;

  /// `fd` is about to be closed, or may be: drops what is remembered of it. Whoever closes a descriptor that was in an
  /// operation calls this before; else an operation on its reused number may wait for ever. No effect while something
  /// waits for it.
  virtual void forget(int fd) noexcept;

  /// A descriptor on which others may wait instead of `poll`, between `begin_outside_wait` and `end_outside_wait`: it becomes readable when `poll` has
  /// something to do. -1: there is none. For loops that run inside another loop. *Errors*: `OSError`.
  [[nodiscard]] virtual int descriptor();
  /// Others wait for the descriptor from now on: `wake` makes it readable. False if `wake` was called since the last `poll`; then they must not.
  [[nodiscard]] virtual bool begin_outside_wait() noexcept;
  /// They do not any more.
  virtual void end_outside_wait() noexcept;

  /// Cancels all that is in flight and waits until each operation has been delivered to `completed`. Called once,
  /// before the end.
  void shutdown(ReadyQueue& completed);

  /// How many operations are in flight.
  [[nodiscard]] std::size_t pending() const noexcept { return pending_; }

 protected:
  virtual void do_submit(Operation& operation) = 0;
  virtual void do_cancel(Operation& operation) noexcept = 0;
  virtual void do_poll(std::optional<Duration> timeout, ReadyQueue& completed) = 0;

  /// Called by the implementation, inside `do_poll`, for each operation that has ended.
  void deliver(Operation& operation, int result, ReadyQueue& completed) noexcept;

  /// Calls `visit(Operation&)` for each operation in flight, oldest first.
  template <class Visit>
  void for_each_in_flight(Visit visit) {
    for (Operation* operation = first_; operation != nullptr;) {
      Operation* following = operation->backend.next;
      visit(*operation);
      operation = following;
    }
  }

 private:
  void remove(Operation& operation) noexcept;

  Operation* first_ = nullptr;  // all in flight, in order of submission
  Operation* last_ = nullptr;
  std::size_t pending_ = 0;
};

/// The back ends that come with the library. Each throws an `OSError` if the kernel refuses it.
[[nodiscard]] std::unique_ptr<IoBackend> make_uring_backend();
[[nodiscard]] std::unique_ptr<IoBackend> make_epoll_backend();
[[nodiscard]] std::unique_ptr<IoBackend> make_poll_backend();

/// Whether this kernel lets this process use io_uring, with the features that the `uring` back end needs. Probed once.
[[nodiscard]] bool uring_available() noexcept;

/// The back end named by `name`. *Errors*: `ValueError` for an unknown name, `OSError` if the kernel refuses it.
[[nodiscard]] std::unique_ptr<IoBackend> make_backend(std::string_view name);

/// What `TUTTI_BACKEND` names; else `uring` if it is available; else `epoll`.
[[nodiscard]] std::unique_ptr<IoBackend> make_default_backend();

}  // namespace tutti::lowlevel

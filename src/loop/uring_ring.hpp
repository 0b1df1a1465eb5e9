// SPDX-License-Identifier: MIT
// One io_uring: its two queues, the calls on it, and how it is taken down.
#pragma once

#include <cstdint>
#include <optional>

#include <liburing.h>

#include <tutti/base/clock.hpp>
#include <tutti/base/fd.hpp>
#include <tutti/loop/operation.hpp>

#include "provided_buffers.hpp"

namespace tutti::detail {

/// What `backend_uring.cpp` says about io_uring in words, as calls. Results are those of io_uring_enter(2): a
/// negative errno on failure.
class UringRing {
 public:
  /// A ring that belongs to no thread yet. *Errors*: `OSError` if the kernel refuses it.
  UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;
  /// Gives up the ring without waiting; the caller sees to it that nothing is in flight.
  ~UringRing();

  /// Makes it the calling thread's, for good.
  void enable();

  /// An entry to fill, or null if the queue is full and the kernel takes nothing now.
  [[nodiscard]] io_uring_sqe* next_entry() noexcept;

  /// How many requests stand in the queue.
  [[nodiscard]] unsigned waiting() const noexcept { return ::io_uring_sq_ready(&ring_); }
  /// Submits them. What fails stays there for the next time.
  void submit_only() noexcept { ::io_uring_submit(&ring_); }

  /// Submits what stands in the queue and fetches completions, without a wait.
  int submit() noexcept { return ::io_uring_submit_and_get_events(&ring_); }

  /// The same, and waits for a completion or the timeout.
  int submit_and_wait(std::optional<Duration> timeout) noexcept;

  /// From now on the kernel writes to the eventfd(2) for each completion, and when `submit` has work to do for one. *Errors*: `OSError`.
  void announce_on(int eventfd);

  [[nodiscard]] bool has_completions() const noexcept { return ::io_uring_cq_ready(&ring_) != 0; }
  [[nodiscard]] bool overflowed() const noexcept { return ::io_uring_cq_has_overflow(&ring_); }

  /// Whether `submit` has anything to do; costs no system call.
  [[nodiscard]] bool needs_submit() const noexcept {
    return ::io_uring_sq_ready(&ring_) != 0 ||
           (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }

  /// Lends the kernel memory for what a `Receiving` takes; nothing to do the second time. False if that cannot be.
  [[nodiscard]] bool provide_buffers() noexcept { return buffers_.provide(ring_); }
  [[nodiscard]] ProvidedBuffers& buffers() noexcept { return buffers_; }

  /// Calls `visit(const io_uring_cqe&)` for each completion, in their order, and takes them out.
  template <class Visit>
  void for_each_completion(Visit visit) {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_, head, completion) {
      ++count;
      visit(*completion);
    }
    ::io_uring_cq_advance(&ring_, count);
  }

  /// Takes the ring down and waits (some 30 ms) until the kernel has ended all that was in flight and
  /// will touch no buffer again. From any thread. What ended during that time has no completion.
  void close_and_wait() noexcept;

  /// Whether the kernel knows all that the back end uses. The ring must be enabled.
  [[nodiscard]] bool has_all_features() noexcept;

 private:
  ProvidedBuffers buffers_;
  io_uring ring_{};
  Fd kernel_is_done_;  // end of file once the kernel has let go of the ring
  bool open_ = false;
};

/// Writes the request that `operation` asks for.
void fill_request(io_uring_sqe& entry, const lowlevel::Operation& operation) noexcept;

/// Writes a request that only waits until the operation is worth another try.
void fill_readiness_request(io_uring_sqe& entry, const lowlevel::Operation& operation) noexcept;

}  // namespace tutti::detail

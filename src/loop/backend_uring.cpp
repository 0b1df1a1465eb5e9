// SPDX-License-Identifier: MIT
// The back end on io_uring(7): the default where the kernel allows it.
//
// Facts about io_uring:
//   - Two queues are shared with the kernel. We write requests into one and read completions from the other, both
//     without a system call. One io_uring_enter(2) submits any number of requests and waits for a completion.
//   - The kernel makes the calls itself: a receive completes with the bytes in our buffer. Until its completion
//     stands in the queue, the kernel may write to the buffer, cancelled or not.
//   - A request is cancelled by another request, which names its user_data. What that one reports proves nothing: the
//     operation may be ending just now. Only the completion of the operation itself says that it has ended, and how.
//   - SINGLE_ISSUER | DEFER_TASKRUN (Linux 6.1): the second half of an operation (copy the bytes that came, write the
//     completion) runs on our thread, inside our next io_uring_enter, instead of interrupting us at any moment.
//     Nothing else ever interrupts us, so COOP_TASKRUN, which only softens that, has nothing to add. The price: all
//     enters must come from one thread, the one that enabled the ring (R_DISABLED; else the one that made it), or
//     they fail with EEXIST.
//   - TASKRUN_FLAG: a bit in shared memory tells that such work waits.
//   - The submission queue may be full: then io_uring_enter empties it. The completion queue may be full: then the
//     kernel keeps the rest in a list (NODROP), sets the bit CQ_OVERFLOW, and moves it over at the next enter that
//     asks.
//   - Requests are carried out in the order of the submission queue, as far as each gets without waiting. Two that
//     wait for the same socket are woken in no promised order (in fact the last one first).
//   - A descriptor with O_NONBLOCK whose file cannot try without blocking (inotify, timers, some terminals)
//     gives EAGAIN at once instead of waiting.
//   - A ring whose thread has ended completes nothing any more. Closing it cancels what is in flight, in the
//     background, and once more interrupts (EINTR) what its thread happens to wait for.
//
// What follows for us:
//   - `do_submit` and `do_cancel` only write a request. `do_poll` makes the one system call of a turn, and none if
//     nothing is to be submitted, no completion stands there, the bits are off and it is not to wait.
//   - But requests to files leave in small groups: a disk that has answered all would have nothing to do until the turn
//     is over, and what it then does it would answer at once again (a fifth of its rate).
//   - The user_data is the operation's address, and an operation is delivered by its own completion only. It may be
//     that a cancel is still in the queue while its operation is delivered and the memory used for a new one with the
//     same address: the order of the queue makes it harmless, the new one's request stands behind the cancel.
//   - What finds no room, request or cancel, is marked in the operation and sent by the next `do_poll`. Nothing is
//     dropped.
//   - Operations that would take bytes from each other stand in line before the kernel sees them (`Turns`).
//   - EAGAIN from a file that cannot wait becomes a wait for readiness, and then the same request again.
//   - A `Receiving` is a multishot receive into provided buffers (Linux 6.0): one request, and a completion for each piece,
//     whose bytes are copied out at once, so that the kernel has its buffers back. It saves a request and its arming for
//     each piece, and a connection that idles holds no memory.
//   - The loop is woken by an eventfd(2) that a multishot poll watches: one request for the ring's life, and since it
//     reports each write, nobody reads the eventfd.
//   - The ring becomes the property of the thread that uses it first. If another thread goes on, see `move_here`.
#include <tutti/loop/io_backend.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>

#include "operation_queue.hpp"
#include "receiving.hpp"
#include "syscalls.hpp"
#include "turns.hpp"
#include "uring_ring.hpp"
#include "wake_state.hpp"

namespace tutti::lowlevel {

namespace {

using detail::OperationQueue;
using detail::UringRing;

// In `Operation::backend.state`. None of them: the request is in the submission queue or in the kernel.
constexpr std::uint32_t unsent = 1;         // the request found no room
constexpr std::uint32_t cancelling = 2;     // an early end was asked for
constexpr std::uint32_t cancel_unsent = 4;  // ... and that request found no room
constexpr std::uint32_t trying_later = 8;   // the request is a wait for readiness
constexpr std::uint32_t in_line = 16;       // others on the same descriptor go first; no request yet
constexpr std::uint32_t ended = 32;         // the result is there; stands in `ended_`
constexpr std::uint32_t cancel_again = 64;  // the cancel may have come too early for a receive that goes on

// user_data of requests that are no operations; an address is neither.
constexpr std::uint64_t cancel_tag = 0;
constexpr std::uint64_t wake_tag = 1;

class UringBackend final : public IoBackend, public detail::ReceivingBackend {
 public:
  UringBackend() : ring_(std::make_unique<UringRing>()) {
    wake_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_event_) throw_os_error(errno, "eventfd");
    wakes_on_.store(wake_event_.get());
  }

  ~UringBackend() override {
    if (pending() != 0) ring_->close_and_wait();
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "uring"; }
  [[nodiscard]] bool native_files() const noexcept override { return true; }
  [[nodiscard]] bool in_kernel() const noexcept override { return true; }

  void wake() noexcept override {
    if (!wake_.request()) return;
    const int saved = errno;  // may run inside a signal handler
    [[maybe_unused]] const int written = ::eventfd_write(wakes_on_.load(), 1);
    errno = saved;
  }

  // Not the ring's own: poll(2) on it sleeps on when the kernel leaves work for this thread, as it is asked to.
  [[nodiscard]] int descriptor() override {
    if (!outside_) {
      Fd made(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!made) throw_os_error(errno, "eventfd");
      ring_->announce_on(made.get());
      outside_ = std::move(made);
    }
    return outside_.get();
  }
  // What was not sent, and what has ended, shows in no completion.
  [[nodiscard]] bool begin_outside_wait() noexcept override {
    eventfd_t count = 0;
    ::eventfd_read(outside_.get(), &count);
    wakes_on_.store(outside_.get());  // one eventfd that makes the kernel write to another does so late, or not at all
    return is_here() && ended_.empty() && arrivals_.empty() && backlog_ == 0 && wake_armed_ &&
           !ring_->has_completions() && !ring_->needs_submit() && wake_.begin_wait();
  }
  void end_outside_wait() noexcept override {
    wake_.end_wait();
    wakes_on_.store(wake_event_.get());
  }

 protected:
  void do_submit(Operation& operation) override {
    if (!is_here()) move_here(&operation);
    if (turns_.enter(operation)) {
      send(operation);
    } else {
      operation.backend.state |= in_line;
    }
  }

  void do_cancel(Operation& operation) noexcept override {
    std::uint32_t& state = operation.backend.state;
    if ((state & (ended | cancelling)) != 0) return;
    if ((state & in_line) != 0) return end(operation, -ECANCELED);
    state |= cancelling;
    if ((state & unsent) == 0) send_cancel(operation);
  }

  void do_poll(std::optional<Duration> timeout, ReadyQueue& completed) override {
    if (!is_here()) move_here(nullptr);
    if (backlog_ != 0) send_backlog();
    if (!wake_armed_) arm_wake();
    const bool nothing_yet =
        ended_.empty() && arrivals_.empty() && backlog_ == 0 && wake_armed_ && !ring_->has_completions();
    if (nothing_yet && (!timeout || *timeout > Duration::zero()) && wake_.begin_wait()) {
      const int result = ring_->submit_and_wait(timeout);
      wake_.end_wait();
      check(result);
    } else if (ring_->needs_submit()) {
      check(ring_->submit());
    } else if (nothing_yet) {
      return;
    }
    take_completions();
    completed.append(arrivals_);
    while (Operation* operation = ended_.pop()) deliver(*operation, operation->result, completed);
  }

 private:
  static constexpr unsigned kDiskGroup = 4;
  [[nodiscard]] static bool is_for_a_disk(const Operation& operation) noexcept {
    return (operation.opcode == Opcode::read || operation.opcode == Opcode::write) && operation.offset >= 0;
  }

  [[nodiscard]] bool is_here() const noexcept { return thread_ == std::this_thread::get_id(); }

  // EINTR: a signal came; ETIME: the timeout passed; EAGAIN, EBUSY: the kernel is short of memory, the next poll
  // tries again.
  static void check(int result) {
    if (result >= 0 || result == -EINTR || result == -ETIME || result == -EAGAIN || result == -EBUSY) return;
    throw_os_error(-result, "io_uring_enter");
  }

  void send(Operation& operation) noexcept {
    std::uint32_t& state = operation.backend.state;
    if (detail::is_receiving(operation) && !ring_->provide_buffers()) return end(operation, -ENOBUFS);
    io_uring_sqe* entry = backlog_ == 0 || (state & unsent) != 0 ? ring_->next_entry() : nullptr;
    if (entry == nullptr) {
      if ((state & unsent) == 0) ++backlog_;
      state |= unsent;
      return;
    }
    if ((state & unsent) != 0) --backlog_;
    state &= ~unsent;
    if ((state & trying_later) != 0) {
      detail::fill_readiness_request(*entry, operation);
    } else {
      detail::fill_request(*entry, operation);
    }
    ::io_uring_sqe_set_data(entry, &operation);
    if (is_for_a_disk(operation) && ring_->waiting() >= kDiskGroup) ring_->submit_only();
  }

  void send_cancel(Operation& operation) noexcept {
    std::uint32_t& state = operation.backend.state;
    io_uring_sqe* entry = is_here() ? ring_->next_entry() : nullptr;
    if (entry == nullptr) {
      if ((state & cancel_unsent) == 0) ++backlog_;
      state |= cancel_unsent;
      return;
    }
    if ((state & cancel_unsent) != 0) --backlog_;
    state &= ~cancel_unsent;
    ::io_uring_prep_cancel64(entry, reinterpret_cast<std::uintptr_t>(&operation), 0);
    ::io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
    ::io_uring_sqe_set_data64(entry, cancel_tag);
  }

  void send_backlog() noexcept {
    for_each_in_flight([this](Operation& operation) {
      const std::uint32_t state = operation.backend.state;
      if ((state & unsent) != 0) {
        if ((state & cancelling) != 0) return end(operation, -ECANCELED);
        send(operation);
      } else if ((state & cancel_unsent) != 0) {
        send_cancel(operation);
      }
    });
  }

  void arm_wake() noexcept {
    io_uring_sqe* entry = ring_->next_entry();
    wake_armed_ = entry != nullptr;
    if (!wake_armed_) return;
    ::io_uring_prep_poll_multishot(entry, wake_event_.get(), POLLIN);
    ::io_uring_sqe_set_data64(entry, wake_tag);
  }

  void take_completions() {
    do {
      ring_->for_each_completion([this](const io_uring_cqe& completion) {
        if (completion.user_data == cancel_tag) return;
        if (completion.user_data == wake_tag) {
          if ((completion.flags & IORING_CQE_F_MORE) == 0) wake_armed_ = false;
          return;
        }
        auto& operation = *reinterpret_cast<Operation*>(static_cast<std::uintptr_t>(completion.user_data));
        if (detail::is_receiving(operation)) {
          take_some(static_cast<detail::Receiving&>(operation), completion);
        } else {
          take(operation, completion.res);
        }
      });
    } while (ring_->overflowed() && ring_->submit() >= 0);
    if (std::exchange(cancels_again_, false)) cancel_receives_again();
  }

  // Once for all that such a receive has brought.
  void cancel_receives_again() noexcept {
    for_each_in_flight([this](Operation& operation) {
      std::uint32_t& state = operation.backend.state;
      if ((state & cancel_again) == 0) return;
      state &= ~cancel_again;
      if ((state & cancel_unsent) == 0) send_cancel(operation);
    });
  }

  // One of the completions of a receive that goes on. The last one lacks F_MORE; if it is not an end, there were too few
  // buffers, or no room for completions, and it begins again.
  void take_some(detail::Receiving& operation, const io_uring_cqe& completion) noexcept {
    if (completion.res > 0) {
      if (Ready* arrival = operation.take(ring_->buffers().bytes_of(completion))) arrivals_.push(*arrival);
    }
    ring_->buffers().give_back(completion);
    const bool cancelled = (operation.backend.state & cancelling) != 0;
    if ((completion.flags & IORING_CQE_F_MORE) != 0) {
      // The cancel may have come while the kernel was busy with it, and found nothing that waits.
      if (cancelled && (operation.backend.state & cancel_unsent) == 0) {
        operation.backend.state |= cancel_again;
        cancels_again_ = true;
      }
      return;
    }
    const bool goes_on = completion.res > 0 || completion.res == -ENOBUFS || completion.res == -EINTR;
    if (!goes_on) return end(operation, completion.res);
    if (cancelled) return end(operation, -ECANCELED);
    send(operation);
  }

  void take(Operation& operation, int result) noexcept {
    std::uint32_t& state = operation.backend.state;
    const bool cancelled = (state & cancelling) != 0;
    const bool was_wait = (state & trying_later) != 0;
    state &= ~trying_later;
    if (was_wait && result >= 0) {
      if (cancelled) return end(operation, -ECANCELED);
      return send(operation);
    }
    if (result == -EAGAIN && operation.opcode != Opcode::connect && detail::waits_on_eagain(operation)) {
      if (cancelled) return end(operation, -ECANCELED);
      state |= trying_later;
      return send(operation);
    }
    // A call that already ran in one of the kernel's threads is cancelled by interrupting it.
    end(operation, cancelled && result == -EINTR ? -ECANCELED : result);
  }

  void end(Operation& operation, int result) noexcept {
    std::uint32_t& state = operation.backend.state;
    if ((state & unsent) != 0) --backlog_;
    if ((state & cancel_unsent) != 0) --backlog_;
    state = ended;
    operation.result = result;
    Operation* const next = turns_.leave(operation);  // before the link is used for `ended_`
    ended_.push(operation);
    if (next == nullptr) return;
    next->backend.state &= ~in_line;
    send(*next);
  }

  // Makes the ring the calling thread's. On the first use that is all.
  //
  // When another thread has used it before (a loop set up by one and run by the next, or closed by a third), there
  // has to be a new ring. What has completed is taken from the old one; that is then taken down, and what was in
  // flight starts again in the new one. For an operation that waits, which is nearly every one, this makes no
  // difference: the kernel has moved no bytes for it, and could not have, since the former thread no longer enters. A
  // connect, a write or an operation on a name may be half done, or done; that cannot move.
  void move_here(const Operation* newcomer) {
    if (thread_ != std::thread::id{}) {
      take_completions();
      refuse_to_move_what_is_half_done(newcomer);
      auto fresh = std::make_unique<UringRing>();
      if (pending() != 0) ring_->close_and_wait();
      ring_ = std::move(fresh);
      if (outside_) ring_->announce_on(outside_.get());
    }
    ring_->enable();
    thread_ = std::this_thread::get_id();
    arm_wake();
    for_each_in_flight([&](Operation& operation) {
      if (&operation != newcomer) take_back(operation);
    });
    send_backlog();
  }

  // The request is gone with the old ring.
  void take_back(Operation& operation) noexcept {
    std::uint32_t& state = operation.backend.state;
    if ((state & (ended | in_line | unsent)) != 0) return;
    if ((state & cancel_unsent) == 0) ++backlog_;  // else it is counted already
    state = (state & cancelling) | unsent;
  }

  void refuse_to_move_what_is_half_done(const Operation* newcomer) {
    for_each_in_flight([newcomer](Operation& operation) {
      if (&operation == newcomer || (operation.backend.state & (ended | cancelling | unsent | in_line)) != 0) return;
      if (can_start_again(operation.opcode)) return;
      throw RuntimeError(
          "this event loop began a connect, a write or a change of a file on another thread; it must end there "
          "before the loop can go on here");
    });
  }

  static bool can_start_again(Opcode opcode) noexcept {
    switch (opcode) {
      case Opcode::connect:
      case Opcode::write:
      case Opcode::openat:
      case Opcode::close:
      case Opcode::mkdirat:
      case Opcode::unlinkat:
      case Opcode::renameat: return false;
      default: return true;
    }
  }

  std::unique_ptr<UringRing> ring_;
  std::thread::id thread_;  // whose ring it is; nobody's at first
  detail::Turns turns_;
  OperationQueue ended_;
  ReadyQueue arrivals_;      // of receives that go on
  std::size_t backlog_ = 0;  // how many requests found no room
  bool wake_armed_ = false;
  bool cancels_again_ = false;
  detail::WakeState wake_;
  Fd wake_event_;
  Fd outside_;  // for those who wait in place of `poll`
  std::atomic<int> wakes_on_{-1};
};

bool probe() noexcept {
  try {
    UringRing ring;
    ring.enable();
    return ring.has_all_features();
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

std::unique_ptr<IoBackend> make_uring_backend() { return std::make_unique<UringBackend>(); }

bool uring_available() noexcept {
  static const bool available = probe();
  return available;
}

}  // namespace tutti::lowlevel

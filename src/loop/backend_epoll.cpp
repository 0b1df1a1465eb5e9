// SPDX-License-Identifier: MIT
// The back end on epoll(7): for Linux systems that forbid io_uring, as many containers do.
//
// Facts about epoll:
//   - It tells when a call may succeed, and leaves the call to us. Most calls succeed at once: a socket's buffer has
//     room, a server answers in one piece. To ask first is a wasted system call.
//   - The list of descriptors stays in the kernel. Level-triggered, each wait on a descriptor needs epoll_ctl(2)
//     twice, or what nobody waits for ends every sleep. Edge-triggered (EPOLLET), one registration lasts for the life
//     of the descriptor, and each change is reported once, whether somebody waits or not.
//   - After the registration, and after each call that said EAGAIN, a later change is reported for sure. Before
//     that nothing is: who waits for an edge without having tried waits for ever.
//   - The kernel registers the open file under the descriptor's number. When the number is closed and the open file
//     lives on (dup, fork), events keep coming under a number that may by now mean something else. When the last copy
//     is closed, the registration is gone without a word.
//   - Regular files and directories are refused (EPERM). Their calls never say EAGAIN: they wait for the disk.
//   - A hang-up or an error is reported to everyone, whatever they waited for.
//   - epoll_wait(2) counts in milliseconds. epoll_pwait2(2), from Linux 5.11, counts in nanoseconds.
//
// What follows for us:
//   - `do_submit` tries the call. Only after EAGAIN is the descriptor registered, edge-triggered, for reading, and
//     when it comes to that for writing: at most twice in its life. What ended at once stands in `ended_` until the
//     next `do_poll`, because nothing completes inside `submit`.
//   - Each descriptor has three queues: readers, writers, and watchers (polls). An event tries the calls of a queue
//     one after another until one says EAGAIN. Who comes while others wait does not try, and so overtakes nobody.
//   - An event for a queue that is empty is only noted: whoever comes next tries before it waits.
//   - A reader that knows that its connection was drained (`Operation::drained`) waits without trying, since later bytes
//     make an edge. The exceptions show in the events: the end of the stream that came with the last bytes (RDHUP), and
//     urgent data, at which a read stops short (PRI).
//   - A `Receiving` waits at the head of its queue until it ends. What comes is read to memory that all share, or to where it
//     says, so a connection that idles holds none. It is read on until no byte is left or the next event is sure; whose
//     socket brings more than its share is due again in the next `do_poll`.
//   - An event under a reused number is harmless: the call says EAGAIN. A registration that is gone is not, so
//     `forget` must be called before each close; EEXIST at a registration is then a reason to register anew, no error.
//   - `do_poll` without a wait makes a system call only if somebody waits for an event.
//   - The eventfd(2) that wakes the loop is edge-triggered too, so it is only written, never read.
#include <tutti/loop/io_backend.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>

#include "operation_queue.hpp"
#include "receiving.hpp"
#include "syscalls.hpp"
#include "turns.hpp"
#include "wake_state.hpp"

namespace tutti::lowlevel {

namespace {

using detail::OperationQueue;

// In `Operation::backend.state`: the operation stands in a queue of its descriptor. Otherwise it is in `ended_`.
constexpr std::uint32_t waits = detail::first_free_state_bit;

// Calls for one that receives, before others have their turn.
constexpr int kReadsAtOnce = 4;

constexpr std::uint32_t hang_up = EPOLLERR | EPOLLHUP;

class EpollBackend final : public IoBackend, public detail::ReceivingBackend {
 public:
  EpollBackend() {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) throw_os_error(errno, "epoll_create1");
    wake_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_event_) throw_os_error(errno, "eventfd");
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.fd = wake_event_.get()}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_event_.get(), &event) != 0) throw_os_error(errno, "epoll_ctl");
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "epoll"; }
  [[nodiscard]] bool in_kernel() const noexcept override { return false; }

  void wake() noexcept override {
    if (!wake_.request()) return;
    const int saved = errno;  // may run inside a signal handler
    [[maybe_unused]] const int written = ::eventfd_write(wake_event_.get(), 1);
    errno = saved;
  }

  [[nodiscard]] int descriptor() noexcept override { return epoll_.get(); }
  // An operation that has ended shows in no event.
  [[nodiscard]] bool begin_outside_wait() noexcept override { return nothing_yet() && wake_.begin_wait(); }
  void end_outside_wait() noexcept override {
    wake_.end_wait();
    look_ = true;
  }

  void forget(int fd) noexcept override {
    if (fd < 0 || static_cast<std::size_t>(fd) >= descriptors_.size()) return;
    Descriptor& descriptor = descriptors_[static_cast<std::size_t>(fd)];
    if (descriptor.registered == 0 || !descriptor.idle()) return;
    descriptor.registered = 0;
    descriptor.readable = descriptor.ending = false;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

 protected:
  void do_submit(Operation& operation) override {
    if (detail::is_receiving(operation)) return start_receiving(operation);
    if (const auto result = detail::prepare(operation)) return end(operation, *result);
    const bool must_wait = operation.opcode == Opcode::connect || others_wait(operation);
    if (!must_wait && !may_wait_untried(operation)) {
      if (const auto result = detail::attempt(operation)) return end(operation, *result);
    }
    wait(operation);
  }

  void do_cancel(Operation& operation) noexcept override {
    if ((operation.backend.state & waits) == 0) return;
    queue_of(operation).remove(operation);
    stop_waiting(operation, -ECANCELED);
  }

  void do_poll(std::optional<Duration> timeout, ReadyQueue& completed) override {
    const bool may_wait = nothing_yet() && (!timeout || *timeout > Duration::zero());
    if (may_wait && wake_.begin_wait()) {
      const int count = wait_for_events(timeout);
      wake_.end_wait();
      serve_events(count);
    } else if (waiting_ != 0 || std::exchange(look_, false)) {
      serve_events(wait_for_events(Duration::zero()));
    }
    serve_due();
    completed.append(arrivals_);
    while (Operation* operation = ended_.pop()) deliver(*operation, operation->result, completed);
  }

 private:
  static constexpr int kNone = -1;
  struct Descriptor {
    OperationQueue readers;
    OperationQueue writers;
    OperationQueue watchers;
    std::uint32_t registered = 0;  // events; none: not registered
    bool readable = false;         // an edge came that no reader has seen
    bool ending = false;           // there may be something to read without another edge
    bool due = false;              // its readers are to be tried, with or without an edge
    int next_due = kNone;          // the next such descriptor

    [[nodiscard]] bool idle() const noexcept { return readers.empty() && writers.empty() && watchers.empty(); }
  };

  [[nodiscard]] bool nothing_yet() const noexcept { return ended_.empty() && due_ == kNone; }

  OperationQueue& queue_of(const Operation& operation) noexcept {
    Descriptor& descriptor = descriptors_[static_cast<std::size_t>(operation.fd)];
    switch (detail::side_of(operation)) {
      case detail::Side::reading: return descriptor.readers;
      case detail::Side::writing: return descriptor.writers;
      default: return descriptor.watchers;
    }
  }

  bool others_wait(const Operation& operation) noexcept {
    return detail::side_of(operation) != detail::Side::neither &&
           static_cast<std::size_t>(operation.fd) < descriptors_.size() && !queue_of(operation).empty();
  }

  bool may_wait_untried(const Operation& operation) noexcept {
    const auto index = static_cast<std::size_t>(operation.fd);
    if (!operation.drained || index >= descriptors_.size()) return false;
    Descriptor& descriptor = descriptors_[index];
    return !std::exchange(descriptor.readable, false) && !descriptor.ending && (descriptor.registered & EPOLLIN) != 0;
  }

  // The call said EAGAIN, so the descriptor is open and its number small enough for an index.
  void wait(Operation& operation) {
    const auto index = static_cast<std::size_t>(operation.fd);
    if (index >= descriptors_.size()) descriptors_.resize(index + 1);
    if (const int error = watch(operation, descriptors_[index]); error != 0) return end(operation, error);
    queue_of(operation).push(operation);
    operation.backend.state |= waits;
    ++waiting_;
  }

  // 0, or a negative errno. A registration reports at once what is ready already. It only ever grows: most
  // descriptors are never waited on for writing, and their edges would end sleeps for nothing.
  int watch(const Operation& operation, Descriptor& descriptor) noexcept {
    const auto awaited = static_cast<std::uint32_t>(detail::awaited_events(operation));
    const std::uint32_t urgent = (awaited & EPOLLIN) != 0 ? std::uint32_t{EPOLLPRI} : 0;
    const std::uint32_t wanted = descriptor.registered | awaited | urgent | EPOLLRDHUP | EPOLLET;
    if (wanted == descriptor.registered) return 0;
    epoll_event event{.events = wanted, .data = {.fd = operation.fd}};
    const auto control = [&](int action) { return ::epoll_ctl(epoll_.get(), action, operation.fd, &event) == 0; };
    bool done = control(descriptor.registered != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
    if (!done && errno == EEXIST) done = control(EPOLL_CTL_MOD);
    if (!done && errno == ENOENT) done = control(EPOLL_CTL_ADD);
    if (!done) return -errno;
    descriptor.registered = wanted;
    return 0;
  }

  void end(Operation& operation, int result) noexcept {
    operation.result = result;
    ended_.push(operation);
  }

  void stop_waiting(Operation& operation, int result) noexcept {
    operation.backend.state &= ~waits;
    --waiting_;
    end(operation, result);
  }

  void serve_events(int count) {
    if (count < 0 && count != -EINTR) throw_os_error(-count, "epoll_wait");
    for (int i = 0; i < count; ++i) serve(events_[static_cast<std::size_t>(i)]);
  }

  void serve(const epoll_event& event) noexcept {
    const int fd = event.data.fd;
    if (fd == wake_event_.get()) return;
    Descriptor& descriptor = descriptors_[static_cast<std::size_t>(fd)];
    if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | hang_up)) != 0) {
      descriptor.readable = descriptor.readers.empty();
      descriptor.ending = descriptor.ending || (event.events & (EPOLLRDHUP | EPOLLPRI | hang_up)) != 0;
      serve_readers(descriptor);
    }
    if ((event.events & (EPOLLOUT | hang_up)) != 0) serve_in_turn(descriptor.writers);
    serve_each(descriptor.watchers);
  }

  // ---- receives that go on ----

  void start_receiving(Operation& operation) {
    if (!lent_.provide()) return end(operation, -ENOBUFS);
    const auto index = static_cast<std::size_t>(operation.fd);
    const bool known = index < descriptors_.size() && (descriptors_[index].registered & EPOLLIN) != 0;
    wait(operation);
    // A new registration reports what is there; before an old one the edge may have gone by.
    if (known) make_due(operation.fd);
  }

  void serve_readers(Descriptor& descriptor) noexcept {
    Operation* const first = descriptor.readers.front();
    if (first == nullptr || !detail::is_receiving(*first)) return serve_in_turn(descriptor.readers);
    receive(static_cast<detail::Receiving&>(*first), descriptor);
    if (descriptor.readers.front() != first && !descriptor.readers.empty()) make_due(first->fd);
  }

  void receive(detail::Receiving& operation, Descriptor& descriptor) noexcept {
    for (int i = 0; i < kReadsAtOnce; ++i) {
      bool filled = false;
      const int result = lent_.receive(operation, arrivals_, filled);
      if ((operation.backend.state & waits) == 0 || result == -EAGAIN) return;  // it was cancelled meanwhile
      if (result <= 0) {
        descriptor.readers.pop();
        return stop_waiting(operation, result);
      }
      if (filled) break;
      if (operation.drained && !descriptor.ending) return;
    }
    make_due(operation.fd);
  }

  void make_due(int fd) noexcept {
    Descriptor& descriptor = descriptors_[static_cast<std::size_t>(fd)];
    if (std::exchange(descriptor.due, true)) return;
    descriptor.next_due = std::exchange(due_, fd);
  }

  void serve_due() noexcept {
    for (int fd = std::exchange(due_, kNone); fd != kNone;) {
      Descriptor& descriptor = descriptors_[static_cast<std::size_t>(fd)];
      descriptor.due = false;
      fd = descriptor.next_due;
      serve_readers(descriptor);
    }
  }

  // ---- the others ----

  void serve_in_turn(OperationQueue& queue) noexcept {
    while (Operation* operation = queue.front()) {
      if (detail::is_receiving(*operation)) return make_due(operation->fd);
      const auto result = detail::attempt(*operation);
      if (!result) return;
      queue.pop();
      stop_waiting(*operation, *result);
    }
  }

  // Each waits for events of its own, so that one does not hold up the next.
  void serve_each(OperationQueue& queue) noexcept {
    OperationQueue rest;
    while (Operation* operation = queue.pop()) {
      if (const auto result = detail::attempt(*operation)) {
        stop_waiting(*operation, *result);
      } else {
        rest.push(*operation);
      }
    }
    queue = rest;
  }

  // How many there are, or a negative errno.
  int wait_for_events(std::optional<Duration> timeout) noexcept {
    timespec limit{};
    const auto room = static_cast<int>(events_.size());
    if (!coarse_) {
      const int count =
          ::epoll_pwait2(epoll_.get(), events_.data(), room, detail::to_timespec(timeout, limit), nullptr);
      if (count >= 0) return count;
      // Older kernels do not know the call, older sandboxes forbid what they do not know.
      if (errno != ENOSYS && errno != EPERM) return -errno;
      coarse_ = true;
    }
    const int count = ::epoll_wait(epoll_.get(), events_.data(), room, in_milliseconds(timeout));
    return count >= 0 ? count : -errno;
  }

  // Rounded up: a loop that wakes before its timer is due would only sleep again.
  static int in_milliseconds(std::optional<Duration> timeout) noexcept {
    if (!timeout) return -1;
    const auto count = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    return static_cast<int>(std::clamp<decltype(count)>(count, 0, std::numeric_limits<int>::max()));
  }

  std::vector<Descriptor> descriptors_;  // by number
  OperationQueue ended_;
  ReadyQueue arrivals_;  // of receives that go on
  int due_ = kNone;      // a descriptor, and others behind it
  detail::LentMemory lent_;
  std::size_t waiting_ = 0;
  bool coarse_ = false;  // no epoll_pwait2
  bool look_ = false;    // others waited: an event that nobody takes would end each of their waits
  std::array<epoll_event, 256> events_;
  detail::WakeState wake_;
  Fd epoll_;
  Fd wake_event_;
};

}  // namespace

std::unique_ptr<IoBackend> make_epoll_backend() { return std::make_unique<EpollBackend>(); }

}  // namespace tutti::lowlevel

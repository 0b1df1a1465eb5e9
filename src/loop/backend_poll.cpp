// SPDX-License-Identifier: MIT
// The back end on poll(2): portable, small, and the example of how to write one.
//
// Facts about poll:
//   - It keeps no state in the kernel: each call names all descriptors, and costs time for each of them.
//   - It says that a call will not block, not that it has been made: that is left to us, after it.
//   - It takes every descriptor. A regular file is always ready; one that is closed reports POLLNVAL and does not
//     disturb the others; a negative one is skipped.
//   - It refuses more entries than the process may have descriptors (EINVAL).
//
// What follows for us:
//   - `do_submit` only takes note. `do_poll` asks about everything in flight and then makes the calls that are due.
//     So a closed or reused descriptor can leave nothing stale behind, and `forget` has nothing to do.
//   - The calls are made in the order of submission, which serves those who wait for the same thing first come, first
//     served. When the first one takes all there was, the next one's call says EAGAIN, and it waits on.
//   - Operations on one descriptor share one entry.
//   - What ends without a wait (a nop, a bad argument, a connect that fails at once) stands in `ended_`
//     until `do_poll`, because nothing completes inside `submit`.
//   - A `Receiving` reads to memory that all share, or to where it says, and stays in flight.
//   - A write to a pipe that is among the entries wakes the loop.
#include <tutti/loop/io_backend.hpp>

#include <cerrno>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/fd.hpp>

#include "operation_queue.hpp"
#include "receiving.hpp"
#include "syscalls.hpp"
#include "wake_state.hpp"

namespace tutti::lowlevel {

namespace {

using detail::OperationQueue;

// In `Operation::backend.state`: the result is there, the operation stands in `ended_`.
constexpr std::uint32_t ended = detail::first_free_state_bit;

class PollBackend final : public IoBackend, public detail::ReceivingBackend {
 public:
  PollBackend() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw_os_error(errno, "pipe2");
    wake_reader_.reset(ends[0]);
    wake_writer_.reset(ends[1]);
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "poll"; }
  [[nodiscard]] bool in_kernel() const noexcept override { return false; }

  void wake() noexcept override {
    if (!wake_.request()) return;
    const int saved = errno;  // may run inside a signal handler
    const char byte = 0;
    // If the pipe is full, it wakes the loop as well.
    [[maybe_unused]] const auto written = ::write(wake_writer_.get(), &byte, 1);
    errno = saved;
  }

 protected:
  void do_submit(Operation& operation) override {
    if (detail::is_receiving(operation) && !lent_.provide()) return end(operation, -ENOBUFS);
    if (const auto result = detail::prepare(operation)) end(operation, *result);
  }

  void do_cancel(Operation& operation) noexcept override {
    if ((operation.backend.state & ended) == 0) end(operation, -ECANCELED);
  }

  void do_poll(std::optional<Duration> timeout, ReadyQueue& completed) override {
    const bool may_wait = ended_.empty() && (!timeout || *timeout > Duration::zero());
    collect_entries();
    int count = 0;
    if (may_wait && wake_.begin_wait()) {
      count = ask(timeout);
      wake_.end_wait();
    } else if (entries_.size() > 1) {
      count = ask(Duration::zero());
    }
    if (count < 0 && count != -EINTR && count != -EAGAIN) throw_os_error(-count, "ppoll");
    // From here on nothing throws: what is delivered must not be lost.
    while (Operation* operation = ended_.pop()) deliver(*operation, operation->result, completed);
    if (count > 0) make_due_calls(completed);
  }

 private:
  void end(Operation& operation, int result) noexcept {
    operation.result = result;
    operation.backend.state |= ended;
    ended_.push(operation);
  }

  // How many entries have events, or a negative errno.
  int ask(std::optional<Duration> timeout) {
    timespec limit{};
    const int count = ::ppoll(entries_.data(), entries_.size(), detail::to_timespec(timeout, limit), nullptr);
    return count >= 0 ? count : -errno;
  }

  void make_due_calls(ReadyQueue& completed) noexcept {
    if (entries_[0].revents != 0) drain_wakes();
    for_each_in_flight([&](Operation& operation) {
      const auto place = entry_of_.find(operation.fd);
      if (place == entry_of_.end()) return;
      const short events = entries_[place->second].revents;
      if ((events & (detail::awaited_events(operation) | POLLERR | POLLHUP | POLLNVAL)) == 0) return;
      if ((operation.backend.state & ended) != 0) return;  // cancelled by one that was served before it
      if (detail::is_receiving(operation)) return receive(static_cast<detail::Receiving&>(operation), completed);
      if (const auto result = detail::attempt(operation)) deliver(operation, *result, completed);
    });
  }

  // It stays in flight until it ends; if there is more, the next poll tells so.
  void receive(detail::Receiving& operation, ReadyQueue& completed) noexcept {
    bool filled = false;
    const int result = lent_.receive(operation, completed, filled);
    const bool cancelled = (operation.backend.state & ended) != 0;
    if (!cancelled && result <= 0 && result != -EAGAIN) deliver(operation, result, completed);
  }

  void collect_entries() {
    entries_.assign(1, pollfd{wake_reader_.get(), POLLIN, 0});
    entry_of_.clear();
    for_each_in_flight([this](Operation& operation) {
      if ((operation.backend.state & ended) != 0) return;
      const auto [place, is_new] = entry_of_.try_emplace(operation.fd, entries_.size());
      if (is_new) entries_.push_back(pollfd{operation.fd, 0, 0});
      pollfd& entry = entries_[place->second];
      entry.events = static_cast<short>(entry.events | detail::awaited_events(operation));
    });
  }

  void drain_wakes() noexcept {
    char bytes[64];
    while (::read(wake_reader_.get(), bytes, sizeof bytes) == sizeof bytes) {
    }
  }

  OperationQueue ended_;
  detail::LentMemory lent_;
  std::vector<pollfd> entries_;                    // [0] is the pipe
  std::unordered_map<int, std::size_t> entry_of_;  // by descriptor
  detail::WakeState wake_;
  Fd wake_reader_;
  Fd wake_writer_;
};

}  // namespace

std::unique_ptr<IoBackend> make_poll_backend() { return std::make_unique<PollBackend>(); }

}  // namespace tutti::lowlevel

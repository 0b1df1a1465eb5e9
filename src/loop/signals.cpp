// SPDX-License-Identifier: MIT
//
// Facts about signals:
//   - A handler runs on any thread of the process that does not block the signal, in the middle of anything. It may use
//     lock-free atomics and write(2), and little else.
//   - What a signal does is one setting for the whole process (sigaction(2)).
//   - SIGKILL and SIGSTOP cannot be caught, and two numbers (32 and 33) belong to the C library.
//
// What follows for us:
//   - The handler only counts in the mailboxes of the loops that want the signal, and wakes them. The loops call their
//     callbacks between two others, as any callback.
//   - Mailboxes stand in a list that only grows. `handlers_running` tells a loop that goes away when no handler can see
//     it any more.
//   - The setting is ours while any loop wants the signal. After that it is again what it was before.
#include "signals.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <string>
#include <utility>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace tutti {
namespace detail {
namespace {

constexpr std::uint64_t bit_of(int signum) noexcept { return std::uint64_t{1} << static_cast<unsigned>(signum - 1); }

std::atomic<SignalMailbox*> mailboxes{nullptr};
std::atomic<int> handlers_running{0};

void on_signal(int signum) {
  const int saved = errno;
  handlers_running.fetch_add(1, std::memory_order_seq_cst);
  for (SignalMailbox* box = mailboxes.load(std::memory_order_seq_cst); box != nullptr; box = box->next) {
    EventLoop* const loop = box->loop.load(std::memory_order_seq_cst);
    if (loop == nullptr) continue;
    if ((box->wanted.load(std::memory_order_seq_cst) & bit_of(signum)) != 0) {
      box->arrived[static_cast<std::size_t>(signum - 1)].fetch_add(1, std::memory_order_relaxed);
      loop->notice_signals();
    } else if (signum == SIGINT && box->interrupts.load(std::memory_order_seq_cst)) {
      loop->interrupt();
    }
  }
  handlers_running.fetch_sub(1, std::memory_order_seq_cst);
  errno = saved;
}

// The loops of a child that was forked are its parent's: a signal to the child is not theirs.
[[maybe_unused]] const int forget_in_children = ::pthread_atfork(nullptr, nullptr, [] {
  for (SignalMailbox* box = mailboxes.load(std::memory_order_relaxed); box != nullptr; box = box->next) {
    box->loop.store(nullptr, std::memory_order_relaxed);
  }
  handlers_running.store(0, std::memory_order_relaxed);
});

void wait_for_handlers() noexcept {
  while (handlers_running.load(std::memory_order_seq_cst) != 0) ::sched_yield();
}

// ---- what signals do, for the whole process ----

struct Disposition {
  std::size_t users = 0;
  struct sigaction before{};
};
struct Dispositions {
  std::mutex mutex;
  std::array<Disposition, kSignals> of;
};
Dispositions& dispositions() {
  static auto* const all = new Dispositions;
  return *all;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &on_signal;
}

void install(int signum, const char* operation) {
  struct sigaction ours{};
  ours.sa_handler = &on_signal;
  ours.sa_flags = SA_RESTART | SA_ONSTACK;
  ::sigfillset(&ours.sa_mask);
  const std::lock_guard lock(dispositions().mutex);
  Disposition& disposition = dispositions().of[static_cast<std::size_t>(signum - 1)];
  struct sigaction before{};
  if (::sigaction(signum, &ours, &before) != 0) {
    if (errno == EINVAL)
      throw RuntimeError(std::string(operation) + ": signal " + std::to_string(signum) + " cannot be caught");
    throw_os_error(errno, std::string(operation) + ": catch signal " + std::to_string(signum));
  }
  if (!is_ours(before)) disposition.before = before;
  ++disposition.users;
}

/// Restores what was there before, unless the program has set something else meanwhile.
void uninstall(int signum) noexcept {
  const std::lock_guard lock(dispositions().mutex);
  Disposition& disposition = dispositions().of[static_cast<std::size_t>(signum - 1)];
  if (--disposition.users != 0) return;
  struct sigaction present{};
  if (::sigaction(signum, nullptr, &present) != 0 || !is_ours(present)) return;
  ::sigaction(signum, &disposition.before, nullptr);
}

SignalMailbox& claim_mailbox(EventLoop& loop) {
  for (SignalMailbox* box = mailboxes.load(std::memory_order_acquire); box != nullptr; box = box->next) {
    EventLoop* nobody = nullptr;
    if (box->loop.compare_exchange_strong(nobody, &loop, std::memory_order_seq_cst)) return *box;
  }
  auto* const box = new SignalMailbox;
  box->loop.store(&loop, std::memory_order_relaxed);
  box->next = mailboxes.load(std::memory_order_relaxed);
  while (!mailboxes.compare_exchange_weak(box->next, box, std::memory_order_seq_cst)) {
  }
  return *box;
}

}  // namespace

void check_signal(int signum, const char* operation) {
  sigset_t all;
  ::sigfillset(&all);  // those that the C library keeps to itself are not in it
  if (signum >= 1 && signum <= kSignals && ::sigismember(&all, signum) == 1) return;
  throw ValueError(std::string(operation) + ": invalid signal number " + std::to_string(signum));
}

SignalService::SignalService(EventLoop& loop) : loop_(loop), mailbox_(claim_mailbox(loop)) {}

void SignalService::close(EventLoop&) noexcept {
  end_interrupts();
  for (int signum = 1; signum <= kSignals; ++signum) {
    Entry& entry = entry_of(signum);
    if (!entry.in_use()) continue;
    entry.handler = nullptr;
    for (SignalListener* listener : std::exchange(entry.listeners, {})) listener->loop_closed();
    no_longer_want(signum);
  }
  wait_for_handlers();
  for (auto& count : mailbox_.arrived) count.store(0, std::memory_order_relaxed);
  mailbox_.loop.store(nullptr, std::memory_order_seq_cst);
  wait_for_handlers();
}

void SignalService::want(int signum, const char* operation) {
  if (entry_of(signum).in_use()) return;
  install(signum, operation);
  mailbox_.wanted.fetch_or(bit_of(signum), std::memory_order_seq_cst);
}

void SignalService::no_longer_want(int signum) noexcept {
  if (entry_of(signum).in_use()) return;
  uninstall(signum);
  mailbox_.wanted.fetch_and(~bit_of(signum), std::memory_order_seq_cst);
}

void SignalService::set_handler(int signum, Callback callback, std::source_location where) {
  auto handler = std::make_shared<Handler>(Handler{std::move(callback), copy_context(), where});
  want(signum, "add_signal_handler");
  entry_of(signum).handler = std::move(handler);
}

bool SignalService::remove_handler(int signum) {
  if (std::exchange(entry_of(signum).handler, nullptr) == nullptr) return false;
  no_longer_want(signum);
  return true;
}

void SignalService::add_listener(int signum, SignalListener& listener) {
  entry_of(signum).listeners.reserve(entry_of(signum).listeners.size() + 1);
  want(signum, "signals");
  entry_of(signum).listeners.push_back(&listener);
}

void SignalService::remove_listener(int signum, SignalListener& listener) noexcept {
  if (std::erase(entry_of(signum).listeners, &listener) != 0) no_longer_want(signum);
}

bool SignalService::begin_interrupts() {
  if (::getpid() != ::gettid()) return false;
  struct sigaction present{};
  if (::sigaction(SIGINT, nullptr, &present) != 0 || present.sa_handler != SIG_DFL) return false;
  mailbox_.interrupts.store(true, std::memory_order_seq_cst);
  install(SIGINT, "run");
  return true;
}

void SignalService::end_interrupts() noexcept {
  if (!mailbox_.interrupts.load(std::memory_order_relaxed)) return;
  uninstall(SIGINT);
  mailbox_.interrupts.store(false, std::memory_order_seq_cst);
  wait_for_handlers();
}

void SignalService::dispatch() {
  for (int signum = 1; signum <= kSignals; ++signum) {
    auto& arrived = mailbox_.arrived[static_cast<std::size_t>(signum - 1)];
    if (arrived.load(std::memory_order_relaxed) == 0) continue;
    for (std::uint32_t count = arrived.exchange(0, std::memory_order_relaxed); count != 0; --count) {
      const Entry& entry = entry_of(signum);
      if (const auto handler = entry.handler) {
        loop_.call_soon([handler] { handler->callback(); }, handler->context, handler->where);
      }
      for (SignalListener* listener : entry.listeners) listener->signalled(signum);
    }
  }
}

}  // namespace detail

void EventLoop::add_signal_handler(int signum, Callback callback, std::source_location where) {
  detail::check_signal(signum, "add_signal_handler");
  check("add_signal_handler");
  service<detail::SignalService>().set_handler(signum, std::move(callback), where);
}

bool EventLoop::remove_signal_handler(int signum) {
  detail::check_signal(signum, "remove_signal_handler");
  auto* const signals = find_service<detail::SignalService>();
  return signals != nullptr && signals->remove_handler(signum);
}

void EventLoop::take_notices() {
  const unsigned notices = notices_.exchange(0, std::memory_order_acquire);
  if ((notices & kSignalled) != 0) service<detail::SignalService>().dispatch();
  if ((notices & kInterrupted) != 0 && interrupt_handler_) interrupt_handler_();
}

}  // namespace tutti

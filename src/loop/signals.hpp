// SPDX-License-Identifier: MIT
// Signals as events of loops: who is told of which, and what the handler proper leaves behind for them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <vector>

#include <tutti/loop/event_loop.hpp>

namespace tutti::detail {

inline constexpr int kSignals = 64;  // they are numbered from 1

/// Is told of a signal on its loop's thread, between two callbacks.
class SignalListener {
 public:
  virtual void signalled(int signum) noexcept = 0;
  /// The loop has closed: no more will come.
  virtual void loop_closed() noexcept = 0;

 protected:
  ~SignalListener() = default;
};

/// Where the signal handler proper, which may run on any thread at any moment, leaves a note for one loop. Used again by
/// the next loop, never freed.
struct SignalMailbox {
  std::atomic<EventLoop*> loop{nullptr};
  std::atomic<std::uint64_t> wanted{0};  // a bit for each signal
  std::atomic<bool> interrupts{false};   // SIGINT calls `EventLoop::interrupt`, unless it is wanted
  std::array<std::atomic<std::uint32_t>, kSignals> arrived{};
  SignalMailbox* next = nullptr;
};

/// The signals of one loop. Of several loops that want the same one each is told.
class SignalService final : public lowlevel::Service {
 public:
  explicit SignalService(EventLoop& loop);
  void close(EventLoop& loop) noexcept override;

  void set_handler(int signum, Callback callback, std::source_location where);
  bool remove_handler(int signum);
  void add_listener(int signum, SignalListener& listener);
  void remove_listener(int signum, SignalListener& listener) noexcept;

  /// From now on SIGINT interrupts the loop, while nobody here wants to be told of it. False, and without effect, off the
  /// main thread or if the program has changed what SIGINT does.
  bool begin_interrupts();
  void end_interrupts() noexcept;

  /// Tells what has arrived.
  void dispatch();

 private:
  struct Handler {
    Callback callback;
    Context context;
    std::source_location where;
  };
  struct Entry {
    std::shared_ptr<Handler> handler;
    std::vector<SignalListener*> listeners;
    [[nodiscard]] bool in_use() const noexcept { return handler != nullptr || !listeners.empty(); }
  };
  Entry& entry_of(int signum) { return entries_[static_cast<std::size_t>(signum - 1)]; }
  void want(int signum, const char* operation);
  void no_longer_want(int signum) noexcept;

  EventLoop& loop_;
  SignalMailbox& mailbox_;
  std::array<Entry, kSignals> entries_;
};

/// *Errors*: `ValueError` unless `signum` is the number of a signal.
void check_signal(int signum, const char* operation);

}  // namespace tutti::detail

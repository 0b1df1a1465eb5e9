// SPDX-License-Identifier: MIT
// The event loop: callbacks, timers, I/O, one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/loop/context.hpp>
#include <tutti/loop/handle.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/loop/ready.hpp>
#include <tutti/loop/timer.hpp>

namespace tutti {

class EventLoop;
struct TaskOptions;

/// What the exception handler is told: asyncio's context dictionary.
struct ExceptionContext {
  std::string message;
  std::exception_ptr exception;
  std::string source;             ///< the task, callback, generator or connection it is about; empty if none
  std::source_location location;  ///< where that was created; line 0 if unknown
  std::string stack = {};         ///< the coroutines of the task, innermost first, one a line; empty if unknown

  /// The report in one line, without the stack.
  [[nodiscard]] std::string to_string() const;
};

using ExceptionHandler = std::function<void(EventLoop&, const ExceptionContext&)>;
/// Called for each new task with its options, which it may change (for example set `eager_start`). What it throws leaves `create_task`.
using TaskFactory = std::function<void(EventLoop&, TaskOptions&)>;

namespace detail {
/// A link in a loop's list of tasks that are not done.
struct TaskLink {
  TaskLink* previous = this;
  TaskLink* following = this;
};
// How the loop gets at its tasks without knowing what a task is.
struct TaskHooks {
  void (*destroy_all)(EventLoop&);
};
// Debug mode: logs what held up the loop for longer than `slow_callback_duration`. `now`: where it waits since; line 0 for nothing.
void report_if_slow(const EventLoop& loop, Duration took, const std::string& what, std::source_location where,
                    std::source_location now = {});
/// Who is told when a loop waits; the task layer's instruments.
class LoopWatcher {
 public:
  virtual void before_io_wait(std::optional<Duration> limit) noexcept = 0;
  virtual void after_io_wait() noexcept = 0;

 protected:
  ~LoopWatcher() = default;
};
template <class S>
inline constexpr char service_key = 0;  // its address is the key
extern constinit thread_local EventLoop* running_loop __attribute__((tls_model("initial-exec")));
}  // namespace detail

namespace lowlevel {

/// Where a loop's time comes from.
class Clock {
 public:
  virtual ~Clock();
  [[nodiscard]] virtual TimePoint now() = 0;
  /// How long a poll may wait when the earliest timer is due at `deadline` (nothing: there is none).
  [[nodiscard]] virtual std::optional<Duration> wait_limit(std::optional<TimePoint> deadline, EventLoop& loop);
  /// The loop waited as long as it was allowed to, and nothing happened.
  virtual void idle(std::optional<TimePoint> deadline, EventLoop& loop);
};

/// A way into a loop that may outlive it: for threads that finish their work when they finish it.
class Door {
 public:
  explicit Door(EventLoop& loop) noexcept : loop_(&loop) {}
  /// `call_soon_threadsafe`, or nothing and false if the loop is closed. From any thread.
  bool post(Callback callback);

 private:
  friend class tutti::EventLoop;
  void shut() noexcept;
  std::mutex mutex_;
  EventLoop* loop_;
};

/// State that a layer above keeps for each loop, made when first asked for, closed with the loop.
class Service {
 public:
  virtual ~Service();
  /// The loop closes; runs before its back end ends. Later services close first.
  virtual void close(EventLoop& loop) noexcept;
};

}  // namespace lowlevel

/// Options of an `EventLoop`.
struct LoopOptions {
  std::unique_ptr<lowlevel::IoBackend> backend = nullptr;  ///< null: `lowlevel::make_default_backend()`
  std::unique_ptr<lowlevel::Clock> clock = nullptr;        ///< null: CLOCK_MONOTONIC
};

/// One thread's loop. An iteration is: poll for I/O (without waiting if something is ready), make completions and due
/// timers ready, run what is ready now. What is scheduled meanwhile waits for the next iteration.
///
/// *Concurrency*: all functions on the loop's thread only, except `call_soon_threadsafe`, `wake_up`,
/// `interrupt` and `is_running`.
/// In debug mode a call from another thread throws `RuntimeError`. *Source*: asyncio.AbstractEventLoop.
class EventLoop {
 public:
  explicit EventLoop(LoopOptions options = {});
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  virtual ~EventLoop();

  // ---- running ----

  /// Runs until `stop()`. *Errors*: `RuntimeError` if it is closed or runs already, or another loop runs on this thread;
  /// `KeyboardInterrupt` and `SystemExit` pass through from whatever threw them.
  void run_forever();
  /// Runs until `awaitable` (a coroutine, a callable that returns one, a task or a future) is done; gives its result or
  /// throws its exception. *Errors*: `RuntimeError` as `run_forever`, and if the loop was stopped before.
  template <class Awaitable>
  auto run_until_complete(Awaitable&& awaitable);
  /// Makes `run_forever` return at the end of the present iteration.
  void stop() noexcept { stopping_ = true; }
  [[nodiscard]] bool is_running() const noexcept { return running_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_closed() const noexcept { return closed_; }
  /// A number that no other loop of the process has or had. (The address may be that of one that is gone.)
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Ends a loop that does not run: drops callbacks and timers, cancels operations and waits for the kernel to let go of
  /// them, destroys the tasks that are left (each is reported). Idempotent. *Errors*: `RuntimeError` if it runs.
  void close();

  // ---- scheduling ----

  /// Calls `callback` in the next iteration, in FIFO order, in a copy of the current context (or in `context`).
  /// An exception from it goes to the exception handler. *Errors*: `RuntimeError` if the loop is closed.
  Handle call_soon(Callback callback, std::source_location where = std::source_location::current());
  Handle call_soon(Callback callback, const Context& context,
                   std::source_location where = std::source_location::current());
  /// The same from any thread; wakes the loop. *Concurrency*: `context` belongs to the loop's thread from then on: another
  /// thread moves its only handle in.
  Handle call_soon_threadsafe(Callback callback, std::source_location where = std::source_location::current());
  Handle call_soon_threadsafe(Callback callback, Context context,
                              std::source_location where = std::source_location::current());
  /// Calls `callback` after `delay`; a delay that is not positive means the next iteration's timers.
  template <class Rep, class Period>
  TimerHandle call_later(std::chrono::duration<Rep, Period> delay, Callback callback,
                         std::source_location where = std::source_location::current()) {
    return call_later(to_duration(delay), std::move(callback), where);
  }
  template <class Rep, class Period>
  TimerHandle call_later(std::chrono::duration<Rep, Period> delay, Callback callback, const Context& context,
                         std::source_location where = std::source_location::current()) {
    return call_later(to_duration(delay), std::move(callback), context, where);
  }
  TimerHandle call_later(Duration delay, Callback callback,
                         std::source_location where = std::source_location::current());
  TimerHandle call_later(Duration delay, Callback callback, const Context& context,
                         std::source_location where = std::source_location::current());
  /// Calls `callback` at `when` on the loop's clock. Equal moments: first in, first out.
  TimerHandle call_at(TimePoint when, Callback callback, std::source_location where = std::source_location::current());
  TimerHandle call_at(TimePoint when, Callback callback, const Context& context,
                      std::source_location where = std::source_location::current());
  /// The loop's clock.
  [[nodiscard]] TimePoint time() const { return clock_ == nullptr ? monotonic_now() : clock_->now(); }

  // ---- descriptors ----

  /// Calls `callback` in each iteration in which `descriptor` can be read without waiting, or has an error or a hang-up,
  /// until it is removed. It takes the place of an earlier one, and runs in a copy of the present context. A regular file
  /// is always ready. Remove it **before** the descriptor is closed. *Errors*: `RuntimeError` if the loop is closed or a
  /// transport has the descriptor; `OSError` if it is not open.
  void add_reader(int descriptor, Callback callback, std::source_location where = std::source_location::current());
  /// It is called no more, not even in the present iteration, and the descriptor may be closed. False if there was none.
  /// *Errors*: `RuntimeError` if a transport has the descriptor.
  bool remove_reader(int descriptor);
  /// The same for writing.
  void add_writer(int descriptor, Callback callback, std::source_location where = std::source_location::current());
  bool remove_writer(int descriptor);

  // ---- signals ----

  /// Calls `callback` as any callback of the loop, in a copy of the present context, each time the signal `signum` comes.
  /// It takes the place of an earlier one; until it is removed the signal does nothing else. *Errors*: `ValueError` if there
  /// is no such signal; `RuntimeError` if it cannot be caught (SIGKILL, SIGSTOP), or if the loop is closed. *Concurrency*: of
  /// several loops, on any threads, each that has a handler is told.
  void add_signal_handler(int signum, Callback callback, std::source_location where = std::source_location::current());
  /// The signal does again what it did before; SIGINT, in a `Runner`, interrupts. False if there was no handler. Closing
  /// the loop removes all. *Errors*: `ValueError` if there is no such signal.
  bool remove_signal_handler(int signum);

  // ---- tasks and futures (defined in the task layer) ----

  /// `tutti::create_task` on this loop.
  template <class Awaitable>
  auto create_task(Awaitable&& awaitable, std::source_location where = std::source_location::current());
  template <class Awaitable>
  auto create_task(Awaitable&& awaitable, TaskOptions options,
                   std::source_location where = std::source_location::current());
  /// A future that belongs to this loop.
  template <class T>
  auto create_future(std::source_location where = std::source_location::current());
  void set_task_factory(TaskFactory factory) { task_factory_ = std::move(factory); }
  [[nodiscard]] const TaskFactory& get_task_factory() const noexcept { return task_factory_; }

  // ---- executors (defined in the task layer) ----

  /// Calls `function` in the default executor's threads; gives a future of its result: see `tutti::run_in_executor`.
  template <class F>
  auto run_in_executor(F&& function);
  /// Calls `function(args...)` in `executor`, whose header says what it takes.
  template <class E, class F, class... Args>
  auto run_in_executor(E& executor, F&& function, Args&&... args);

  // ---- errors ----

  void set_exception_handler(ExceptionHandler handler) { exception_handler_ = std::move(handler); }
  [[nodiscard]] const ExceptionHandler& get_exception_handler() const noexcept { return exception_handler_; }
  /// Reports through the handler that was set, else through the default one. A handler that throws is reported
  /// itself; only `KeyboardInterrupt` and `SystemExit` pass.
  void call_exception_handler(const ExceptionContext& context);
  /// Logs the report, and the stack below it.
  static void default_exception_handler(const ExceptionContext& context) noexcept;

  /// Whether `loop` is an event loop that was not closed yet; for those who outlive it. From any thread.
  [[nodiscard]] static bool is_alive(const EventLoop* loop);

  // ---- debug mode ----

  [[nodiscard]] bool get_debug() const noexcept { return debug_; }
  void set_debug(bool on) noexcept {
    debug_ = on;
    plain_ = !debug_ && watcher_ == nullptr;
  }
  /// In debug mode a callback or task step that takes longer is logged with its place in the source.
  Duration slow_callback_duration = std::chrono::milliseconds(100);

  // ---- for those who build on the loop ----

  /// One iteration, whole; for hosts that drive the loop themselves.
  void run_once();
  /// For a loop inside of another one, on its thread: one iteration that does not wait. Gives how long the host may wait before the next one, unless
  /// `backend().descriptor()` becomes readable before: zero, if there is work at hand; nothing, without a limit. What the host itself asks of
  /// the loop between two iterations makes the descriptor readable if it comes by `call_soon_threadsafe`. *Errors*: `RuntimeError` as
  /// `run_forever`; what leaves the loop.
  std::optional<Duration> run_as_guest();
  /// How many iterations were run since the loop was made, the present one included.
  [[nodiscard]] std::uint64_t iterations() const noexcept { return iterations_; }
  /// The phases of an iteration. `poll_events` waits at most until a timer is due and gives what completed.
  lowlevel::ReadyQueue poll_events();
  void process_events(lowlevel::ReadyQueue&& completed);
  void process_ready();

  /// Whether nobody watches: it is not in debug mode and has no watcher.
  [[nodiscard]] bool is_plain() const noexcept { return plain_; }
  /// For the task layer: who is told when the loop waits; null: nobody.
  [[nodiscard]] detail::LoopWatcher* watcher() const noexcept { return watcher_; }
  void set_watcher(detail::LoopWatcher* watcher) noexcept {
    watcher_ = watcher;
    plain_ = !debug_ && watcher_ == nullptr;
  }

  /// Puts an entry at the end of the ready queue. Takes it before its owner may reuse it: it is not a callback.
  void make_ready(lowlevel::Ready& entry) noexcept { ready_.push(entry); }
  void make_ready(lowlevel::ReadyQueue& entries) noexcept { ready_.append(entries); }
  void add_timer(lowlevel::Timer& timer, TimePoint when) { timers_.add(timer, when, time()); }
  void add_timer(lowlevel::Timer& timer, TimePoint when, TimePoint now) { timers_.add(timer, when, now); }
  bool remove_timer(lowlevel::Timer& timer) noexcept { return timers_.remove(timer); }
  /// Takes an entry out of the ready queue, if it is there; O(n), for teardown.
  bool remove_ready(lowlevel::Ready& entry) noexcept { return ready_.remove(entry) || batch_.remove(entry); }
  /// Starts an operation: see `lowlevel::IoBackend::submit`. *Errors*: `RuntimeError` if the loop is closed.
  void submit(lowlevel::Operation& operation) {
    check("submit");
    backend_->submit(operation);
  }
  [[nodiscard]] lowlevel::IoBackend& backend() noexcept { return *backend_; }
  /// A transport has `descriptor` from now on: `add_reader` and its kin refuse it.
  void claim_descriptor(int descriptor);
  /// It is about to close it: that, and the back end's `forget`. Nothing of it may be in flight.
  void release_descriptor(int descriptor) noexcept;
  [[nodiscard]] bool is_claimed(int descriptor) const noexcept {
    const auto index = static_cast<std::size_t>(descriptor);
    return index < claimed_.size() && claimed_[index];
  }
  [[nodiscard]] lowlevel::Clock* clock() noexcept { return clock_.get(); }
  /// The way in for threads that may come after the loop has gone.
  [[nodiscard]] const std::shared_ptr<lowlevel::Door>& door() const noexcept { return door_; }
  /// Makes a loop that waits go on. From any thread and from signal handlers.
  void wake_up() noexcept;
  /// Makes the loop call the interrupt handler in its next iteration. From any thread and from signal handlers.
  void interrupt() noexcept { notice(kInterrupted); }
  /// Makes the loop look for the signals that have come. For the signal handler.
  void notice_signals() noexcept { notice(kSignalled); }
  /// Whether `interrupt()` was called and its handler was not; no longer after this call.
  bool take_interrupt() noexcept {
    return (notices_.fetch_and(static_cast<unsigned char>(~kInterrupted), std::memory_order_acquire) & kInterrupted) !=
           0;
  }
  /// What `interrupt()` calls; it may throw `KeyboardInterrupt`, which leaves the loop.
  void set_interrupt_handler(std::function<void()> handler) { interrupt_handler_ = std::move(handler); }
  /// Number of things under way outside (jobs of executors, for one) that will come back by `call_soon_threadsafe`.
  /// A virtual clock does not jump while there are any.
  std::atomic<std::size_t> external_work{0};

  /// The loop's `S`, made by `S(EventLoop&)` at the first call.
  template <class S>
  S& service() {
    if (S* known = find_service<S>()) return *known;
    services_.emplace_back(&detail::service_key<S>, std::make_unique<S>(*this));
    return static_cast<S&>(*services_.back().second);
  }
  /// The loop's `S` if it was made, else null.
  template <class S>
  S* find_service() noexcept {
    for (const auto& [key, service] : services_) {
      if (key == &detail::service_key<S>) return static_cast<S*>(service.get());
    }
    return nullptr;
  }

  detail::TaskLink tasks;  ///< for the task layer: all tasks that are not done, in order of creation
  const detail::TaskHooks* task_hooks = nullptr;

  /// Throws `RuntimeError` if it is closed, and in debug mode if called from a foreign thread.
  void check(const char* operation) const {
    if (closed_ || debug_) [[unlikely]]
      check_slow(operation);
  }

 private:
  friend class detail::HandleState;
  static TimePoint monotonic_now() { return std::chrono::steady_clock::now(); }

  static constexpr unsigned char kInterrupted = 1;
  static constexpr unsigned char kSignalled = 2;
  void notice(unsigned char what) noexcept {
    notices_.fetch_or(what, std::memory_order_release);
    wake_up();
  }
  void take_notices();

  [[nodiscard]] bool runs_on_this_thread() const noexcept;
  void check_slow(const char* operation) const;
  void take_posted(detail::HandleState* replacement) noexcept;
  Handle put_soon(Callback&& callback, detail::Ref<detail::ContextState> context, std::source_location where);
  Handle post(Callback&& callback, detail::Ref<detail::ContextState> context, std::source_location where);
  TimerHandle put_at(TimePoint when, TimePoint now, Callback&& callback, detail::Ref<detail::ContextState> context,
                     std::source_location where);
  std::optional<Duration> wait_limit();
  void poll(std::optional<Duration> limit, lowlevel::ReadyQueue& completed);
  class Running;
  friend class Running;
  void end_outside_wait() noexcept;
  bool expire_timers();
  detail::Ref<detail::HandleState> schedule(Callback&& callback, detail::Ref<detail::ContextState> context,
                                            std::source_location where);

  // What an iteration touches stands first.
  lowlevel::ReadyQueue ready_;
  lowlevel::ReadyQueue batch_;  // what the present iteration runs
  bool stopping_ = false;
  bool debug_ = false;
  bool plain_ = true;
  bool closed_ = false;
  std::uint64_t iterations_ = 0;
  std::atomic<detail::HandleState*> posted_{nullptr};  // from other threads, newest first
  std::atomic<bool> waiting_{false};                   // it may be asleep: whoever posts must wake it
  std::atomic<unsigned char> notices_{0};              // from signal handlers
  std::unique_ptr<lowlevel::IoBackend> backend_;
  const std::uint64_t number_;
  bool outside_wait_ = false;  // a host waits for the back end's descriptor
  std::unique_ptr<lowlevel::Clock> clock_;
  detail::LoopWatcher* watcher_ = nullptr;
  lowlevel::TimerQueue timers_;

  std::shared_ptr<lowlevel::Door> door_ = std::make_shared<lowlevel::Door>(*this);
  std::atomic<bool> running_{false};
  std::atomic<const void*> thread_{nullptr};  // the mark of the thread that it runs on; null while it does not
  TaskFactory task_factory_;
  ExceptionHandler exception_handler_;
  std::function<void()> interrupt_handler_;
  std::vector<bool> claimed_;  // by descriptor
  std::vector<std::pair<const void*, std::unique_ptr<lowlevel::Service>>> services_;
};

/// The loop that runs on this thread. *Errors*: `RuntimeError` if none does.
[[nodiscard]] inline EventLoop& get_running_loop() {
  if (detail::running_loop == nullptr) [[unlikely]]
    throw RuntimeError("no running event loop");
  return *detail::running_loop;
}

/// The same, or null.
[[nodiscard]] inline EventLoop* find_running_loop() noexcept { return detail::running_loop; }

}  // namespace tutti

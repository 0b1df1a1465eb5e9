// SPDX-License-Identifier: MIT
// Guest mode: a loop inside the loop of somebody else (GLib, Qt, a game), on the same thread.
//
//   GuestRun run(async_main());                 // a host that can watch a descriptor and has timers:
//   watch(run.descriptor(), [&] { step(); });   //   calls step() when it is readable, and when the time that step() gave has passed
//
//   start_guest_run(async_main(), run_soon, done);   // a host of which only this is known: it calls a function soon
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/base/function.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

namespace detail {

/// The untyped part of a guest run: a loop, and what `Runner` does around it, step by step.
class GuestCore {
 public:
  explicit GuestCore(const RunOptions& options);
  GuestCore(const GuestCore&) = delete;
  GuestCore& operator=(const GuestCore&) = delete;

  void begin(Ref<FutureState> main);
  std::optional<Duration> step();
  [[nodiscard]] bool done() const noexcept { return phase_ == Phase::ended; }
  [[nodiscard]] EventLoop& loop() const noexcept { return *loop_; }
  [[nodiscard]] int descriptor() const noexcept { return done() ? -1 : descriptor_; }

 private:
  enum class Phase { main, tasks, services, ended };
  bool advance();
  void end();

  std::unique_ptr<EventLoop> loop_;
  int descriptor_;
  Phase phase_ = Phase::main;
  Ref<FutureState> awaited_;  // what ends the phase
  std::vector<AnyTask> tasks_;
};

}  // namespace detail

/// A run inside of another loop, which drives it by `step`. As `run` it ends when `main` has ended: all other tasks are cancelled and awaited,
/// async generators closed, the default executor shut down, the loop closed. Between two steps no loop runs on the thread.
///
/// Destroying one that is not done closes its loop as it is. *Concurrency*: one thread. *Source*: trio.lowlevel.start_guest_run.
template <class T>
class GuestRun {
 public:
  /// Nothing runs before the first `step`. *Errors*: `RuntimeError` if the back end has no descriptor (`poll`).
  template <class A>
    requires(!std::same_as<std::remove_cvref_t<A>, GuestRun>)
  explicit GuestRun(A&& main, const RunOptions& options = {})
      : core_(std::make_unique<detail::GuestCore>(options)), main_(core_->loop().create_task(std::forward<A>(main))) {
    core_->begin(main_.state());
  }

  /// One iteration, without waiting. Gives how long the host may wait for the next one, if `descriptor` does not become readable before:
  /// zero, if there is work at hand; nothing, without a limit, and once it is done. *Errors*: `RuntimeError` inside of a running loop;
  /// `KeyboardInterrupt` and `SystemExit` of a task.
  std::optional<Duration> step() { return core_->step(); }
  /// What to wait for: readable when there is something to do. -1 when it is done.
  [[nodiscard]] int descriptor() const noexcept { return core_->descriptor(); }
  /// Whether all has ended and the loop is closed.
  [[nodiscard]] bool done() const noexcept { return core_->done(); }
  /// What `main` gave or threw. *Errors*: `InvalidStateError` if it is not done.
  T result() { return main_.result(); }
  /// The same as an `Outcome`, once it is done.
  Outcome<T> outcome() { return detail::outcome_of<T>(*main_.state()); }
  /// Cancels `main`. To be followed by a `step`, as all that the host does to the loop's tasks by itself.
  bool cancel() { return main_.cancel(); }
  /// The loop; until the run is done. What the host asks of it by `call_soon_threadsafe` makes the descriptor readable.
  [[nodiscard]] EventLoop& loop() const noexcept { return core_->loop(); }

 private:
  std::unique_ptr<detail::GuestCore> core_;
  Task<T> main_;
};

template <class A>
GuestRun(A&&) -> GuestRun<detail::ResultOf<A>>;
template <class A>
GuestRun(A&&, RunOptions) -> GuestRun<detail::ResultOf<A>>;

/// How a host is asked to call a function soon, on its loop's thread: from any thread, in the order of the calls.
using RunSoonThreadsafe = std::function<void(MoveOnlyFunction<void()>)>;

namespace detail {

/// Steps on the host's thread, waiting on another one. Keeps itself alive until it is done.
void drive_guest(RunSoonThreadsafe run_soon, MoveOnlyFunction<std::optional<Duration>()> step,
                 MoveOnlyFunction<int()> descriptor, MoveOnlyFunction<void(std::exception_ptr)> done);

}  // namespace detail

/// Runs `main` inside of the host loop of this thread, which needs to know nothing but `run_soon`: a thread of its own waits for I/O and timers, and all
/// steps are made by functions that the host is asked to call. When all has ended, `done(Outcome<T>)` is called on the host's thread.
/// Gives the run, to cancel it or to get at its loop; whoever drops it stops nothing. *Errors*: as `GuestRun`; what leaves the
/// loop ends the run, and goes to `done`. *Lifetime*: `run_soon` and `done` are kept until then. *Source*: trio.lowlevel.start_guest_run.
template <class A, class Done>
auto start_guest_run(A&& main, RunSoonThreadsafe run_soon, Done done, const RunOptions& options = {}) {
  using T = detail::ResultOf<A>;
  auto run = std::make_shared<GuestRun<T>>(std::forward<A>(main), options);
  detail::drive_guest(
      std::move(run_soon), [run] { return run->step(); }, [run] { return run->descriptor(); },
      [run, done = std::move(done)](std::exception_ptr error) mutable {
        Outcome<T> outcome = run->outcome();
        done(error ? Outcome<T>(std::move(error)) : std::move(outcome));
      });
  return run;
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// CapacityLimiter: so many tokens, and it knows who holds them; and `to_thread` with one.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/sync/errors.hpp>
#include <tutti/sync/waiter.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

class CapacityLimiter;

/// Who holds a token: a task, or whatever has an address of its own while it holds one.
class Borrower {
 public:
  Borrower(const AnyTask& task) noexcept  // NOLINT(google-explicit-constructor): a task is one
      : identity_(&task.state()), task_(&task.state()) {}
  Borrower(const void* identity) noexcept  // NOLINT(google-explicit-constructor): so is an address
      : identity_(identity) {}

  [[nodiscard]] const void* identity() const noexcept { return identity_; }
  friend bool operator==(const Borrower& a, const Borrower& b) noexcept { return a.identity_ == b.identity_; }

 private:
  const void* identity_;
  detail::Ref<detail::FutureState> task_;  // so that no other task gets its address
};

/// A look at a limiter; what `statistics` gives.
struct CapacityLimiterStatistics {
  std::size_t borrowed_tokens = 0;
  std::optional<std::size_t> total_tokens;  ///< absent: no bound
  std::vector<Borrower> borrowers;          ///< in no order
  std::size_t tasks_waiting = 0;
};

/// Holds a token, and gives it back at the end of its life. *Lifetime*: the limiter must outlive it.
class [[nodiscard]] BorrowedToken {
 public:
  /// Takes over a token that was acquired.
  BorrowedToken(CapacityLimiter& limiter, Borrower borrower) noexcept
      : limiter_(&limiter), borrower_(std::move(borrower)) {}
  BorrowedToken(BorrowedToken&& other) noexcept
      : limiter_(std::exchange(other.limiter_, nullptr)), borrower_(std::move(other.borrower_)) {}
  BorrowedToken& operator=(BorrowedToken&& other) noexcept {
    std::swap(limiter_, other.limiter_);
    std::swap(borrower_, other.borrower_);
    return *this;
  }
  /// Releases, unless that was done. If it was released behind the guard's back, the loop's exception handler hears of it.
  ~BorrowedToken();

  /// Releases before the end; a second call does nothing. *Errors*: those of `release_on_behalf_of`.
  void release();
  explicit operator bool() const noexcept { return limiter_ != nullptr; }

 private:
  CapacityLimiter* limiter_;
  Borrower borrower_;
};

namespace detail {

class LimiterWaiter : public Waiter {
 public:
  LimiterWaiter(CapacityLimiter& limiter, std::optional<Borrower> borrower) noexcept
      : limiter_(&limiter), borrower_(std::move(borrower)) {}

  [[nodiscard]] bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);

 protected:
  LimiterWaiter(LimiterWaiter&&) noexcept = default;
  ~LimiterWaiter() = default;
  void take();

  friend class tutti::CapacityLimiter;
  CapacityLimiter* limiter_;
  std::optional<Borrower> borrower_;
};

class [[nodiscard]] LimiterAcquire final : public LimiterWaiter {
 public:
  using LimiterWaiter::LimiterWaiter;
  void await_resume() { take(); }
};

class [[nodiscard]] LimiterScoped final : public LimiterWaiter {
 public:
  using LimiterWaiter::LimiterWaiter;
  BorrowedToken await_resume() {
    take();
    return {*limiter_, *borrower_};
  }
};

class LimiterLink;

}  // namespace detail

/// At most so many tokens are out at a time. Unlike a `Semaphore` it knows its borrowers, each of whom holds one token, and the total
/// can be changed at any time. First come, first served. It belongs to the first loop on which a task had to wait for it.
///
/// *Concurrency*: not for threads. *Lifetime*: must outlive its `BorrowedToken`s; tasks that wait when it is destroyed stay pending until they
/// are cancelled; calls in threads may outlive it. *Source*: trio.CapacityLimiter.
class CapacityLimiter {
 public:
  /// With so many tokens; absent: any number.
  explicit CapacityLimiter(std::optional<std::size_t> total_tokens);
  CapacityLimiter(const CapacityLimiter&) = delete;
  CapacityLimiter& operator=(const CapacityLimiter&) = delete;
  ~CapacityLimiter();

  [[nodiscard]] std::optional<std::size_t> total_tokens() const noexcept { return total_; }
  /// With more tokens, those who wait get them. With fewer, none is taken away, but nobody gets one until enough came back.
  void set_total_tokens(std::optional<std::size_t> total);
  [[nodiscard]] std::size_t borrowed_tokens() const noexcept { return borrowers_.size(); }
  /// How many are left; 0 if more are out than there should be; absent: any number.
  [[nodiscard]] std::optional<std::size_t> available_tokens() const noexcept;

  /// `co_await limiter.acquire()` borrows a token for the present task, and waits while there is none; without an iteration if there is
  /// one and nobody waits. *Errors*: `RuntimeError` if the borrower holds one already, or waits for one, or if it must wait and the
  /// limiter belongs to another loop. *Cancellation*: no token is borrowed; one that was on its way goes to the next in line.
  detail::LimiterAcquire acquire() noexcept { return {*this, std::nullopt}; }
  /// The same for somebody else.
  detail::LimiterAcquire acquire_on_behalf_of(Borrower borrower) noexcept { return {*this, std::move(borrower)}; }
  /// The same if it need not wait. *Errors*: `WouldBlock`; as `acquire`.
  void acquire_nowait();
  void acquire_on_behalf_of_nowait(Borrower borrower);
  /// As `acquire`, and gives a guard that gives the token back: `auto token = co_await limiter.scoped();`.
  detail::LimiterScoped scoped() noexcept { return {*this, std::nullopt}; }
  detail::LimiterScoped scoped_on_behalf_of(Borrower borrower) noexcept { return {*this, std::move(borrower)}; }
  /// Gives the present task's token back; the first in line will run in the next iteration. *Errors*: `RuntimeError` if it has none.
  void release();
  void release_on_behalf_of(const Borrower& borrower);

  [[nodiscard]] CapacityLimiterStatistics statistics();

 private:
  friend detail::LimiterWaiter;
  friend class detail::LimiterLink;
  using Borrowers = std::vector<Borrower>;

  [[nodiscard]] bool has_token() const noexcept { return !total_ || borrowers_.size() < *total_; }
  [[nodiscard]] bool must_wait() const noexcept { return !has_token() || !waiters_.all_cancelled(); }
  [[nodiscard]] Borrowers::iterator find(const Borrower& borrower);
  [[nodiscard]] bool holds(const Borrower& borrower);
  void check_new(const Borrower& borrower);
  void add(const Borrower& borrower);
  bool remove(const Borrower& borrower);
  void wake_up();

  std::optional<std::size_t> total_;
  Borrowers borrowers_;  // by address
  detail::LoopBound bound_;
  detail::WaiterList waiters_;
  std::shared_ptr<detail::LimiterLink> link_;  // made when a thread first holds a token
};

/// Options of `to_thread`.
struct ThreadOptions {
  CapacityLimiter* limiter = nullptr;  ///< whose token the call holds while it runs; null: no limit but the executor's
  Executor* executor = nullptr;        ///< null: the loop's default one
};

namespace detail {

/// A call in a thread as a borrower.
class ThreadBorrower {
 public:
  ThreadBorrower(std::shared_ptr<LimiterLink> link, std::shared_ptr<lowlevel::Door> door) noexcept
      : link_(std::move(link)), door_(std::move(door)) {}

  /// In the thread, before the function: false if it must not run.
  [[nodiscard]] bool begin() noexcept { return !begun_.exchange(true, std::memory_order_acq_rel); }
  /// On the loop's thread: the call was cancelled. If the function has not begun, it never will, and the token is free.
  void call_off();

 private:
  friend class ThreadToken;
  std::shared_ptr<LimiterLink> link_;
  std::shared_ptr<lowlevel::Door> door_;
  std::atomic<bool> begun_{false};
};

/// Its token, which goes back from whichever thread destroys this.
class ThreadToken {
 public:
  explicit ThreadToken(std::shared_ptr<ThreadBorrower> borrower) noexcept : borrower_(std::move(borrower)) {}
  ThreadToken(ThreadToken&&) noexcept = default;
  ThreadToken& operator=(ThreadToken&&) = delete;
  ~ThreadToken();
  [[nodiscard]] const std::shared_ptr<ThreadBorrower>& borrower() const noexcept { return borrower_; }

 private:
  std::shared_ptr<ThreadBorrower> borrower_;
};

Coro<ThreadToken> borrow_for_thread(CapacityLimiter& limiter);

template <class F>
Coro<std::invoke_result_t<F&>> to_limited_thread(F function, ThreadOptions options) {
  ThreadToken token = co_await borrow_for_thread(*options.limiter);
  const std::shared_ptr<ThreadBorrower> borrower = token.borrower();
  auto future =
      call_in_thread(options.executor,
                     [token = std::move(token), function = std::move(function)]() mutable -> std::invoke_result_t<F&> {
                       const ThreadToken held = std::move(token);  // until the function has ended
                       if (!held.borrower()->begin()) throw CancelledError();
                       F called = std::move(function);
                       return called();
                     });
  std::exception_ptr cancellation;
  try {
    co_return co_await std::move(future);
  } catch (const CancelledError&) {
    cancellation = std::current_exception();
  }
  borrower->call_off();
  std::rethrow_exception(cancellation);
}

template <class F>
Coro<std::invoke_result_t<F&>> to_unlimited_thread(F function, ThreadOptions options) {
  co_return co_await call_in_thread(options.executor, std::move(function));
}

}  // namespace detail

/// `to_thread` with a limiter, of which the call borrows a token for as long as the function runs, and in an executor of one's choice.
/// *Errors*: those of `acquire` and of `run_in_executor`; what the function throws. *Cancellation*: while it waits for a token, or before the
/// function has begun, the function never runs. Afterwards it runs on, its result is dropped, and the token comes back when it has ended.
/// *Lifetime*: the limiter until the token was borrowed, the executor until the call. *Source*: trio.to_thread.run_sync.
template <class F>
Coro<std::invoke_result_t<F&>> to_thread(F function, ThreadOptions options) {
  return options.limiter == nullptr ? detail::to_unlimited_thread(std::move(function), options)
                                    : detail::to_limited_thread(std::move(function), options);
}

}  // namespace tutti

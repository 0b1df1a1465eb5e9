// SPDX-License-Identifier: MIT
// An executor of threads.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/function.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/base/range.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/executor_results.hpp>

namespace tutti {

/// A thread's initializer failed: the pool cannot be used any more. *Source*: concurrent.futures.thread.BrokenThreadPool.
class BrokenThreadPool : public BrokenExecutor {
 public:
  using BrokenExecutor::BrokenExecutor;
  ~BrokenThreadPool() override;
};

struct ThreadPoolOptions {
  std::optional<std::size_t> max_workers = {};  ///< absent: the number of processors + 4, at most 32
  std::string thread_name_prefix = "tutti";     ///< threads are called prefix_0, prefix_1, … (cut to 15 bytes)
  MoveOnlyFunction<void()> initializer = {};    ///< each thread calls it first; if it throws, the pool is broken
};

namespace detail {

/// A call whose result goes to a `concurrent::Future`.
template <class R, class F>
class SubmittedCall final : public Job {
 public:
  SubmittedCall(F function, concurrent::Future<R> future)
      : function_(std::move(function)), future_(std::move(future)) {}
  SubmittedCall(const SubmittedCall&) = delete;
  SubmittedCall& operator=(const SubmittedCall&) = delete;
  ~SubmittedCall() override { future_.cancel(); }  // unless it was done

  void run() noexcept override {
    if (!future_.set_running_or_notify_cancel()) return;
    try {
      if constexpr (std::is_void_v<R>) {
        call();
        future_.set_result();
      } else {
        future_.set_result(call());
      }
    } catch (...) {
      future_.set_exception(std::current_exception());
    }
  }
  void refuse(std::exception_ptr why) noexcept override {
    if (future_.set_running_or_notify_cancel()) future_.set_exception(std::move(why));
  }

 private:
  // The function and what it captured are gone when the result is there.
  R call() {
    F function = std::move(*std::exchange(function_, std::nullopt));
    return function();
  }
  std::optional<F> function_;
  concurrent::Future<R> future_;
};

}  // namespace detail

/// Threads that are started when there is work and none is idle, and then wait for more. Destroying it waits for all
/// jobs, unless `shutdown` was called before. *Errors* of `submit`: `RuntimeError` after `shutdown`; `BrokenThreadPool` when an
/// initializer failed (jobs that wait then are refused with the same, and its exception is logged).
/// *Concurrency*: all functions from any thread. *Source*: concurrent.futures.ThreadPoolExecutor.
class ThreadPoolExecutor final : public Executor {
 public:
  /// Starts nothing yet. *Errors*: `ValueError` for 0 workers.
  explicit ThreadPoolExecutor(ThreadPoolOptions options = {});
  ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
  ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;
  ~ThreadPoolExecutor() override;

  void submit(std::unique_ptr<Job> job) override;
  /// Calls `function(args...)` in a thread; gives a future for threads to block on. In a coroutine it is
  /// `run_in_executor(pool, function, args...)`. *Cancellation*: a call that was not started never runs.
  template <class F, class... Args>
    requires std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>
  auto submit(F&& function, Args&&... args) {
    using R = std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>;
    return submit_call<R>(detail::bind_call(std::forward<F>(function), std::forward<Args>(args)...));
  }

  /// Calls `function` for each item of `items`, in several threads at once. All are submitted at once; the results come in order.
  template <class F, detail::Range R>
  auto map(F function, R&& items, const ExecutorMapOptions& options = {}) {
    using Item = detail::RangeValue<R>;
    using Result = std::decay_t<std::invoke_result_t<const F&, Item>>;
    MapResults<Result> results(options);
    const auto shared = std::make_shared<const F>(std::move(function));
    for (auto&& item : items) {
      results.add(submit_call<detail::MapChunk<Result>>(
          [shared, kept = Item(std::forward<decltype(item)>(item))]() mutable { return one<Result>(*shared, kept); }));
    }
    return results;
  }

  void shutdown(bool wait = true, bool cancel_pending = false) override;
  /// How many threads it has now.
  [[nodiscard]] std::size_t threads() const;

 private:
  template <class R, class Call>
  concurrent::Future<R> submit_call(Call call) {
    concurrent::Future<R> future;
    submit(std::make_unique<detail::SubmittedCall<R, Call>>(std::move(call), future));
    return future;
  }
  template <class Result, class F, class Item>
  static detail::MapChunk<Result> one(const F& function, Item& item) {
    auto chunk = std::make_unique<std::vector<detail::MapItem<Result>>>();
    if constexpr (std::is_void_v<Result>) {
      detail::invoke(function, std::move(item));
      chunk->emplace_back();
    } else {
      chunk->push_back(detail::invoke(function, std::move(item)));
    }
    return chunk;
  }

  struct State;
  std::shared_ptr<State> state_;  // shared with the threads, which may stay behind
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
// An executor of processes: for work that keeps a processor busy, or that may crash.
//
//   double simulate(int seed, const std::vector<double>& parameters);        // an ordinary function
//
//   tutti::ProcessPoolExecutor pool;
//   double result = co_await pool.run(simulate, 7, parameters);               // in a coroutine
//   double other = pool.submit(simulate, 8, parameters).result();             // or in a thread
//
// A function, or a lambda without captures, needs no registration. Its arguments and its result cross as bytes: see serialize.hpp.
//
// The workers are forked from a server, a process that is this program started again up to the begin of `main`: the constructors of static
// objects run in it, `main` does not. So a pool may be made at any time, with any number of threads around; a static object of the program
// is there in the workers as its constructor made it, and what `main` has done since is not. This works by the inclusion of this header in
// the program itself; in a library that a foreign program loads it does not.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/range.hpp>
#include <tutti/executors/process_call.hpp>
#include <tutti/executors/serialize.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/executor.hpp>
#include <tutti/task/executor_results.hpp>
#include <tutti/task/future.hpp>

namespace tutti {

/// A worker process ended abruptly in the call whose future has this; the pool goes on, with a new worker. Or no worker can be started, or an
/// initializer failed, or a worker ended in it: then the pool cannot be used any more, and all its calls have this.
/// *Source*: concurrent.futures.process.BrokenProcessPool.
class BrokenProcessPool : public BrokenExecutor {
 public:
  using BrokenExecutor::BrokenExecutor;
  ~BrokenProcessPool() override;
};

struct ProcessPoolOptions {
  std::optional<std::size_t> max_workers = {};  ///< absent: the number of processors
  ProcessCall initializer = {};                 ///< each worker calls it first; if it throws, the pool is broken
  std::optional<std::size_t> max_tasks_per_child = {};  ///< a worker is replaced after so many calls; absent: never
};

namespace detail {

using ProgramConstructor = void (*)(int argc, char** argv, char** environment);

/// In a process that was started to be a server: never returns. Else notes that this program can be one.
void enter_program(ProgramConstructor self, int argc, char** argv, char** environment);

// Runs before `main`; process_entry.cpp explains it.
[[gnu::constructor, gnu::used, gnu::visibility("hidden")]] inline void enter_this_program(int argc, char** argv,
                                                                                          char** environment) {
  enter_program(&enter_this_program, argc, argv, environment);
}

/// A call on its way to a worker and back.
class ProcessJob {
 public:
  explicit ProcessJob(std::string call) noexcept : call_(std::move(call)) {}
  ProcessJob(const ProcessJob&) = delete;
  ProcessJob& operator=(const ProcessJob&) = delete;
  virtual ~ProcessJob();

  /// A worker is about to get it. False if it was cancelled.
  [[nodiscard]] virtual bool begin() = 0;
  /// *Errors*: what reading the result throws.
  virtual void succeed(ByteReader& result) = 0;
  virtual void fail(std::exception_ptr error) = 0;
  virtual void cancel() = 0;
  [[nodiscard]] std::string take_call() noexcept { return std::move(call_); }

 private:
  std::string call_;
};

/// `Sent` is the type of the result as it comes from the worker.
template <class T, class Sent>
class TypedProcessJob final : public ProcessJob {
 public:
  TypedProcessJob(std::string call, concurrent::Future<T> future)
      : ProcessJob(std::move(call)), future_(std::move(future)) {}
  [[nodiscard]] bool begin() override { return future_.set_running_or_notify_cancel(); }
  void succeed(ByteReader& result) override {
    if constexpr (std::is_void_v<Sent>) {
      result.expect_end();
      future_.set_result();
    } else {
      auto value = result.read<Sent>();
      result.expect_end();
      if constexpr (std::is_same_v<T, Sent>) {
        future_.set_result(std::move(value));
      } else {
        future_.set_result(std::make_unique<Sent>(std::move(value)));
      }
    }
  }
  void fail(std::exception_ptr error) override { future_.set_exception(std::move(error)); }
  void cancel() override { future_.cancel(); }

 private:
  concurrent::Future<T> future_;
};

/// What a worker does with a chunk of a `map`.
template <class Types, class Item>
void run_chunk(ByteReader& in, ByteWriter& out) {
  auto function = Types::read_function(in);
  auto items = in.read<std::vector<Item>>();
  in.expect_end();
  std::vector<MapItem<CarriedT<typename Types::Result>>> results;
  results.reserve(items.size());
  for (auto&& item : items) {
    typename Types::Arguments arguments(static_cast<Item>(std::move(item)));
    if constexpr (std::is_void_v<typename Types::Result>) {
      Types::call(function, arguments);
      results.emplace_back();
    } else {
      results.push_back(Types::call(function, arguments));
    }
  }
  out.write(results);
}

}  // namespace detail

/// Worker processes that are started when there is work and none is idle, and then wait for more. Destroying it waits for all calls, unless
/// `shutdown` was called before; so a coroutine that lets it go while calls run holds up its loop.
///
/// *Errors* of a call: what the function throws, with its type if that is of the standard library or of Tutti, else as a `RuntimeError`
/// whose message begins with the type's name; `SerializationError`; `BrokenProcessPool` if the worker that has it ends abruptly, perhaps
/// before the call's begin. Other calls, those that wait, and the program itself are not harmed, whatever a worker does.
/// *Cancellation*: a call that waits never runs; one that a worker has begun runs on, and its result is dropped.
/// *Concurrency*: all functions from any thread. *Lifetime*: arguments are copied before `submit` returns.
/// Workers have the standard output and error in common with the program, no other descriptor; they end when the program ends, in
/// whatever way. Ctrl-C at the terminal ends the calls that run, and leaves workers alone that wait. *Source*:
/// concurrent.futures.ProcessPoolExecutor.
class ProcessPoolExecutor final {
 public:
  /// Starts nothing yet. *Errors*: `ValueError` for a number of 0; `RuntimeError` if the program cannot be started again.
  explicit ProcessPoolExecutor(ProcessPoolOptions options = {});
  ProcessPoolExecutor(const ProcessPoolExecutor&) = delete;
  ProcessPoolExecutor& operator=(const ProcessPoolExecutor&) = delete;
  ~ProcessPoolExecutor();

  /// Calls `function(args...)` in a worker; gives a future for threads to block on. *Errors*: `BrokenProcessPool`; `RuntimeError` after
  /// `shutdown`.
  template <class F, class... Args>
  auto submit(F&& function, Args&&... args) {
    using Types = detail::CallTypesOf<F, Args...>;
    using Result = detail::CarriedT<typename Types::Result>;
    const concurrent::Future<Result> future;
    submit_job(std::make_unique<detail::TypedProcessJob<Result, Result>>(
        detail::write_call<Types>(std::decay_t<F>(function), args...), future));
    return future;
  }

  /// The same for coroutines: gives a future of the running loop.
  template <class F, class... Args>
  auto run(F&& function, Args&&... args) {
    return run_on(get_running_loop(), std::forward<F>(function), std::forward<Args>(args)...);
  }
  template <class F, class... Args>
  auto run_on(EventLoop& loop, F&& function, Args&&... args) {
    return detail::await_executor(submit(std::forward<F>(function), std::forward<Args>(args)...), loop);
  }

  /// Calls `function` for each item of `items`, `options.chunk_size` of them at a time in one worker. All are submitted at once; the
  /// results come in order. If one call throws, the results of its chunk are lost.
  template <class F, detail::Range R>
  auto map(F&& function, R&& items, const ExecutorMapOptions& options = {}) {
    using Types = detail::CallTypesOf<F, detail::RangeValue<R>>;
    using Item = std::tuple_element_t<0, typename Types::Arguments>;
    using Result = detail::CarriedT<typename Types::Result>;
    using Chunk = typename detail::MapChunk<Result>::element_type;
    const std::decay_t<F> callable(function);
    MapResults<Result> results(options);
    detail::for_each_chunk<Item>(items, options.chunk_size, [&](const std::vector<Item>& chunk) {
      ByteWriter call;
      detail::begin_call<Types>(call, &detail::run_chunk<Types, Item>, callable);
      call.write(chunk);
      const concurrent::Future<detail::MapChunk<Result>> future;
      submit_job(
          std::make_unique<detail::TypedProcessJob<detail::MapChunk<Result>, Chunk>>(std::move(call).bytes(), future));
      results.add(future);
    });
    return results;
  }

  /// Takes no more calls. `wait`: returns when all have ended, and all processes are gone. `cancel_futures`: cancels those that no worker
  /// has begun.
  void shutdown(bool wait = true, bool cancel_futures = false);
  /// `shutdown(false, true)`, and asks the workers to end (SIGTERM), also in the middle of a call, which has `BrokenProcessPool` then.
  void terminate_workers();
  /// The same with SIGKILL.
  void kill_workers();
  /// How many worker processes there are now.
  [[nodiscard]] std::size_t workers() const;

 private:
  void submit_job(std::unique_ptr<detail::ProcessJob> job);
  void stop_workers(int signal);
  struct State;
  std::shared_ptr<State> state_;
};

/// For `loop.run_in_executor(pool, function, args...)`.
template <class F, class... Args>
auto submit_to(EventLoop& loop, ProcessPoolExecutor& pool, F&& function, Args&&... args) {
  return pool.run_on(loop, std::forward<F>(function), std::forward<Args>(args)...);
}
/// `pool.run(function, args...)`.
template <class F, class... Args>
auto run_in_executor(ProcessPoolExecutor& pool, F&& function, Args&&... args) {
  return pool.run(std::forward<F>(function), std::forward<Args>(args)...);
}

}  // namespace tutti

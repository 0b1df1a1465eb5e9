// SPDX-License-Identifier: MIT
// An executor of threads.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <tutti/base/function.hpp>
#include <tutti/task/executor.hpp>

namespace tutti {

struct ThreadPoolOptions {
  std::size_t max_workers = 0;                ///< 0: the number of processors + 4, at most 32
  std::string thread_name_prefix = "tutti";   ///< threads are called prefix_0, prefix_1, … (cut to 15 bytes)
  MoveOnlyFunction<void()> initializer = {};  ///< each thread calls it first; if it throws, the pool is broken
};

/// Threads that are started when there is work and none is idle, and then wait for more. Destroying it waits for all
/// jobs, unless `shutdown` was called before. *Errors* of `submit`: `RuntimeError` after `shutdown`, and when an
/// initializer failed (jobs that wait then are refused with the same). *Source*: concurrent.futures.ThreadPoolExecutor.
class ThreadPoolExecutor final : public Executor {
 public:
  explicit ThreadPoolExecutor(ThreadPoolOptions options = {});
  ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
  ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;
  ~ThreadPoolExecutor() override;

  void submit(std::unique_ptr<Job> job) override;
  void shutdown(bool wait = true, bool cancel_pending = false) override;
  /// How many threads it has now.
  [[nodiscard]] std::size_t threads() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the threads, which may stay behind
};

}  // namespace tutti

// SPDX-License-Identifier: MIT
// The thread of a pool: gives calls to workers and takes their replies.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <tutti/base/fd.hpp>
#include <tutti/executors/process_pool.hpp>

#include "executors/server_link.hpp"
#include "executors/worker_link.hpp"

namespace tutti::detail {

/// What the pool's owner and its thread share.
struct PoolShared {
  std::size_t max_workers = 0;
  std::optional<std::size_t> max_tasks_per_child;
  ProcessCall initializer;
  Fd news;  // an eventfd: something below has changed
  std::atomic<std::size_t> workers{0};

  std::mutex mutex;  // for all that follows
  std::deque<std::unique_ptr<ProcessJob>> queue;
  bool stopping = false;
  int signal = 0;                     // what the workers are to get
  std::optional<std::string> broken;  // why

  void notify() const noexcept;
};

/// Everything here belongs to the pool's thread.
class ProcessManager {
 public:
  explicit ProcessManager(std::shared_ptr<PoolShared> shared) noexcept : shared_(std::move(shared)) {}

  /// Until the pool is shut down and all calls have ended, or it is broken.
  void run() noexcept;

 private:
  struct Worker {
    enum class State { starting, initializing, idle, busy, leaving };
    std::uint32_t number;
    WorkerLink link;
    State state = State::starting;
    std::unique_ptr<ProcessJob> job;
    std::size_t calls = 0;
  };
  struct Broken {
    std::string why;
  };

  void serve();
  void give_out_calls();
  void spawn_workers(std::size_t wanted);
  [[nodiscard]] bool all_done();
  void wait();
  void read_notices();
  void heed(const ServerNotice& notice);
  void started(Worker& worker);
  void exited(Worker& worker, int status);
  void read_worker(Worker& worker);
  void take_reply(Worker& worker);
  void end_worker(std::uint32_t number);
  void do_with_fewer(const std::string& why);
  void break_pool(const std::string& why) noexcept;
  Worker* find_idle() noexcept;

  std::shared_ptr<PoolShared> shared_;
  ServerLink server_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint32_t last_number_ = 0;
  bool stopped_ = false;  // the workers got a signal, by the owner's wish
};

}  // namespace tutti::detail

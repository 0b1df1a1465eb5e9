// SPDX-License-Identifier: MIT
#include <tutti/executors/process_pool.hpp>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include <pthread.h>
#include <sys/eventfd.h>

#include <tutti/base/error.hpp>

#include "executors/process_manager.hpp"
#include "executors/process_server.hpp"

namespace tutti {

BrokenProcessPool::~BrokenProcessPool() = default;

namespace detail {
ProcessJob::~ProcessJob() = default;

namespace {

std::size_t positive(std::optional<std::size_t> number, std::size_t by_default, const char* name) {
  if (number == 0) throw ValueError(std::string("ProcessPoolExecutor: ") + name + " must be greater than 0");
  return number.value_or(by_default);
}

/// The program's signals are for its own threads.
std::thread start_thread(std::shared_ptr<PoolShared> shared) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    const sigset_t& mask;
    ~Restore() { ::pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{before};
  return std::thread([shared = std::move(shared)] {
    ::pthread_setname_np(::pthread_self(), "tutti-pool");
    ProcessManager(shared).run();
  });
}

}  // namespace
}  // namespace detail

struct ProcessPoolExecutor::State : detail::PoolShared {
  std::thread thread;
  bool begun = false;
};

ProcessPoolExecutor::ProcessPoolExecutor(ProcessPoolOptions options) : state_(std::make_shared<State>()) {
  if (!detail::can_start_server()) {
    throw RuntimeError("ProcessPoolExecutor: this program cannot be started again as a server of worker processes");
  }
  const std::size_t processors = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  state_->max_workers = detail::positive(options.max_workers, processors, "max_workers");
  detail::positive(options.max_tasks_per_child, 1, "max_tasks_per_child");
  state_->max_tasks_per_child = options.max_tasks_per_child;
  state_->initializer = std::move(options.initializer);
  state_->news.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state_->news) throw_os_error(errno, "eventfd of a process pool");
}

ProcessPoolExecutor::~ProcessPoolExecutor() {
  std::unique_lock lock(state_->mutex);
  const bool wait = !state_->stopping || state_->broken;
  lock.unlock();
  if (wait) shutdown(true);
  lock.lock();
  if (state_->thread.joinable()) state_->thread.detach();
}

void ProcessPoolExecutor::submit_job(std::unique_ptr<detail::ProcessJob> job) {
  const std::lock_guard lock(state_->mutex);
  if (state_->broken) throw BrokenProcessPool(*state_->broken);
  if (state_->stopping) throw RuntimeError("submit: the executor was shut down");
  state_->queue.push_back(std::move(job));
  if (state_->begun) return state_->notify();
  try {
    state_->thread = detail::start_thread(state_);
    state_->begun = true;
  } catch (const std::system_error& error) {
    state_->queue.pop_back();
    throw OSError(error.code(), std::string("start the thread of a process pool: ") + error.what());
  }
}

void ProcessPoolExecutor::shutdown(bool wait, bool cancel_futures) {
  std::deque<std::unique_ptr<detail::ProcessJob>> cancelled;
  std::thread ending;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    if (cancel_futures) cancelled.swap(state_->queue);
    if (wait) ending.swap(state_->thread);
  }
  state_->notify();
  for (const auto& job : cancelled) job->cancel();
  if (!ending.joinable()) return;
  if (ending.get_id() == std::this_thread::get_id()) {
    ending.detach();  // called by a callback of a future
  } else {
    ending.join();
  }
}

void ProcessPoolExecutor::stop_workers(int signal) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->signal = signal;
  }
  shutdown(false, true);
}

void ProcessPoolExecutor::terminate_workers() { stop_workers(SIGTERM); }
void ProcessPoolExecutor::kill_workers() { stop_workers(SIGKILL); }

std::size_t ProcessPoolExecutor::workers() const { return state_->workers.load(std::memory_order_relaxed); }

}  // namespace tutti

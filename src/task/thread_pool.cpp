// SPDX-License-Identifier: MIT
#include <tutti/task/thread_pool.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>

namespace tutti {

BrokenThreadPool::~BrokenThreadPool() = default;

struct ThreadPoolExecutor::State {
  State(ThreadPoolOptions chosen, std::size_t most) : options(std::move(chosen)), max_workers(most) {}

  ThreadPoolOptions options;
  const std::size_t max_workers;
  std::mutex initializing;
  mutable std::mutex mutex;  // for all that follows
  std::condition_variable changed;
  std::deque<std::unique_ptr<Job>> jobs;
  std::vector<std::thread> threads;
  std::size_t started = 0;
  std::size_t idle = 0;
  bool stopped = false;
  bool broken = false;

  static void work(const std::shared_ptr<State>& state, std::size_t number);
  bool initialize();
  std::unique_ptr<Job> next();
  void start_thread(const std::shared_ptr<State>& self);
};

namespace {

std::exception_ptr broken_pool() {
  return std::make_exception_ptr(
      BrokenThreadPool("a thread's initializer failed, the thread pool is not usable any more"));
}

}  // namespace

bool ThreadPoolExecutor::State::initialize() {
  if (!options.initializer) return true;
  try {
    const std::lock_guard lock(initializing);
    options.initializer();
    return true;
  } catch (...) {
    log(LogLevel::error, "task", "exception in the initializer of a thread: " + describe(std::current_exception()));
    std::deque<std::unique_ptr<Job>> refused;
    {
      const std::lock_guard lock(mutex);
      broken = true;
      refused.swap(jobs);
    }
    changed.notify_all();
    for (const auto& job : refused) job->refuse(broken_pool());
    return false;
  }
}

/// The next job; null when there will be none.
std::unique_ptr<Job> ThreadPoolExecutor::State::next() {
  std::unique_lock lock(mutex);
  ++idle;
  changed.wait(lock, [this] { return !jobs.empty() || stopped || broken; });
  --idle;
  if (jobs.empty()) return nullptr;
  std::unique_ptr<Job> job = std::move(jobs.front());
  jobs.pop_front();
  return job;
}

void ThreadPoolExecutor::State::work(const std::shared_ptr<State>& state, std::size_t number) {
  const std::string name = state->options.thread_name_prefix + "_" + std::to_string(number);
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
  if (!state->initialize()) return;
  while (const std::unique_ptr<Job> job = state->next()) job->run();
}

void ThreadPoolExecutor::State::start_thread(const std::shared_ptr<State>& self) {
  threads.emplace_back([self, number = started] { work(self, number); });
  ++started;
}

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options) {
  if (options.max_workers == 0) throw ValueError("ThreadPoolExecutor: max_workers must be greater than 0");
  const std::size_t by_default = std::min<std::size_t>(32, std::size_t{std::thread::hardware_concurrency()} + 4);
  const std::size_t most = options.max_workers.value_or(by_default);
  state_ = std::make_shared<State>(std::move(options), most);
}

ThreadPoolExecutor::~ThreadPoolExecutor() {
  std::unique_lock lock(state_->mutex);
  const bool wait = !state_->stopped;
  lock.unlock();
  if (wait) shutdown(true);
  lock.lock();
  for (std::thread& thread : state_->threads) thread.detach();
  state_->threads.clear();
}

void ThreadPoolExecutor::submit(std::unique_ptr<Job> job) {
  const std::lock_guard lock(state_->mutex);
  if (state_->broken) std::rethrow_exception(broken_pool());
  if (state_->stopped) throw RuntimeError("submit: the executor was shut down");
  state_->jobs.push_back(std::move(job));
  if (state_->jobs.size() <= state_->idle) return state_->changed.notify_one();
  if (state_->threads.size() >= state_->max_workers) return;
  try {
    state_->start_thread(state_);
  } catch (const std::system_error& error) {
    // The threads that there are will come to it.
    if (!state_->threads.empty()) return;
    state_->jobs.pop_back();
    throw OSError(error.code(), std::string("start a thread: ") + error.what());
  }
}

void ThreadPoolExecutor::shutdown(bool wait, bool cancel_pending) {
  std::deque<std::unique_ptr<Job>> cancelled;
  std::vector<std::thread> ending;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    if (cancel_pending) cancelled.swap(state_->jobs);
    if (wait) ending.swap(state_->threads);
  }
  state_->changed.notify_all();
  cancelled.clear();
  for (std::thread& thread : ending) {
    if (thread.get_id() == std::this_thread::get_id()) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

std::size_t ThreadPoolExecutor::threads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->threads.size();
}

}  // namespace tutti

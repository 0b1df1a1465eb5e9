// SPDX-License-Identifier: MIT
#include "executors/process_manager.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>

#include "base/process_end.hpp"
#include "executors/remote_error.hpp"

namespace tutti::detail {
void PoolShared::notify() const noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t count = ::write(news.get(), &one, sizeof one);
}

void ProcessManager::run() noexcept {
  try {
    server_.start();
    serve();
    server_.close();
  } catch (const Broken& broken) {
    break_pool(broken.why);
  } catch (...) {
    break_pool("the process pool cannot work: " + describe(std::current_exception()));
  }
}

void ProcessManager::serve() {
  for (;;) {
    give_out_calls();
    if (all_done()) return;
    wait();
  }
}

// ---- calls ----

ProcessManager::Worker* ProcessManager::find_idle() noexcept {
  for (const auto& worker : workers_) {
    if (worker->state == Worker::State::idle && worker->link.is_open()) return worker.get();
  }
  return nullptr;
}

void ProcessManager::give_out_calls() {
  std::vector<std::unique_ptr<ProcessJob>> cancelled;  // destroyed without the lock
  std::size_t wanted = 0;
  int signal = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    signal = std::exchange(shared_->signal, 0);
    auto& queue = shared_->queue;
    for (Worker* worker = find_idle(); worker != nullptr && !queue.empty(); worker = find_idle()) {
      std::unique_ptr<ProcessJob> job = std::move(queue.front());
      queue.pop_front();
      if (!job->begin()) {
        cancelled.push_back(std::move(job));
        continue;
      }
      worker->state = Worker::State::busy;
      worker->link.send(job->take_call());
      worker->job = std::move(job);
    }
    wanted = queue.size();
  }
  if (signal != 0) {
    stopped_ = true;
    for (const auto& worker : workers_) server_.signal(worker->number, signal);
  }
  spawn_workers(wanted);
}

// Few at a time: the first may have done the work before the last is there.
void ProcessManager::spawn_workers(std::size_t wanted) {
  constexpr std::size_t kAtOnce = 16;
  const auto starting =
      static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(), [](const auto& worker) {
        return worker->state == Worker::State::starting || worker->state == Worker::State::initializing;
      }));
  for (std::size_t i = starting; i < std::min(wanted, kAtOnce) && workers_.size() < shared_->max_workers; ++i) {
    try {
      const std::uint32_t number = ++last_number_;
      workers_.push_back(std::make_unique<Worker>(Worker{number, WorkerLink(server_.spawn(number)), {}, {}, {}}));
    } catch (const OSError& error) {
      return do_with_fewer(error.what());
    }
    shared_->workers.store(workers_.size(), std::memory_order_relaxed);
  }
}

bool ProcessManager::all_done() {
  {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->stopping || !shared_->queue.empty()) return false;
  }
  for (const auto& worker : workers_) {
    if (worker->state == Worker::State::busy) return false;
  }
  for (const auto& worker : workers_) {
    worker->state = Worker::State::leaving;
    worker->link.close();
  }
  return workers_.empty();
}

// ---- waiting ----

void ProcessManager::wait() {
  std::vector<pollfd> entries{{shared_->news.get(), POLLIN, 0}, {server_.descriptor(), POLLIN, 0}};
  std::vector<Worker*> open;
  for (const auto& worker : workers_) {
    if (!worker->link.is_open()) continue;
    const int events = worker->link.wants_to_send() ? POLLIN | POLLOUT : POLLIN;
    entries.push_back({worker->link.descriptor(), static_cast<short>(events), 0});
    open.push_back(worker.get());
  }
  if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) {
    throw Broken{std::string("the process pool cannot work: poll: ") + std::strerror(errno)};
  }
  if (entries[0].revents != 0) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(shared_->news.get(), &count, sizeof count);
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    const short events = entries[i + 2].revents;
    if ((events & POLLOUT) != 0) open[i]->link.send_more();
    if ((events & ~POLLOUT) != 0) read_worker(*open[i]);
  }
  if (entries[1].revents != 0) read_notices();
}

// ---- workers ----

void ProcessManager::read_notices() {
  bool ended = false;
  while (const std::optional<ServerNotice> notice = server_.receive(ended)) heed(*notice);
  if (ended) throw Broken{"the server of the process pool has ended, the process pool is not usable any more"};
}

void ProcessManager::heed(const ServerNotice& notice) {
  const auto place = std::find_if(workers_.begin(), workers_.end(),
                                  [&](const auto& worker) { return worker->number == notice.worker; });
  if (place == workers_.end()) return;
  Worker& worker = **place;
  switch (notice.kind) {
    case ServerNotice::Kind::started: return started(worker);
    case ServerNotice::Kind::exited: return exited(worker, notice.value);
    case ServerNotice::Kind::failed: break;
  }
  const bool needed = worker.state != Worker::State::leaving;
  end_worker(worker.number);
  if (needed) do_with_fewer(std::strerror(notice.value));
}

/// No worker can be started now: those that there are must do.
void ProcessManager::do_with_fewer(const std::string& why) {
  if (workers_.empty()) throw Broken{"no worker process can be started: " + why};
  shared_->max_workers = workers_.size();
}

void ProcessManager::started(Worker& worker) {
  if (worker.state != Worker::State::starting) return;
  if (shared_->initializer.empty()) {
    worker.state = Worker::State::idle;
  } else {
    worker.state = Worker::State::initializing;
    worker.link.send(shared_->initializer.bytes());
  }
}

void ProcessManager::exited(Worker& worker, int status) {
  if (worker.link.is_open()) read_worker(worker);  // a reply may have come before
  const Worker::State state = worker.state;
  const std::unique_ptr<ProcessJob> job = std::move(worker.job);
  end_worker(worker.number);
  if (state == Worker::State::leaving || (stopped_ && job == nullptr)) return;
  const int returncode = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  const std::string what = "a worker process " + describe_end(returncode);
  if (job != nullptr) {
    job->fail(std::make_exception_ptr(BrokenProcessPool(what + " in a call")));
  } else if (state == Worker::State::idle) {
    log(LogLevel::warning, "executors", what + " while it waited for a call");
  } else {  // the next one would fare no better
    throw Broken{what + " before its first call, the process pool is not usable any more"};
  }
}

void ProcessManager::end_worker(std::uint32_t number) {
  std::erase_if(workers_, [number](const auto& worker) { return worker->number == number; });
  shared_->workers.store(workers_.size(), std::memory_order_relaxed);
}

void ProcessManager::read_worker(Worker& worker) {
  switch (worker.link.receive()) {
    case WorkerLink::News::none: return;
    case WorkerLink::News::reply: return take_reply(worker);
    case WorkerLink::News::end: return worker.link.close();  // its end will be told
  }
}

void ProcessManager::take_reply(Worker& worker) {
  const std::string reply = worker.link.take_reply();
  ByteReader in(reply);
  const bool succeeded = in.read<ReplyKind>() == ReplyKind::result;
  if (worker.state == Worker::State::initializing) {
    if (!succeeded) {
      const std::string error = describe(read_exception(in));
      log(LogLevel::error, "executors", "exception in the initializer of a worker process: " + error);
      throw Broken{"the initializer of a worker process failed, the process pool is not usable any more: " + error};
    }
    worker.state = Worker::State::idle;
    return;
  }
  if (worker.state != Worker::State::busy) throw Broken{"a worker process replied to nothing"};
  const std::unique_ptr<ProcessJob> job = std::move(worker.job);
  ++worker.calls;
  worker.state = Worker::State::idle;
  if (shared_->max_tasks_per_child && worker.calls >= *shared_->max_tasks_per_child) {
    worker.state = Worker::State::leaving;
    worker.link.close();
  }
  try {
    if (!succeeded) return job->fail(read_exception(in));
    job->succeed(in);
  } catch (...) {
    job->fail(std::current_exception());
  }
}

// ---- the end ----

void ProcessManager::break_pool(const std::string& why) noexcept {
  std::vector<std::unique_ptr<ProcessJob>> begun;
  for (const auto& worker : workers_) {
    if (worker->job) begun.push_back(std::move(worker->job));
  }
  std::deque<std::unique_ptr<ProcessJob>> waiting;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->broken = why;
    shared_->stopping = true;
    waiting.swap(shared_->queue);
  }
  const auto error = std::make_exception_ptr(BrokenProcessPool(why));
  for (const auto& job : begun) job->fail(error);
  for (const auto& job : waiting) {
    if (job->begin()) job->fail(error);
  }
  workers_.clear();
  shared_->workers.store(0, std::memory_order_relaxed);
  server_.close();
}

}  // namespace tutti::detail

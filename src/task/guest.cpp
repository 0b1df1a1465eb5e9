// SPDX-License-Identifier: MIT
#include <tutti/task/guest.hpp>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <poll.h>
#include <pthread.h>

#include <tutti/base/error.hpp>
#include <tutti/base/log.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/shutdown.hpp>

namespace tutti::detail {

// ---- the run ----

GuestCore::GuestCore(const RunOptions& options)
    : loop_(options.loop_factory ? options.loop_factory() : new_event_loop()),
      descriptor_(loop_->backend().descriptor()) {
  if (options.debug) loop_->set_debug(*options.debug);
  if (descriptor_ < 0) {
    throw RuntimeError("guest run: the back end '" + std::string(loop_->backend().name()) +
                       "' has no descriptor to wait for");
  }
}

void GuestCore::begin(Ref<FutureState> main) {
  static_cast<TaskState&>(*main).silence();
  awaited_ = std::move(main);
}

std::optional<Duration> GuestCore::step() {
  if (done()) return std::nullopt;
  auto limit = loop_->run_as_guest();
  while (awaited_->done()) {
    if (!advance()) return std::nullopt;
    limit = Duration::zero();
  }
  return limit;
}

// What `Runner::close` does, without waiting. False at the end.
bool GuestCore::advance() {
  switch (phase_) {
    case Phase::main:
      phase_ = Phase::tasks;
      tasks_ = cancel_each_task(*loop_);
      if (!tasks_.empty()) {
        awaited_ = loop_->create_task(wait_for_each(tasks_)).state();
        return true;
      }
      [[fallthrough]];
    case Phase::tasks:
      phase_ = Phase::services;
      report_failures(*loop_, tasks_);
      tasks_.clear();
      awaited_ = loop_->create_task(shutdown_services(*loop_)).state();
      return true;
    default:
      phase_ = Phase::ended;
      loop_->close();
      return false;
  }
}

// ---- a host that only calls functions ----

namespace {

/// Waits on a thread of its own, once for each request.
class Waiter {
 public:
  Waiter() : shared_(std::make_shared<Shared>()) {
    thread_ = std::thread([shared = shared_] { work(*shared); });
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->stopped = true;
    }
    shared_->changed.notify_one();
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }

  /// Calls `then` when `descriptor` is readable or `limit` has passed.
  void wait(int descriptor, std::optional<Duration> limit, MoveOnlyFunction<void()> then) {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->request.emplace(Request{descriptor, limit, std::move(then)});
    }
    shared_->changed.notify_one();
  }

 private:
  struct Request {
    int descriptor;
    std::optional<Duration> limit;
    MoveOnlyFunction<void()> then;
  };
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Request> request;
    bool stopped = false;
  };

  static void work(Shared& shared) {
    ::pthread_setname_np(::pthread_self(), "tutti_guest");
    while (std::optional<Request> request = next(shared)) {
      wait_for(*request);
      try {
        request->then();
      } catch (...) {
        log(LogLevel::error, "task", "the host of a guest run took no function: " + describe(std::current_exception()));
      }
    }
  }

  static std::optional<Request> next(Shared& shared) {
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.request || shared.stopped; });
    if (shared.stopped) return std::nullopt;
    return std::exchange(shared.request, std::nullopt);
  }

  // A signal may end it early: then there is an iteration that finds nothing.
  static void wait_for(const Request& request) {
    pollfd entry{.fd = request.descriptor, .events = POLLIN, .revents = 0};
    timespec limit{};
    if (request.limit) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*request.limit);
      limit.tv_sec = seconds.count();
      limit.tv_nsec = (*request.limit - seconds).count();
    }
    ::ppoll(&entry, 1, request.limit ? &limit : nullptr, nullptr);
  }

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

/// Whoever will call it next holds it: the host, or the thread that waits.
class GuestDriver : public std::enable_shared_from_this<GuestDriver> {
 public:
  GuestDriver(RunSoonThreadsafe run_soon, MoveOnlyFunction<std::optional<Duration>()> step,
              MoveOnlyFunction<int()> descriptor, MoveOnlyFunction<void(std::exception_ptr)> done)
      : run_soon_(std::move(run_soon)),
        step_(std::move(step)),
        descriptor_(std::move(descriptor)),
        done_(std::move(done)) {}

  void call_soon() {
    run_soon_([self = shared_from_this()] { self->run(); });
  }

 private:
  void run() {
    std::optional<Duration> limit = Duration::zero();
    try {
      limit = step_();
    } catch (...) {
      if (!error_) error_ = std::current_exception();
    }
    const int descriptor = descriptor_();
    if (descriptor < 0) {
      // The thread that waits may be the last to let go of this: nothing of the host's is to end there.
      step_ = nullptr;
      descriptor_ = nullptr;
      return std::exchange(done_, nullptr)(std::move(error_));
    }
    if (limit && *limit <= Duration::zero()) return call_soon();
    waiter_.wait(descriptor, limit, [self = shared_from_this()] { self->call_soon(); });
  }

  RunSoonThreadsafe run_soon_;
  MoveOnlyFunction<std::optional<Duration>()> step_;
  MoveOnlyFunction<int()> descriptor_;
  MoveOnlyFunction<void(std::exception_ptr)> done_;
  std::exception_ptr error_;  // that left the loop
  Waiter waiter_;
};

}  // namespace

void drive_guest(RunSoonThreadsafe run_soon, MoveOnlyFunction<std::optional<Duration>()> step,
                 MoveOnlyFunction<int()> descriptor, MoveOnlyFunction<void(std::exception_ptr)> done) {
  std::make_shared<GuestDriver>(std::move(run_soon), std::move(step), std::move(descriptor), std::move(done))
      ->call_soon();
}

}  // namespace tutti::detail

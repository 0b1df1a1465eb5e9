// SPDX-License-Identifier: MIT
// How a call crosses to a thread and its result comes back.
//
// A future counts its references without locks, so no thread but the loop's may hold one. What crosses is a `Crossing`;
// the future stays in the loop's `Executors`, and the crossing only remembers where. The way back is the loop's door,
// which is shut when the loop closes: a job that ends later finds it shut and drops its result.
#include <tutti/task/executor.hpp>

#include <atomic>
#include <list>
#include <string>
#include <thread>

#include <tutti/base/log.hpp>
#include <tutti/task/shutdown.hpp>
#include <tutti/task/thread_pool.hpp>

namespace tutti {

BrokenExecutor::~BrokenExecutor() = default;
Job::~Job() = default;
Executor::~Executor() = default;

namespace detail {

ExecutorCall::~ExecutorCall() = default;

namespace {

struct Crossing;

/// The loop's end of a call.
struct Awaited {
  Ref<FutureState> future;
  std::shared_ptr<Crossing> crossing;
};

struct Crossing {
  enum class Stage : unsigned char { waiting, taken, cancelled };

  std::shared_ptr<lowlevel::Door> door;
  std::shared_ptr<ExecutorCall> call;
  std::atomic<Stage> stage{Stage::waiting};
  bool dropped = false;               // nobody ran it
  std::exception_ptr error;           // what it threw
  std::list<Awaited>::iterator home;  // these two on the loop's thread only
  bool at_home = false;

  /// Whoever gets true decides what becomes of the call.
  bool leave_waiting(Stage next) noexcept {
    Stage expected = Stage::waiting;
    return stage.compare_exchange_strong(expected, next, std::memory_order_acq_rel);
  }
};

/// What a loop knows of executors.
class Executors final : public lowlevel::Service, public ShutdownHook {
 public:
  explicit Executors(EventLoop& loop) : loop_(loop) { loop.service<ShutdownHooks>().hooks.push_back(this); }

  [[nodiscard]] Executor& default_executor() {
    if (shut_down_) throw RuntimeError("run_in_executor: the default executor was shut down");
    if (!default_) default_ = std::make_shared<ThreadPoolExecutor>();
    return *default_;
  }
  void set_default(std::shared_ptr<Executor> executor) { default_ = std::move(executor); }

  void add(Ref<FutureState> future, const std::shared_ptr<Crossing>& crossing) {
    crossing->home = awaited_.insert(awaited_.end(), Awaited{std::move(future), crossing});
    crossing->at_home = true;
    loop_.external_work.fetch_add(1, std::memory_order_relaxed);
  }
  /// The future of a call that has come back or was called off; null if it has left before.
  Ref<FutureState> remove(Crossing& crossing) noexcept {
    if (!std::exchange(crossing.at_home, false)) return nullptr;
    Ref<FutureState> future = std::move(crossing.home->future);
    awaited_.erase(crossing.home);
    loop_.external_work.fetch_sub(1, std::memory_order_relaxed);
    return future;
  }

  void close(EventLoop&) noexcept override {
    for (Awaited& entry : awaited_) entry.crossing->at_home = false;
    awaited_.clear();
    if (default_) default_->shutdown(false);
    shut_down_ = true;
  }

  Coro<> shutdown() override { return shutdown_default(std::chrono::minutes(5)); }
  Coro<> shutdown_default(std::optional<Duration> timeout);

 private:
  EventLoop& loop_;
  std::shared_ptr<Executor> default_;
  bool shut_down_ = false;
  std::list<Awaited> awaited_;
};

/// On the loop's thread: a call has come back.
void finish(Crossing& crossing, EventLoop& loop) {
  const Ref<FutureState> future = loop.service<Executors>().remove(crossing);
  if (!future || future->done()) return;
  if (crossing.dropped) {
    future->cancel({});
  } else if (crossing.error) {
    future->set_exception(std::move(crossing.error));
  } else {
    try {
      crossing.call->deliver(*future);
    } catch (...) {
      future->set_exception(std::current_exception());  // of a result that cannot be moved
    }
  }
}

class CallJob final : public Job {
 public:
  CallJob(EventLoop& loop, std::shared_ptr<Crossing> crossing) : loop_(&loop), crossing_(std::move(crossing)) {}
  CallJob(const CallJob&) = delete;
  CallJob& operator=(const CallJob&) = delete;
  ~CallJob() override {
    if (!crossing_ || !crossing_->leave_waiting(Crossing::Stage::taken)) return;
    crossing_->dropped = true;
    send_back();
  }

  void run() noexcept override {
    if (!crossing_->leave_waiting(Crossing::Stage::taken)) return;
    try {
      crossing_->call->work();
    } catch (...) {
      crossing_->error = std::current_exception();
    }
    send_back();
  }

  void refuse(std::exception_ptr why) noexcept override {
    if (!crossing_->leave_waiting(Crossing::Stage::taken)) return;
    crossing_->error = std::move(why);
    send_back();
  }

 private:
  void send_back() noexcept {
    const std::shared_ptr<lowlevel::Door> door = crossing_->door;
    // The loop is only touched by the callback, which runs only if it still lives.
    door->post([loop = loop_, crossing = std::move(crossing_)] { finish(*crossing, *loop); });
  }

  EventLoop* loop_;
  std::shared_ptr<Crossing> crossing_;
};

/// Runs one job on a thread of its own.
class OneThread final : public Executor {
 public:
  OneThread() = default;
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() override {
    if (thread_.joinable()) thread_.detach();
  }
  void submit(std::unique_ptr<Job> job) override {
    thread_ = std::thread([job = std::move(job)] { job->run(); });
  }
  void shutdown(bool, bool) override { thread_.join(); }

 private:
  std::thread thread_;
};

}  // namespace

void submit_call(EventLoop& loop, Executor* executor, Ref<FutureState> future, std::shared_ptr<ExecutorCall> call) {
  loop.check("run_in_executor");
  auto& executors = loop.service<Executors>();
  if (executor == nullptr) executor = &executors.default_executor();
  auto crossing = std::make_shared<Crossing>();
  crossing->door = loop.door();
  crossing->call = std::move(call);
  future->add_callback([crossing, &executors](FutureState& done) {
    if (done.cancelled() && crossing->leave_waiting(Crossing::Stage::cancelled)) executors.remove(*crossing);
  });
  executors.add(std::move(future), crossing);
  try {
    executor->submit(std::make_unique<CallJob>(loop, crossing));
  } catch (...) {
    executors.remove(*crossing);
    throw;
  }
}

Coro<> Executors::shutdown_default(std::optional<Duration> timeout) {
  shut_down_ = true;
  if (!default_) co_return;
  const std::shared_ptr<Executor> executor = default_;
  OneThread thread;
  const Future<> ended = call_in_executor(loop_, &thread, [executor] { executor->shutdown(true); });
  const Future<> over(loop_);  // ended, or too late
  const auto wake = [over] {
    if (!over.done()) over.set_result();
  };
  ended.add_done_callback(wake);
  struct Timer {
    TimerHandle handle;
    ~Timer() { handle.cancel(); }
  } timer;
  if (timeout) timer.handle = loop_.call_later(*timeout, wake);
  co_await over;
  if (ended.done()) {
    thread.shutdown(true, false);
    co_return ended.result();
  }
  log(LogLevel::warning, "task",
      "the default executor did not end its threads within " +
          std::to_string(std::chrono::duration<double>(*timeout).count()) + " s; they are left to themselves");
  executor->shutdown(false);
}

}  // namespace detail

void set_default_executor(EventLoop& loop, std::shared_ptr<Executor> executor) {
  loop.check("set_default_executor");
  if (!executor) throw ValueError("set_default_executor: an executor is required");
  loop.service<detail::Executors>().set_default(std::move(executor));
}

Coro<> shutdown_default_executor(std::optional<Duration> timeout) {
  return get_running_loop().service<detail::Executors>().shutdown_default(timeout);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/task/run.hpp>

#include <utility>

#include <tutti/base/log.hpp>
#include <tutti/loop/policy.hpp>
#include <tutti/task/shutdown.hpp>

#include "loop/signals.hpp"

namespace tutti {
namespace detail {
namespace {

/// Stops the loop when a future is done.
class Stopper final : public lowlevel::Ready {
 public:
  explicit Stopper(FutureState& future) : future_(future) { future_.add_waiter(*this); }
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;
  ~Stopper() {
    if (waiting_ && !future_.remove_waiter(*this)) future_.loop().remove_ready(*this);
  }
  void run() override {
    waiting_ = false;
    future_.loop().stop();
  }
  void drop() noexcept override { waiting_ = false; }

 private:
  FutureState& future_;
  bool waiting_ = true;
};

}  // namespace

void run_until_done(EventLoop& loop, FutureState& future, bool own_task) {
  if (own_task) static_cast<TaskState&>(future).silence();
  {
    const Stopper stopper(future);
    try {
      loop.run_forever();
    } catch (...) {
      // What leaves the loop is the task's own exception, mostly: nobody else will look at it.
      if (own_task) future.mark_retrieved();
      throw;
    }
  }
  if (!future.done()) throw RuntimeError("the event loop was stopped before the future was done");
}

}  // namespace detail

namespace {

/// Sends SIGINT to a main task while it is in scope; does nothing off the main thread, or if the program handles SIGINT itself.
class InterruptScope {
 public:
  InterruptScope(EventLoop& loop, detail::TaskState& task) : loop_(loop) {
    installed_ = loop_.service<detail::SignalService>().begin_interrupts();
    if (!installed_) return;
    loop_.set_interrupt_handler([this, &task] {
      if (++count_ == 1 && !task.done()) {
        task.cancel({});
        return;
      }
      throw KeyboardInterrupt();
    });
  }
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  ~InterruptScope() { end(); }

  /// Restores what was there before. Whether a SIGINT came that nobody was told of: after the task's end, for one.
  bool end() {
    if (!std::exchange(installed_, false)) return false;
    loop_.service<detail::SignalService>().end_interrupts();
    loop_.set_interrupt_handler({});
    return loop_.take_interrupt();
  }

  [[nodiscard]] int count() const noexcept { return count_; }

 private:
  EventLoop& loop_;
  int count_ = 0;
  bool installed_ = false;
};

}  // namespace

Runner::Runner(RunOptions options) : options_(std::move(options)) {}

Runner::~Runner() {
  try {
    close();
  } catch (const std::exception& error) {
    log(LogLevel::error, "task", std::string("closing a runner failed: ") + error.what());
  } catch (const BaseException& error) {
    log(LogLevel::error, "task", std::string("closing a runner was left by ") + std::string(error.type_name()));
  }
}

const Context& Runner::prepare() {
  if (find_running_loop() != nullptr) throw RuntimeError("Runner: an event loop runs on this thread already");
  if (state_ == State::closed) throw RuntimeError("Runner: it is closed");
  if (state_ == State::created) {
    if (options_.loop_factory) {
      loop_ = options_.loop_factory();
    } else {
      loop_ = new_event_loop();
      set_event_loop(loop_.get());
    }
    if (options_.debug) loop_->set_debug(*options_.debug);
    context_ = copy_context();
    state_ = State::ready;
  }
  return *context_;
}

void Runner::run_main(detail::TaskState& task) {
  InterruptScope interrupts(*loop_, task);
  detail::run_until_done(*loop_, task, true);
  if (interrupts.end() || (task.cancelled() && interrupts.count() > 0 && task.uncancel() == 0))
    throw KeyboardInterrupt();
}

void Runner::close() {
  if (state_ != State::ready) {
    state_ = State::closed;
    return;
  }
  state_ = State::closed;
  struct CloseLoop {
    EventLoop& loop;
    bool is_set;  // as the thread's one
    ~CloseLoop() noexcept(false) {
      if (is_set) set_event_loop(nullptr);
      loop.close();
    }
  } const close_loop{*loop_, !options_.loop_factory};
  detail::cancel_all_tasks(*loop_);
  loop_->run_until_complete(detail::shutdown_services(*loop_));
}

}  // namespace tutti

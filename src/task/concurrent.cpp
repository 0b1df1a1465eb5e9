// SPDX-License-Identifier: MIT
#include <tutti/task/concurrent.hpp>

#include <condition_variable>
#include <string>

#include <tutti/base/log.hpp>

namespace tutti::detail {

// ---- the state that threads share ----

struct ConcurrentState::Waiter {
  explicit Waiter(ConcurrentState& of) : state(of), next(of.waiters_) { of.waiters_ = this; }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    Waiter** place = &state.waiters_;
    while (*place != this) place = &(*place)->next;
    *place = next;
  }

  ConcurrentState& state;
  Waiter* next;
  std::condition_variable done;
};

bool ConcurrentState::cancel() {
  std::unique_lock lock(mutex_);
  if (stage_ == Stage::cancelled) return true;
  if (stage_ != Stage::pending) return false;
  finish(std::move(lock), Stage::cancelled);
  return true;
}

bool ConcurrentState::start() {
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::cancelled) return false;
  if (stage_ != Stage::pending) throw InvalidStateError("the work of this future was begun before");
  stage_ = Stage::running;
  return true;
}

void ConcurrentState::fail(std::exception_ptr error) {
  std::unique_lock lock(mutex_);
  check_pending();
  error_ = std::move(error);
  finish(std::move(lock), Stage::finished);
}

void ConcurrentState::check_pending() const {
  if (stage_ >= Stage::cancelled) throw InvalidStateError("the result was set already");
}

void ConcurrentState::finish(std::unique_lock<std::mutex> lock, Stage stage) {
  stage_ = stage;
  std::vector<Callback> callbacks = std::exchange(callbacks_, {});
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) waiter->done.notify_one();
  lock.unlock();
  for (Callback& callback : callbacks) call(callback);
}

void ConcurrentState::add_callback(Callback callback) {
  {
    const std::lock_guard lock(mutex_);
    if (stage_ < Stage::cancelled) return callbacks_.push_back(std::move(callback));
  }
  call(callback);
}

void ConcurrentState::call(Callback& callback) noexcept {
  try {
    callback(*this);
  } catch (...) {
    log(LogLevel::error, "task",
        "exception in a callback of a concurrent future: " + describe(std::current_exception()));
  }
}

void ConcurrentState::wait(std::optional<Duration> timeout, const char* operation) {
  std::unique_lock lock(mutex_);
  const auto is_done = [this] { return stage_ >= Stage::cancelled; };
  Waiter self(*this);  // enters and leaves under the lock
  if (!timeout) {
    self.done.wait(lock, is_done);
  } else if (!self.done.wait_for(lock, *timeout, is_done)) {
    throw TimeoutError(std::string(operation) + " of a concurrent future: timed out");
  }
  if (stage_ == Stage::cancelled) throw CancelledError();
}

// ---- the link to a loop ----

/// The links of a loop. It outlives none of their futures: see `close`.
class LoopEnds final : public lowlevel::Service {
 public:
  explicit LoopEnds(EventLoop&) {}
  void add(LoopEnd& end) noexcept {
    end.previous_ = last_;
    (last_ == nullptr ? first_ : last_->following_) = &end;
    last_ = &end;
  }
  void remove(LoopEnd& end) noexcept {
    (end.previous_ == nullptr ? first_ : end.previous_->following_) = end.following_;
    (end.following_ == nullptr ? last_ : end.following_->previous_) = end.previous_;
  }
  void close(EventLoop&) noexcept override {
    while (first_ != nullptr) first_->let_go();
  }
  /// Calls `use(future)` now if the loop runs on this very thread; else false.
  static bool use_here(const LoopEnd& end, void (*use)(FutureState&)) {
    EventLoop* const loop = find_running_loop();
    if (loop == nullptr || loop->door() != end.door_) return false;
    if (const Ref<FutureState> future = end.future_) use(*future);
    return true;
  }

 private:
  LoopEnd* first_ = nullptr;
  LoopEnd* last_ = nullptr;
};

LoopEnd::LoopEnd(Ref<FutureState> future)
    : future_(std::move(future)), door_(future_->loop().door()), home_(&future_->loop().service<LoopEnds>()) {
  home_->add(*this);
}

// On any thread: but if it was not let go before, it never left the loop's.
LoopEnd::~LoopEnd() { let_go(); }

void LoopEnd::let_go() noexcept {
  if (home_ == nullptr) return;
  std::exchange(home_, nullptr)->remove(*this);
  const Ref<FutureState> last = std::move(future_);
}

void LoopEnd::post(const std::shared_ptr<LoopEnd>& end, MoveOnlyFunction<void(FutureState&)> use) {
  end->door_->post([end, use = std::move(use)]() mutable {
    if (const Ref<FutureState> future = end->future_) use(*future);
  });
}

void pass_cancellation_on(ConcurrentState& state, std::shared_ptr<LoopEnd> end) {
  state.add_callback([end = std::move(end)](ConcurrentState& done) {
    if (!done.cancelled()) return;
    constexpr auto cancel = [](FutureState& future) { future.cancel({}); };
    if (!LoopEnds::use_here(*end, cancel)) LoopEnd::post(end, cancel);
  });
}

bool copy_failure(FutureState& task, ConcurrentState& state) {
  if (task.cancelled()) state.cancel();
  const std::exception_ptr error = task.take_exception();
  if (!state.start()) return false;
  if (error) state.fail(error);
  return !error;
}

bool copy_failure(ConcurrentState& state, FutureState& future) {
  if (future.done()) return false;
  if (state.cancelled()) {
    future.cancel({});
    return false;
  }
  const std::exception_ptr error = state.error();
  if (error) future.set_exception(error);
  return !error;
}

void post_or_throw(EventLoop& loop, Callback callback, const char* operation) {
  if (!loop.door()->post(std::move(callback))) {
    throw RuntimeError(std::string(operation) + ": the event loop is closed");
  }
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/loop/event_loop.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <pthread.h>

#include <tutti/base/log.hpp>

#include "base/function_name.hpp"

namespace tutti {

namespace detail {

constinit thread_local EventLoop* running_loop = nullptr;

namespace {
// A child that is forked in a callback has a copy of its parent's loop, which it must not run: the descriptors are the parent's, too.
[[maybe_unused]] const int forget_in_children = ::pthread_atfork(nullptr, nullptr, [] { running_loop = nullptr; });
}  // namespace

void report_if_slow(const EventLoop& loop, Duration took, const std::string& what, std::source_location where,
                    std::source_location now) {
  if (took < loop.slow_callback_duration) return;
  const auto text = [](const std::source_location& place) {
    return std::string(place.file_name()) + ":" + std::to_string(place.line()) + ", " +
           readable_function_name(place.function_name());
  };
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  std::string report = "executing " + what + " took " + std::to_string(milliseconds) + " ms (" + text(where) + ")";
  if (now.line() != 0) report += "; it waits now in " + text(now);
  log(LogLevel::warning, "loop", report);
}

}  // namespace detail

namespace lowlevel {

Clock::~Clock() = default;
Service::~Service() = default;
void Service::close(EventLoop&) noexcept {}

std::optional<Duration> Clock::wait_limit(std::optional<TimePoint> deadline, EventLoop&) {
  if (!deadline) return std::nullopt;
  const TimePoint present = now();
  return *deadline <= present ? Duration::zero() : *deadline - present;
}
void Clock::idle(std::optional<TimePoint>, EventLoop&) {}

bool Door::post(Callback callback) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return false;
  loop_->call_soon_threadsafe(std::move(callback));
  return true;
}

void Door::shut() noexcept {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

}  // namespace lowlevel

namespace {

// An address that is this thread's own while it lives.
const void* this_thread_mark() noexcept {
  static thread_local char mark;
  return &mark;
}

// Stands in the list of posts once the loop is closed: who wants to post then finds it there.
detail::HandleState* no_more_posts() noexcept {
  static char mark;
  return reinterpret_cast<detail::HandleState*>(&mark);
}

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// The loops that are not closed. Only those who report something late ask.
struct Living {
  std::mutex mutex;
  std::vector<const EventLoop*> loops;
};
Living& living() {
  static auto* const one = new Living;
  return *one;
}

}  // namespace

bool EventLoop::is_alive(const EventLoop* loop) {
  const std::lock_guard lock(living().mutex);
  return std::find(living().loops.begin(), living().loops.end(), loop) != living().loops.end();
}

EventLoop::EventLoop(LoopOptions options)
    : backend_(options.backend ? std::move(options.backend) : lowlevel::make_default_backend()),
      number_(next_number()),
      clock_(std::move(options.clock)) {
  const char* debug = std::getenv("TUTTI_DEBUG");
  set_debug(debug != nullptr && *debug != '\0' && std::strcmp(debug, "0") != 0);
  const std::lock_guard lock(living().mutex);
  living().loops.push_back(this);
}

EventLoop::~EventLoop() {
  if (closed_) return;
  try {
    close();
  } catch (...) {
    log(LogLevel::error, "loop", "closing a loop failed: " + describe(std::current_exception()));
  }
}

// ---- running ----

/// While it lives the loop runs on this thread.
class EventLoop::Running {
 public:
  /// *Errors*: `RuntimeError`.
  Running(EventLoop& loop, const char* operation) : loop_(loop) {
    const std::string prefix = std::string(operation) + ": ";
    if (loop.closed_) throw RuntimeError(prefix + "the event loop is closed");
    if (loop.is_running()) throw RuntimeError(prefix + "this event loop is already running");
    if (detail::running_loop != nullptr) throw RuntimeError(prefix + "another event loop is running on this thread");
    outside_ = std::exchange(detail::current_context, nullptr);
    loop.thread_.store(this_thread_mark(), std::memory_order_relaxed);
    detail::running_loop = &loop;
    loop.running_.store(true, std::memory_order_release);
    loop.end_outside_wait();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    loop_.stopping_ = false;
    loop_.running_.store(false, std::memory_order_release);
    detail::running_loop = nullptr;
    detail::current_context = outside_;
    loop_.thread_.store(nullptr, std::memory_order_relaxed);
  }

 private:
  EventLoop& loop_;
  detail::ContextState* outside_ = nullptr;  // entries run in contexts of their own, or in none
};

void EventLoop::run_forever() {
  const Running running(*this, "run_forever");
  do {
    run_once();
  } while (!stopping_);
  // What the last iteration submitted is to leave, however long the loop stands still now.
  if (backend_->pending() != 0) backend_->poll(Duration::zero(), ready_);
}

std::optional<Duration> EventLoop::run_as_guest() {
  {
    const Running running(*this, "run_as_guest");
    lowlevel::ReadyQueue completed;
    poll(Duration::zero(), completed);
    process_events(std::move(completed));
    process_ready();
  }
  // What this iteration asked for goes to the kernel now: the next poll may come late.
  poll(Duration::zero(), ready_);
  if (!ready_.empty()) return Duration::zero();
  waiting_.store(true, std::memory_order_seq_cst);  // as in poll_events
  outside_wait_ = true;
  const bool quiet = posted_.load(std::memory_order_seq_cst) == nullptr &&
                     notices_.load(std::memory_order_relaxed) == 0 && backend_->begin_outside_wait();
  if (quiet) return wait_limit();
  end_outside_wait();
  return Duration::zero();
}

void EventLoop::end_outside_wait() noexcept {
  if (!std::exchange(outside_wait_, false)) return;
  waiting_.store(false, std::memory_order_relaxed);
  backend_->end_outside_wait();
}

void EventLoop::run_once() {
  // With work at hand and nothing that could bring more, the phases before it have nothing to do.
  const bool only_ready = !ready_.empty() && backend_->pending() == 0 && timers_.empty() &&
                          posted_.load(std::memory_order_relaxed) == nullptr &&
                          notices_.load(std::memory_order_relaxed) == 0;
  if (!only_ready) process_events(poll_events());
  process_ready();
}

std::optional<Duration> EventLoop::wait_limit() {
  const auto deadline = timers_.next();
  if (clock_ != nullptr) return clock_->wait_limit(deadline, *this);
  if (!deadline) return std::nullopt;
  const TimePoint present = monotonic_now();
  return *deadline <= present ? Duration::zero() : *deadline - present;
}

void EventLoop::poll(std::optional<Duration> limit, lowlevel::ReadyQueue& completed) {
  if (watcher_ == nullptr) [[likely]]
    return backend_->poll(limit, completed);
  watcher_->before_io_wait(limit);
  backend_->poll(limit, completed);
  if (watcher_ != nullptr) watcher_->after_io_wait();
}

lowlevel::ReadyQueue EventLoop::poll_events() {
  lowlevel::ReadyQueue completed;
  if (!ready_.empty() || stopping_) {
    if (backend_->pending() != 0) poll(Duration::zero(), completed);
    return completed;
  }
  for (;;) {
    auto limit = wait_limit();
    // Announce the sleep first, look for work from other threads after: whoever posts does it the other way round.
    waiting_.store(true, std::memory_order_seq_cst);
    if (posted_.load(std::memory_order_seq_cst) != nullptr) limit = Duration::zero();
    poll(limit, completed);
    waiting_.store(false, std::memory_order_relaxed);
    if (!completed.empty() || posted_.load(std::memory_order_relaxed) != nullptr ||
        notices_.load(std::memory_order_relaxed) != 0) {
      return completed;
    }
    if (clock_ != nullptr) clock_->idle(timers_.next(), *this);
    // A wake-up without a due timer is no iteration: the wheel wanted to turn, or somebody called `wake_up`.
    if (expire_timers() || timers_.empty()) return completed;
  }
}

bool EventLoop::expire_timers() {
  if (timers_.empty()) return false;
  timers_.expire(time(), ready_);
  return !ready_.empty();
}

void EventLoop::process_events(lowlevel::ReadyQueue&& completed) {
  if (posted_.load(std::memory_order_relaxed) != nullptr) take_posted(nullptr);
  ready_.append(completed);
  expire_timers();
  if (notices_.load(std::memory_order_relaxed) != 0) [[unlikely]]
    take_notices();
}

void EventLoop::process_ready() {
  // What becomes ready from here on waits for the next iteration. If KeyboardInterrupt or SystemExit ends this one,
  // the rest of it comes first in the next.
  struct Rest {
    EventLoop& loop;
    ~Rest() {
      if (loop.batch_.empty()) return;
      loop.batch_.append(loop.ready_);
      loop.ready_.append(loop.batch_);
    }
  } const rest{*this};
  ++iterations_;
  batch_.append(ready_);
  while (lowlevel::Ready* entry = batch_.pop()) entry->run();
}

void EventLoop::close() {
  if (is_running()) throw RuntimeError("close: the event loop is running");
  if (closed_) return;
  struct Forget {
    const EventLoop* loop;
    ~Forget() {
      const std::lock_guard lock(living().mutex);
      std::erase(living().loops, loop);
    }
  } const forget{this};
  end_outside_wait();
  door_->shut();
  closed_ = true;
  for (auto service = services_.rbegin(); service != services_.rend(); ++service) service->second->close(*this);
  backend_->shutdown(ready_);
  take_posted(no_more_posts());
  timers_.clear(ready_);
  const auto drop_all = [this] {
    while (lowlevel::Ready* entry = ready_.pop()) entry->drop();
  };
  drop_all();
  if (task_hooks != nullptr) task_hooks->destroy_all(*this);
  drop_all();
  while (!services_.empty()) services_.pop_back();
  backend_.reset();
}

// ---- scheduling ----

bool EventLoop::runs_on_this_thread() const noexcept {
  return thread_.load(std::memory_order_relaxed) == this_thread_mark();
}

void EventLoop::check_slow(const char* operation) const {
  if (closed_) throw RuntimeError(std::string(operation) + ": the event loop is closed");
  if (debug_ && thread_.load(std::memory_order_relaxed) != nullptr && !runs_on_this_thread()) {
    throw RuntimeError(std::string(operation) +
                       ": called from another thread than the event loop's; call_soon_threadsafe is the way in");
  }
}

detail::Ref<detail::HandleState> EventLoop::schedule(Callback&& callback, detail::Ref<detail::ContextState> context,
                                                     std::source_location where) {
  using detail::HandleState;
  return detail::Ref<HandleState>::adopt(new HandleState(*this, std::move(callback), std::move(context), where));
}

Handle EventLoop::put_soon(Callback&& callback, detail::Ref<detail::ContextState> context, std::source_location where) {
  if (posted_.load(std::memory_order_relaxed) != nullptr) take_posted(nullptr);  // those came first
  auto handle = schedule(std::move(callback), std::move(context), where);
  handle->retain();
  ready_.push(*handle);
  return Handle(std::move(handle));
}

Handle EventLoop::call_soon(Callback callback, std::source_location where) {
  check("call_soon");
  return put_soon(std::move(callback), detail::copy_current_context(), where);
}

Handle EventLoop::call_soon(Callback callback, const Context& context, std::source_location where) {
  check("call_soon");
  return put_soon(std::move(callback), ContextAccess::state(context), where);
}

TimerHandle EventLoop::put_at(TimePoint when, TimePoint now, Callback&& callback,
                              detail::Ref<detail::ContextState> context, std::source_location where) {
  auto handle = schedule(std::move(callback), std::move(context), where);
  handle->retain();
  timers_.add(*handle, when, now);
  return TimerHandle(std::move(handle));
}

TimerHandle EventLoop::call_later(Duration delay, Callback callback, std::source_location where) {
  check("call_later");
  const TimePoint now = time();
  return put_at(now + to_duration(delay), now, std::move(callback), detail::copy_current_context(), where);
}

TimerHandle EventLoop::call_later(Duration delay, Callback callback, const Context& context,
                                  std::source_location where) {
  check("call_later");
  const TimePoint now = time();
  return put_at(now + to_duration(delay), now, std::move(callback), ContextAccess::state(context), where);
}

TimerHandle EventLoop::call_at(TimePoint when, Callback callback, std::source_location where) {
  check("call_at");
  return put_at(when, time(), std::move(callback), detail::copy_current_context(), where);
}

TimerHandle EventLoop::call_at(TimePoint when, Callback callback, const Context& context, std::source_location where) {
  check("call_at");
  return put_at(when, time(), std::move(callback), ContextAccess::state(context), where);
}

Handle EventLoop::call_soon_threadsafe(Callback callback, std::source_location where) {
  return post(std::move(callback), detail::copy_current_context(), where);
}

Handle EventLoop::call_soon_threadsafe(Callback callback, Context context, std::source_location where) {
  return post(std::move(callback), ContextAccess::take(std::move(context)), where);
}

Handle EventLoop::post(Callback&& callback, detail::Ref<detail::ContextState> context, std::source_location where) {
  auto handle = schedule(std::move(callback), std::move(context), where);
  if (detail::running_loop == this) {  // on its own thread: in line with what call_soon schedules, as in asyncio
    handle->retain();
    ready_.push(*handle);
    return Handle(std::move(handle));
  }
  handle->posted_next = posted_.load(std::memory_order_relaxed);
  handle->retain();
  do {
    if (handle->posted_next == no_more_posts()) {
      handle->release();
      throw RuntimeError("call_soon_threadsafe: the event loop is closed");
    }
  } while (!posted_.compare_exchange_weak(handle->posted_next, handle.get(), std::memory_order_seq_cst));
  if (waiting_.load(std::memory_order_seq_cst) && waiting_.exchange(false, std::memory_order_relaxed)) wake_up();
  return Handle(std::move(handle));
}

void EventLoop::take_posted(detail::HandleState* replacement) noexcept {
  detail::HandleState* newest = posted_.exchange(replacement, std::memory_order_acquire);
  detail::HandleState* oldest = nullptr;
  while (newest != nullptr) {
    detail::HandleState* before = std::exchange(newest->posted_next, oldest);
    oldest = std::exchange(newest, before);
  }
  for (; oldest != nullptr; oldest = oldest->posted_next) ready_.push(*oldest);
}

void EventLoop::wake_up() noexcept { backend_->wake(); }

// ---- errors ----

std::string ExceptionContext::to_string() const {
  std::string text = message;
  if (!source.empty()) text += "; " + source;
  if (location.line() != 0) {
    text += std::string(" at ") + location.file_name() + ":" + std::to_string(location.line());
  }
  if (exception) text += ": " + describe(exception);
  return text;
}

void EventLoop::default_exception_handler(const ExceptionContext& context) noexcept {
  const std::string report = context.to_string();
  log(LogLevel::error, "loop", context.stack.empty() ? report : report + "\n" + context.stack);
}

void EventLoop::call_exception_handler(const ExceptionContext& context) {
  if (!exception_handler_) return default_exception_handler(context);
  try {
    // A copy, since the handler may replace itself.
    const auto handler = exception_handler_;
    handler(*this, context);
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    if (leaves_loop(error)) throw;
    default_exception_handler({"unhandled error in exception handler", error, {}, {}});
    default_exception_handler(context);
  }
}

}  // namespace tutti

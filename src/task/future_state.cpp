// SPDX-License-Identifier: MIT
#include <tutti/task/future_state.hpp>

#include <atomic>
#include <unordered_set>

#include <tutti/base/log.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task_state.hpp>

#include "loop/call.hpp"
#include "task/frames.hpp"

namespace tutti::detail {
namespace {

/// A function that waits for a future.
class DoneCallback final : public Dependent, public lowlevel::PoolAllocated {
 public:
  DoneCallback(FutureState& future, Ref<ContextState> context, MoveOnlyFunction<void(FutureState&)> function,
               std::uint64_t token, FutureState* dependent)
      : future_(&future),
        function_(std::move(function)),
        context_(std::move(context)),
        token_(token),
        dependent_(dependent) {}

  [[nodiscard]] std::uint64_t token() const noexcept { return token_; }
  void collect_dependents(std::vector<FutureState*>& into) const override {
    if (dependent_ != nullptr) into.push_back(dependent_);
  }

  void run() override {
    const std::unique_ptr<DoneCallback> self(this);
    const Ref<FutureState> future(future_);
    const ContextScope scope(context_);
    call_reporting(
        future->loop(), [&] { function_(*future); },
        [&] { return ExceptionContext{"exception in done callback", nullptr, future->describe_self(), {}}; });
  }
  void drop() noexcept override { delete this; }

  // Once it stands in the ready queue it keeps the future alive.
  void hold() noexcept { held_ = Ref<FutureState>(future_); }

 private:
  FutureState* future_;
  Ref<FutureState> held_;
  MoveOnlyFunction<void(FutureState&)> function_;
  Ref<ContextState> context_;
  std::uint64_t token_;
  FutureState* dependent_;
};

std::uint64_t next_token() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void report(EventLoop* loop, const ExceptionContext& context) noexcept {
  try {
    if (EventLoop::is_alive(loop)) {
      loop->call_exception_handler(context);
    } else {
      EventLoop::default_exception_handler(context);
    }
  } catch (...) {
    log(LogLevel::error, "task", "an exception handler threw while an object was destroyed");
  }
}

}  // namespace

void FutureState::drop_waiting() noexcept {
  lowlevel::ReadyQueue left;
  waiting_.move_to(left);
  while (lowlevel::Ready* entry = left.pop()) entry->drop();
}

void FutureState::drop_rest() noexcept {
  drop_waiting();
  delete extras_;
}

void FutureState::report_unretrieved() noexcept {
  constexpr std::uint32_t kOutOfReach = 1U << 30U;  // the handler may take references and drop them again
  references_ = kOutOfReach;
  mark_retrieved();
  const auto tell = [this] {
    report(loop_, {is_task() ? "task exception was never retrieved" : "future exception was never retrieved",
                   extras_->exception, describe_self(), extras_->created, format_places(extras_->trace)});
  };
  if (extras_->context) {
    ContextAccess::handle(extras_->context).run(tell);  // a task's handler runs in the task's context
  } else {
    tell();
  }
}

FutureExtras& FutureState::extras() {
  if (extras_ == nullptr) extras_ = new FutureExtras;
  return *extras_;
}

std::string FutureState::describe_self() const { return "future"; }

bool FutureState::cancel(std::string_view message) {
  if (done()) {
    mark_retrieved();  // as in asyncio: whoever wanted it to end does not mind how it did
    return false;
  }
  if (!message.empty()) extras().cancel_message = message;
  flags_ |= kCancelled;
  finish();
  return true;
}

void FutureState::schedule_waiting() noexcept {
  // Completed from outside its loop, a future may have outlived it.
  if (detail::running_loop != loop_ && !EventLoop::is_alive(loop_)) [[unlikely]]
    return drop_waiting();
  lowlevel::ReadyQueue all;
  waiting_.move_to(all);
  if (!has(kCallbacks)) return loop_->make_ready(all);
  while (lowlevel::Ready* entry = all.pop()) {
    if (auto* callback = dynamic_cast<DoneCallback*>(entry)) callback->hold();
    loop_->make_ready(*entry);
  }
}

void FutureState::set_exception(std::exception_ptr error) {
  check_pending();
  extras().exception = std::move(error);
  flags_ |= kFailed | kUnretrieved;
  finish();
}

std::exception_ptr FutureState::exception() {
  if (cancelled()) std::rethrow_exception(make_cancelled_error());
  if (!done()) throw InvalidStateError("exception is not set");
  return take_exception();
}

std::exception_ptr FutureState::take_exception() noexcept {
  mark_retrieved();
  return failed() ? extras_->exception : nullptr;
}

std::exception_ptr FutureState::make_cancelled_error() {
  if (extras_ == nullptr) return std::make_exception_ptr(CancelledError());
  if (cancelled() && extras_->exception) return std::exchange(extras_->exception, nullptr);
  return std::make_exception_ptr(CancelledError(extras_->cancel_message));
}

void FutureState::throw_failure() {
  if (!done()) throw InvalidStateError("result is not set");
  std::rethrow_exception(cancelled() ? make_cancelled_error() : take_exception());
}

void FutureState::throw_not_pending() const { throw InvalidStateError("the result was set already"); }

bool FutureState::remove_waiter(lowlevel::Ready& entry) noexcept {
  return waiting_.remove_if([&](lowlevel::Ready& other) { return &other == &entry; }) != 0;
}

void FutureState::collect_waiting(std::vector<FutureState*>& into) const {
  waiting_.for_each([&into](lowlevel::Ready& entry) {
    if (const auto* awaiter = dynamic_cast<const FutureAwaiterBase*>(&entry)) {
      into.push_back(awaiter->task());
    } else if (const auto* dependent = dynamic_cast<const Dependent*>(&entry)) {
      dependent->collect_dependents(into);
    }
  });
}

std::vector<TaskState*> FutureState::awaited_by() const {
  std::vector<TaskState*> tasks;
  std::vector<FutureState*> reached;
  std::unordered_set<FutureState*> known;
  collect_waiting(reached);
  for (std::size_t i = 0; i < reached.size(); ++i) {
    FutureState* const future = reached[i];
    if (!known.insert(future).second) continue;
    if (future->is_task()) {
      tasks.push_back(static_cast<TaskState*>(future));
    } else {
      future->collect_waiting(reached);
    }
  }
  return tasks;
}

std::uint64_t FutureState::add_callback_in(Ref<ContextState> context, MoveOnlyFunction<void(FutureState&)> callback,
                                           FutureState* dependent) {
  if (done() && !EventLoop::is_alive(loop_)) throw RuntimeError("add_done_callback: the event loop is closed");
  const std::uint64_t token = next_token();
  auto* entry = new DoneCallback(*this, std::move(context), std::move(callback), token, dependent);
  flags_ |= kCallbacks;
  if (done()) entry->hold();
  add_waiter(*entry);
  return token;
}

std::size_t FutureState::remove_callback(std::uint64_t token) noexcept {
  lowlevel::ReadyQueue removed;
  const std::size_t count = waiting_.remove_if([&](lowlevel::Ready& entry) {
    auto* callback = dynamic_cast<DoneCallback*>(&entry);
    if (callback == nullptr || callback->token() != token) return false;
    removed.push(entry);
    return true;
  });
  while (lowlevel::Ready* entry = removed.pop()) entry->drop();
  return count;
}

}  // namespace tutti::detail

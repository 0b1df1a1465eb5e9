// SPDX-License-Identifier: MIT
#include <tutti/task/from_thread.hpp>

#include <string>

#include <tutti/base/error.hpp>

namespace tutti {
namespace detail {
namespace {

thread_local const std::shared_ptr<ThreadCall>* present_call = nullptr;

}  // namespace

std::shared_ptr<ThreadCall> make_thread_call(EventLoop& loop) { return std::make_shared<ThreadCall>(loop); }

void pass_cancellation_on(FutureState& future, std::shared_ptr<ThreadCall> call) {
  future.add_callback([call = std::move(call)](FutureState& done) {
    if (done.cancelled()) call->cancel();
  });
}

ThreadCallScope::ThreadCallScope(const std::shared_ptr<ThreadCall>& call) noexcept
    : outer_(std::exchange(present_call, &call)) {}
ThreadCallScope::~ThreadCallScope() { present_call = outer_; }

const std::shared_ptr<ThreadCall>& ThreadCall::present(const char* operation) {
  if (present_call == nullptr) {
    throw RuntimeError(std::string(operation) + ": this thread does not run a function of to_thread");
  }
  return *present_call;
}

void ThreadCall::post(Callback callback, const char* operation) const {
  if (!door_->post(std::move(callback))) throw RuntimeError(std::string(operation) + ": the event loop is closed");
}

void ThreadCall::adopt(std::shared_ptr<LoopEnd> task) {
  task_ = std::move(task);
  if (cancelled_.load(std::memory_order_relaxed)) cancel();
}

void ThreadCall::cancel() {
  cancelled_.store(true, std::memory_order_release);
  if (task_) LoopEnd::post(task_, [](FutureState& task) { task.cancel({}); });
}

}  // namespace detail

void from_thread::check_cancelled() { detail::ThreadCall::present("from_thread::check_cancelled")->check(); }

}  // namespace tutti

// SPDX-License-Identifier: MIT
#include <tutti/task/async_generator.hpp>

#include <string>
#include <vector>

#include <tutti/base/log.hpp>
#include <tutti/task/gather.hpp>
#include <tutti/task/shutdown.hpp>
#include <tutti/task/task.hpp>

#include "base/function_name.hpp"

namespace tutti::detail {

/// The generators of a loop that were started and have not ended.
class AsyncGenerators final : public lowlevel::Service, public ShutdownHook {
 public:
  explicit AsyncGenerators(EventLoop& loop) : loop_(loop) {
    // Before the default executor, which a body that is closed may still need.
    auto& hooks = loop.service<ShutdownHooks>().hooks;
    hooks.insert(hooks.begin(), this);
  }

  void add(AsyncGeneratorState& generator);
  void remove(AsyncGeneratorState& generator) noexcept;
  void adopt(Ref<AsyncGeneratorState> dropped) noexcept;
  Coro<> shutdown() override;
  void close(EventLoop& loop) noexcept override;

 private:
  void close_dropped();
  void start_closing(Ref<AsyncGeneratorState> generator);
  static Coro<> close_and_report(Ref<AsyncGeneratorState> generator, EventLoop& loop);

  EventLoop& loop_;
  AsyncGeneratorState* first_ = nullptr;
  AsyncGeneratorState* last_ = nullptr;
  std::vector<Ref<AsyncGeneratorState>> dropped_;  // to be closed by the next `close_dropped`
  std::vector<Task<>> closings_;
  bool shut_down_ = false;
};

void AsyncGenerators::add(AsyncGeneratorState& generator) {
  if (shut_down_) {
    log(LogLevel::warning, "task", generator.describe_self() + " was scheduled after shutdown_asyncgens()");
  }
  generator.home_ = this;
  generator.previous_ = last_;
  (last_ == nullptr ? first_ : last_->following_) = &generator;
  last_ = &generator;
}

void AsyncGenerators::remove(AsyncGeneratorState& generator) noexcept {
  (generator.previous_ == nullptr ? first_ : generator.previous_->following_) = generator.following_;
  (generator.following_ == nullptr ? last_ : generator.following_->previous_) = generator.previous_;
  generator.previous_ = generator.following_ = nullptr;
  generator.home_ = nullptr;
}

// A second time round its closing could not be started, or was cancelled before it began: the shutdown tries again.
void AsyncGenerators::adopt(Ref<AsyncGeneratorState> dropped) noexcept {
  const bool again = std::exchange(dropped->dropped_, true);
  dropped_.push_back(std::move(dropped));
  if (again) return;
  if (find_running_loop() == &loop_) {
    loop_.call_soon([this] { close_dropped(); });
  } else {
    loop_.door()->post([this] { close_dropped(); });
  }
}

void AsyncGenerators::close_dropped() {
  for (auto& generator : std::exchange(dropped_, {})) start_closing(std::move(generator));
}

void AsyncGenerators::start_closing(Ref<AsyncGeneratorState> generator) {
  std::erase_if(closings_, [](const Task<>& task) { return task.done(); });
  closings_.push_back(loop_.create_task(close_and_report(std::move(generator), loop_)));
}

Coro<> AsyncGenerators::close_and_report(Ref<AsyncGeneratorState> generator, EventLoop& loop) {
  std::exception_ptr error;
  try {
    co_await AsyncGeneratorCloser<TUTTI_TRAMPOLINE>(generator);
  } catch (const BaseException&) {
    throw;
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    loop.call_exception_handler({"an error occurred during closing of asynchronous generator", error,
                                 generator->describe_self(), generator->where()});
  }
}

Coro<> AsyncGenerators::shutdown() {
  shut_down_ = true;
  std::vector<Ref<AsyncGeneratorState>> left = std::exchange(dropped_, {});
  for (AsyncGeneratorState* generator = first_; generator != nullptr; generator = generator->following_) {
    if (!generator->dropped_) left.emplace_back(generator);
  }
  for (auto& generator : left) start_closing(std::move(generator));
  co_await gather(return_exceptions, std::exchange(closings_, {}));
}

// From here on a generator that goes is destroyed where it stands.
void AsyncGenerators::close(EventLoop&) noexcept {
  while (first_ != nullptr) remove(*first_);
  dropped_.clear();
  closings_.clear();
}

// ---- one generator ----

std::string AsyncGeneratorState::describe_self() const {
  return std::string("asynchronous generator '") + readable_function_name(where().function_name()) + "'";
}

/// Whether the body is to be resumed.
bool AsyncGeneratorState::begin(GeneratorCall call, std::exception_ptr& error) {
  if (call == GeneratorCall::raise && !error) throw ValueError("athrow(): there is no exception to throw");
  if (!frame_ || (call == GeneratorCall::close && closing_)) return false;
  if (!started_) {
    switch (call) {
      case GeneratorCall::send:
        throw RuntimeError("asend(): cannot send a value to a just-started asynchronous generator");
      case GeneratorCall::raise: end(); std::rethrow_exception(error);
      case GeneratorCall::close: end(); return false;
      case GeneratorCall::next: start(); break;
    }
  } else if (call == GeneratorCall::close) {
    closing_ = true;
    thrown_ = std::make_exception_ptr(GeneratorExit());
  } else if (call == GeneratorCall::raise) {
    thrown_ = std::move(error);
  }
  return true;
}

void AsyncGeneratorState::start() {
  get_running_loop().service<AsyncGenerators>().add(*this);
  place_ = promise_->place();
  started_ = true;
}

void AsyncGeneratorState::end() noexcept {
  if (home_ != nullptr) home_->remove(*this);
  place_ = place();
  if (auto frame = std::exchange(frame_, nullptr)) frame.destroy();
}

void AsyncGeneratorState::last_released() noexcept {
  if (frame_ && started_ && !closing_) {
    if (home_ != nullptr) {
      references_ = 1;
      return home_->adopt(Ref<AsyncGeneratorState>::adopt(this));
    }
    EventLoop::default_exception_handler(
        {"asynchronous generator was destroyed before its end: its event loop is closed", nullptr, describe_self(),
         where()});
  }
  references_ = 1;  // the destructors of the body may refer to it
  end();
  delete this;
}

// ---- one call ----

namespace {

const char* name_of(GeneratorCall call) {
  switch (call) {
    case GeneratorCall::next: return "next()";
    case GeneratorCall::send: return "asend()";
    case GeneratorCall::raise: return "athrow()";
    case GeneratorCall::close: return "aclose()";
  }
  return "";
}

}  // namespace

void GeneratorRun::refuse(GeneratorCall call) const {
  const std::string name = name_of(call);
  if (used_) throw RuntimeError("cannot reuse already awaited " + name);
  if (!state_) throw RuntimeError(name + ": this handle of an asynchronous generator was moved from");
  throw RuntimeError(name + ": asynchronous generator is already running");
}

// The failure is taken first: the destructors of the frame may run other coroutines.
void GeneratorRun::end() {
  std::exception_ptr error = current.failed ? current.take_failure() : nullptr;
  state_->end();
  if (error) std::rethrow_exception(error);
}

void GeneratorRun::leave_closed() {
  try {
    if (!leave()) return;
  } catch (const GeneratorExit&) {
    return;
  }
  throw RuntimeError("async generator ignored GeneratorExit");
}

// The awaiting frame is destroyed, and so the body cannot go on: only when a loop is closed over its tasks.
void GeneratorRun::abandon() noexcept {
  state_->running_ = false;
  state_->closing_ = true;
  state_->end();
}

}  // namespace tutti::detail

namespace tutti {

Coro<> shutdown_asyncgens(EventLoop& loop) {
  if (auto* generators = loop.find_service<detail::AsyncGenerators>()) co_await generators->shutdown();
}

Coro<> shutdown_asyncgens() { return shutdown_asyncgens(get_running_loop()); }

}  // namespace tutti

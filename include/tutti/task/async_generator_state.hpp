// SPDX-License-Identifier: MIT
// What stands behind the handles of an async generator: who runs it, what is thrown into it, and the loop that closes it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <utility>

#include <tutti/base/frame_pool.hpp>
#include <tutti/base/ref.hpp>
#include <tutti/task/coro.hpp>

namespace tutti::detail {

class AsyncGenerators;

/// The call that runs a generator.
enum class GeneratorCall : std::uint8_t { next, send, raise, close };

/// The untyped part of a generator; owns its frame, until the body has ended. References are counted on the loop's thread.
class AsyncGeneratorState final : public lowlevel::PoolAllocated {
 public:
  AsyncGeneratorState(std::coroutine_handle<> frame, PromiseBase& promise) noexcept
      : frame_(frame), promise_(&promise) {}
  AsyncGeneratorState(const AsyncGeneratorState&) = delete;
  AsyncGeneratorState& operator=(const AsyncGeneratorState&) = delete;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) last_released();
  }
  /// How many hold it: handles, and calls on their way.
  [[nodiscard]] std::uint32_t references() const noexcept { return references_; }

  [[nodiscard]] bool running() const noexcept { return running_; }
  [[nodiscard]] bool ended() const noexcept { return !frame_; }
  /// "asynchronous generator 'name'".
  [[nodiscard]] std::string describe_self() const;
  /// Where its function stands in the source.
  [[nodiscard]] std::source_location where() const noexcept { return place().get(); }

  /// At the `co_yield`: throws what it was resumed with.
  void check_thrown() {
    if (thrown_) [[unlikely]]
      std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

 private:
  friend class AsyncGenerators;
  friend class GeneratorRun;
  ~AsyncGeneratorState() = default;

  [[nodiscard]] bool begin(GeneratorCall call, std::exception_ptr& error);
  [[nodiscard]] Place place() const noexcept { return frame_ && !started_ ? promise_->place() : place_; }
  void start();
  void end() noexcept;
  void last_released() noexcept;

  std::uint32_t references_ = 1;
  bool started_ = false;
  bool running_ = false;
  bool closing_ = false;  // aclose() has begun
  bool dropped_ = false;  // all handles went; its loop closes it
  std::coroutine_handle<> frame_;
  PromiseBase* promise_;
  std::exception_ptr thrown_;
  Place place_;
  AsyncGenerators* home_ = nullptr;  // of its loop; null before the first run and after the loop's end
  AsyncGeneratorState* previous_ = nullptr;
  AsyncGeneratorState* following_ = nullptr;
};

/// One call of a generator, in the frame of whoever awaits it.
class GeneratorRun {
 public:
  explicit GeneratorRun(Ref<AsyncGeneratorState> state, std::exception_ptr error = nullptr) noexcept
      : state_(std::move(state)), error_(std::move(error)) {}
  GeneratorRun(GeneratorRun&& other) noexcept = default;  // before it is awaited
  GeneratorRun& operator=(GeneratorRun&&) = delete;
  ~GeneratorRun() {
    if (running_) [[unlikely]]
      abandon();
  }

 protected:
  /// Whether the body is to be resumed; if not, `leave` has the outcome. *Errors*: the call is not possible now.
  [[nodiscard]] bool admit(GeneratorCall call) {
    if (used_ || !state_ || state_->running_) [[unlikely]]
      refuse(call);
    used_ = true;
    return call == GeneratorCall::next && state_->started_ && state_->frame_ ? true : state_->begin(call, error_);
  }
  /// Gives the frame to go on with.
  [[nodiscard]] std::coroutine_handle<> enter(std::coroutine_handle<> parent) noexcept {
    running_ = state_->running_ = true;
    state_->promise_->set_continuation(parent);
    return state_->frame_;
  }
  /// Whether the body stands at a `co_yield` now. *Errors*: what left the body.
  [[nodiscard]] bool leave() {
    if (!running_) return false;
    running_ = state_->running_ = false;
    if (!current.failed && !state_->frame_.done()) [[likely]]
      return true;
    end();
    return false;
  }
  void leave_closed();

 private:
  [[noreturn]] void refuse(GeneratorCall call) const;
  void end();
  void abandon() noexcept;

  Ref<AsyncGeneratorState> state_;
  std::exception_ptr error_;
  bool used_ = false;
  bool running_ = false;
};

}  // namespace tutti::detail

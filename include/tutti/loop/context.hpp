// SPDX-License-Identifier: MIT
// Context variables: values that follow the tasks. Python's contextvars.
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/base/ref.hpp>

namespace tutti {

namespace detail {

/// The values of one context: an immutable map, shared by all contexts that were copied from each other, so a copy
/// costs O(1) and a `set` O(number of variables that are set).
class ContextState {
 public:
  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }
  [[nodiscard]] Ref<ContextState> copy() const { return Ref<ContextState>::adopt(new ContextState(values_)); }
  [[nodiscard]] bool empty() const noexcept { return values_ == nullptr; }

  [[nodiscard]] const std::any* find(const void* variable) const noexcept;
  void set(const void* variable, std::any value);
  void unset(const void* variable);

  ContextState() = default;

 private:
  struct Values;
  explicit ContextState(std::shared_ptr<const Values> values) : values_(std::move(values)) {}
  std::shared_ptr<const Values> values_;
  std::size_t references_ = 1;
};

// The context of what this thread runs now; null stands for an empty one that nobody has written to yet.
extern constinit thread_local ContextState* current_context __attribute__((tls_model("initial-exec")));

/// The current context, made on first need. Whoever entered null finds it in `current_context` and owns it.
ContextState& writable_context();
/// A copy of the current context; null for an empty one.
inline Ref<ContextState> copy_current_context() {
  return current_context == nullptr || current_context->empty() ? nullptr : current_context->copy();
}

/// Runs what stands in its scope in `slot`'s context, which may come into being meanwhile.
class ContextScope {
 public:
  explicit ContextScope(Ref<ContextState>& slot) noexcept
      : slot_(slot), outer_(std::exchange(current_context, slot.get())) {}
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope() {
    if (current_context != slot_.get()) slot_ = Ref<ContextState>::adopt(current_context);
    current_context = outer_;
  }

 private:
  Ref<ContextState>& slot_;
  ContextState* outer_;
};

}  // namespace detail

/// A set of values of context variables. A shared handle: copies of a `Context` are the same context.
/// *Source*: contextvars.Context. *Concurrency*: belongs to one thread at a time.
class Context {
 public:
  /// A new, empty context.
  Context() : state_(detail::Ref<detail::ContextState>::adopt(new detail::ContextState)) {}

  /// Calls `function` in this context: what it sets stays here.
  template <class F>
  decltype(auto) run(F&& function) {
    const detail::ContextScope scope(state_);
    return std::forward<F>(function)();
  }

  /// An independent context with the same values; O(1).
  [[nodiscard]] Context copy() const { return Context(state_->copy()); }

 private:
  friend Context copy_context();
  friend struct ContextAccess;
  explicit Context(detail::Ref<detail::ContextState> state) : state_(std::move(state)) {}
  detail::Ref<detail::ContextState> state_;
};

/// A copy of the current context.
[[nodiscard]] Context copy_context();

// For the layers above: the state behind a handle.
struct ContextAccess {
  static const detail::Ref<detail::ContextState>& state(const Context& context) { return context.state_; }
  static detail::Ref<detail::ContextState> take(Context&& context) { return std::move(context.state_); }
  static Context handle(detail::Ref<detail::ContextState> state) { return Context(std::move(state)); }
};

/// A variable with a value in each context. It must outlive all contexts in which it is set (best: a global).
/// *Source*: contextvars.ContextVar.
template <class T>
class ContextVar {
 public:
  /// What `set` gives back, to undo it by `reset`.
  class Token {
   public:
    /// The value before; nothing if there was none.
    [[nodiscard]] const std::optional<T>& old_value() const noexcept { return old_; }

   private:
    friend class ContextVar;
    std::optional<T> old_;
    bool used_ = false;
  };

  explicit ContextVar(std::string name) : name_(std::move(name)) {}
  ContextVar(std::string name, T default_value) : name_(std::move(name)), default_(std::move(default_value)) {}
  ContextVar(const ContextVar&) = delete;
  ContextVar& operator=(const ContextVar&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// The value in the current context, else the default. *Errors*: `RuntimeError` (Python: LookupError) if there is neither.
  [[nodiscard]] T get() const {
    if (const T* value = find()) return *value;
    if (default_) return *default_;
    throw RuntimeError("context variable '" + name_ + "' has no value here");
  }
  /// The value in the current context, else `fallback`.
  [[nodiscard]] T get(T fallback) const {
    const T* value = find();
    return value != nullptr ? *value : std::move(fallback);
  }

  /// Sets the value in the current context.
  Token set(T value) {
    Token token;
    if (const T* old = find()) token.old_ = *old;
    detail::writable_context().set(this, std::any(std::move(value)));
    return token;
  }
  /// Restores what was before the `set` that gave `token`. *Errors*: `RuntimeError` if the token was used already.
  void reset(Token& token) {
    if (std::exchange(token.used_, true)) throw RuntimeError("token of '" + name_ + "' has already been used once");
    if (token.old_) {
      detail::writable_context().set(this, std::any(*token.old_));
    } else {
      detail::writable_context().unset(this);
    }
  }

 private:
  [[nodiscard]] const T* find() const noexcept {
    const std::any* value = detail::current_context == nullptr ? nullptr : detail::current_context->find(this);
    return value == nullptr ? nullptr : std::any_cast<T>(value);
  }

  std::string name_;
  std::optional<T> default_;
};

}  // namespace tutti

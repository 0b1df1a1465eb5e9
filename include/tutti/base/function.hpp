// SPDX-License-Identifier: MIT
// A callable that is owned and only moves: std::move_only_function of C++23.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tutti {

template <class Signature>
class MoveOnlyFunction;

/// Owns any callable with this signature; small ones without an allocation.
/// Calling an empty one is undefined, as for a null function pointer: test it first.
template <class R, class... Args>
class MoveOnlyFunction<R(Args...)> {
 public:
  MoveOnlyFunction() noexcept = default;
  MoveOnlyFunction(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor): as a pointer

  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, MoveOnlyFunction> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  MoveOnlyFunction(F&& f) {  // NOLINT(google-explicit-constructor): any callable is one
    using Callable = std::decay_t<F>;
    if constexpr (fits<Callable>) {
      ::new (static_cast<void*>(storage_)) Callable(std::forward<F>(f));
    } else {
      ::new (static_cast<void*>(storage_)) Callable*(new Callable(std::forward<F>(f)));
    }
    vtable_ = &table<Callable>;
  }

  MoveOnlyFunction(MoveOnlyFunction&& other) noexcept { take(other); }
  MoveOnlyFunction& operator=(MoveOnlyFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~MoveOnlyFunction() { reset(); }

  explicit operator bool() const noexcept { return vtable_ != nullptr; }
  R operator()(Args... args) { return vtable_->call(storage_, std::forward<Args>(args)...); }

 private:
  struct Table {
    R (*call)(void*, Args&&...);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void*) noexcept;
  };
  static constexpr std::size_t kInline = 3 * sizeof(void*);

  template <class Callable>
  static constexpr bool fits = sizeof(Callable) <= kInline && alignof(Callable) <= alignof(std::max_align_t) &&
                               std::is_nothrow_move_constructible_v<Callable>;

  template <class Callable>
  static Callable& get(void* storage) noexcept {
    if constexpr (fits<Callable>) {
      return *std::launder(static_cast<Callable*>(storage));
    } else {
      return **std::launder(static_cast<Callable**>(storage));
    }
  }

  template <class Callable>
  static constexpr Table table = {[](void* storage, Args&&... args) -> R {
                                    if constexpr (std::is_void_v<R>) {
                                      get<Callable>(storage)(std::forward<Args>(args)...);
                                    } else {
                                      return get<Callable>(storage)(std::forward<Args>(args)...);
                                    }
                                  },
                                  [](void* from, void* to) noexcept {
                                    if constexpr (fits<Callable>) {
                                      ::new (to) Callable(std::move(get<Callable>(from)));
                                      get<Callable>(from).~Callable();
                                    } else {
                                      ::new (to) Callable*(&get<Callable>(from));
                                    }
                                  },
                                  [](void* storage) noexcept {
                                    if constexpr (fits<Callable>) {
                                      get<Callable>(storage).~Callable();
                                    } else {
                                      delete &get<Callable>(storage);
                                    }
                                  }};

  void take(MoveOnlyFunction& other) noexcept {
    vtable_ = std::exchange(other.vtable_, nullptr);
    if (vtable_ != nullptr) vtable_->move(other.storage_, storage_);
  }
  void reset() noexcept {
    if (const Table* old = std::exchange(vtable_, nullptr)) old->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInline];
  const Table* vtable_ = nullptr;
};

}  // namespace tutti

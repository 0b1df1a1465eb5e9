// SPDX-License-Identifier: MIT
#include <tutti/loop/context.hpp>

#include <algorithm>
#include <vector>

namespace tutti {
namespace detail {

constinit thread_local ContextState* current_context = nullptr;

// Sorted by the variable's address. A context rarely has more than a dozen variables.
struct ContextState::Values {
  std::vector<std::pair<const void*, std::any>> entries;

  [[nodiscard]] auto position(const void* variable) const {
    return std::lower_bound(entries.begin(), entries.end(), variable,
                            [](const auto& entry, const void* key) { return std::less<>{}(entry.first, key); });
  }
};

const std::any* ContextState::find(const void* variable) const noexcept {
  if (values_ == nullptr) return nullptr;
  const auto at = values_->position(variable);
  return at != values_->entries.end() && at->first == variable ? &at->second : nullptr;
}

void ContextState::set(const void* variable, std::any value) {
  auto changed = values_ == nullptr ? std::make_shared<Values>() : std::make_shared<Values>(*values_);
  const auto index = changed->position(variable) - changed->entries.cbegin();
  const auto at = changed->entries.begin() + index;
  if (at != changed->entries.end() && at->first == variable) {
    at->second = std::move(value);
  } else {
    changed->entries.emplace(at, variable, std::move(value));
  }
  values_ = std::move(changed);
}

void ContextState::unset(const void* variable) {
  if (find(variable) == nullptr) return;
  auto changed = std::make_shared<Values>(*values_);
  changed->entries.erase(changed->entries.begin() + (changed->position(variable) - changed->entries.cbegin()));
  values_ = std::move(changed);
}

namespace {

// Owns what a thread wrote outside of every scope: the context of main(), and of each new thread.
struct ThreadEnd {
  ThreadEnd() noexcept = default;
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    if (ContextState* base = std::exchange(current_context, nullptr)) base->release();
  }
};

}  // namespace

ContextState& writable_context() {
  thread_local ThreadEnd thread;
  if (current_context == nullptr) current_context = new ContextState;
  return *current_context;
}

}  // namespace detail

Context copy_context() {
  auto copied = detail::copy_current_context();
  return copied ? Context(std::move(copied)) : Context();
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// The tree of cancel scopes of a loop's tasks. A task that is in no scope has nothing of it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <tutti/base/clock.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti::detail {

/// A scope that a task is in: one that it entered, or that of the task group which made it. The task's extras name the innermost.
/// Whether that is cancelled, by itself or from outside, is a flag of the task: `TaskState::suspend` looks at it.
class ScopeNode {
 public:
  ScopeNode() noexcept = default;
  ScopeNode(const ScopeNode&) = delete;
  ScopeNode& operator=(const ScopeNode&) = delete;
  /// Leaves the tree; what is inside of it goes to its parent.
  virtual ~ScopeNode() { leave(); }

  /// The innermost scope of `task`; null if it is in none.
  [[nodiscard]] static ScopeNode* innermost(TaskState& task) noexcept {
    const FutureExtras* extras = task.find_extras();
    return extras == nullptr ? nullptr : extras->scope;
  }
  /// For the tasks that `task` makes from here on: in the scopes that it is in now. Null if it is in none.
  [[nodiscard]] static std::unique_ptr<ScopeNode> branch(TaskState& task);
  /// `task`, which has not begun, is in `parent` from its beginning to its end.
  static void inherit(TaskState& task, ScopeNode& parent);
  /// It is not any more: it has ended.
  static void disinherit(FutureState& task) noexcept;
  static void drop_inherited(ScopeNode* scope) noexcept;

  /// The moment at which it is cancelled by itself; nothing if there is none.
  [[nodiscard]] virtual std::optional<TimePoint> own_deadline() const noexcept { return std::nullopt; }
  /// Whether it is cancelled, or one around it, up to the first shield.
  [[nodiscard]] bool effectively_cancelled() const noexcept;
  /// Whether one around it is, as far as can be seen from here.
  [[nodiscard]] bool cancelled_from_outside() const noexcept {
    return !shield_ && parent_ != nullptr && parent_->effectively_cancelled();
  }
  /// Why it is effectively cancelled: the message of `CancelledError`.
  [[nodiscard]] const std::string& effective_reason() const noexcept;
  /// The next one outwards; null behind a shield.
  [[nodiscard]] ScopeNode* visible_parent() const noexcept { return shield_ ? nullptr : parent_; }

 protected:
  /// The running task enters it.
  void enter(TaskState& host);
  void leave() noexcept;
  [[nodiscard]] TaskState* host() const noexcept { return host_; }
  [[nodiscard]] bool is_innermost() const noexcept { return innermost(*host_) == this; }
  void set_cancelled(std::string reason);
  void set_shielded(bool on);
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] bool is_shielded() const noexcept { return shield_; }

 private:
  void attach(TaskState& host, ScopeNode* parent) noexcept;
  void refresh(bool outside);

  TaskState* host_ = nullptr;  // null: it is nowhere
  ScopeNode* parent_ = nullptr;
  ScopeNode* first_inside_ = nullptr;  // in the order in which they came
  ScopeNode* last_inside_ = nullptr;
  ScopeNode* previous_ = nullptr;  // beside it in the parent
  ScopeNode* following_ = nullptr;
  bool cancelled_ = false;
  bool shield_ = false;
  bool inherited_ = false;  // a task's own node in the scope of its group; the task's extras own it
  std::string reason_;
};

/// Keeps the running task out of reach of the scopes around it for as long as this lives: for a wait that must come to its end.
/// It does not hold against `Task::cancel`. Costs nothing if the task is in no scope.
class ScopeShield final : private ScopeNode {
 public:
  ScopeShield() {
    if (current.task == nullptr || innermost(*current.task) == nullptr) return;
    set_shielded(true);
    enter(*current.task);
  }
};

}  // namespace tutti::detail

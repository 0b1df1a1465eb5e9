// SPDX-License-Identifier: MIT
#include <tutti/task/scope_node.hpp>

#include <utility>

namespace tutti::detail {

FutureExtras::~FutureExtras() { ScopeNode::drop_inherited(scope); }

void ScopeNode::attach(TaskState& host, ScopeNode* parent) noexcept {
  host_ = &host;
  parent_ = parent;
  if (parent == nullptr) return;
  previous_ = parent->last_inside_;
  (previous_ == nullptr ? parent->first_inside_ : previous_->following_) = this;
  parent->last_inside_ = this;
}

void ScopeNode::enter(TaskState& host) {
  FutureExtras& extras = host.extras();
  attach(host, extras.scope);
  extras.scope = this;
  refresh(cancelled_from_outside());
}

void ScopeNode::leave() noexcept {
  if (host_ == nullptr) return;
  if (parent_ != nullptr) {
    (previous_ == nullptr ? parent_->first_inside_ : previous_->following_) = following_;
    (following_ == nullptr ? parent_->last_inside_ : following_->previous_) = previous_;
  }
  while (ScopeNode* inside = first_inside_) {  // only if they are left in a wrong order, or a loop is closed over them
    first_inside_ = inside->following_;
    if (first_inside_ == nullptr) last_inside_ = nullptr;
    inside->previous_ = inside->following_ = nullptr;
    inside->attach(*inside->host_, parent_);
  }
  TaskState& host = *std::exchange(host_, nullptr);
  ScopeNode* const parent = std::exchange(parent_, nullptr);
  previous_ = following_ = nullptr;
  FutureExtras& extras = host.extras();
  if (extras.scope != this) return;
  extras.scope = parent != nullptr && parent->host_ == &host ? parent : nullptr;
  host.set_scope_cancelled(parent != nullptr && parent->effectively_cancelled());
}

std::unique_ptr<ScopeNode> ScopeNode::branch(TaskState& task) {
  ScopeNode* const scope = innermost(task);
  if (scope == nullptr) return nullptr;
  auto node = std::make_unique<ScopeNode>();
  node->attach(task, scope);
  return node;
}

void ScopeNode::inherit(TaskState& task, ScopeNode& parent) {
  FutureExtras& extras = task.extras();
  extras.scope = new ScopeNode;
  extras.scope->inherited_ = true;
  extras.scope->attach(task, &parent);
  task.set_scope_cancelled(parent.effectively_cancelled());
}

void ScopeNode::disinherit(FutureState& task) noexcept {
  if (task.find_extras() != nullptr) drop_inherited(task.extras().scope);
}

void ScopeNode::drop_inherited(ScopeNode* scope) noexcept {
  if (scope != nullptr && scope->inherited_) delete scope;
}

bool ScopeNode::effectively_cancelled() const noexcept {
  for (const ScopeNode* node = this; node != nullptr; node = node->visible_parent()) {
    if (node->cancelled_) return true;
  }
  return false;
}

const std::string& ScopeNode::effective_reason() const noexcept {
  const ScopeNode* node = this;
  while (!node->cancelled_ && node->visible_parent() != nullptr) node = node->visible_parent();
  return node->reason_;
}

void ScopeNode::set_cancelled(std::string reason) {
  cancelled_ = true;
  reason_ = std::move(reason);
  if (host_ != nullptr) refresh(cancelled_from_outside());
}

void ScopeNode::set_shielded(bool on) {
  if (std::exchange(shield_, on) != on && host_ != nullptr) refresh(cancelled_from_outside());
}

// Tells the tasks that are in it, and in what is inside of it. Cancelling runs nothing, so the tree stays as it is.
void ScopeNode::refresh(bool outside) {
  const bool effective = cancelled_ || outside;
  if (is_innermost()) host_->set_scope_cancelled(effective);
  for (ScopeNode* node = first_inside_; node != nullptr; node = node->following_) {
    node->refresh(!node->shield_ && effective);
  }
}

}  // namespace tutti::detail

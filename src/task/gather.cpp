// SPDX-License-Identifier: MIT
#include <tutti/task/gather.hpp>

namespace tutti::detail {

/// A loop's gathers of plain futures. Those may stay pending for ever, and then they and the gather would hold each other.
class GatherCore::Open final : public lowlevel::Service {
 public:
  explicit Open(EventLoop&) {}
  void enter(GatherCore& core) noexcept {
    core.open_ = this;
    core.following_ = first_;
    if (first_ != nullptr) first_->previous_ = &core;
    first_ = &core;
  }
  void leave(GatherCore& core) noexcept {
    (core.previous_ == nullptr ? first_ : core.previous_->following_) = core.following_;
    if (core.following_ != nullptr) core.following_->previous_ = core.previous_;
    core.open_ = nullptr;
  }
  void close(EventLoop&) noexcept override {
    while (first_ != nullptr) first_->let_go();
  }

 private:
  GatherCore* first_ = nullptr;
};

void GatherCore::leave() noexcept {
  if (open_ != nullptr) open_->leave(*this);
}

void GatherCore::let_go() noexcept {
  leave();
  const Ref<FutureState> outer(&outer_);
  for (std::size_t i = 0; i < count_; ++i) {
    if (!children_[i].future->done() && children_[i].future->remove_waiter(children_[i])) outer_.release();
  }
}

void GatherCore::watch(const Ref<FutureState>& future) {
  if (&future->loop() != &outer_.loop()) {
    throw ValueError("gather: the futures belong to different event loops");
  }
  Child& child = children_[watched_++];
  child.core = this;
  child.future = future;
}

// As in asyncio: children that are done already count first, in order, and without an iteration.
void GatherCore::start() {
  for (std::size_t i = 0; i < count_; ++i) {
    Child& child = children_[i];
    if (child.future->done()) continue;
    if (!child.future->is_task() && open_ == nullptr) outer_.loop().service<Open>().enter(*this);
    outer_.retain();  // until the child is done
    child.future->add_waiter(child);
  }
  if (count_ == 0) {
    collect();
    return outer_.finish();
  }
  // No child can become done meanwhile: nothing runs in between.
  for (std::size_t i = 0; i < count_; ++i) {
    if (children_[i].future->done()) settle(children_[i]);
  }
}

void GatherCore::child_done(Child& child) {
  const Ref<FutureState> outer = Ref<FutureState>::adopt(&outer_);
  settle(child);
}

void GatherCore::settle(Child& child) {
  ++finished_;
  FutureState& future = *child.future;
  if (outer_.done()) return future.mark_retrieved();
  if (!keep_exceptions_) {
    if (future.cancelled()) return outer_.set_exception(future.make_cancelled_error());
    if (future.failed()) return outer_.set_exception(future.take_exception());
  }
  if (finished_ != count_) return;
  if (cancel_requested_) return outer_.set_exception(future.make_cancelled_error());
  try {
    collect();
  } catch (...) {  // copying a result failed
    return outer_.set_exception(std::current_exception());
  }
  outer_.finish();
}

bool GatherCore::cancel_children(std::string_view message) {
  bool any = false;
  for (std::size_t i = 0; i < count_; ++i) any = children_[i].future->cancel(message) || any;
  cancel_requested_ = cancel_requested_ || any;
  return any;
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/task/gather.hpp>

#include "loop/loop_list.hpp"

namespace tutti::detail {

/// Children that are plain futures may stay pending for ever, and then they and the gather would hold each other: the
/// end of the loop is where they let go.
class GatherCore::Leash final : public LoopMember {
 public:
  explicit Leash(GatherCore& core) : LoopMember(core.outer_.loop()), core_(core) {}
  void loop_closes() noexcept override { core_.let_go(); }

 private:
  GatherCore& core_;
};

GatherCore::GatherCore(FutureState& outer, std::size_t count, bool keep_exceptions)
    : outer_(outer), count_(count), keep_exceptions_(keep_exceptions), children_(std::make_unique<Child[]>(count)) {}

GatherCore::~GatherCore() = default;

void GatherCore::let_go() noexcept {
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
    if (!child.future->is_task() && !leash_) leash_ = std::make_unique<Leash>(*this);
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
  if (cancel_requested_) {
    for (std::size_t i = 0; i < count_; ++i) children_[i].future->mark_retrieved();  // they would have been results
    return outer_.set_exception(future.make_cancelled_error());
  }
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

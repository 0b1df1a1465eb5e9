// SPDX-License-Identifier: MIT
#include <tutti/task/future.hpp>

namespace tutti::detail {

void FutureAwaiterBase::refuse(TaskState& task) const {
  if (static_cast<FutureState*>(&task) == future_.get()) throw RuntimeError(task.describe_self() + " awaits itself");
  throw RuntimeError(task.describe_self() + " awaits a " + future_->describe_self() + " of another event loop");
}

// Only when a loop is closed over a waiting task: see TaskRegistry::destroy_all.
void FutureAwaiterBase::leave() noexcept {
  if (!future_->remove_waiter(*this)) task_->loop().remove_ready(*this);
}

}  // namespace tutti::detail

// SPDX-License-Identifier: MIT
#include <tutti/task/checkpoint.hpp>

#include <tutti/task/scope_node.hpp>
#include <tutti/task/task_state.hpp>

namespace tutti {

Coro<> checkpoint_if_cancelled() {
  if (detail::awaiting_task().must_cancel_or_in_scope()) co_await checkpoint();
}

Coro<> cancel_shielded_checkpoint() {
  const detail::ScopeShield shield;
  co_await checkpoint();
}

}  // namespace tutti

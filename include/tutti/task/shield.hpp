// SPDX-License-Identifier: MIT
// Protecting something from the cancellation of whoever waits for it.
#pragma once

#include <memory>
#include <utility>

#include <tutti/task/future.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

namespace detail {

/// Connects the two: what ends `inner` ends `outer`; `copy` hands the value over.
void connect_shield(const Ref<FutureState>& inner, const Ref<FutureState>& outer,
                    void (*copy)(FutureState&, FutureState&));

}  // namespace detail

/// A future that ends like `awaitable`, which goes on when the future is cancelled: `co_await shield(save())`. Keep a handle of the inner
/// task if its end matters. *Cancellation*: the waiting task gets `CancelledError`, the inner one notices nothing; if it fails later that is
/// reported to the exception handler. If the inner one is cancelled, so is the future. *Source*: asyncio.shield.
template <class A>
auto shield(A&& awaitable) {
  auto inner = ensure_future(std::forward<A>(awaitable));
  using T = typename decltype(inner)::value_type;
  if (inner.done()) return Future<T>(inner.state());
  Future<T> outer(inner.get_loop());
  detail::connect_shield(inner.state(), outer.state(), [](detail::FutureState& from, detail::FutureState& to) {
    auto& typed = static_cast<detail::Typed<T, detail::FutureState>&>(to);
    if constexpr (std::is_void_v<T>) {
      (void)from;
    } else if constexpr (std::is_reference_v<T>) {
      typed.emplace(std::addressof(detail::value_of<T>(from)));
    } else {
      typed.emplace(detail::value_of<T>(from, false));
    }
  });
  return outer;
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// Waiting for the first, the first failed, or all of several tasks: `wait` and `as_completed`.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/range.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

/// When `wait` returns.
enum class ReturnWhen {
  first_completed,  ///< one is done
  first_exception,  ///< one has failed (a cancelled one has not), or all are done
  all_completed,
};
inline constexpr auto FIRST_COMPLETED = ReturnWhen::first_completed;
inline constexpr auto FIRST_EXCEPTION = ReturnWhen::first_exception;
inline constexpr auto ALL_COMPLETED = ReturnWhen::all_completed;

struct WaitOptions {
  std::optional<Duration> timeout = {};  ///< absent: no limit
  ReturnWhen return_when = ReturnWhen::all_completed;
};

/// Which of the futures given to `wait` are done and which are not; each in the order given, without duplicates.
template <class Handle>
struct WaitResult {
  std::vector<Handle> done;
  std::vector<Handle> pending;
};

namespace detail {

/// The places in `futures` at which each of them stands first.
[[nodiscard]] std::vector<std::size_t> first_occurrences(const std::vector<FutureState*>& futures);

template <class Handle>
std::vector<Handle> without_duplicates(std::vector<Handle> futures) {
  std::vector<FutureState*> states;
  states.reserve(futures.size());
  for (const Handle& future : futures) states.push_back(future.state().get());
  std::vector<Handle> unique;
  for (const std::size_t i : first_occurrences(states)) unique.push_back(std::move(futures[i]));
  return unique;
}

template <class Handle>
std::vector<Ref<FutureState>> states_of(const std::vector<Handle>& futures) {
  std::vector<Ref<FutureState>> states;
  states.reserve(futures.size());
  for (const Handle& future : futures) states.push_back(future.state());
  return states;
}

Coro<> wait_until(std::vector<Ref<FutureState>> futures, WaitOptions options);

template <class Handle>
Coro<WaitResult<Handle>> wait_for_handles(std::vector<Handle> futures, WaitOptions options) {
  if (futures.empty()) throw ValueError("wait: the set of tasks and futures is empty");
  std::vector<Handle> unique = without_duplicates(std::move(futures));
  co_await wait_until(states_of(unique), options);
  WaitResult<Handle> result;
  for (Handle& future : unique) (future.done() ? result.done : result.pending).push_back(std::move(future));
  co_return result;
}

}  // namespace detail

/// Waits for tasks or futures (a range of them) until the condition of `options` holds or its time is up; tells which are done then.
/// Throws none of their exceptions and cancels none. *Errors*: `ValueError` for an empty range.
/// *Cancellation*: leaves them alone. *Source*: asyncio.wait.
template <detail::Range R>
auto wait(R&& futures, WaitOptions options = {}) {
  using Item = detail::RangeValue<R>;
  static_assert(detail::is_future<Item>, "wait takes tasks and futures; make tasks of coroutines first");
  std::vector<Item> all;
  // NOLINTNEXTLINE(performance-inefficient-vector-operation): not every range knows its size
  for (auto&& future : futures) all.push_back(future);
  return detail::wait_for_handles<Item>(std::move(all), options);
}
template <class Item>
  requires detail::is_future<Item>
auto wait(std::initializer_list<Item> futures, WaitOptions options = {}) {
  return detail::wait_for_handles<Item>(std::vector<Item>(futures), options);
}

namespace detail {

/// Collects futures in the order in which they become done.
class CompletionQueue {
 public:
  CompletionQueue() = default;
  CompletionQueue(const CompletionQueue&) = delete;
  CompletionQueue& operator=(const CompletionQueue&) = delete;
  ~CompletionQueue();

  void watch(std::vector<Ref<FutureState>> futures, std::optional<Duration> timeout);
  /// The next one; null when all were given. *Errors*: `TimeoutError`.
  Coro<Ref<FutureState>> next();
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

 private:
  class Node;
  struct Core;
  std::shared_ptr<Core> core_;
  std::size_t left_ = 0;
};

}  // namespace detail

/// The tasks of `as_completed`, one after the other as they become done.
template <class Handle>
class AsCompleted {
 public:
  AsCompleted(std::vector<Handle> futures, std::optional<Duration> timeout) {
    queue_->watch(detail::states_of(detail::without_duplicates(std::move(futures))), timeout);
  }

  /// The next task that is done (the very one that was given), nothing after the last one.
  /// *Errors*: `TimeoutError` when the time is up, once for each that is left; they keep running.
  /// *Concurrency*: several tasks may call it at once. *Cancellation*: loses nothing.
  Coro<std::optional<Handle>> next() { return next_of(queue_); }
  /// How many `next` will still give.
  [[nodiscard]] std::size_t left() const noexcept { return queue_->left(); }

 private:
  static Coro<std::optional<Handle>> next_of(std::shared_ptr<detail::CompletionQueue> queue) {
    auto state = co_await queue->next();
    if (!state) co_return std::nullopt;
    co_return Handle(std::move(state));
  }

  std::shared_ptr<detail::CompletionQueue> queue_ = std::make_shared<detail::CompletionQueue>();
};

/// Runs awaitables at once and gives them as they complete: `while (auto task = co_await all.next()) use(co_await *task);`.
/// *Source*: asyncio.as_completed.
template <detail::Range R>
auto as_completed(R&& awaitables, std::optional<Duration> timeout = {}) {
  using Item = decltype(ensure_future(std::declval<detail::RangeReference<R>>()));
  std::vector<Item> futures;
  for (auto&& item : awaitables) futures.push_back(ensure_future(std::forward<decltype(item)>(item)));
  return AsCompleted<Item>(std::move(futures), timeout);
}

}  // namespace tutti

// SPDX-License-Identifier: MIT
// What executors give: a future for the loop, and the results of a `map` in order.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tutti/base/chrono.hpp>
#include <tutti/base/clock.hpp>
#include <tutti/base/error.hpp>
#include <tutti/base/range.hpp>
#include <tutti/loop/event_loop.hpp>
#include <tutti/task/concurrent.hpp>
#include <tutti/task/coro.hpp>
#include <tutti/task/future.hpp>

namespace tutti {

/// Options of an executor's `map`.
struct ExecutorMapOptions {
  std::size_t chunk_size = 1;            ///< how many items a process gets at a time; threads get them one by one
  std::optional<Duration> timeout = {};  ///< for iterating in a thread, from the call of `map`; absent: no limit
};

namespace detail {

/// What a function that returns `R` gives for an item.
template <class R>
using MapItem = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
template <class R>
using MapChunk = std::unique_ptr<std::vector<MapItem<R>>>;

/// A future of `loop` for work that is sure to come to its end: a virtual clock waits for it.
template <class T>
Future<T> await_executor(const concurrent::Future<T>& work, EventLoop& loop) {
  Future<T> future = wrap_future(work, loop);
  loop.external_work.fetch_add(1, std::memory_order_relaxed);
  future.state()->add_callback(
      [](FutureState& done) { done.loop().external_work.fetch_sub(1, std::memory_order_relaxed); });
  return future;
}

/// Waits until work is done, in whatever way. *Cancellation*: leaves it alone.
Coro<> until_done(std::shared_ptr<ConcurrentState> work);

/// Calls `submit(std::vector<Item>)` for one chunk of `items` after the other. *Errors*: `ValueError` for a size of 0.
template <class Item, class R, class Submit>
void for_each_chunk(R&& items, std::size_t chunk_size, Submit submit) {
  if (chunk_size == 0) throw ValueError("map: the size of a chunk must be greater than 0");
  std::vector<Item> chunk;
  for (auto&& item : items) {
    chunk.push_back(static_cast<Item>(std::forward<decltype(item)>(item)));
    if (chunk.size() < chunk_size) continue;
    submit(std::move(chunk));
    chunk = std::vector<Item>();
  }
  if (!chunk.empty()) submit(std::move(chunk));
}

}  // namespace detail

/// The results of a `map`, in the order of its items: a loop over it blocks until each is there; a coroutine says
/// `while (auto result = co_await results.next())`. A function that returns nothing gives a `std::monostate` for each.
///
/// *Errors*: the first exception of the function is thrown in its turn, and what was not begun is cancelled then, as it is when the
/// results are let go; `TimeoutError`. *Concurrency*: one thread or task at a time.
template <class R>
class [[nodiscard]] MapResults {
  struct State;

 public:
  using value_type = detail::MapItem<R>;

  explicit MapResults(const ExecutorMapOptions& options) : state_(std::make_shared<State>()) {
    if (options.timeout) state_->deadline = std::chrono::steady_clock::now() + *options.timeout;
  }

  class Iterator {
   public:
    using value_type = MapResults::value_type;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(State& state) : state_(&state) { ++*this; }
    value_type& operator*() const noexcept { return *state_->present; }
    value_type* operator->() const noexcept { return &*state_->present; }
    Iterator& operator++() {
      while (!state_->take_item() && !state_->chunks.empty()) state_->open_chunk(state_->time_left());
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept { return !at.state_->present; }

   private:
    State* state_;
  };
  /// Blocks until the first result is there.
  [[nodiscard]] Iterator begin() { return Iterator(*state_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// The next result, nothing after the last one. `options.timeout` does not count here: see `tutti::timeout`.
  /// *Cancellation*: loses nothing; the next call gives the same result.
  Coro<std::optional<value_type>> next() { return next_of(state_); }

  /// For executors: the next chunk.
  void add(concurrent::Future<detail::MapChunk<R>> chunk) { state_->chunks.push_back(std::move(chunk)); }

 private:
  struct State {
    std::deque<concurrent::Future<detail::MapChunk<R>>> chunks;
    detail::MapChunk<R> open;  // of which `following` is the next to give
    std::size_t following = 0;
    std::optional<value_type> present;
    std::optional<TimePoint> deadline;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { cancel_rest(); }

    [[nodiscard]] std::optional<Duration> time_left() const {
      if (!deadline) return std::nullopt;
      return *deadline - std::chrono::steady_clock::now();
    }
    bool take_item() {
      present.reset();
      if (!open || following == open->size()) return false;
      present.emplace(std::move((*open)[following++]));
      return true;
    }
    void open_chunk(std::optional<Duration> limit) {
      try {
        open = chunks.front().result(limit);
      } catch (...) {
        cancel_rest();
        throw;
      }
      following = 0;
      chunks.pop_front();
    }
    void cancel_rest() {
      for (const auto& chunk : std::exchange(chunks, {})) chunk.cancel();
    }
  };

  static Coro<std::optional<value_type>> next_of(std::shared_ptr<State> state) {
    while (!state->take_item()) {
      if (state->chunks.empty()) co_return std::nullopt;
      co_await detail::until_done(state->chunks.front().state());
      state->open_chunk(std::nullopt);
    }
    co_return std::exchange(state->present, std::nullopt);
  }

  std::shared_ptr<State> state_;
};

}  // namespace tutti

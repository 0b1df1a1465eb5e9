// SPDX-License-Identifier: MIT
// Running several things at once and waiting for all of them.
#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tutti/base/copyable.hpp>
#include <tutti/base/functional.hpp>
#include <tutti/base/range.hpp>
#include <tutti/task/awaitable.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/task.hpp>

namespace tutti {

/// A result or the exception that came instead; what `gather(return_exceptions, …)` gives for each.
template <class T>
class Outcome {
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, detail::StoredT<T>>;

 public:
  template <class... Args>
  explicit Outcome(std::in_place_t, Args&&... args) : content_(std::in_place_index<0>, std::forward<Args>(args)...) {}
  explicit Outcome(std::exception_ptr error) noexcept : content_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  /// The result. *Errors*: the exception.
  T value() const&
    requires(std::is_void_v<T> || std::is_reference_v<T> || detail::is_copyable<T>)
  {
    check();
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(*std::get<0>(content_));
    } else if constexpr (!std::is_void_v<T>) {
      return std::get<0>(content_);
    }
  }
  T value() && {
    check();
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(*std::get<0>(content_));
    } else if constexpr (!std::is_void_v<T>) {
      return std::get<0>(std::move(content_));
    }
  }
  /// The exception; null if there is a result.
  [[nodiscard]] std::exception_ptr error() const noexcept { return has_value() ? nullptr : std::get<1>(content_); }

 private:
  void check() const {
    if (!has_value()) std::rethrow_exception(std::get<1>(content_));
  }
  std::variant<Value, std::exception_ptr> content_;
};
template <class T>
struct detail::PartsOf<Outcome<T>> : detail::PartsOfTypes<detail::StoredT<T>> {};
template <>
struct detail::PartsOf<Outcome<void>> : detail::PartsOfTypes<> {};

/// First argument of `gather`: exceptions are results too.
struct ReturnExceptions {};
inline constexpr ReturnExceptions return_exceptions{};

namespace detail {

/// Counts the children of a gather; the untyped part.
class GatherCore {
  class Leash;

 public:
  GatherCore(const GatherCore&) = delete;
  GatherCore& operator=(const GatherCore&) = delete;

 protected:
  class Child final : public Dependent {
   public:
    void run() override { core->child_done(*this); }
    void collect_dependents(std::vector<FutureState*>& into) const override { into.push_back(&core->outer_); }
    void drop() noexcept override { core->outer_.release(); }
    GatherCore* core = nullptr;
    Ref<FutureState> future;
  };

  GatherCore(FutureState& outer, std::size_t count, bool keep_exceptions);
  virtual ~GatherCore();

  /// *Errors*: `ValueError` if the children belong to different loops.
  void watch(const Ref<FutureState>& future);
  void start();
  bool cancel_children(std::string_view message);
  [[nodiscard]] FutureState& child(std::size_t index) const noexcept { return *children_[index].future; }

  /// All children are done, and none failed or exceptions are results: sets the result.
  virtual void collect() = 0;

 private:
  void child_done(Child& child);
  void settle(Child& child);
  void let_go() noexcept;

  FutureState& outer_;
  std::size_t count_;
  std::size_t watched_ = 0;
  std::size_t finished_ = 0;
  bool keep_exceptions_;
  bool cancel_requested_ = false;
  std::unique_ptr<Child[]> children_;
  std::unique_ptr<Leash> leash_;  // to the loop, if it is to be told of the loop's end
};

template <class T>
Outcome<T> outcome_of(FutureState& future) {
  if (future.cancelled()) return Outcome<T>(future.make_cancelled_error());
  if (future.failed()) return Outcome<T>(future.take_exception());
  if constexpr (std::is_void_v<T>) {
    return Outcome<T>(std::in_place);
  } else if constexpr (std::is_reference_v<T>) {
    return Outcome<T>(std::in_place, std::addressof(value_of<T>(future)));
  } else {
    return Outcome<T>(std::in_place, value_of<T>(future));
  }
}

/// What a child of type T becomes in the result.
template <class T, bool Keep>
using Gathered =
    std::conditional_t<Keep, Outcome<T>,
                       std::conditional_t<std::is_void_v<T>, std::monostate,
                                          std::conditional_t<std::is_reference_v<T>,
                                                             std::reference_wrapper<std::remove_reference_t<T>>, T>>>;

template <class T, bool Keep>
Gathered<T, Keep> gathered(FutureState& future) {
  if constexpr (Keep) {
    return outcome_of<T>(future);
  } else if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return Gathered<T, Keep>(value_of<T>(future));
  }
}

template <class Result>
class GatherFuture : public PlainFuture<Result>, public GatherCore {
 public:
  GatherFuture(EventLoop& loop, std::size_t count, bool keep)
      : PlainFuture<Result>(loop), GatherCore(static_cast<FutureState&>(*this), count, keep) {}
  // Cancelling a gather cancels its children; it is cancelled itself when they are done.
  bool cancel(std::string_view message) override { return !this->done() && cancel_children(message); }

 protected:
  ~GatherFuture() override = default;
};

template <bool Keep, class... Ts>
class GatherTuple final : public GatherFuture<std::tuple<Gathered<Ts, Keep>...>> {
 public:
  using Result = std::tuple<Gathered<Ts, Keep>...>;
  explicit GatherTuple(EventLoop& loop, const Future<Ts>&... futures)
      : GatherFuture<Result>(loop, sizeof...(Ts), Keep) {
    (this->watch(futures.state()), ...);
    this->start();
  }

 private:
  ~GatherTuple() override = default;
  void collect() override {
    [this]<std::size_t... I>(std::index_sequence<I...>) {
      this->emplace(Result{gathered<Ts, Keep>(this->child(I))...});
    }(std::index_sequence_for<Ts...>{});
  }
};

template <bool Keep, class T>
class GatherVector final : public GatherFuture<std::vector<Gathered<T, Keep>>> {
 public:
  using Result = std::vector<Gathered<T, Keep>>;
  template <class Handle>
  GatherVector(EventLoop& loop, std::vector<Handle> futures)
      : GatherFuture<Result>(loop, futures.size(), Keep), count_(futures.size()) {
    for (const Handle& future : futures) this->watch(future.state());
    futures.clear();  // the last references of the tasks made here: their results can be moved out
    this->start();
  }

 private:
  ~GatherVector() override = default;
  void collect() override {
    Result all;
    all.reserve(count_);
    for (std::size_t i = 0; i < count_; ++i) all.push_back(gathered<T, Keep>(this->child(i)));
    this->emplace(std::move(all));
  }
  std::size_t count_;
};

template <bool Keep, class R>
auto gather_range(R&& range) {
  using Handle = decltype(ensure_future(std::declval<RangeReference<R>>()));
  using T = typename Handle::value_type;
  using State = GatherVector<Keep, T>;
  EventLoop* loop = find_running_loop();
  std::vector<Handle> futures;
  if constexpr (requires { std::size(range); }) futures.reserve(static_cast<std::size_t>(std::size(range)));
  for (auto&& item : range) futures.push_back(ensure_future(std::forward<decltype(item)>(item)));
  if (!futures.empty()) loop = &futures.front().get_loop();
  if (loop == nullptr) loop = &get_event_loop();
  return Future<typename State::Result>(Ref<FutureState>::adopt(new State(*loop, std::move(futures))));
}

template <bool Keep, class... Handles>
struct Gathering {
  using State = GatherTuple<Keep, typename Handles::value_type...>;

  explicit Gathering(const Handles&... futures)
      : result(Ref<FutureState>::adopt(new State(*loop_of(futures...), futures...))) {}
  static EventLoop* loop_of(const Handles&... futures) {
    EventLoop* loop = nullptr;
    ((loop = loop == nullptr ? &futures.get_loop() : loop), ...);
    return loop == nullptr ? &get_event_loop() : loop;
  }

  Future<typename State::Result> result;
};

/// Makes the tasks one after another: in braces, the language has an order. Among a function's arguments GCC goes from right to left.
template <bool Keep, class... A>
auto gather_tuple(A&&... awaitables) {
  return Gathering<Keep, decltype(ensure_future(std::forward<A>(awaitables)))...>{
      ensure_future(std::forward<A>(awaitables))...}
      .result;
}

template <class R>
concept GatherableRange = Range<R> && !Awaitable<std::remove_cvref_t<R>>;

}  // namespace detail

/// Runs awaitables (coroutines, callables that return them, tasks, futures) at once; gives a future of a tuple of their results
/// in the order of the arguments, `std::monostate` for void. The first exception is thrown at once, and the others **keep running**
/// (`task_group` is what cancels them).
/// *Cancellation*: cancelling it cancels all of them. *Errors*: `ValueError` for futures of different loops. *Source*: asyncio.gather.
template <class... A>
  requires(sizeof...(A) != 1 || !(detail::GatherableRange<A> && ...))
auto gather(A&&... awaitables) {
  return detail::gather_tuple<false>(std::forward<A>(awaitables)...);
}
/// The same for a range; gives a vector. `co_await gather(urls | std::views::transform(fetch))` is Python's `gather(*map(fetch, urls))`.
template <detail::GatherableRange Range>
auto gather(Range&& range) {
  return detail::gather_range<false>(std::forward<Range>(range));
}
/// The same, and exceptions (`CancelledError` too) are results: an `Outcome` for each.
template <class... A>
  requires(sizeof...(A) != 1 || !(detail::GatherableRange<A> && ...))
auto gather(ReturnExceptions, A&&... awaitables) {
  return detail::gather_tuple<true>(std::forward<A>(awaitables)...);
}
template <detail::GatherableRange Range>
auto gather(ReturnExceptions, Range&& range) {
  return detail::gather_range<true>(std::forward<Range>(range));
}

}  // namespace tutti

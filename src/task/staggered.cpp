// SPDX-License-Identifier: MIT
#include <tutti/task/staggered.hpp>

#include <utility>

#include <tutti/base/error.hpp>
#include <tutti/task/future.hpp>
#include <tutti/task/scope_node.hpp>
#include <tutti/task/task.hpp>

namespace tutti::detail {
namespace {

/// Lives in the frame of the race, which ends after all contenders.
class Race {
 public:
  explicit Race(std::vector<Contender> contenders) : contenders_(std::move(contenders)) {}

  [[nodiscard]] bool more_to_begin() const noexcept { return outcome_.exceptions.size() < contenders_.size(); }
  [[nodiscard]] bool over() const noexcept { return outcome_.winner.has_value(); }
  [[nodiscard]] bool quiet() const noexcept { return running_ == 0; }
  [[nodiscard]] bool last_one_failed() const noexcept { return outcome_.exceptions.back() != nullptr; }
  StaggeredOutcome take_outcome() noexcept { return std::move(outcome_); }

  void begin_next() {
    const std::size_t index = outcome_.exceptions.size();
    outcome_.exceptions.emplace_back();
    tasks_.push_back(create_task(contend(Entry(*this, index))));
  }

  void cancel(std::optional<std::size_t> but = {}) noexcept {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (i != but) tasks_[i].cancel();
    }
  }

  /// Waits until a contender has ended, at most for `limit`. Gives the cancellation that came instead.
  Coro<std::exception_ptr> wait(std::optional<Duration> limit) {
    const Future<> news;
    struct Listen {
      Race& race;
      TimerHandle timer;
      ~Listen() {
        race.news_.reset();
        timer.cancel();
      }
    } listen{*this, {}};
    news_ = news;
    if (limit) listen.timer = get_running_loop().call_later(*limit, [news] { tell(news); });
    try {
      co_await news;
    } catch (const CancelledError&) {
      co_return std::current_exception();
    }
    co_return nullptr;
  }

 private:
  static void tell(const Future<>& news) {
    if (!news.done()) news.set_result();
  }

  /// A contender's place in the race. An argument of its coroutine: one that is cancelled before it starts gives it up too.
  class Entry {
   public:
    Entry(Race& race, std::size_t index) noexcept : race_(&race), index_(index) { ++race.running_; }
    Entry(Entry&& other) noexcept : race_(std::exchange(other.race_, nullptr)), index_(other.index_) {}
    Entry& operator=(Entry&&) = delete;
    ~Entry() {
      if (race_ != nullptr) race_->leave(index_);
    }
    Race* operator->() const noexcept { return race_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

   private:
    Race* race_;
    std::size_t index_;
  };

  void leave(std::size_t index) {
    std::exception_ptr& error = outcome_.exceptions[index];
    if (!error && outcome_.winner != index) error = std::make_exception_ptr(CancelledError());
    --running_;
    if (news_) tell(*news_);
  }

  static Coro<> contend(Entry race) {
    const std::size_t index = race.index();
    try {
      co_await race->contenders_[index]();
      if (race->over()) throw CancelledError();  // too late by a moment, and not to be stopped
      race->outcome_.winner = index;
      race->cancel(index);
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      if (leaves_loop(error)) throw;
      race->outcome_.exceptions[index] = error;
    }
  }

  std::vector<Contender> contenders_;
  std::vector<Task<>> tasks_;
  StaggeredOutcome outcome_;
  std::size_t running_ = 0;
  std::optional<Future<>> news_;
};

}  // namespace

Coro<StaggeredOutcome> run_staggered(std::vector<Contender> contenders, std::optional<Duration> delay) {
  Race race(std::move(contenders));
  EventLoop& loop = get_running_loop();
  std::exception_ptr stop;  // a cancellation, or the failure to begin another one
  while (race.more_to_begin() && !race.over() && !stop) {
    try {
      race.begin_next();
    } catch (...) {
      stop = std::current_exception();
      break;
    }
    const TimePoint begun = loop.time();
    while (race.more_to_begin() && !race.over() && !race.last_one_failed() && !stop) {
      if (delay && loop.time() - begun >= *delay) break;
      stop = co_await race.wait(delay ? std::optional(begun + *delay - loop.time()) : std::nullopt);
    }
  }
  if (stop) race.cancel();
  std::optional<ScopeShield> shield;
  while (!race.quiet()) {
    if (stop && !shield) shield.emplace();  // they were told, and are waited for
    if (auto again = co_await race.wait(std::nullopt)) {
      stop = std::move(again);
      race.cancel();
    }
  }
  if (stop) std::rethrow_exception(stop);
  co_return race.take_outcome();
}

}  // namespace tutti::detail

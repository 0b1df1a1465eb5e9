// SPDX-License-Identifier: MIT
#include <tutti/task/staggered.hpp>

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
    ++running_;
    struct Uncount {
      Race* race;
      ~Uncount() {
        if (race != nullptr) --race->running_;
      }
    } unless_begun{this};
    Task<> task = create_task(contend_for(index));
    unless_begun.race = nullptr;
    tasks_.push_back(std::move(task));
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

  Coro<> contend_for(std::size_t index) {
    struct End {
      Race& race;
      ~End() {
        --race.running_;
        if (race.news_) tell(*race.news_);
      }
    } const end{*this};
    try {
      co_await contenders_[index]();
      if (over()) throw CancelledError();  // too late by a moment, and not to be stopped
      outcome_.winner = index;
      cancel(index);
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      if (leaves_loop(error)) throw;
      outcome_.exceptions[index] = error;
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

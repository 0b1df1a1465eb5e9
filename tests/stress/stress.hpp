// SPDX-License-Identifier: MIT
// What random tests share: seeds, chance, and the ledgers that find what was lost or doubled.
//
// Each test plays a few seeds that are always the same and one that is new each time, and prints them. To play one again, or many:
//
//   TUTTI_STRESS_SEED=1000 build/asan/tests/test_stress --gtest_filter=RandomTree.*
//   TUTTI_STRESS_SEED=1000 TUTTI_STRESS_RUNS=500 TUTTI_STRESS_STEPS=400 TUTTI_TEST_TIME_LIMIT=0 build/asan/tests/test_stress
//
// A seed fixes what the tasks choose to do. When the kernel and other threads answer is not up to it: what fails only now and then is
// played again with several RUNS of a seed's neighbours.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <tutti/loop/event_loop.hpp>
#include <tutti/loop/io_backend.hpp>
#include <tutti/task/run.hpp>
#include <tutti/task/sleep.hpp>
#include <tutti/task/task.hpp>
#include <tutti/testing/reports.hpp>
#include <tutti/testing/test.hpp>

#include "testing/descriptors.hpp"

namespace stress {

using tutti::Coro;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  /// One of 0 … `end` - 1; the same for the same seed with each standard library.
  unsigned below(unsigned end) { return static_cast<unsigned>(engine_() % end); }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::mt19937 engine_;
};

struct Plan {
  unsigned first_seed = 1;
  unsigned runs = 0;
  unsigned steps = 0;
};

inline unsigned from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

/// What nobody has chosen; the same for all tests of the program.
inline unsigned fresh_seed() {
  static const unsigned seed = from_environment("TUTTI_STRESS_FRESH_SEED", std::random_device{}() % 1'000'000'000);
  return seed;
}

/// The plan's seeds and the fresh one; or those that the environment asks for.
inline std::vector<unsigned> seeds_of(const Plan& plan) {
  const bool chosen = std::getenv("TUTTI_STRESS_SEED") != nullptr;
  const unsigned first = from_environment("TUTTI_STRESS_SEED", plan.first_seed);
  std::vector<unsigned> seeds(from_environment("TUTTI_STRESS_RUNS", chosen ? 1 : plan.runs));
  std::iota(seeds.begin(), seeds.end(), first);
  if (!chosen) seeds.push_back(fresh_seed());
  return seeds;
}

inline unsigned steps_of(const Plan& plan) { return from_environment("TUTTI_STRESS_STEPS", plan.steps); }

/// One seed's run: tells how to play it again if it fails.
class Played {
 public:
  explicit Played(unsigned seed, const std::string& where = "") : seed_(seed) {
    std::fprintf(stderr, "%sseed %u\n", where.c_str(), seed);  // before: a run that crashes cannot tell
  }
  Played(const Played&) = delete;
  Played& operator=(const Played&) = delete;
  ~Played() {
    if (!::testing::Test::HasFailure() && std::uncaught_exceptions() == 0) return;
    const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    ADD_FAILURE() << "again: TUTTI_STRESS_SEED=" << seed_ << " --gtest_filter=" << test->test_suite_name() << '.'
                  << test->name();
  }

 private:
  unsigned seed_;
};

/// Awaits `run(seed, steps)` for each seed of the plan, up to the first failure.
template <class Run>
Coro<> for_each_seed(Plan plan, Run run) {
  tutti::testing::set_time_limit(std::chrono::seconds(60));
  for (const unsigned seed : seeds_of(plan)) {
    const Played played(seed);
    co_await run(seed, steps_of(plan));
    if (::testing::Test::HasFailure()) co_return;
  }
}

/// For each back end and seed: runs `begin(seed, steps)` to its end, which leaves tasks behind, and closes the loop over them. Nothing
/// may be left but reports that contain one of `reports`.
template <class Begin>
void close_loop_over(Plan plan, Begin begin, const std::vector<std::string>& expected) {
  for (const char* backend : {"uring", "epoll", "poll"}) {
    if (std::string_view(backend) == "uring" && !tutti::lowlevel::uring_available()) continue;
    const auto before = tutti::testing::detail::open_descriptors();
    for (const unsigned seed : seeds_of(plan)) {
      const Played played(seed, std::string(backend) + ": ");
      tutti::testing::ReportCollector collector;
      {
        const auto crowd = begin(seed, steps_of(plan));
        tutti::EventLoop loop({.backend = tutti::lowlevel::make_backend(backend)});
        tutti::testing::ReportCollector::watch(loop);
        loop.run_until_complete(crowd->leave_alone(steps_of(plan)));
        loop.close();
      }
      for (const auto& report : collector.take()) {
        const std::string text = report.to_string();
        EXPECT_TRUE(std::any_of(expected.begin(), expected.end(), [&](const std::string& part) {
          return text.find(part) != std::string::npos;
        })) << text;
      }
      EXPECT_EQ(tutti::testing::detail::open_descriptors(), before) << "descriptors were left open";
      if (::testing::Test::HasFailure()) return;
    }
  }
}

/// Counts those who are in a scope.
class Count {
 public:
  explicit Count(unsigned& count) noexcept : count_(count) { ++count_; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  ~Count() { --count_; }

 private:
  unsigned& count_;
};

/// Items that are handed from task to task: what was put must be got, once.
class Ledger {
 public:
  int make() {
    items_.emplace_back();
    return static_cast<int>(items_.size()) - 1;
  }
  void note_put(int item) { ++at(item).put; }
  void note_got(int item) { ++at(item).got; }
  /// `dropped` of them may be lost, no more and no less.
  void check(const char* what, std::size_t dropped = 0) const {
    std::size_t lost = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].put > items_[i].got) ++lost;
      EXPECT_LE(items_[i].got, items_[i].put) << what << ": item " << i << " comes from nowhere";
    }
    EXPECT_EQ(lost, dropped) << what << ": items were lost";
    check_once(what);
  }
  /// Where some may be lost.
  void check_once(const char* what) const {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      EXPECT_LE(items_[i].got, 1) << what << ": item " << i << " was doubled";
    }
  }

 private:
  struct Item {
    int put = 0;
    int got = 0;
  };
  Item& at(int item) { return items_.at(static_cast<std::size_t>(item)); }
  std::vector<Item> items_;
};

struct Failure final : tutti::RuntimeError {
  Failure() : RuntimeError("what a random task ends with") {}
};

/// The tasks of one run, and who disturbs them.
class Crowd {
 public:
  explicit Crowd(unsigned seed) : random(seed) {}
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  Random random;
  bool closing = false;  ///< from now on whoever is cancelled leaves

  /// Makes the task that runs one that can be disturbed, as long as it lives.
  class Member {
   public:
    explicit Member(Crowd& crowd) : crowd_(crowd), task_(*tutti::current_task()) { crowd_.tasks_.push_back(task_); }
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() { crowd_.tasks_.erase(std::find(crowd_.tasks_.begin(), crowd_.tasks_.end(), task_)); }

   private:
    Crowd& crowd_;
    tutti::AnyTask task_;
  };

  /// Cancels one of them: now or in a moment, once or twice.
  void disturb() {
    if (tasks_.empty()) return;
    const tutti::AnyTask task = tasks_[random.below(static_cast<unsigned>(tasks_.size()))];
    if (random.chance(30)) {
      tutti::get_running_loop().call_soon([task] { task.cancel("in a callback"); });
      if (random.chance(70)) return;
    }
    task.cancel("by chance");
    if (random.chance(25)) task.cancel("and again");
  }

  /// A little while: nothing, some iterations, some milliseconds.
  Coro<> pause() {
    if (random.chance(20)) co_return;
    for (unsigned turns = random.below(4); turns > 0; --turns) co_await tutti::sleep(tutti::Duration::zero());
    if (random.chance(30)) co_await tutti::sleep(some_time());
  }
  tutti::Duration some_time() { return std::chrono::microseconds(random.below(3000)); }

  /// What a cancelled one does: mostly it leaves.
  void answer_cancellation(const std::exception_ptr& cancellation) {
    if (closing || random.chance(75)) std::rethrow_exception(cancellation);
    if (random.chance(40)) tutti::current_task()->uncancel();
  }

  /// The body of a task that acts some times, whatever happens to it meanwhile.
  template <class Act>
  Coro<> repeat(unsigned acts, Act act) {
    const Member member(*this);
    for (; acts > 0 && !closing; --acts) {
      std::exception_ptr cancellation;
      try {
        co_await act();
      } catch (const tutti::CancelledError&) {
        cancellation = std::current_exception();
      } catch (const std::exception&) {
      }
      if (cancellation) answer_cancellation(cancellation);
    }
  }

  /// Disturbs them so many times.
  Coro<> disturb_all(unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      co_await pause();
      disturb();
    }
  }

  /// Cancels all that are left until they have ended.
  Coro<> end() {
    closing = true;
    for (int rounds = 0; rounds < 5000 && tutti::all_tasks().size() > 1; ++rounds) {
      const std::vector<tutti::AnyTask> all = tasks_;
      for (const tutti::AnyTask& task : all) {
        if (random.chance(70)) task.cancel("the end");
      }
      co_await tutti::sleep(std::chrono::milliseconds(1));
    }
    for (const tutti::AnyTask& task : tutti::all_tasks()) {
      if (task != *tutti::current_task()) ADD_FAILURE() << task.get_name() << " hangs";
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return tasks_.size(); }

 private:
  std::vector<tutti::AnyTask> tasks_;
};

}  // namespace stress

// SPDX-License-Identifier: MIT
// Random calls in threads: each runs at most once, and exactly once if it has a result.
#pragma once

#include <atomic>
#include <memory>

#include <tutti/task/executor.hpp>
#include <tutti/task/from_thread.hpp>
#include <tutti/task/thread_pool.hpp>

#include "stress.hpp"

namespace stress {

class ThreadActs {
 public:
  explicit ThreadActs(Crowd& crowd) : crowd_(crowd), random_(crowd.random) {}

  Coro<> act() {
    const auto call = std::make_shared<std::atomic<int>>(0);
    const auto function = [call, calls = calls_] {
      const Running running(*calls);
      return ++*call;
    };
    switch (random_.below(5)) {
      case 0: EXPECT_EQ(co_await tutti::to_thread(function), 1); break;
      case 1: EXPECT_EQ(co_await tutti::run_in_executor(*pool_, function), 1); break;
      case 2: {
        auto future = tutti::run_in_executor(*pool_, function);
        co_await crowd_.pause();
        if (random_.chance(50)) future.cancel();
        EXPECT_EQ(co_await future, 1);
        break;
      }
      case 3: co_await call_back(); break;
      default: co_await refuse();
    }
    EXPECT_LE(call->load(), 1) << "a call ran twice";
  }

  Coro<> close() {
    for (int turns = 0; turns < 10'000 && calls_->load() > 0; ++turns) {
      co_await tutti::sleep(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(calls_->load(), 0) << "a call hangs";
    pool_->shutdown();
    EXPECT_EQ(pool_->threads(), 0U);
  }

 private:
  class Running {
   public:
    explicit Running(std::atomic<int>& calls) : calls_(calls) { ++calls_; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { --calls_; }

   private:
    std::atomic<int>& calls_;
  };

  /// From the thread into the loop and back.
  Coro<> call_back() {
    const int number = co_await tutti::to_thread([this, calls = calls_] {
      const Running running(*calls);
      const int first = tutti::from_thread::run([this]() -> Coro<int> {
        const Crowd::Member member(crowd_);
        co_await crowd_.pause();
        co_return 20;
      });
      tutti::from_thread::check_cancelled();
      return first + tutti::from_thread::run_sync([] { return 1; });
    });
    EXPECT_EQ(number, 21);
  }
  Coro<> refuse() {
    co_await tutti::to_thread([calls = calls_] {
      const Running running(*calls);
      throw Failure();
    });
    ADD_FAILURE() << "the call's exception was lost";
  }

  Crowd& crowd_;
  Random& random_;
  std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);  // that run
  std::shared_ptr<tutti::ThreadPoolExecutor> pool_ =
      std::make_shared<tutti::ThreadPoolExecutor>(tutti::ThreadPoolOptions{.max_workers = 2});
};

}  // namespace stress

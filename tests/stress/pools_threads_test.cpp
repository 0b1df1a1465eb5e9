// SPDX-License-Identifier: MIT
// Thread pools and process pools whose calls are cancelled, fail and kill their workers at random: each call ends with its own result or a named error.
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <tutti/executors/process_pool.hpp>
#include <tutti/task/gather.hpp>

#include "outside_threads.hpp"
#include "stress.hpp"

namespace stress {
namespace {

using tutti::ProcessPoolExecutor;

int square(int x) { return x * x; }
std::string repeated(std::size_t size, char c) { return std::string(size, c); }
int slow(int x) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return x;
}
int refuse(int x) { throw tutti::ValueError("refused " + std::to_string(x)); }
int die(int x) {
  ::kill(::getpid(), SIGKILL);
  return x;
}

class Calls : public Crowd {
 public:
  using Crowd::Crowd;

  Coro<> run(unsigned steps) {
    renew();
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 8) tutti::create_task(repeat(4, [this] { return call(); }));
      co_await pause();
      disturb();
    }
    co_await end();
    renew();
    EXPECT_EQ(co_await pool_->run(square, 7), 49);
    pool_->shutdown();
    EXPECT_EQ(pool_->workers(), 0U);
    // The first of two calls, when the pool had broken before the second one was made.
    for (const auto& report : tutti::testing::take_reports()) {
      EXPECT_NE(report.to_string().find("BrokenProcessPool"), std::string::npos) << report.to_string();
    }
  }

 private:
  void renew() {
    pool_ = std::make_shared<ProcessPoolExecutor>(
        tutti::ProcessPoolOptions{.max_workers = 2, .max_tasks_per_child = 1 + random.below(20)});
  }

  Coro<> call() {
    const auto pool = pool_;
    try {
      co_await call_in(*pool);
    } catch (const tutti::BrokenProcessPool&) {
      if (pool == pool_) renew();
    }
  }

  Coro<> call_in(ProcessPoolExecutor& pool) {
    const int number = static_cast<int>(random.below(1000));
    switch (random.below(20)) {
      case 0:
        (void)co_await pool.run(die, number);
        ADD_FAILURE() << "the worker lives";
        break;
      case 1:
      case 2: EXPECT_EQ(co_await pool.run(slow, number), number); break;
      case 3:
      case 4: {
        const std::size_t size = random.below(300'000);
        EXPECT_EQ((co_await pool.run(repeated, size, 'x')).size(), size);
        break;
      }
      case 5:
      case 6: {
        std::string message;
        try {
          (void)co_await pool.run(refuse, number);
        } catch (const tutti::ValueError& error) {
          message = error.what();
        }
        EXPECT_EQ(message, "refused " + std::to_string(number));
        break;
      }
      case 7: {
        auto results = pool.map(square, std::vector<int>{1, 2, 3, 4, 5}, {.chunk_size = 2});
        for (int i = 1; const auto result = co_await results.next(); ++i) EXPECT_EQ(*result, i * i);
        break;
      }
      default: {
        const auto [a, b] = co_await tutti::gather(pool.run(square, number), pool.run(square, 2));
        EXPECT_EQ(a, number * number);
        EXPECT_EQ(b, 4);
      }
    }
  }

  std::shared_ptr<ProcessPoolExecutor> pool_;
};

TUTTI_TEST(RandomProcessPools, GiveEachCallItsOwnResultOrANamedError) {
  co_await for_each_seed({.first_seed = 1, .runs = 1, .steps = 40}, [](unsigned seed, unsigned steps) -> Coro<> {
    Calls calls(seed);
    co_await calls.run(steps);
  });
}

/// Calls in threads, which call back.
class ThreadCalls : public Crowd {
 public:
  using Crowd::Crowd;

  Coro<> run(unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      if (size() < 12) tutti::create_task(repeat(4, [this] { return threads_.act(); }));
      co_await pause();
      disturb();
    }
    co_await end();
    co_await threads_.close();
  }

 private:
  ThreadActs threads_{*this};
};

TUTTI_TEST(RandomThreadCalls, RunAtMostOnce) {
  co_await for_each_seed({.first_seed = 1, .runs = 2, .steps = 100}, [](unsigned seed, unsigned steps) -> Coro<> {
    ThreadCalls calls(seed);
    co_await calls.run(steps);
  });
}

}  // namespace
}  // namespace stress
